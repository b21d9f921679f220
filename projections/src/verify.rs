//! Proving that the log, the book and the read models agree.
//!
//! The log is folded twice, by code that shares nothing but the events: into a complete
//! [`Book`], which checks positions, sequences and state transitions, and into fresh tables of
//! every read model, which are compared with the live ones row by row. The transactions are also
//! added up here by themselves, without the book. Verifying stops at the first difference.

mod log;
mod tables;

use event_store::{Database, LogError, LogReader};
use ledger_core::book::BookError;
use ledger_core::{AssetCode, LedgerName, Position, TransactionId};

use crate::read_model::FoldError;
use crate::read_models::ReadModelName;
use crate::rebuild::own_pool;

/// What was found to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The ledger.
    pub ledger: LedgerName,
    /// Its log, from the first event to this one, was checked.
    pub position: Position,
    /// Transactions that balance.
    pub transactions: u64,
    /// Accounts whose totals were compared.
    pub accounts: usize,
    /// Read models that equal a fresh fold.
    pub read_models: usize,
}

/// The first difference.
#[derive(Debug, thiserror::Error)]
pub enum Difference {
    /// The log cannot be read in order: a position is missing or an event is not one of Daybook's.
    #[error("{ledger}: {}", event_store::ErrorChain(source))]
    Log {
        /// The ledger.
        ledger: LedgerName,
        /// What is wrong.
        #[source]
        source: LogError,
    },
    /// An event does not follow from those before it.
    #[error("{ledger}: {}", event_store::ErrorChain(source))]
    Book {
        /// The ledger.
        ledger: LedgerName,
        /// What is wrong.
        #[source]
        source: BookError,
    },
    /// Recorded time runs backwards.
    #[error("{ledger}, position {position}: recorded before the event in front of it")]
    Time {
        /// The ledger.
        ledger: LedgerName,
        /// The event.
        position: Position,
    },
    /// The head row is not where the log ends.
    #[error("{ledger}: the head row says {head}, the log ends at {last}")]
    Head {
        /// The ledger.
        ledger: LedgerName,
        /// What the head row says.
        head: Position,
        /// The last event.
        last: Position,
    },
    /// The debits and credits of a transaction differ.
    #[error("{ledger}, position {position}: transaction {transaction} does not balance in {asset}")]
    Unbalanced {
        /// The ledger.
        ledger: LedgerName,
        /// The event.
        position: Position,
        /// The transaction.
        transaction: TransactionId,
        /// The asset.
        asset: AssetCode,
    },
    /// A transaction was reverted twice.
    #[error("{ledger}, position {position}: transaction {transaction} is reverted a second time")]
    RevertedTwice {
        /// The ledger.
        ledger: LedgerName,
        /// The event.
        position: Position,
        /// The transaction.
        transaction: TransactionId,
    },
    /// A transaction was reverted that was never posted.
    #[error("{ledger}, position {position}: transaction {transaction} was never posted")]
    NeverPosted {
        /// The ledger.
        ledger: LedgerName,
        /// The event that reverts it.
        position: Position,
        /// The transaction.
        transaction: TransactionId,
    },
    /// The debits and credits of all accounts differ.
    #[error("{ledger}: the trial balance of {asset} is not zero")]
    TrialBalance {
        /// The ledger.
        ledger: LedgerName,
        /// The asset.
        asset: AssetCode,
    },
    /// A read model claims to have folded events that are not there; it would skip them once written.
    #[error(
        "{ledger}, read model {read_model}: its checkpoint is {checkpoint}, the log ends at {last}"
    )]
    Checkpoint {
        /// The ledger.
        ledger: LedgerName,
        /// The read model.
        read_model: ReadModelName,
        /// How far it claims to have come.
        checkpoint: Position,
        /// The last event.
        last: Position,
    },
    /// A read model cannot be folded from the log: an event does not fit those before it.
    #[error(
        "{ledger}, read model {read_model}: {}",
        event_store::ErrorChain(source)
    )]
    Fold {
        /// The ledger.
        ledger: LedgerName,
        /// The read model.
        read_model: ReadModelName,
        /// What does not fit.
        #[source]
        source: FoldError,
    },
    /// A row of a read model is not what a fresh fold gives.
    #[error(
        "{ledger}, read model {read_model}, table {table}: expected {}, found {}",
        row(expected),
        row(found)
    )]
    ReadModel {
        /// The ledger.
        ledger: LedgerName,
        /// The read model.
        read_model: ReadModelName,
        /// The table.
        table: &'static str,
        /// The row that the log gives; none when the live row should not be there.
        expected: Option<String>,
        /// The row that is there; none when it is missing.
        found: Option<String>,
    },
}

fn row(row: &Option<String>) -> &str {
    row.as_deref().unwrap_or("no such row")
}

/// Why verifying ended without every proof.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Something is wrong.
    #[error(transparent)]
    Difference(Box<Difference>),
    /// There is no such ledger.
    #[error("the ledger {0} does not exist")]
    LedgerNotFound(LedgerName),
    /// PostgreSQL failed.
    #[error("PostgreSQL failed while verifying")]
    Database(#[from] sqlx::Error),
    /// The log could not be folded anew.
    #[error("the log cannot be folded")]
    Fold(#[source] FoldError),
}

impl From<Difference> for VerifyError {
    fn from(difference: Difference) -> Self {
        Self::Difference(Box::new(difference))
    }
}

impl From<FoldError> for VerifyError {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Database(error) => Self::Database(error),
            other => Self::Fold(other),
        }
    }
}

/// How far verifying has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyProgress {
    /// Folding the log into the book.
    Log {
        /// The last event folded.
        position: Position,
        /// The head of the log.
        head: Position,
    },
    /// Comparing this read model.
    ReadModel(ReadModelName),
}

/// Verifies one ledger.
///
/// # Errors
/// [`VerifyError::Difference`] with the first difference.
pub async fn verify(
    database: &Database,
    ledger: LedgerName,
    progress: &mut (dyn FnMut(VerifyProgress) + Send),
) -> Result<Verified, VerifyError> {
    let reader_pool = own_pool(database);
    let reader = LogReader::new(reader_pool.clone());
    let mut audit = log::audit(&reader_pool, &reader, ledger, progress).await?;
    let mut accounts = 0;
    for name in ReadModelName::ALL {
        progress(VerifyProgress::ReadModel(name));
        let mut fresh = tables::FreshFold::begin(database, &reader, name, ledger).await?;
        fresh.compare_with_live().await?;
        if name == ReadModelName::Accounts {
            audit.fold_to(fresh.position()).await?;
            fresh.fold_to(audit.position()).await?;
            accounts = fresh.compare_with_book(audit.book()).await?;
        }
    }
    reader_pool.close().await;
    Ok(Verified {
        ledger,
        position: audit.position(),
        transactions: audit.transactions(),
        accounts,
        read_models: ReadModelName::ALL.len(),
    })
}
