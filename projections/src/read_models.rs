//! The read models, one file each.

pub mod accounts;
pub mod activity;
pub mod holds;
pub mod ledgers;
pub mod statements;
pub mod transactions;
pub mod wallets;

use std::fmt;
use std::str::FromStr;

use crate::read_model::ReadModel;

/// The read models, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadModelName {
    /// Ledgers, their assets and system accounts.
    Ledgers,
    /// Totals of every account.
    Accounts,
    /// Entries with running balances.
    Statements,
    /// Transactions.
    Transactions,
    /// Holds.
    Holds,
    /// Wallets and the statistics of their owners.
    Wallets,
    /// Counts and volumes by the hour.
    Activity,
}

/// There is no read model of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no read model {0:?}; there are ledgers, accounts, statements, transactions, holds, wallets and activity"
)]
pub struct UnknownReadModel(String);

impl ReadModelName {
    /// Every read model.
    pub const ALL: [Self; 7] = [
        Self::Ledgers,
        Self::Accounts,
        Self::Statements,
        Self::Transactions,
        Self::Holds,
        Self::Wallets,
        Self::Activity,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.read_model().name()
    }

    /// The read model itself.
    #[must_use]
    pub const fn read_model(self) -> &'static dyn ReadModel {
        match self {
            Self::Ledgers => &ledgers::Ledgers,
            Self::Accounts => &accounts::Accounts,
            Self::Statements => &statements::Statements,
            Self::Transactions => &transactions::Transactions,
            Self::Holds => &holds::Holds,
            Self::Wallets => &wallets::Wallets,
            Self::Activity => &activity::Activity,
        }
    }
}

impl fmt::Display for ReadModelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ReadModelName {
    type Err = UnknownReadModel;

    fn from_str(text: &str) -> Result<Self, UnknownReadModel> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| UnknownReadModel(text.to_owned()))
    }
}
