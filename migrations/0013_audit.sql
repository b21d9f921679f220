-- Each ledger's log as a Merkle tree: how far it is sealed, its tiles, who signed which checkpoint. Not part of the
-- log, and no secret: private keys are wrapped under a master key that is not in the database.

SET LOCAL lock_timeout = '5s';

CREATE SCHEMA audit;

-- How far a ledger is sealed. Whoever moves it from where it was has sealed what lies between, so that two nodes
-- never sign two histories.
CREATE TABLE audit.log (
    ledger text   NOT NULL,
    -- Leaves in the tree; the position of its last event.
    size   bigint NOT NULL,
    -- The root at that size.
    root   bytea  NOT NULL,
    -- The hashes of all tiles that are not full, from level 0 up.
    edge   bytea  NOT NULL,
    CONSTRAINT log_pkey PRIMARY KEY (ledger),
    CONSTRAINT log_size_not_negative CHECK (size >= 0),
    CONSTRAINT log_root_is_hash CHECK (octet_length(root) = 32)
) WITH (fillfactor = 40);

CREATE TRIGGER log_kept
    BEFORE DELETE OR TRUNCATE ON audit.log
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();
CREATE TRIGGER log_forward
    BEFORE UPDATE ON audit.log
    FOR EACH ROW WHEN (NEW.size < OLD.size OR NEW.ledger <> OLD.ledger
        OR (NEW.size = OLD.size AND NEW.root <> OLD.root))
    EXECUTE FUNCTION daybook.refuse_change();

-- Full tiles of 256 hashes; those that are not full are the edge.
CREATE TABLE audit.tile (
    ledger text     NOT NULL,
    level  smallint NOT NULL,
    number bigint   NOT NULL,
    hashes bytea    NOT NULL,
    CONSTRAINT tile_pkey PRIMARY KEY (ledger, level, number),
    CONSTRAINT tile_is_full CHECK (octet_length(hashes) = 8192)
);
-- Hashes do not get smaller.
ALTER TABLE audit.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Who signs, one after the other.
CREATE TABLE audit.key (
    ledger       text        NOT NULL,
    -- 1, 2, 3 ...; the last one signs.
    number       integer     NOT NULL,
    -- The public key, as verifiers of signed notes take it.
    verifier_key text        NOT NULL,
    -- The size of the tree from which only this key signs.
    after_size   bigint      NOT NULL,
    -- The note by which the key before introduced this one; the first has none.
    record       text,
    -- The private key, wrapped, and by which master key.
    master_key   text        NOT NULL,
    wrapped      bytea       NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT key_pkey PRIMARY KEY (ledger, number),
    CONSTRAINT key_introduced CHECK ((record IS NULL) = (number = 1))
);

CREATE TABLE audit.checkpoint (
    ledger     text        NOT NULL,
    size       bigint      NOT NULL,
    key_number integer     NOT NULL,
    -- The signed note.
    note       text        NOT NULL,
    sealed_at  timestamptz NOT NULL DEFAULT now(),
    -- Also finds the latest.
    CONSTRAINT checkpoint_pkey PRIMARY KEY (ledger, size, key_number),
    CONSTRAINT checkpoint_key_fkey FOREIGN KEY (ledger, key_number) REFERENCES audit.key (ledger, number)
);

CREATE TRIGGER tile_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.tile
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();
-- A private key may be wrapped anew.
CREATE TRIGGER key_append_only
    BEFORE DELETE OR TRUNCATE OR UPDATE OF ledger, number, verifier_key, after_size, record, made_at ON audit.key
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();
CREATE TRIGGER checkpoint_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

GRANT USAGE ON SCHEMA audit TO daybook_service;
GRANT SELECT, INSERT ON audit.tile, audit.checkpoint TO daybook_service;
GRANT SELECT, INSERT, UPDATE ON audit.log TO daybook_service;
GRANT SELECT, INSERT, UPDATE (master_key, wrapped) ON audit.key TO daybook_service;
