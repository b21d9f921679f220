-- What providers tell us, and what is done about it: webhooks as they came, how far each has been
-- processed, what process managers have followed, and the names under which providers know our things.
-- Not part of the log. Secrets are never here.

SET LOCAL lock_timeout = '5s';

CREATE SCHEMA workflows;

-- Genuine webhooks. What came is sealed under the master key, for it tells of people, and is forgotten some
-- time after it was settled. Nothing else is ever changed: what an operator replays is what came.
CREATE TABLE workflows.webhook (
    id          uuid        NOT NULL,
    provider    text        NOT NULL,
    endpoint    text        NOT NULL,
    ledger      text        NOT NULL,
    -- The provider's name for the event, or one made of what it says. For people: it may be where no
    -- signature covers it.
    event_id    text        NOT NULL,
    event_type  text        NOT NULL,
    -- SHA-256 of the body, which is what makes it the same webhook. By an id that is not signed, whoever
    -- has one genuine body could store it as often as they like, or have a later event taken for known.
    body_digest text        NOT NULL,
    -- [[name, value], ...] without credentials, sealed; null when it was forgotten.
    headers     bytea,
    -- Byte for byte, sealed; null when it was forgotten.
    body        bytea,
    occurred_at timestamptz,
    received_at timestamptz NOT NULL,
    CONSTRAINT webhook_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_body_key UNIQUE (provider, endpoint, body_digest)
);
-- What of an event came, for operators.
CREATE INDEX webhook_event_idx ON workflows.webhook (event_id);
-- What is old enough to be forgotten.
CREATE INDEX webhook_kept_idx ON workflows.webhook (received_at) WHERE body IS NOT NULL;

CREATE TRIGGER webhook_append_only
    BEFORE DELETE OR TRUNCATE OR UPDATE OF id, provider, endpoint, ledger, event_id, event_type, body_digest,
        occurred_at, received_at
    ON workflows.webhook
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

-- Content can be forgotten and never replaced.
CREATE TRIGGER webhook_only_forgotten
    BEFORE UPDATE ON workflows.webhook
    FOR EACH ROW WHEN (NEW.headers IS NOT NULL OR NEW.body IS NOT NULL)
    EXECUTE FUNCTION daybook.refuse_change();

-- How far each has been processed.
CREATE TABLE workflows.webhook_state (
    webhook_id uuid        NOT NULL,
    status     text        NOT NULL,
    attempts   integer     NOT NULL DEFAULT 0,
    replays    integer     NOT NULL DEFAULT 0,
    -- When it is looked at again; while somebody works on it, when that lease ends.
    due_at     timestamptz NOT NULL,
    -- A stable word that says why it waits or is parked.
    reason     text,
    -- The position of the last event that it led to.
    position   bigint,
    changed_at timestamptz NOT NULL,
    CONSTRAINT webhook_state_pkey PRIMARY KEY (webhook_id),
    CONSTRAINT webhook_state_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES workflows.webhook (id),
    CONSTRAINT webhook_state_status
        CHECK (status IN ('waiting', 'confirming', 'applied', 'of_no_concern', 'parked'))
);
-- What is due.
CREATE INDEX webhook_state_due_idx ON workflows.webhook_state (due_at) WHERE status = 'waiting';
-- Lists of what went wrong, newest first.
CREATE INDEX webhook_state_status_idx ON workflows.webhook_state (status, webhook_id)
    WHERE status IN ('confirming', 'parked');

-- How far each process manager has followed each ledger.
CREATE TABLE workflows.checkpoint (
    process  text   NOT NULL,
    ledger   text   NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (process, ledger)
);

-- The names under which providers know our payments, refunds and payouts, from the log; disposable.
CREATE TABLE workflows.provider_link (
    ledger       text NOT NULL,
    provider     text NOT NULL,
    kind         text NOT NULL,
    provider_id  text NOT NULL,
    aggregate_id uuid NOT NULL,
    CONSTRAINT provider_link_pkey PRIMARY KEY (ledger, provider, kind, provider_id)
);

-- By what name each provider can pay a beneficiary.
CREATE TABLE workflows.provider_beneficiary (
    ledger         text NOT NULL,
    provider       text NOT NULL,
    beneficiary_id uuid NOT NULL,
    provider_id    text NOT NULL,
    CONSTRAINT provider_beneficiary_pkey PRIMARY KEY (ledger, provider, beneficiary_id)
);

GRANT USAGE ON SCHEMA workflows TO daybook_service;
GRANT SELECT, INSERT, UPDATE (headers, body) ON workflows.webhook TO daybook_service;
GRANT SELECT, INSERT, UPDATE ON workflows.webhook_state TO daybook_service;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON workflows.checkpoint, workflows.provider_link, workflows.provider_beneficiary
    TO daybook_service;

-- The job queue's schema belongs to the service, which migrates it: its tables are the library's. The
-- first one is made here, because the service may not make schemas, which is what the library would try.
CREATE SCHEMA graphile_worker AUTHORIZATION daybook_service;
CREATE TABLE graphile_worker.migrations (
    id       integer     NOT NULL PRIMARY KEY,
    ts       timestamptz NOT NULL DEFAULT now(),
    breaking boolean     NOT NULL DEFAULT false
);
ALTER TABLE graphile_worker.migrations OWNER TO daybook_service;
