-- The key under which the command was given that wrote an event: whoever explains a balance goes from the event
-- back to it. Positions only grow, so that every insert lands at the end of the index.

SET LOCAL lock_timeout = '5s';

CREATE INDEX idempotency_position_idx ON daybook.idempotency (ledger, position);
