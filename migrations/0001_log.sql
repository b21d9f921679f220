-- The log: one row per event, one head row per ledger, one row per idempotency key.
--
-- Everything here is append-only except the head, which only moves forward. Roles: the owner runs
-- migrations; the service works as daybook_service, which may add events and never change them.

SET LOCAL lock_timeout = '5s';

DO $$
BEGIN
    CREATE ROLE daybook_service NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

CREATE SCHEMA daybook;
CREATE SCHEMA ledger_events;
CREATE SCHEMA read_models;
CREATE SCHEMA read_models_next;

-- The arbiter of order: whoever moves the head from where it was writes the next events.
CREATE TABLE daybook.ledger_head (
    ledger      text        NOT NULL,
    position    bigint      NOT NULL DEFAULT 0,
    -- Raised to shut out a writer whose connection was lost in the middle of an append.
    fence       bigint      NOT NULL DEFAULT 0,
    -- The recorded time of the last event.
    recorded_at timestamptz,
    CONSTRAINT ledger_head_pkey PRIMARY KEY (ledger),
    CONSTRAINT ledger_head_position_not_negative CHECK (position >= 0),
    CONSTRAINT ledger_head_ledger_name CHECK (ledger ~ '^[a-z][a-z0-9_]{0,39}$')
) WITH (fillfactor = 20);

-- The layout of postgres-es, with the ledger, the place in its log and the time of recording.
-- json and not jsonb: the stored text is what is hashed.
CREATE TABLE daybook.events (
    ledger         text        NOT NULL,
    position       bigint      NOT NULL,
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    sequence       bigint      NOT NULL,
    event_type     text        NOT NULL,
    event_version  text        NOT NULL,
    payload        json        NOT NULL,
    metadata       json        NOT NULL,
    recorded_at    timestamptz NOT NULL,
    -- Loads one stream; the second wall against two writers.
    CONSTRAINT events_pkey PRIMARY KEY (ledger, aggregate_type, aggregate_id, sequence),
    -- Reads the log in order.
    CONSTRAINT events_position_key UNIQUE (ledger, position),
    CONSTRAINT events_position_positive CHECK (position > 0),
    CONSTRAINT events_sequence_positive CHECK (sequence > 0)
);

-- One intent, one effect: kept for ever.
CREATE TABLE daybook.idempotency (
    ledger       text   NOT NULL,
    -- Who used the key: callers, webhooks and process managers do not share keys.
    scope        text   NOT NULL,
    key          text   NOT NULL,
    request_hash bytea  NOT NULL,
    -- The last event of the command, or the head when it had none.
    position     bigint NOT NULL,
    outcome      json   NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (ledger, scope, key)
);

CREATE FUNCTION daybook.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON daybook.events
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

CREATE TRIGGER idempotency_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON daybook.idempotency
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

CREATE TRIGGER ledger_head_kept
    BEFORE DELETE OR TRUNCATE ON daybook.ledger_head
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

CREATE FUNCTION daybook.refuse_backward_head() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the head of ledger % cannot go from % back to %',
        OLD.ledger, OLD.position, NEW.position USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER ledger_head_forward
    BEFORE UPDATE ON daybook.ledger_head
    FOR EACH ROW WHEN (NEW.position < OLD.position OR NEW.fence < OLD.fence OR NEW.ledger <> OLD.ledger)
    EXECUTE FUNCTION daybook.refuse_backward_head();

-- Read models are made by the projections; how far each has come is kept beside them.
CREATE TABLE read_models.checkpoint (
    read_model text   NOT NULL,
    ledger     text   NOT NULL,
    position   bigint NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (read_model, ledger),
    CONSTRAINT checkpoint_position_not_negative CHECK (position >= 0)
) WITH (fillfactor = 20);

-- Which version of each read model the live tables were made by.
CREATE TABLE read_models.read_model (
    name    text    NOT NULL,
    version integer NOT NULL,
    CONSTRAINT read_model_pkey PRIMARY KEY (name)
);

GRANT USAGE ON SCHEMA daybook TO daybook_service;
GRANT SELECT, INSERT ON daybook.events, daybook.idempotency TO daybook_service;
GRANT SELECT, INSERT, UPDATE ON daybook.ledger_head TO daybook_service;
GRANT USAGE, CREATE ON SCHEMA ledger_events, read_models, read_models_next TO daybook_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON read_models.checkpoint, read_models.read_model TO daybook_service;
GRANT daybook_service TO CURRENT_USER;
