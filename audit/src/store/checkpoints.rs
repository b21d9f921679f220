//! Checkpoints that were signed, in two orders: by size, and by when they were signed.

use chrono::{DateTime, Utc};
use ledger_core::LedgerName;
use sqlx::PgConnection;

use super::{AuditStore, StoreError};
use crate::checkpoint::{Checkpoint, CheckpointError};

/// A checkpoint that was signed, with what witnesses have added by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The number of the key that signed it.
    pub key_number: i32,
    /// Its number: of one ledger's, what was signed later has a greater one.
    pub number: i64,
    /// When it was signed.
    pub sealed_at: DateTime<Utc>,
}

type Row = (String, i64, i32, i64, DateTime<Utc>);

/// A checkpoint with its cosignatures.
const SELECT: &str = "SELECT note || COALESCE((SELECT string_agg(line, '' ORDER BY witness) \
                          FROM audit.cosignature AS cosignature \
                          WHERE cosignature.ledger = checkpoint.ledger \
                          AND cosignature.size = checkpoint.size \
                          AND cosignature.key_number = checkpoint.key_number), ''), \
                          size, key_number, number, sealed_at \
                      FROM audit.checkpoint AS checkpoint WHERE ledger = $1";

impl AuditStore {
    /// The checkpoint of the largest tree, by the latest key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest(&self, ledger: LedgerName) -> Result<Option<StoredCheckpoint>, StoreError> {
        Ok(self.checkpoints(ledger, None, 1).await?.into_iter().next())
    }

    /// Checkpoints of trees smaller than `below`, the largest first: `limit` of them, and all others of the last
    /// one's size, so that whoever goes on below that size passes over none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoints(
        &self,
        ledger: LedgerName,
        below: Option<i64>,
        limit: i64,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "SELECT * FROM ({SELECT} AND size < $2 ORDER BY size DESC \
                 FETCH FIRST $3 ROWS WITH TIES) AS page \
             ORDER BY size DESC, key_number DESC"
        ))
        .bind(ledger.as_str())
        .bind(below.unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(stored).collect()
    }

    /// The checkpoint of the tree of exactly this size, by the latest key that signed one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoint_of_size(
        &self,
        ledger: LedgerName,
        size: u64,
    ) -> Result<Option<StoredCheckpoint>, StoreError> {
        let query = format!("{SELECT} AND size = $2 ORDER BY key_number DESC LIMIT 1");
        let row: Option<Row> = sqlx::query_as(&query)
            .bind(ledger.as_str())
            .bind(i64::try_from(size).unwrap_or(i64::MAX))
            .fetch_optional(&self.pool)
            .await?;
        row.map(stored).transpose()
    }

    /// The next `limit` checkpoints with a greater number, in the order in which they were signed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signed_after(
        &self,
        ledger: LedgerName,
        number: i64,
        limit: i64,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let query = format!("{SELECT} AND number > $2 ORDER BY number LIMIT $3");
        let rows: Vec<Row> = sqlx::query_as(&query)
            .bind(ledger.as_str())
            .bind(number)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(stored).collect()
    }
}

/// Keeps a checkpoint, unless there is one of that size by that key.
///
/// Whoever calls this holds a lock on the log's row that others who do wait for, so that numbers are committed in
/// their order.
pub(crate) async fn add_checkpoint(
    tx: &mut PgConnection,
    ledger: LedgerName,
    size: u64,
    key_number: i32,
    note: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit.checkpoint (ledger, size, key_number, note) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (ledger, size, key_number) DO NOTHING",
    )
    .bind(ledger.as_str())
    .bind(i64::try_from(size).unwrap_or(i64::MAX))
    .bind(key_number)
    .bind(note)
    .execute(tx)
    .await?;
    Ok(())
}

fn stored(
    (note, size, key_number, number, sealed_at): Row,
) -> Result<StoredCheckpoint, StoreError> {
    let checkpoint: Checkpoint = note.parse()?;
    if i64::try_from(checkpoint.head.size) != Ok(size) {
        return Err(CheckpointError.into());
    }
    Ok(StoredCheckpoint {
        checkpoint,
        key_number,
        number,
        sealed_at,
    })
}
