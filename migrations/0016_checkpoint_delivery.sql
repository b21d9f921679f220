-- Checkpoints in the order in which they were signed, so that whoever keeps them elsewhere can go on from the last
-- one that it has, and what witnesses say of them.

SET LOCAL lock_timeout = '5s';

-- Numbers of one ledger grow in the order of commit: whoever signs holds the log's row meanwhile.
ALTER TABLE audit.checkpoint ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;

-- What a ledger has of later numbers.
CREATE UNIQUE INDEX checkpoint_number_idx ON audit.checkpoint (ledger, number);

-- The signature line by which a witness says that a checkpoint goes on from the last one that it saw.
CREATE TABLE audit.cosignature (
    ledger     text        NOT NULL,
    size       bigint      NOT NULL,
    key_number integer     NOT NULL,
    -- The witness's public key, as it is configured.
    witness    text        NOT NULL,
    -- With its line feed.
    line       text        NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    -- Also finds the largest tree that a witness has cosigned.
    CONSTRAINT cosignature_pkey PRIMARY KEY (ledger, size, key_number, witness),
    CONSTRAINT cosignature_checkpoint_fkey FOREIGN KEY (ledger, size, key_number)
        REFERENCES audit.checkpoint (ledger, size, key_number)
);

CREATE TRIGGER cosignature_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.cosignature
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

GRANT SELECT, INSERT ON audit.cosignature TO daybook_service;
