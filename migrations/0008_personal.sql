-- Keys under which what tells of a person is sealed in the log, and by what a person is found. Not part of
-- the log: destroying a key is what erases.

SET LOCAL lock_timeout = '5s';

CREATE SCHEMA personal;

-- One key for each owner in each ledger.
CREATE TABLE personal.data_key (
    ledger       text        NOT NULL,
    -- The id of the owner's profile stream.
    owner_key    uuid        NOT NULL,
    -- Sealed values name it.
    id           uuid        NOT NULL,
    -- The key itself, wrapped under this master key; both null when it was destroyed.
    master_key   text,
    wrapped      bytea,
    made_at      timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CONSTRAINT data_key_pkey PRIMARY KEY (ledger, owner_key),
    CONSTRAINT data_key_destroyed
        CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL) AND (master_key IS NULL) = (wrapped IS NULL))
);
-- What is still wrapped under another master key.
CREATE INDEX data_key_master_key_idx ON personal.data_key (master_key) WHERE wrapped IS NOT NULL;

-- A key that was destroyed stays so: nothing is ever sealed for that person again.
CREATE TRIGGER data_key_stays_destroyed
    BEFORE UPDATE ON personal.data_key
    FOR EACH ROW WHEN (OLD.destroyed_at IS NOT NULL)
    EXECUTE FUNCTION daybook.refuse_change();
CREATE TRIGGER data_key_kept
    BEFORE DELETE OR TRUNCATE ON personal.data_key
    FOR EACH STATEMENT EXECUTE FUNCTION daybook.refuse_change();

-- The key of the hashes in `lookup`, wrapped like the others: one for the deployment, so that another
-- master key changes no hash.
CREATE TABLE personal.index_key (
    number     smallint NOT NULL DEFAULT 1,
    id         uuid     NOT NULL,
    master_key text     NOT NULL,
    wrapped    bytea    NOT NULL,
    CONSTRAINT index_key_pkey PRIMARY KEY (number),
    CONSTRAINT index_key_only_one CHECK (number = 1)
);

-- By what a person is found: keyed hashes of addresses in their normal form. Disposable: it follows from
-- the log and the keys.
CREATE TABLE personal.lookup (
    ledger    text   NOT NULL,
    owner_key uuid   NOT NULL,
    owner     text   NOT NULL,
    kind      text   NOT NULL,
    hash      bytea  NOT NULL,
    -- The event that says so; a later one replaces it.
    position  bigint NOT NULL,
    CONSTRAINT lookup_pkey PRIMARY KEY (ledger, owner_key, kind),
    CONSTRAINT lookup_kind CHECK (kind IN ('email', 'phone'))
);
-- Finding a person.
CREATE INDEX lookup_hash_idx ON personal.lookup (ledger, kind, hash);

-- The cases of an owner, which an erasure has to look at. A part of the log's index: only first events of
-- cases are in it.
CREATE INDEX events_case_owner_idx ON daybook.events (ledger, (payload #>> '{CaseOpened,owner}'))
    WHERE event_type = 'CaseOpened';

-- What is followed to keep and destroy keys: profiles alone, however much else happens.
CREATE INDEX events_profile_idx ON daybook.events (ledger, position) WHERE aggregate_type = 'profile';

-- The wallets of an owner, and what was paid into and out of a wallet.
CREATE INDEX events_wallet_owner_idx ON daybook.events (ledger, (payload #>> '{WalletOpened,owner}'))
    WHERE event_type = 'WalletOpened';
CREATE INDEX events_payment_wallet_idx ON daybook.events (ledger, (payload #>> '{PaymentCreated,wallet}'))
    WHERE event_type = 'PaymentCreated';
CREATE INDEX events_payout_wallet_idx ON daybook.events (ledger, (payload #>> '{PayoutRequested,wallet}'))
    WHERE event_type = 'PayoutRequested';

-- The names under which providers know what a webhook tells of. They are kept as long as its content, which
-- is found by them when somebody is erased.
CREATE TABLE workflows.webhook_name (
    webhook_id uuid NOT NULL,
    ledger     text NOT NULL,
    name       text NOT NULL,
    CONSTRAINT webhook_name_pkey PRIMARY KEY (webhook_id, name)
);
-- What was told of something.
CREATE INDEX webhook_name_idx ON workflows.webhook_name (ledger, name);

-- The names under which providers know what erased persons have paid and were paid. Content that tells of
-- them is forgotten as soon as its webhook is settled.
CREATE TABLE workflows.erased_name (
    ledger text NOT NULL,
    name   text NOT NULL,
    CONSTRAINT erased_name_pkey PRIMARY KEY (ledger, name)
);

-- All names of one thing.
CREATE INDEX provider_link_aggregate_idx ON workflows.provider_link (ledger, aggregate_id);

GRANT SELECT, INSERT, DELETE ON workflows.webhook_name TO daybook_service;
GRANT SELECT, INSERT ON workflows.erased_name TO daybook_service;
GRANT USAGE ON SCHEMA personal TO daybook_service;
GRANT SELECT, INSERT, UPDATE ON personal.data_key, personal.index_key TO daybook_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON personal.lookup TO daybook_service;
