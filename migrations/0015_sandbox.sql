-- Forks: a ledger's log copied up to a position, and decided again from there under other rules. A sandbox is a
-- ledger like any other to whoever reads, and none to whoever acts: what acts asks for living ledgers.

SET LOCAL lock_timeout = '5s';

-- Said once, when the ledger is made, and never changed.
ALTER TABLE daybook.ledger_head ADD COLUMN is_sandbox boolean NOT NULL DEFAULT false;

CREATE TRIGGER ledger_head_keeps_kind
    BEFORE UPDATE ON daybook.ledger_head
    FOR EACH ROW WHEN (NEW.is_sandbox <> OLD.is_sandbox)
    EXECUTE FUNCTION daybook.refuse_change();

-- The ledgers in which something may happen.
CREATE VIEW daybook.living_ledger AS
    SELECT ledger, position, fence, recorded_at FROM daybook.ledger_head WHERE NOT is_sandbox;

CREATE TABLE daybook.sandbox (
    ledger         text        NOT NULL,
    -- Which ledger is forked.
    source         text        NOT NULL,
    -- Up to here its log is copied.
    position       bigint      NOT NULL,
    -- From there to here it is decided again.
    until          bigint      NOT NULL,
    -- The rules that are others, as they were given.
    rules          json        NOT NULL,
    -- SHA-256 of what was asked, by which the same request is known again.
    request_hash   bytea       NOT NULL,
    created_by     text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    state          text        NOT NULL DEFAULT 'building',
    -- How far the source was gone through.
    reached        bigint      NOT NULL DEFAULT 0,
    refused        bigint      NOT NULL DEFAULT 0,
    changed        bigint      NOT NULL DEFAULT 0,
    fell_away      bigint      NOT NULL DEFAULT 0,
    left_out       bigint      NOT NULL DEFAULT 0,
    failure_code   text,
    failure_detail text,
    ended_at       timestamptz,
    CONSTRAINT sandbox_pkey PRIMARY KEY (ledger),
    CONSTRAINT sandbox_ledger_fkey FOREIGN KEY (ledger) REFERENCES daybook.ledger_head (ledger),
    CONSTRAINT sandbox_source_fkey FOREIGN KEY (source) REFERENCES daybook.ledger_head (ledger),
    CONSTRAINT sandbox_in_order CHECK (position > 0 AND until >= position AND reached BETWEEN 0 AND until),
    CONSTRAINT sandbox_state_known CHECK (state IN ('building', 'complete', 'failed')),
    CONSTRAINT sandbox_failure_told CHECK ((state = 'failed') = (failure_code IS NOT NULL)),
    CONSTRAINT sandbox_complete_whole CHECK (state <> 'complete' OR reached = until)
);

-- The forks of a ledger, in order of name.
CREATE INDEX sandbox_source_idx ON daybook.sandbox (source, ledger);

-- What came out otherwise.
CREATE TABLE daybook.sandbox_difference (
    ledger          text   NOT NULL,
    -- The first and the last event of it in the source.
    source_position bigint NOT NULL,
    source_until    bigint NOT NULL,
    -- The events that are in the sandbox instead; none where it was refused.
    position        bigint,
    position_until  bigint,
    -- What it was, as the type of its first event.
    event_type      text   NOT NULL,
    aggregate_type  text   NOT NULL,
    aggregate_id    text   NOT NULL,
    outcome         text   NOT NULL,
    -- Where it was refused: the rule, and what it concerns.
    code            text,
    detail          text,
    context         json,
    -- Where it fell away: what in the source it builds on, which is not in the sandbox.
    depends_on      bigint,
    -- What it moved in the source and what in the sandbox, by account.
    movements       json   NOT NULL,
    CONSTRAINT sandbox_difference_pkey PRIMARY KEY (ledger, source_position),
    CONSTRAINT sandbox_difference_sandbox_fkey FOREIGN KEY (ledger) REFERENCES daybook.sandbox (ledger),
    CONSTRAINT sandbox_difference_outcome_known CHECK (outcome IN ('refused', 'changed', 'fell_away', 'left_out')),
    CONSTRAINT sandbox_difference_refusal_told CHECK ((outcome = 'refused') = (code IS NOT NULL))
);

-- The accounts that stand otherwise at the end.
CREATE TABLE daybook.sandbox_balance (
    ledger                 text    NOT NULL,
    account                text COLLATE "C" NOT NULL,
    source_posted_debits   numeric NOT NULL,
    source_posted_credits  numeric NOT NULL,
    source_pending_debits  numeric NOT NULL,
    sandbox_posted_debits  numeric NOT NULL,
    sandbox_posted_credits numeric NOT NULL,
    sandbox_pending_debits numeric NOT NULL,
    CONSTRAINT sandbox_balance_pkey PRIMARY KEY (ledger, account),
    CONSTRAINT sandbox_balance_sandbox_fkey FOREIGN KEY (ledger) REFERENCES daybook.sandbox (ledger)
);

CREATE TRIGGER sandbox_kept
    BEFORE DELETE OR TRUNCATE ON daybook.sandbox
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();
-- It goes on until it has ended, and says for ever what it is of.
CREATE TRIGGER sandbox_forward
    BEFORE UPDATE ON daybook.sandbox
    FOR EACH ROW WHEN (OLD.state <> 'building' OR NEW.reached < OLD.reached
        OR (NEW.ledger, NEW.source, NEW.position, NEW.until, NEW.rules::text, NEW.request_hash, NEW.created_at)
            IS DISTINCT FROM
           (OLD.ledger, OLD.source, OLD.position, OLD.until, OLD.rules::text, OLD.request_hash, OLD.created_at))
    EXECUTE FUNCTION daybook.refuse_change();
CREATE TRIGGER sandbox_difference_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON daybook.sandbox_difference
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();
CREATE TRIGGER sandbox_balance_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON daybook.sandbox_balance
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

GRANT SELECT ON daybook.living_ledger TO daybook_service;
GRANT SELECT, INSERT ON daybook.sandbox_difference, daybook.sandbox_balance TO daybook_service;
GRANT SELECT, INSERT ON daybook.sandbox TO daybook_service;
GRANT UPDATE (state, reached, refused, changed, fell_away, left_out, failure_code, failure_detail, ended_at)
    ON daybook.sandbox TO daybook_service;
