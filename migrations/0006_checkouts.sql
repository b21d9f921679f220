-- What a payment or payout needs and the log must not hold: who pays and where, and where payouts go.

SET LOCAL lock_timeout = '5s';

CREATE SCHEMA IF NOT EXISTS workflows;

-- One row for a deposit that was asked for. Who asks fills in the first half before the payment is in the
-- log; who opens the checkout fills in the second.
CREATE TABLE workflows.checkout (
    ledger       text        NOT NULL,
    payment_id   uuid        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    -- Personal: what the provider may ask for. Nothing else reads it.
    payer_name   text,
    payer_email  text,
    payer_phone  text,
    -- How the payer wants to pay and from where, for the rules that choose a provider.
    method       text,
    country      text,
    return_url   text,
    cancel_url   text,
    provider     text,
    -- The provider's name of the page.
    provider_checkout text,
    -- {"kind": "redirect", "url": "…"} or {"kind": "form", "url": "…", "fields": [["name", "value"], …]}
    action       jsonb,
    expires_at   timestamptz,
    CONSTRAINT checkout_pkey PRIMARY KEY (ledger, payment_id)
);
-- What is old enough to be forgotten.
CREATE INDEX checkout_requested_at_idx ON workflows.checkout (requested_at);

GRANT USAGE ON SCHEMA workflows TO daybook_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON workflows.checkout TO daybook_service;

-- Where payouts go, sealed under the master key.
CREATE TABLE identity.destination (
    ledger         text        NOT NULL,
    beneficiary_id uuid        NOT NULL,
    sealed         bytea       NOT NULL,
    kept_at        timestamptz NOT NULL,
    CONSTRAINT destination_pkey PRIMARY KEY (ledger, beneficiary_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.destination TO daybook_service;
