//! What witnesses have cosigned.

use ledger_core::LedgerName;

use super::{AuditStore, StoreError, StoredCheckpoint};
use crate::cosignature::WitnessKey;

impl AuditStore {
    /// Events of the largest tree that a witness has cosigned; 0 when it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn cosigned(
        &self,
        ledger: LedgerName,
        witness: &WitnessKey,
    ) -> Result<u64, StoreError> {
        let size: Option<i64> = sqlx::query_scalar(
            "SELECT size FROM audit.cosignature WHERE ledger = $1 AND witness = $2 \
             ORDER BY size DESC LIMIT 1",
        )
        .bind(ledger.as_str())
        .bind(witness.as_str())
        .fetch_optional(&self.pool)
        .await?;
        let size = size.unwrap_or_default();
        u64::try_from(size).map_err(|_| StoreError::Number(size))
    }

    /// Whether a witness has cosigned a checkpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn has_cosigned(
        &self,
        ledger: LedgerName,
        checkpoint: &StoredCheckpoint,
        witness: &WitnessKey,
    ) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM audit.cosignature WHERE ledger = $1 AND size = $2 \
                 AND key_number = $3 AND witness = $4)",
        )
        .bind(ledger.as_str())
        .bind(size(checkpoint))
        .bind(checkpoint.key_number)
        .bind(witness.as_str())
        .fetch_one(&self.pool)
        .await?)
    }

    /// Keeps the line of a witness, unless there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn add_cosignature(
        &self,
        ledger: LedgerName,
        checkpoint: &StoredCheckpoint,
        witness: &WitnessKey,
        line: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO audit.cosignature (ledger, size, key_number, witness, line) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(size(checkpoint))
        .bind(checkpoint.key_number)
        .bind(witness.as_str())
        .bind(line)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn size(checkpoint: &StoredCheckpoint) -> i64 {
    i64::try_from(checkpoint.checkpoint.head.size).unwrap_or(i64::MAX)
}
