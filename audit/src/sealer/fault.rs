//! Why a log is not sealed, and which of the reasons mean that somebody else wrote to the database.

use event_store::LogError;
use ledger_core::LedgerName;

use crate::keys::KeyError;
use crate::line::EventLineError;
use crate::proof::ProofError;
use crate::store::StoreError;

/// Why a log was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no such ledger.
    #[error("the ledger {0} does not exist")]
    LedgerNotFound(LedgerName),
    /// A fork of a ledger is nobody's books.
    #[error("the ledger {0} is a sandbox, which is not sealed")]
    Sandbox(LedgerName),
    /// No master key is kept, so that no key could be.
    #[error("there is no master key under which checkpoint keys could be kept")]
    NoMasterKey,
    /// What is there now is not what was sealed, or is nothing that Daybook writes.
    #[error("the log of {ledger} is not what was sealed: {what}")]
    Tampered {
        /// The ledger.
        ledger: LedgerName,
        /// The first event that differs, where that is known.
        position: Option<i64>,
        /// What differs.
        what: String,
    },
    /// Other nodes were faster again and again.
    #[error("the log of {0} is being sealed by other nodes")]
    Contended(LedgerName),
    /// The position is not in the log.
    #[error("there is no checkpoint of position {position} in {ledger} to be had")]
    Size {
        /// The ledger.
        ledger: LedgerName,
        /// The position.
        position: u64,
    },
    /// Another key than the current one was to be replaced.
    #[error("the current key of {ledger} is number {current}")]
    NotCurrent {
        /// The ledger.
        ledger: LedgerName,
        /// The number of its current key.
        current: i32,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event is not one of Daybook's.
    #[error(transparent)]
    Line(#[from] EventLineError),
    /// What is sealed cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A hash is missing in the tiles.
    #[error("the sealed tree is damaged: a tile is missing or has the wrong length")]
    Tree(#[from] tlog_tiles::Error),
    /// The tiles do not lead to the root.
    #[error("the sealed tree is damaged: its tiles do not lead to its root")]
    Root(#[from] ProofError),
}

impl From<sqlx::Error> for SealError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError::Database(error))
    }
}

impl From<KeyError> for SealError {
    fn from(error: KeyError) -> Self {
        Self::Store(StoreError::Key(error))
    }
}

impl SealError {
    /// What cannot be read as Daybook wrote it was written by somebody else: trying again changes nothing, and
    /// somebody has to look.
    pub(super) fn judged(self, ledger: LedgerName) -> Self {
        let position = match &self {
            Self::Line(error) => Some(error.position()),
            Self::Log(LogError::Gap { expected, .. }) => Some(expected.value()),
            Self::Tree(_)
            | Self::Root(_)
            | Self::Store(
                StoreError::Edge(_)
                | StoreError::Checkpoint(_)
                | StoreError::Number(_)
                | StoreError::Key(KeyError::VerifierKey(_)),
            ) => None,
            Self::LedgerNotFound(_)
            | Self::Sandbox(_)
            | Self::NoMasterKey
            | Self::Tampered { .. }
            | Self::Contended(_)
            | Self::Size { .. }
            | Self::NotCurrent { .. }
            | Self::Log(_)
            | Self::Store(_) => return self,
        };
        Self::Tampered {
            ledger,
            position,
            what: self.to_string(),
        }
    }
}

/// That something differs, and where.
pub(super) fn tampered(ledger: LedgerName, position: Option<i64>, what: &str) -> SealError {
    let at = position.map_or_else(String::new, |position| format!(" at position {position}"));
    SealError::Tampered {
        ledger,
        position,
        what: format!("{what}{at}"),
    }
}
