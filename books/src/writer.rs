//! Writing books, one file per format.

mod beancount;
mod columns;
mod csv;
mod hledger;
mod parquet;

use std::collections::HashSet;

use ledger_core::transaction::TransactionCause;
use ledger_core::{Holder, LedgerName, OwnerId, Position, Timestamp};

use crate::format::Format;
use crate::journal::{BookedTransaction, Journal};

/// What the books are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The ledger.
    pub ledger: LedgerName,
    /// Everything recorded up to and with this position.
    pub until: Position,
    /// Only what counts at or before this time, if one is given.
    pub effective_until: Option<Timestamp>,
}

/// Why books cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A row of CSV.
    #[error("a row of CSV cannot be written")]
    Csv(#[from] ::csv::Error),
    /// A column of Parquet.
    #[error("a column of Parquet cannot be written")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// The caller's metadata as JSON.
    #[error("metadata cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// An amount has more digits than an exact column holds.
    #[error("the amount at position {position} cannot be kept in whole units")]
    Amount {
        /// The position of its transaction.
        position: Position,
    },
    /// A balance cannot be kept exactly.
    #[error("the balance of {account} cannot be kept")]
    Balance {
        /// The account.
        account: ledger_core::AccountId,
    },
}

/// What is stated when all transactions are written.
#[derive(Debug, Clone, Copy)]
pub struct Closing<'a> {
    /// The journal at its end.
    pub journal: &'a Journal,
    /// The owners who are erased as persons.
    pub erased: &'a HashSet<OwnerId>,
}

impl<'a> Closing<'a> {
    /// Who owns a wallet, and whether they are erased as a person.
    fn owner(&self, holder: Holder) -> Option<(&'a OwnerId, bool)> {
        let owner = self.journal.owner(holder)?;
        Some((owner, self.erased.contains(owner)))
    }
}

/// Writes books of one format, to the end of a buffer that may be emptied between any two calls.
pub trait BookWriter: Send {
    /// What stands before all transactions.
    ///
    /// # Errors
    /// [`WriteError`].
    fn begin(&mut self, into: &mut Vec<u8>) -> Result<(), WriteError>;

    /// Some more transactions, in order of position.
    ///
    /// # Errors
    /// [`WriteError`].
    fn transactions(
        &mut self,
        transactions: &[BookedTransaction],
        into: &mut Vec<u8>,
    ) -> Result<(), WriteError>;

    /// What stands after all transactions.
    ///
    /// # Errors
    /// [`WriteError`].
    fn finish(&mut self, closing: Closing<'_>, into: &mut Vec<u8>) -> Result<(), WriteError>;
}

/// The writer of a format.
///
/// # Errors
/// [`WriteError`].
pub fn writer(format: Format, scope: Scope) -> Result<Box<dyn BookWriter>, WriteError> {
    Ok(match format {
        Format::Beancount => Box::new(beancount::Beancount(scope)),
        Format::Hledger => Box::new(hledger::Hledger(scope)),
        Format::Csv => Box::new(csv::Csv),
        Format::Parquet => Box::new(parquet::Parquet::try_new(&scope)?),
    })
}

/// Why a transaction was posted: a stable word, and the id of what it names.
fn cause(cause: &TransactionCause) -> (&'static str, Option<String>) {
    match cause {
        TransactionCause::Request => ("request", None),
        TransactionCause::Revert(id) => ("revert", Some(id.to_string())),
        TransactionCause::Capture(id) => ("capture", Some(id.to_string())),
        TransactionCause::Payment(id) => ("payment", Some(id.to_string())),
        TransactionCause::Payout(id) => ("payout", Some(id.to_string())),
        TransactionCause::Settlement(id) => ("settlement", Some(id.to_string())),
    }
}

/// The caller's metadata as one JSON object, if there is any.
fn metadata(transaction: &BookedTransaction) -> Result<Option<String>, WriteError> {
    if transaction.metadata.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::to_string(transaction.metadata.entries())?))
}
