-- Four eyes: what one person asked for and another allows. And who signed in with another issuer.

SET LOCAL lock_timeout = '5s';

CREATE TABLE identity.approval (
    id           uuid        NOT NULL,
    -- Who asked, and for what: the request as it came, for the second person to read.
    requested_by text        NOT NULL,
    operation    text        NOT NULL,
    permission   text        NOT NULL,
    ledger       text,
    method       text        NOT NULL,
    target       text        NOT NULL,
    body         text        NOT NULL,
    -- SHA-256 of operation, method, target and body: an approval is for this request and no other.
    digest       bytea       NOT NULL,
    requested_at timestamptz NOT NULL,
    -- Until then it may be decided, and used.
    expires_at   timestamptz NOT NULL,
    decided_by   text,
    decided_at   timestamptz,
    decision     text,
    comment      text,
    used_at      timestamptz,
    -- The idempotency key of the request that used it: the same request may come again.
    used_key     text,
    -- Set when it was used or refused, or was found to have expired: the same request asks anew.
    ended_at     timestamptz,
    CONSTRAINT approval_pkey PRIMARY KEY (id),
    CONSTRAINT approval_decision CHECK (decision IN ('approved', 'refused')),
    CONSTRAINT approval_second_person CHECK (decided_by <> requested_by)
);
-- One open approval for a request of somebody.
CREATE UNIQUE INDEX approval_open_key ON identity.approval (requested_by, digest) WHERE ended_at IS NULL;
-- A request that comes again after its approval was used.
CREATE INDEX approval_used_idx ON identity.approval (requested_by, digest, used_at) WHERE used_at IS NOT NULL;

-- Somebody whom another issuer vouches for has no password and no address here.
ALTER TABLE identity.person ADD COLUMN issuer text;
-- Roles that the issuer's token claimed when the session was begun.
ALTER TABLE identity.session ADD COLUMN claimed_roles text[] NOT NULL DEFAULT '{}';

-- A browser on its way to another issuer and back; good once.
CREATE TABLE identity.pending_sign_in (
    -- Of `state`.
    hash       bytea       NOT NULL,
    -- Of what the browser keeps: nobody else can end the sign-in.
    binding    bytea       NOT NULL,
    -- Verifier and nonce, sealed under the master key.
    pending    bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pending_sign_in_pkey PRIMARY KEY (hash)
);
CREATE INDEX pending_sign_in_expires_at_idx ON identity.pending_sign_in (expires_at);

-- The access token a ticket was made with, which may be revoked before its time.
ALTER TABLE identity.stream_ticket ADD COLUMN token_id text;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA identity TO daybook_service;
REVOKE UPDATE, DELETE ON identity.record FROM daybook_service;
