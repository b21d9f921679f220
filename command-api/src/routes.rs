//! The operations, one file per resource.

pub mod account_queries;
pub mod aggregates;
pub mod assets;
pub mod audit;
pub mod books;
pub mod events;
pub mod explanations;
pub mod forks;
pub mod groups;
pub mod hold_queries;
pub mod holds;
pub mod identity;
pub mod jobs;
pub mod ledger_queries;
pub mod ledgers;
pub mod onboardings;
pub mod owners;
pub mod payments;
pub mod profiles;
pub mod query_groups;
pub mod system_accounts;
pub mod tiers;
pub mod transaction_queries;
pub mod transactions;
pub mod verification;
pub mod wallet_queries;
pub mod wallets;
pub mod webhooks;

use poem_openapi::Tags;

/// The parts of the API.
#[derive(Debug, Clone, Copy, Tags)]
pub enum Part {
    /// A ledger is one log, one order and one set of accounts.
    Ledgers,
    /// What can be counted: currencies, crypto assets and a ledger's own.
    Assets,
    /// The platform's own accounts, such as `cash` and `fees`.
    #[oai(rename = "System accounts")]
    SystemAccounts,
    /// An owner's accounts, one per asset.
    Wallets,
    /// A place in a ledger with one asset: balances and statements.
    Accounts,
    /// Balanced, atomic, immutable movements of money.
    Transactions,
    /// Reserved money: captured, voided or expired.
    Holds,
    /// Money that comes in through a provider, its refunds and disputes.
    Deposits,
    /// Money that goes out through a provider, and where to.
    Payouts,
    /// What is known of owners as persons: sealed in the log, shown to few, and erased for ever.
    Profiles,
    /// What providers pay us, where that differs from our books, and how they do.
    Settlements,
    /// What owners may do, and how much: tiers, and what is used of them.
    Limits,
    /// Who owners are found to be: cases that providers and staff decide, which grant tiers.
    Verification,
    /// From the first contact to a verified owner with a wallet.
    Onboarding,
    /// What payment providers tell us, as it came.
    Webhooks,
    /// Work outside the ledger, and what of it failed.
    Jobs,
    /// The log itself, for replay and audit.
    Events,
    /// Signed checkpoints of the log, and proofs of what is in it.
    Checkpoints,
    /// What if: ledgers decided again under other rules, and what comes out otherwise.
    Forks,
    /// What it all adds up to.
    Reports,
    /// Registering, addresses and passwords; what staff do about people.
    People,
    /// Signing in and out, second factors.
    Sessions,
    /// Roles, machines, and the record of what happened to them.
    Access,
    /// Tokens for programs, by the standards of OAuth 2.0.
    OAuth,
}
