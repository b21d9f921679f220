-- The beneficiaries of a wallet, for whoever follows a wallet through the log.

SET LOCAL lock_timeout = '5s';

CREATE INDEX events_beneficiary_wallet_idx
    ON daybook.events (ledger, (payload #>> '{BeneficiaryAdded,wallet}'))
    WHERE event_type = 'BeneficiaryAdded';
