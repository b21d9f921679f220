//! The tables of statements.

use rust_decimal::Decimal;
use sqlx::FromRow;

pub(super) const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.entries (
    -- Stands for ledger, holder and asset, as `entry_accounts` has them.
    account_key  uuid        NOT NULL,
    -- When it was recorded, and when it counts.
    recorded_at  timestamptz NOT NULL,
    -- 1, 2, 3 ... in the account, in recorded order, dated entries among them.
    entry_number bigint      NOT NULL,
    position     bigint      NOT NULL,
    -- The posting's place in its transaction, from 0.
    posting      integer     NOT NULL,
    -- The totals of the account's entries that are not dated, up to this one.
    debits       numeric     NOT NULL,
    credits      numeric     NOT NULL
)",
    "CREATE TABLE {schema}.dated_entries (
    account_key  uuid        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    -- When it counts, which is not when it was recorded.
    effective_at timestamptz NOT NULL,
    entry_number bigint      NOT NULL,
    -- 1, 2, 3 ... among the account's dated entries, in recorded order.
    dated_number bigint      NOT NULL,
    position     bigint      NOT NULL,
    posting      integer     NOT NULL,
    -- The totals of the account's dated entries in recorded order, up to this one.
    debits       numeric     NOT NULL,
    credits      numeric     NOT NULL,
    -- A debit is negative.
    amount       numeric     NOT NULL
)",
    "CREATE TABLE {schema}.dated_runs (
    account_key  uuid        NOT NULL,
    level        integer     NOT NULL,
    run          bigint      NOT NULL,
    effective_at timestamptz NOT NULL,
    entry_number bigint      NOT NULL,
    position     bigint      NOT NULL,
    posting      integer     NOT NULL,
    -- The totals of the run's entries by when they count, up to this one.
    debits       numeric     NOT NULL,
    credits      numeric     NOT NULL
)",
    // The accounts that have entries.
    "CREATE TABLE {schema}.entry_accounts (
    ledger      text NOT NULL,
    holder      text NOT NULL,
    asset       text NOT NULL,
    account_key uuid NOT NULL
)",
];

pub(super) const INDEXES: &[&str] = &[
    // The last entry of an account, now and at any recorded time; its transactions, newest first;
    // statements. Recorded time never runs backwards along entry numbers.
    "CREATE INDEX ON {schema}.entries (account_key, recorded_at, entry_number)",
    // The same of dated entries.
    "CREATE INDEX ON {schema}.dated_entries (account_key, recorded_at, entry_number)",
    // The entries of a run that is complete, and those that no run has yet.
    "ALTER TABLE {schema}.dated_entries ADD PRIMARY KEY (account_key, dated_number)",
    // What counts up to a time in a run, and what follows it.
    "ALTER TABLE {schema}.dated_runs \
     ADD PRIMARY KEY (account_key, level, run, effective_at, entry_number)",
    // Two accounts of one key are refused.
    "ALTER TABLE {schema}.entry_accounts ADD PRIMARY KEY (account_key)",
    // The accounts of a holder.
    "CREATE UNIQUE INDEX ON {schema}.entry_accounts (ledger, holder, asset)",
];

pub(super) const LAST: &str = "\
SELECT touched.number, account.ledger, account.holder, account.asset,
       last.entry_number, last.debits, last.credits,
       last_dated.entry_number AS dated_entry_number, last_dated.dated_number,
       last_dated.debits AS dated_debits, last_dated.credits AS dated_credits
FROM UNNEST($1::uuid[]) WITH ORDINALITY AS touched (key, number)
JOIN {schema}.entry_accounts AS account ON account.account_key = touched.key
LEFT JOIN LATERAL (
    SELECT entry_number, debits, credits FROM {schema}.entries AS entry
    WHERE entry.account_key = touched.key
    ORDER BY recorded_at DESC, entry_number DESC LIMIT 1) AS last ON true
LEFT JOIN LATERAL (
    SELECT entry_number, dated_number, debits, credits FROM {schema}.dated_entries AS entry
    WHERE entry.account_key = touched.key
    ORDER BY dated_number DESC LIMIT 1) AS last_dated ON true";

pub(super) const ENTRIES: &str = "{schema}.entries (account_key, recorded_at, entry_number, position, posting, \
                       debits, credits)";

pub(super) const DATED_ENTRIES: &str = "{schema}.dated_entries (account_key, recorded_at, effective_at, \
                             entry_number, dated_number, position, posting, debits, credits, \
                             amount)";

pub(super) const ACCOUNTS: &str = "{schema}.entry_accounts (ledger, holder, asset, account_key)";

/// What the tables say of an account.
#[derive(FromRow)]
pub(super) struct LastRow {
    /// Among those asked for, from 1.
    pub(super) number: i64,
    pub(super) ledger: String,
    pub(super) holder: String,
    pub(super) asset: String,
    pub(super) entry_number: Option<i64>,
    pub(super) debits: Option<Decimal>,
    pub(super) credits: Option<Decimal>,
    pub(super) dated_entry_number: Option<i64>,
    pub(super) dated_number: Option<i64>,
    pub(super) dated_debits: Option<Decimal>,
    pub(super) dated_credits: Option<Decimal>,
}
