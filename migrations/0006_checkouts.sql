-- What a payment or payout needs and the log must not hold: who pays and where, and where payouts go.
--
-- It is noted before the command is handed over, under the command's own id, which the events of the
-- command carry. Of several commands about the same thing each has its note, and the one that the log has
-- is the one that counts: nothing is ever overwritten, and nobody takes another's note away.

SET LOCAL lock_timeout = '5s';

CREATE SCHEMA IF NOT EXISTS workflows;

-- The command that began a payment, or that added a beneficiary last; null when there is none.
CREATE FUNCTION daybook.begun_by(ledger text, aggregate_type text, id uuid) RETURNS uuid
LANGUAGE sql STABLE AS $$
    SELECT (event.metadata ->> 'command_id')::uuid
    FROM daybook.events AS event
    WHERE event.ledger = $1 AND event.aggregate_type = $2 AND event.aggregate_id = $3::text
      AND event.event_type IN ('PaymentCreated', 'BeneficiaryAdded')
    ORDER BY event.sequence DESC
    LIMIT 1
$$;

-- The type of a stream's last event; null when there is none.
CREATE FUNCTION daybook.last_event_type(ledger text, aggregate_type text, id uuid) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT event.event_type
    FROM daybook.events AS event
    WHERE event.ledger = $1 AND event.aggregate_type = $2 AND event.aggregate_id = $3::text
    ORDER BY event.sequence DESC
    LIMIT 1
$$;

-- Who pays a deposit that was asked for. Who asks fills in the first half before the payment is in the
-- log; who opens the page fills in the second, in the row that counts.
CREATE TABLE workflows.checkout (
    ledger       text        NOT NULL,
    payment_id   uuid        NOT NULL,
    -- The command that it was noted for.
    noted_by     uuid        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    -- Whether it was found to be the one that counts.
    settled      boolean     NOT NULL DEFAULT false,
    -- Personal: what the provider may ask for. Nothing else reads it.
    payer_name   text,
    payer_email  text,
    payer_phone  text,
    -- How the payer wants to pay and from where, for the rules that choose a provider.
    method       text,
    country      text,
    return_url   text,
    cancel_url   text,
    -- Where the page is, and the provider's name of it.
    provider     text,
    provider_checkout text,
    -- {"kind": "redirect", "url": "…"} or {"kind": "form", "url": "…", "fields": [["name", "value"], …]}
    action       jsonb,
    expires_at   timestamptz,
    CONSTRAINT checkout_pkey PRIMARY KEY (ledger, payment_id, noted_by)
);
-- What may be of no payment.
CREATE INDEX checkout_unsettled_idx ON workflows.checkout (requested_at) WHERE NOT settled;
-- What is old enough to be forgotten.
CREATE INDEX checkout_requested_at_idx ON workflows.checkout (requested_at);

GRANT USAGE ON SCHEMA workflows TO daybook_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON workflows.checkout TO daybook_service;

-- Where payouts go, sealed under the master key.
CREATE TABLE identity.destination (
    ledger         text        NOT NULL,
    beneficiary_id uuid        NOT NULL,
    -- The command that it was noted for.
    noted_by       uuid        NOT NULL,
    noted_at       timestamptz NOT NULL DEFAULT now(),
    -- Whether it was found to be the one that counts.
    settled        boolean     NOT NULL DEFAULT false,
    sealed         bytea       NOT NULL,
    -- When somebody was about to remove the beneficiary.
    removed_at     timestamptz,
    CONSTRAINT destination_pkey PRIMARY KEY (ledger, beneficiary_id, noted_by)
);
-- What may be of no beneficiary.
CREATE INDEX destination_unsettled_idx ON identity.destination (noted_at) WHERE NOT settled;
-- What is to be forgotten once no payout needs it.
CREATE INDEX destination_removed_idx ON identity.destination (removed_at)
    WHERE removed_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.destination TO daybook_service;
