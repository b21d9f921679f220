//! A ledger: one log, one order, one set of accounts; it knows its assets and system accounts.
//!
//! | state  | Open                | RegisterAsset            | OpenSystemAccount              | SetPaymentPolicy   | SetTier | SetDefaultTier |
//! |--------|---------------------|--------------------------|--------------------------------|--------------------|---------|----------------|
//! | Absent | → Open, or `system_account_exists` when one is named twice | `ledger_not_found`       | `ledger_not_found`             | `ledger_not_found` | `ledger_not_found` | `ledger_not_found` |
//! | Open   | `ledger_exists`     | Open, or `asset_exists`, `asset_scale_out_of_range` | Open, or `system_account_exists` | Open, or `asset_not_found`, `policy_not_an_amount` | Open, or `asset_not_found`, `tier_not_an_amount` | Open, or `tier_not_found` |

mod command;
mod decide;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{
    LedgerCommand, RequestedPolicy, STANDARD_SYSTEM_ACCOUNTS, standard_system_accounts,
};
pub use event::LedgerEvent;
pub use rejection::LedgerRejection;
pub use state::{Ledger, OpenLedger, PaymentPolicy, SystemAccount};

crate::aggregate::impl_aggregate!(
    Ledger,
    "ledger",
    LedgerCommand,
    LedgerEvent,
    LedgerRejection
);
