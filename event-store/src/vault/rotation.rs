//! Wrapping all keys anew under the current master key, after it was changed.
//!
//! Any number of nodes may do it at once, and go on sealing and opening meanwhile: a row says under which
//! master key it is. Nothing that was sealed changes. When nothing is left under an earlier master key, that
//! one can be thrown away, and with it every older copy of the keys, those in backups included.

use uuid::Uuid;

use super::lookup::index_place;
use super::{Vault, VaultError, WrappedKey, place};
use ledger_core::{LedgerName, OwnerKey};

/// Keys wrapped anew together.
const AT_ONCE: i64 = 100;

/// What became of the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Keys that were wrapped anew.
    pub rewrapped: u64,
}

type Row = (String, Uuid, Uuid, String, Vec<u8>);

impl Vault {
    /// Wraps every key that is not under the current master key anew.
    ///
    /// # Errors
    /// [`VaultError`]; what was wrapped anew before stays so.
    pub async fn rotate(&self) -> Result<Rotation, VaultError> {
        let mut rotation = Rotation::default();
        rotation.rewrapped += self.rewrap_index_key().await?;
        loop {
            let rewrapped = self.rewrap_some().await?;
            if rewrapped == 0 {
                return Ok(rotation);
            }
            rotation.rewrapped += rewrapped;
        }
    }

    /// How many keys are not under the current master key.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn behind(&self) -> Result<i64, VaultError> {
        Ok(sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM personal.data_key \
                     WHERE wrapped IS NOT NULL AND master_key <> $1) \
                  + (SELECT count(*) FROM personal.index_key WHERE master_key <> $1)",
        )
        .bind(self.master_keys.current())
        .fetch_one(&self.pool)
        .await?)
    }

    async fn rewrap_some(&self) -> Result<u64, VaultError> {
        let mut tx = self.pool.begin().await?;
        // A key that is just being destroyed is left alone, and is then none.
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT ledger, owner_key, id, master_key, wrapped FROM personal.data_key \
             WHERE wrapped IS NOT NULL AND master_key <> $1 \
             ORDER BY ledger, owner_key LIMIT $2 FOR UPDATE",
        )
        .bind(self.master_keys.current())
        .bind(AT_ONCE)
        .fetch_all(&mut *tx)
        .await?;
        let mut rewrapped = 0;
        for (ledger, owner_key, id, master_key, bytes) in rows {
            let ledger: LedgerName = ledger
                .parse()
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let place = place(ledger, OwnerKey::new(owner_key), id);
            let wrapped = WrappedKey { master_key, bytes };
            let key = self.master_keys.unwrap(&place, &wrapped).await?;
            let anew = self.master_keys.wrap(&place, &key).await?;
            let done = sqlx::query(
                "UPDATE personal.data_key SET master_key = $3, wrapped = $4 \
                 WHERE ledger = $1 AND owner_key = $2",
            )
            .bind(ledger.as_str())
            .bind(owner_key)
            .bind(&anew.master_key)
            .bind(&anew.bytes)
            .execute(&mut *tx)
            .await?;
            rewrapped += done.rows_affected();
        }
        tx.commit().await?;
        Ok(rewrapped)
    }

    async fn rewrap_index_key(&self) -> Result<u64, VaultError> {
        let mut tx = self.pool.begin().await?;
        let row: Option<(Uuid, String, Vec<u8>)> = sqlx::query_as(
            "SELECT id, master_key, wrapped FROM personal.index_key WHERE master_key <> $1 FOR UPDATE",
        )
        .bind(self.master_keys.current())
        .fetch_optional(&mut *tx)
        .await?;
        let Some((id, master_key, bytes)) = row else {
            return Ok(0);
        };
        let place = index_place(id);
        let wrapped = WrappedKey { master_key, bytes };
        let key = self.master_keys.unwrap(&place, &wrapped).await?;
        let anew = self.master_keys.wrap(&place, &key).await?;
        let done = sqlx::query("UPDATE personal.index_key SET master_key = $1, wrapped = $2")
            .bind(&anew.master_key)
            .bind(&anew.bytes)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}
