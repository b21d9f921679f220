-- News of people for whoever works on their onboarding: written by the database transaction that made it so,
-- and taken by the one that puts in the work it leads to. So none is lost, and none is old for long.

SET LOCAL lock_timeout = '5s';

CREATE TABLE identity.person_news (
    id          bigint      GENERATED ALWAYS AS IDENTITY,
    -- The owner of the person's wallets; no reference to the person, as a row is there for a moment.
    owner       text        NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT person_news_pkey PRIMARY KEY (id)
);

-- Whoever takes news locks them first, for which PostgreSQL asks for UPDATE.
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.person_news TO daybook_service;
