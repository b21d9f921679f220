//! A wallet: an owner's set of accounts, one per asset.
//!
//! | state  | Open            | Freeze          | Unfreeze            | SetOverdraft    | Close           |
//! |--------|-----------------|-----------------|---------------------|-----------------|-----------------|
//! | Absent | → Open, or `asset_not_found`, `overdraft_not_an_amount` | `wallet_not_found` | `wallet_not_found` | `wallet_not_found` | `wallet_not_found` |
//! | Open   | `wallet_exists` | → Frozen        | `wallet_not_frozen` | Open, or `asset_not_found`, `overdraft_not_an_amount` | → Closed, or `wallet_has_holds`, `wallet_not_empty` |
//! | Frozen | `wallet_exists` | → Frozen (another scope), or `wallet_already_frozen` | → Open | Frozen, or as when open | `wallet_frozen` |
//! | Closed | `wallet_exists` | `wallet_closed` | `wallet_closed`     | `wallet_closed` | `wallet_closed` |
//!
//! Accounts are not opened one by one: a wallet can receive every asset its ledger knows, and its
//! account in an asset begins with the first posting.

mod command;
mod decide;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{RequestedOverdraft, WalletCommand};
pub use event::WalletEvent;
pub use rejection::WalletRejection;
pub use state::{OpenWallet, Wallet};

crate::aggregate::impl_aggregate!(
    Wallet,
    "wallet",
    WalletCommand,
    WalletEvent,
    WalletRejection
);
