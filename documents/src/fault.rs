//! Why a document cannot be stored, read or removed.

use event_store::VaultError;
use uuid::Uuid;

use crate::content::ContentRefusal;
use crate::sealing::SealingFault;
use crate::storage::StorageFault;

/// Why the bytes of a document do not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// There are more than may be.
    #[error("the document has more than {limit} bytes")]
    TooLarge {
        /// How many may be.
        limit: u64,
    },
    /// The sender broke off.
    #[error("the document broke off")]
    BrokenOff,
    /// They did not come in time.
    #[error("the document did not come in time")]
    TooSlow,
    /// What they are wrapped in cannot be read.
    #[error("the parts of the body cannot be told apart: {0}")]
    Malformed(String),
}

/// Why a document is not stored, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentFault {
    /// Its bytes do not come.
    #[error(transparent)]
    Body(#[from] BodyFault),
    /// It is none that is taken.
    #[error(transparent)]
    Refused(#[from] ContentRefusal),
    /// It has not the size that was promised.
    #[error("{promised} bytes were promised, {found} came")]
    SizeDiffers {
        /// The size that was promised, in bytes.
        promised: u64,
        /// How many came.
        found: u64,
    },
    /// It is not the document that was promised.
    #[error("the document has another SHA-256 than was promised")]
    HashDiffers,
    /// As many are being brought as may be.
    #[error("as many documents are being brought as may be")]
    Busy,
    /// As many addresses are open for the case as may be.
    #[error("{limit} addresses for documents of the case are open")]
    TooManyAddresses {
        /// How many may be.
        limit: i64,
    },
    /// This deployment has no keys of persons.
    #[error("there are no keys to seal documents with")]
    NoVault,
    /// The person was erased.
    #[error("whom the document is about was erased")]
    Erased,
    /// The storage cannot be reached, or refuses.
    #[error("the storage of documents cannot be used")]
    Storage(#[source] StorageFault),
    /// What is stored is not what was stored.
    #[error("the document {document} is not as it was stored: {reason}")]
    Damaged {
        /// Which.
        document: Uuid,
        /// What is wrong.
        reason: &'static str,
    },
    /// PostgreSQL failed.
    #[error("the rows of documents cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// The keys of persons fail.
    #[error("the keys of persons cannot be used")]
    Vault(#[from] VaultError),
    /// A document cannot be sealed.
    #[error(transparent)]
    Sealing(#[from] SealingFault),
    /// A row says what none of ours can say.
    #[error("a row of documents cannot be read: {0}")]
    Row(&'static str),
    /// It was taken away while it was being recorded.
    #[error("the document {document} was swept away while it was stored")]
    Swept {
        /// Which.
        document: Uuid,
    },
}

impl From<StorageFault> for DocumentFault {
    fn from(fault: StorageFault) -> Self {
        Self::Storage(fault)
    }
}
