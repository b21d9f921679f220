-- Who asks, and what they may do: people and machines, their sessions, keys and roles, and the record of
-- what happened to all of these. Not part of the log: an address is personal, and is deleted with its
-- person. Secrets are kept as hashes, or sealed under the master key where they must be read again.

SET LOCAL lock_timeout = '5s';

CREATE SCHEMA identity;

CREATE TABLE identity.person (
    id                  uuid        NOT NULL,
    -- The owner of this person's wallets, as the events name it.
    owner               text        NOT NULL,
    -- A PHC string; null until a password is set.
    password_hash       text,
    password_changed_at timestamptz,
    created_at          timestamptz NOT NULL,
    -- Set while nobody may sign in as this person.
    blocked_at          timestamptz,
    CONSTRAINT person_pkey PRIMARY KEY (id),
    CONSTRAINT person_owner_key UNIQUE (owner)
);

-- An address is a person's only once it is verified; until then others may claim it too.
CREATE TABLE identity.address (
    person_id   uuid        NOT NULL,
    kind        text        NOT NULL,
    value       text        NOT NULL,
    added_at    timestamptz NOT NULL,
    verified_at timestamptz,
    CONSTRAINT address_pkey PRIMARY KEY (person_id, kind, value),
    CONSTRAINT address_person_fkey FOREIGN KEY (person_id) REFERENCES identity.person (id) ON DELETE CASCADE,
    CONSTRAINT address_kind CHECK (kind IN ('email', 'phone'))
);
-- Signing in by address; one person for each verified address.
CREATE UNIQUE INDEX address_verified_key ON identity.address (value) WHERE verified_at IS NOT NULL;

-- One-time codes on their way to an address.
CREATE TABLE identity.code (
    id            uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    purpose       text        NOT NULL,
    address       text        NOT NULL,
    -- A keyed hash of id and code.
    hash          bytea       NOT NULL,
    sent_at       timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    attempts_left integer     NOT NULL,
    -- Set when it was used, or a newer one was sent for the same purpose.
    ended_at      timestamptz,
    CONSTRAINT code_pkey PRIMARY KEY (id),
    CONSTRAINT code_person_fkey FOREIGN KEY (person_id) REFERENCES identity.person (id) ON DELETE CASCADE
);
-- The code that is good now, and how many were sent lately.
CREATE INDEX code_person_idx ON identity.code (person_id, purpose, sent_at);
CREATE INDEX code_address_idx ON identity.code (address, sent_at);

-- Time-based one-time passwords.
CREATE TABLE identity.authenticator (
    person_id    uuid        NOT NULL,
    -- Sealed under the master key.
    secret       bytea       NOT NULL,
    enrolled_at  timestamptz NOT NULL,
    -- Null until its first code was right.
    confirmed_at timestamptz,
    -- The last time step that was accepted; no step is accepted twice.
    last_step    bigint      NOT NULL DEFAULT 0,
    CONSTRAINT authenticator_pkey PRIMARY KEY (person_id),
    CONSTRAINT authenticator_person_fkey FOREIGN KEY (person_id) REFERENCES identity.person (id) ON DELETE CASCADE
);

CREATE TABLE identity.recovery_code (
    person_id uuid        NOT NULL,
    hash      bytea       NOT NULL,
    made_at   timestamptz NOT NULL,
    used_at   timestamptz,
    CONSTRAINT recovery_code_pkey PRIMARY KEY (person_id, hash),
    CONSTRAINT recovery_code_person_fkey FOREIGN KEY (person_id) REFERENCES identity.person (id) ON DELETE CASCADE
);

-- Attempts in a row that failed, which make the next one wait. By what was tried and not by person, so
-- that an address without an account behaves like one with.
CREATE TABLE identity.lockout (
    -- A keyed hash of what is tried: an address, or a person's second factor.
    target       bytea       NOT NULL,
    failures     integer     NOT NULL,
    -- The next attempt is judged from then on.
    open_at      timestamptz NOT NULL,
    attempted_at timestamptz NOT NULL,
    CONSTRAINT lockout_pkey PRIMARY KEY (target)
);
-- What nobody has tried for long is forgotten.
CREATE INDEX lockout_attempted_at_idx ON identity.lockout (attempted_at);

CREATE TABLE identity.session (
    id               uuid        NOT NULL,
    person_id        uuid        NOT NULL,
    started_at       timestamptz NOT NULL,
    -- Moved by every refresh.
    used_at          timestamptz NOT NULL,
    -- Its absolute end.
    expires_at       timestamptz NOT NULL,
    -- When the second factor was last given in it.
    second_factor_at timestamptz,
    -- What the person's list of sessions shows.
    address          text,
    user_agent       text,
    ended_at         timestamptz,
    ended_because    text,
    CONSTRAINT session_pkey PRIMARY KEY (id),
    CONSTRAINT session_person_fkey FOREIGN KEY (person_id) REFERENCES identity.person (id) ON DELETE CASCADE
);
-- A person's sessions, oldest first.
CREATE INDEX session_person_idx ON identity.session (person_id, started_at) WHERE ended_at IS NULL;

-- Each is good once; one that comes twice was stolen, and ends its session.
CREATE TABLE identity.refresh_token (
    hash       bytea       NOT NULL,
    session_id uuid        NOT NULL,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT refresh_token_pkey PRIMARY KEY (hash),
    CONSTRAINT refresh_token_session_fkey FOREIGN KEY (session_id) REFERENCES identity.session (id) ON DELETE CASCADE
);
CREATE INDEX refresh_token_session_idx ON identity.refresh_token (session_id);

-- Good once, for seconds, to open a live stream from where no header can be set. Whom the credential
-- stood for that it was made with, and nothing of the credential itself.
CREATE TABLE identity.stream_ticket (
    hash                  bytea       NOT NULL,
    subject               text        NOT NULL,
    -- Not a reference: a ticket of a session that has ended is refused when it is used.
    session_id            uuid,
    -- Permissions the credential was narrowed to; null when it was not.
    scopes                text[],
    -- Roles that another issuer's token claims.
    claimed_roles         text[]      NOT NULL,
    credential_expires_at timestamptz,
    expires_at            timestamptz NOT NULL,
    CONSTRAINT stream_ticket_pkey PRIMARY KEY (hash)
);
-- What was never used is deleted.
CREATE INDEX stream_ticket_expires_at_idx ON identity.stream_ticket (expires_at);

-- Programs that ask for tokens with an id and a secret (OAuth 2.0 client credentials), or that send a key
-- with every request.
CREATE TABLE identity.machine (
    id           uuid        NOT NULL,
    kind         text        NOT NULL,
    name         text        NOT NULL,
    -- The part of a key that is shown in lists.
    prefix       text        NOT NULL,
    secret_hash  bytea       NOT NULL,
    -- Permissions it may use at most; empty for all that its roles give.
    scopes       text[]      NOT NULL,
    made_by      text        NOT NULL,
    made_at      timestamptz NOT NULL,
    expires_at   timestamptz,
    -- To the minute.
    used_at      timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT machine_pkey PRIMARY KEY (id),
    CONSTRAINT machine_prefix_key UNIQUE (prefix),
    CONSTRAINT machine_kind CHECK (kind IN ('client', 'api_key'))
);

-- Roles: of a person or a machine, in one ledger or in all.
CREATE TABLE identity.role_grant (
    -- `person:<id>` or `machine:<id>`.
    subject    text        NOT NULL,
    role       text        NOT NULL,
    -- A ledger's name, or `*`.
    ledger     text        NOT NULL,
    granted_by text        NOT NULL,
    granted_at timestamptz NOT NULL,
    CONSTRAINT role_grant_pkey PRIMARY KEY (subject, role, ledger)
);

-- Keys that sign access tokens.
CREATE TABLE identity.signing_key (
    -- The thumbprint of the public key (RFC 7638).
    kid         text        NOT NULL,
    -- PKCS#8, sealed under the master key.
    private_key bytea       NOT NULL,
    made_at     timestamptz NOT NULL,
    -- Tokens are signed with the newest key that is active; older ones verify until they retire.
    active_from timestamptz NOT NULL,
    retires_at  timestamptz NOT NULL,
    CONSTRAINT signing_key_pkey PRIMARY KEY (kid)
);

-- Access tokens that were revoked before their time; of no use once they have expired.
CREATE TABLE identity.revoked_token (
    token_id   text        NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT revoked_token_pkey PRIMARY KEY (token_id)
);
CREATE INDEX revoked_token_expires_at_idx ON identity.revoked_token (expires_at);

-- What happened: sign-ins, failures, grants, revocations. Nothing here is personal but ids.
CREATE TABLE identity.record (
    number   bigint      GENERATED ALWAYS AS IDENTITY,
    at       timestamptz NOT NULL,
    kind     text        NOT NULL,
    -- Who did it, if it is known: `person:<id>`, `machine:<id>`.
    actor    text,
    -- To whom or what.
    subject  text,
    ledger   text,
    details  jsonb       NOT NULL,
    CONSTRAINT record_pkey PRIMARY KEY (number)
);
-- An auditor's questions: what did, or happened to, this one.
CREATE INDEX record_actor_idx ON identity.record (actor, number);
CREATE INDEX record_subject_idx ON identity.record (subject, number);

CREATE TRIGGER record_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.record
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

GRANT USAGE ON SCHEMA identity TO daybook_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA identity TO daybook_service;
REVOKE UPDATE, DELETE ON identity.record FROM daybook_service;
