//! What an import did.

use std::fmt;

use ledger_core::{Asset, LedgerName, Position};

use super::account::AccountMap;

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Transactions that are in the ledger.
    pub done: usize,
    /// Transactions that are to be.
    pub total: usize,
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.done, self.total)
    }
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// The ledger.
    pub ledger: LedgerName,
    /// Whether the ledger was opened for it.
    pub ledger_opened: bool,
    /// Transactions posted now.
    pub posted: usize,
    /// Transactions that an earlier import of the same books had posted.
    pub already_posted: usize,
    /// Transactions of the file that move nothing and were left out.
    pub without_movement: usize,
    /// Assets registered, system accounts and wallets opened now.
    pub set_up: usize,
    /// What each beancount account has become.
    pub accounts: AccountMap,
    /// The assets that the file moves.
    pub assets: Vec<Asset>,
    /// The position of the last event of the import.
    pub position: Position,
}

impl ImportReport {
    /// Whether everything was in the ledger before.
    #[must_use]
    pub const fn changed_nothing(&self) -> bool {
        self.posted == 0 && self.set_up == 0 && !self.ledger_opened
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changed_nothing() {
            return write!(
                formatter,
                "nothing to do: all {} transactions were imported into {} before",
                self.already_posted, self.ledger
            );
        }
        write!(
            formatter,
            "{} transactions posted to {} in {} accounts and {} assets",
            self.posted,
            self.ledger,
            self.accounts.as_slice().len(),
            self.assets.len()
        )?;
        if self.already_posted > 0 {
            write!(formatter, ", {} were there before", self.already_posted)?;
        }
        if self.without_movement > 0 {
            write!(formatter, ", {} move nothing", self.without_movement)?;
        }
        Ok(())
    }
}
