//! What is known of every object, in `documents.document`.
//!
//! | state | what is there | next |
//! |---|---|---|
//! | storing | a part of the object, or nothing | stored; discarding |
//! | stored | the object; whether the log says so is not known yet | kept; discarding |
//! | kept | the object, and the log says so | removing |
//! | removing | perhaps the object | removed |
//! | removed | nothing, and the log says so | |
//! | discarding | perhaps the object, which the log never had | the row goes |
//!
//! Every step asks for the state before it, so that of two who take it one does.

use chrono::{DateTime, Utc};
use ledger_core::verification::{ContentHash, DocumentKind, RemovalReason};
use ledger_core::{CaseId, LedgerName, OwnerId};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::content::MediaType;
use crate::fault::DocumentFault;

/// How far an object has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// It is being written, or that broke off.
    Storing,
    /// It is there; whether the log says so is not known yet.
    Stored,
    /// It is there, and the log says so.
    Kept,
    /// It is being removed, and the log will say so.
    Removing(RemovalReason),
    /// It is not there any more, and the log says so.
    Removed(RemovalReason),
    /// The log never had it; it is being removed.
    Discarding,
}

/// What is known of an object.
#[derive(Debug, Clone)]
pub struct DocumentRow {
    /// Its id, which the log has as its reference.
    pub id: Uuid,
    /// The ledger.
    pub ledger: LedgerName,
    /// The case.
    pub case: CaseId,
    /// Whose key it is sealed under.
    pub owner: OwnerId,
    /// What kind of document it is.
    pub kind: DocumentKind,
    /// What kind of file it is.
    pub media_type: MediaType,
    /// How far it has come.
    pub state: RowState,
    /// How many bytes it has and which, once all were read.
    pub content: Option<(u64, ContentHash)>,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When its state changed.
    pub changed_at: DateTime<Utc>,
}

impl DocumentRow {
    /// The object's name.
    pub(crate) fn object(&self) -> String {
        object(self.ledger, self.case, self.id)
    }
}

/// The name of an object, whose last part is its row's id.
pub(crate) fn object(ledger: LedgerName, case: CaseId, id: Uuid) -> String {
    format!("{ledger}/{case}/{id}")
}

#[derive(sqlx::FromRow)]
struct Stored {
    id: Uuid,
    ledger: String,
    case_id: Uuid,
    owner: String,
    kind: String,
    media_type: String,
    state: String,
    size_bytes: Option<i64>,
    sha256: Option<String>,
    reason: Option<String>,
    begun_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, ledger, case_id, owner, kind, media_type, state, size_bytes, sha256, \
                       reason, begun_at, changed_at";

impl TryFrom<Stored> for DocumentRow {
    type Error = DocumentFault;

    fn try_from(row: Stored) -> Result<Self, DocumentFault> {
        let because = || match row.reason.as_deref() {
            Some("retention") => Ok(RemovalReason::Retention),
            Some("erasure") => Ok(RemovalReason::Erasure),
            Some(_) | None => Err(DocumentFault::Row("reason")),
        };
        let state = match row.state.as_str() {
            "storing" => RowState::Storing,
            "stored" => RowState::Stored,
            "kept" => RowState::Kept,
            "removing" => RowState::Removing(because()?),
            "removed" => RowState::Removed(because()?),
            "discarding" => RowState::Discarding,
            _ => return Err(DocumentFault::Row("state")),
        };
        let content = match (row.size_bytes, &row.sha256) {
            (Some(size), Some(hash)) => {
                let size = u64::try_from(size).map_err(|_| DocumentFault::Row("size"))?;
                let hash = hash.parse().map_err(|_| DocumentFault::Row("hash"))?;
                Some((size, hash))
            }
            (Some(_) | None, _) => None,
        };
        Ok(Self {
            id: row.id,
            ledger: row
                .ledger
                .parse()
                .map_err(|_| DocumentFault::Row("ledger"))?,
            case: CaseId::new(row.case_id),
            owner: row.owner.parse().map_err(|_| DocumentFault::Row("owner"))?,
            kind: row.kind.parse().map_err(|_| DocumentFault::Row("kind"))?,
            media_type: MediaType::of_content_type(&row.media_type)
                .ok_or(DocumentFault::Row("media type"))?,
            state,
            content,
            begun_at: row.begun_at,
            changed_at: row.changed_at,
        })
    }
}

const fn reason_name(reason: RemovalReason) -> &'static str {
    match reason {
        RemovalReason::Retention => "retention",
        RemovalReason::Erasure => "erasure",
    }
}

/// The rows of a migrated database; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pool: PgPool,
}

type Found = Result<Vec<DocumentRow>, DocumentFault>;

fn read(rows: Vec<Stored>) -> Found {
    rows.into_iter().map(DocumentRow::try_from).collect()
}

impl Rows {
    pub(crate) const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// An object will be written.
    pub(crate) async fn begin(&self, row: &DocumentRow) -> Result<(), DocumentFault> {
        sqlx::query(
            "INSERT INTO documents.document (id, ledger, case_id, owner, kind, media_type, state) \
             VALUES ($1, $2, $3, $4, $5, $6, 'storing')",
        )
        .bind(row.id)
        .bind(row.ledger.as_str())
        .bind(row.case.as_uuid())
        .bind(row.owner.as_str())
        .bind(row.kind.as_str())
        .bind(row.media_type.content_type())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The object is there.
    pub(crate) async fn stored(
        &self,
        id: Uuid,
        size: u64,
        sha256: &ContentHash,
    ) -> Result<bool, DocumentFault> {
        let done = sqlx::query(
            "UPDATE documents.document SET state = 'stored', size_bytes = $2, sha256 = $3, \
                 changed_at = now() WHERE id = $1 AND state = 'storing'",
        )
        .bind(id)
        .bind(i64::try_from(size).map_err(|_| DocumentFault::Row("size"))?)
        .bind(sha256.as_str())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes a step from some states to one; whether there was such a row.
    async fn step(&self, statement: &str, id: Uuid) -> Result<bool, DocumentFault> {
        let done = sqlx::query(statement).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }

    /// The log says that it is there.
    pub(crate) async fn kept(&self, id: Uuid) -> Result<bool, DocumentFault> {
        let statement = "UPDATE documents.document SET state = 'kept', changed_at = now() \
                         WHERE id = $1 AND state = 'stored'";
        self.step(statement, id).await
    }

    /// The log will never say so.
    pub(crate) async fn discarding(&self, id: Uuid) -> Result<bool, DocumentFault> {
        let statement = "UPDATE documents.document SET state = 'discarding', changed_at = now() \
                         WHERE id = $1 AND state IN ('storing', 'stored')";
        self.step(statement, id).await
    }

    /// What was discarded is not there any more.
    pub(crate) async fn forget(&self, id: Uuid) -> Result<bool, DocumentFault> {
        let statement = "DELETE FROM documents.document WHERE id = $1 AND state = 'discarding'";
        self.step(statement, id).await
    }

    /// It is to be removed.
    pub(crate) async fn removing(
        &self,
        id: Uuid,
        reason: RemovalReason,
    ) -> Result<bool, DocumentFault> {
        let done = sqlx::query(
            "UPDATE documents.document SET state = 'removing', reason = $2, changed_at = now() \
             WHERE id = $1 AND state = 'kept'",
        )
        .bind(id)
        .bind(reason_name(reason))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// It is not there any more, and the log says so.
    pub(crate) async fn removed(&self, id: Uuid) -> Result<bool, DocumentFault> {
        let statement = "UPDATE documents.document SET state = 'removed', changed_at = now() \
                         WHERE id = $1 AND state = 'removing'";
        self.step(statement, id).await
    }

    /// What was received for a case and is or was kept, in order.
    pub(crate) async fn of_case(&self, ledger: LedgerName, case: CaseId) -> Found {
        let query = format!(
            "SELECT {COLUMNS} FROM documents.document WHERE ledger = $1 AND case_id = $2 \
             AND state IN ('stored', 'kept', 'removing', 'removed') ORDER BY id"
        );
        let query = sqlx::query_as(&query);
        let query = query.bind(ledger.as_str()).bind(case.as_uuid());
        read(query.fetch_all(&self.pool).await?)
    }

    /// What is kept of a person.
    pub(crate) async fn of_owner(&self, ledger: LedgerName, owner: &OwnerId) -> Found {
        let query = format!(
            "SELECT {COLUMNS} FROM documents.document WHERE ledger = $1 AND owner = $2 \
             AND state <> 'removed' ORDER BY id"
        );
        let query = sqlx::query_as(&query);
        let query = query.bind(ledger.as_str()).bind(owner.as_str());
        read(query.fetch_all(&self.pool).await?)
    }

    /// What has not changed since a time and is neither kept nor removed.
    pub(crate) async fn unsettled(&self, before: DateTime<Utc>, after: Uuid, limit: i64) -> Found {
        let query = format!(
            "SELECT {COLUMNS} FROM documents.document WHERE state NOT IN ('kept', 'removed') \
             AND changed_at < $1 AND id > $2 ORDER BY id LIMIT $3"
        );
        let query = sqlx::query_as(&query).bind(before).bind(after).bind(limit);
        read(query.fetch_all(&self.pool).await?)
    }

    /// What is kept and was begun before a time, a part after another.
    pub(crate) async fn kept_since(
        &self,
        before: DateTime<Utc>,
        after: (DateTime<Utc>, Uuid),
        limit: i64,
    ) -> Found {
        let query = format!(
            "SELECT {COLUMNS} FROM documents.document WHERE state = 'kept' \
             AND begun_at <= $1 AND (begun_at, id) > ($2, $3) ORDER BY begun_at, id LIMIT $4"
        );
        let query = sqlx::query_as(&query).bind(before);
        let query = query.bind(after.0).bind(after.1).bind(limit);
        read(query.fetch_all(&self.pool).await?)
    }

    /// Which of these have rows.
    pub(crate) async fn known(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, DocumentFault> {
        Ok(
            sqlx::query_scalar("SELECT id FROM documents.document WHERE id = ANY($1)")
                .bind(ids)
                .fetch_all(&self.pool)
                .await?,
        )
    }
}
