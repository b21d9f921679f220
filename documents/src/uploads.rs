//! Bringing a document by an address that is good once, for some minutes, and for that document alone.
//!
//! The address ends with 256 random bits; only their SHA-256 is kept. Whoever has it needs no other credential, so
//! that a browser or another program can bring the bytes. It is used up when the document is recorded; what breaks
//! off or is refused before may be brought again until the time is over.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ledger_core::verification::DocumentKind;
use ledger_core::{CaseId, LedgerName, OwnerId};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::content::ContentRefusal;
use crate::fault::{BodyFault, DocumentFault};
use crate::keeping::{Documents, Promise};
use crate::sealing::SealingFault;

/// Addresses open for one case at a time: as many as it may have documents.
const MOST_OPEN: i64 = 64;

/// For how long it is known of an address that it was one.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

/// The random bytes of an address.
const TOKEN_BYTES: usize = 32;

/// A document that somebody wants to bring.
#[derive(Debug, Clone)]
pub struct UploadRequest {
    /// The ledger.
    pub ledger: LedgerName,
    /// The case.
    pub case: CaseId,
    /// Whom it is about.
    pub owner: OwnerId,
    /// What kind of document it is.
    pub kind: DocumentKind,
    /// What it will be.
    pub promise: Promise,
    /// Who asks, as the event will say.
    pub actor: String,
}

/// An address.
#[derive(Debug)]
pub struct UploadAddress {
    /// What it ends with.
    pub token: Zeroizing<String>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

/// An address that somebody uses.
#[derive(Debug, Clone)]
pub struct TakenUpload {
    /// Its id.
    pub id: Uuid,
    /// What is to be brought.
    pub request: UploadRequest,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TakeFault {
    /// There is none such.
    #[error("there is no such address")]
    Unknown,
    /// Its time is over.
    #[error("the address was good until {at}")]
    Expired {
        /// Until when.
        at: DateTime<Utc>,
    },
    /// Its document was brought.
    #[error("the address was used for the document {document}")]
    Used {
        /// Which.
        document: Uuid,
    },
    /// Somebody is using it.
    #[error("the address is being used")]
    InUse,
    /// PostgreSQL failed, or a row cannot be read.
    #[error(transparent)]
    Fault(#[from] DocumentFault),
}

impl From<sqlx::Error> for TakeFault {
    fn from(error: sqlx::Error) -> Self {
        Self::Fault(error.into())
    }
}

#[derive(sqlx::FromRow)]
struct Stored {
    id: Uuid,
    ledger: String,
    case_id: Uuid,
    owner: String,
    kind: String,
    size_bytes: i64,
    sha256: String,
    actor: String,
}

impl TryFrom<Stored> for TakenUpload {
    type Error = DocumentFault;

    fn try_from(row: Stored) -> Result<Self, DocumentFault> {
        let promise = Promise {
            size: u64::try_from(row.size_bytes).map_err(|_| DocumentFault::Row("size"))?,
            sha256: row.sha256.parse().map_err(|_| DocumentFault::Row("hash"))?,
        };
        Ok(Self {
            id: row.id,
            request: UploadRequest {
                ledger: row
                    .ledger
                    .parse()
                    .map_err(|_| DocumentFault::Row("ledger"))?,
                case: CaseId::new(row.case_id),
                owner: row.owner.parse().map_err(|_| DocumentFault::Row("owner"))?,
                kind: row.kind.parse().map_err(|_| DocumentFault::Row("kind"))?,
                promise,
                actor: row.actor,
            },
        })
    }
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn seconds(period: std::time::Duration) -> i64 {
    i64::try_from(period.as_secs()).unwrap_or(i64::MAX)
}

impl Documents {
    /// Opens an address for a document.
    ///
    /// # Errors
    /// [`DocumentFault`]: what is promised is none that is taken, or too many are open.
    pub async fn open_address(
        &self,
        request: &UploadRequest,
    ) -> Result<UploadAddress, DocumentFault> {
        let (size, limit) = (request.promise.size, self.settings.most_bytes);
        if size == 0 {
            return Err(ContentRefusal::Empty.into());
        }
        if size > limit {
            return Err(BodyFault::TooLarge { limit }.into());
        }
        let mut random = Zeroizing::new([0; TOKEN_BYTES]);
        getrandom::fill(random.as_mut_slice()).map_err(SealingFault::Randomness)?;
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random));
        let expires_at: Option<DateTime<Utc>> = sqlx::query_scalar(
            "INSERT INTO documents.upload (id, token_hash, ledger, case_id, owner, kind, \
                                           size_bytes, sha256, actor, expires_at) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 second' \
             WHERE (SELECT count(*) FROM documents.upload WHERE ledger = $3 AND case_id = $4 \
                      AND document_id IS NULL AND expires_at > now()) < $11 \
             RETURNING expires_at",
        )
        .bind(Uuid::now_v7())
        .bind(token_hash(&token))
        .bind(request.ledger.as_str())
        .bind(request.case.as_uuid())
        .bind(request.owner.as_str())
        .bind(request.kind.as_str())
        .bind(i64::try_from(size).map_err(|_| DocumentFault::Row("size"))?)
        .bind(request.promise.sha256.as_str())
        .bind(&request.actor)
        .bind(seconds(self.settings.address_lifetime))
        .bind(MOST_OPEN)
        .fetch_optional(self.rows.pool())
        .await?;
        match expires_at {
            Some(expires_at) => Ok(UploadAddress { token, expires_at }),
            None => Err(DocumentFault::TooManyAddresses { limit: MOST_OPEN }),
        }
    }

    /// Begins to use an address. Of two who do at the same time, one does.
    ///
    /// # Errors
    /// [`TakeFault`].
    pub async fn take_address(&self, token: &str) -> Result<TakenUpload, TakeFault> {
        let hash = token_hash(token);
        // Who took it and was never heard of again has crashed.
        let taken: Option<Stored> = sqlx::query_as(
            "UPDATE documents.upload SET taken_at = now() \
             WHERE token_hash = $1 AND document_id IS NULL AND expires_at > now() \
               AND (taken_at IS NULL OR taken_at < now() - $2 * interval '1 second') \
             RETURNING id, ledger, case_id, owner, kind, size_bytes, sha256, actor",
        )
        .bind(&hash)
        .bind(seconds(self.settings.patience * 2))
        .fetch_optional(self.rows.pool())
        .await?;
        if let Some(row) = taken {
            return Ok(row.try_into()?);
        }
        let known: Option<(DateTime<Utc>, Option<Uuid>)> = sqlx::query_as(
            "SELECT expires_at, document_id FROM documents.upload WHERE token_hash = $1",
        )
        .bind(&hash)
        .fetch_optional(self.rows.pool())
        .await?;
        Err(match known {
            None => TakeFault::Unknown,
            Some((_, Some(document))) => TakeFault::Used { document },
            Some((at, None)) if at <= Utc::now() => TakeFault::Expired { at },
            Some((_, None)) => TakeFault::InUse,
        })
    }

    /// Nothing came of it: it may be used again.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn put_back_address(&self, upload: Uuid) -> Result<(), DocumentFault> {
        sqlx::query("UPDATE documents.upload SET taken_at = NULL WHERE id = $1")
            .bind(upload)
            .execute(self.rows.pool())
            .await?;
        Ok(())
    }

    /// The document was brought and recorded: the address is good no longer.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn use_up_address(&self, upload: Uuid, document: Uuid) -> Result<(), DocumentFault> {
        sqlx::query("UPDATE documents.upload SET document_id = $2 WHERE id = $1")
            .bind(upload)
            .bind(document)
            .execute(self.rows.pool())
            .await?;
        Ok(())
    }

    /// Forgets addresses whose time has been over for long; how many.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn forget_addresses(&self) -> Result<u64, DocumentFault> {
        let done = sqlx::query("DELETE FROM documents.upload WHERE expires_at < $1")
            .bind(Utc::now() - REMEMBERED)
            .execute(self.rows.pool())
            .await?;
        Ok(done.rows_affected())
    }
}
