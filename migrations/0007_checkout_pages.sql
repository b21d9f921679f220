-- Where a payer's browser is handed over to a gateway that wants a form posted: the last part of the address
-- of our own page, 256 random bits. Whoever has it can pay, and sees who pays.

SET LOCAL lock_timeout = '5s';

ALTER TABLE workflows.checkout ADD COLUMN page_token text;

-- Opening the page.
CREATE UNIQUE INDEX checkout_page_token_idx ON workflows.checkout (page_token)
    WHERE page_token IS NOT NULL;
