-- What identity providers are asked about verification cases: whom a check is about until it is begun, what
-- each check is called at its provider, and the person's way in. Not part of the log. Everything that tells of
-- a person is sealed under the master key.

SET LOCAL lock_timeout = '5s';

-- What a provider demands about the person, noted before the case is handed to it and under the command that
-- does so, which the event carries. Forgotten as soon as the check is begun.
CREATE TABLE workflows.identity_person (
    ledger   text        NOT NULL,
    case_id  uuid        NOT NULL,
    provider text        NOT NULL,
    -- The command that it was noted for.
    noted_by uuid        NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    -- JSON, sealed.
    sealed   bytea       NOT NULL,
    CONSTRAINT identity_person_pkey PRIMARY KEY (ledger, case_id, provider, noted_by)
);
-- What is old enough to be of no command.
CREATE INDEX identity_person_noted_at_idx ON workflows.identity_person (noted_at);

-- One asking of one provider about one case. It is written down before the provider is asked, so that
-- whoever goes on after a crash asks under the same reference.
CREATE TABLE workflows.identity_check (
    -- Our reference at the provider.
    id               uuid        NOT NULL,
    ledger           text        NOT NULL,
    provider         text        NOT NULL,
    case_id          uuid        NOT NULL,
    -- The position of the event that handed the case to the provider.
    submission       bigint      NOT NULL,
    -- What is checked, as it is called at the provider.
    level            text        NOT NULL,
    -- Where the person's browser goes afterwards, sealed; null where nobody said so.
    return_url       bytea,
    begun_at         timestamptz NOT NULL DEFAULT now(),
    -- The provider's name of it; null until its answer was written down.
    provider_case    text,
    opened_at        timestamptz,
    -- The person's way in, JSON, sealed; null before there is one, and when it was forgotten.
    entry            bytea,
    entry_expires_at timestamptz,
    CONSTRAINT identity_check_pkey PRIMARY KEY (id),
    CONSTRAINT identity_check_submission_key UNIQUE (ledger, case_id, provider, submission)
);
-- Webhooks and answers that name a check only as the provider does.
CREATE INDEX identity_check_provider_case_idx
    ON workflows.identity_check (ledger, provider, provider_case) WHERE provider_case IS NOT NULL;
-- Ways in that are old enough to be forgotten.
CREATE INDEX identity_check_entry_idx
    ON workflows.identity_check (entry_expires_at) WHERE entry IS NOT NULL;

-- Nothing of it is changed; but what is locked, to be forgotten, needs the right to change it.
GRANT SELECT, INSERT, UPDATE, DELETE ON workflows.identity_person TO daybook_service;
GRANT SELECT, INSERT, UPDATE ON workflows.identity_check TO daybook_service;
