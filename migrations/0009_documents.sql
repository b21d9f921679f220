-- Documents of verification cases: what is kept in object storage, and who may bring something there. Not part
-- of the log. The documents themselves are nowhere in the database.

SET LOCAL lock_timeout = '5s';

CREATE SCHEMA documents;

-- One row for each object, written before the object is, so that no object is unknown.
CREATE TABLE documents.document (
    id           uuid        NOT NULL,
    ledger       text        NOT NULL,
    case_id      uuid        NOT NULL,
    -- Whose key it is sealed under.
    owner        text        NOT NULL,
    kind         text        NOT NULL,
    media_type   text        NOT NULL,
    -- storing: it is being written, or that broke off.
    -- stored:  it is there; whether the log says so is not known yet.
    -- kept:    it is there, and the log says so.
    -- removing: the log said so, it is being removed for the reason named.
    -- removed: it is not there any more, and the log says so.
    -- discarding: the log never said so, it is being removed; then the row goes as well.
    state        text        NOT NULL,
    -- Known when all of it was read.
    size_bytes   bigint,
    sha256       text,
    reason       text,
    begun_at     timestamptz NOT NULL DEFAULT now(),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT document_pkey PRIMARY KEY (id),
    CONSTRAINT document_state
        CHECK (state IN ('storing', 'stored', 'kept', 'removing', 'removed', 'discarding')),
    CONSTRAINT document_known CHECK ((size_bytes IS NULL) = (sha256 IS NULL)
        AND (size_bytes IS NOT NULL OR state IN ('storing', 'discarding'))),
    CONSTRAINT document_reason CHECK ((reason IS NOT NULL) = (state IN ('removing', 'removed')))
);
-- Those of a case.
CREATE INDEX document_case_idx ON documents.document (ledger, case_id, id);
-- Those of a person who is erased.
CREATE INDEX document_owner_idx ON documents.document (ledger, owner) WHERE state <> 'removed';
-- What has not been settled yet; few.
CREATE INDEX document_unsettled_idx ON documents.document (changed_at)
    WHERE state NOT IN ('kept', 'removed');
-- What may be old enough.
CREATE INDEX document_kept_idx ON documents.document (begun_at, id) WHERE state = 'kept';

-- Who may bring one document, without saying who they are: only the token's hash is here.
CREATE TABLE documents.upload (
    id           uuid        NOT NULL,
    token_hash   bytea       NOT NULL,
    ledger       text        NOT NULL,
    case_id      uuid        NOT NULL,
    owner        text        NOT NULL,
    kind         text        NOT NULL,
    size_bytes   bigint      NOT NULL,
    sha256       text        NOT NULL,
    -- Who asked for it, as the event will say.
    actor        text        NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    -- Somebody is bringing it since.
    taken_at     timestamptz,
    -- What was brought.
    document_id  uuid,
    CONSTRAINT upload_pkey PRIMARY KEY (id),
    CONSTRAINT upload_token_key UNIQUE (token_hash)
);
-- How many are open for a case.
CREATE INDEX upload_case_idx ON documents.upload (ledger, case_id);
-- What is over.
CREATE INDEX upload_expires_idx ON documents.upload (expires_at);

GRANT USAGE ON SCHEMA documents TO daybook_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON documents.document, documents.upload TO daybook_service;
