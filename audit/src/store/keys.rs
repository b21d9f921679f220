//! Keys of logs, wrapped.

use chrono::{DateTime, Utc};
use event_store::vault::{MasterKeys, WrappedKey};
use ledger_core::LedgerName;
use sqlx::Postgres;

use super::{AuditStore, StoreError};
use crate::keys::{LogKey, PublicKey, SignedRecord};

/// A key of a log.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// 1, 2, 3 …; the last one signs.
    pub number: i32,
    /// The public key.
    pub key: PublicKey,
    /// The size from which only this key signs.
    pub after: u64,
    /// The note by which the key before introduced it.
    pub record: Option<String>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    wrapped: WrappedKey,
}

type KeyRow = (
    i32,
    String,
    i64,
    Option<String>,
    DateTime<Utc>,
    String,
    Vec<u8>,
);

const KEYS: &str = "SELECT number, verifier_key, after_size, record, made_at, master_key, wrapped \
                    FROM audit.key WHERE ledger = $1 ORDER BY number";

impl AuditStore {
    /// The keys of a ledger's log, the first one first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys(&self, ledger: LedgerName) -> Result<Vec<StoredKey>, StoreError> {
        keys_in(&self.pool, ledger).await
    }

    /// Keeps a log's first key, unless there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn add_first_key(
        &self,
        ledger: LedgerName,
        key: &LogKey,
        master_keys: &dyn MasterKeys,
    ) -> Result<(), StoreError> {
        let wrapped = master_keys.wrap(&place(ledger, 1), key.seed()).await?;
        sqlx::query(
            "INSERT INTO audit.key (ledger, number, verifier_key, after_size, master_key, wrapped) \
             VALUES ($1, 1, $2, 0, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(key.verifier_key())
        .bind(&wrapped.master_key)
        .bind(&wrapped.bytes)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// How many private keys are not under the current master key.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn behind(&self, master_keys: &dyn MasterKeys) -> Result<i64, StoreError> {
        let query = "SELECT count(*) FROM audit.key WHERE master_key <> $1";
        let counted = sqlx::query_scalar(query).bind(master_keys.current());
        Ok(counted.fetch_one(&self.pool).await?)
    }

    /// Wraps every private key anew that is not under the current master key; how many.
    ///
    /// # Errors
    /// [`StoreError`]; what was wrapped anew before stays so.
    pub async fn rewrap(&self, master_keys: &dyn MasterKeys) -> Result<u64, StoreError> {
        let rows: Vec<(String, i32, String, Vec<u8>)> = sqlx::query_as(
            "SELECT ledger, number, master_key, wrapped FROM audit.key WHERE master_key <> $1",
        )
        .bind(master_keys.current())
        .fetch_all(&self.pool)
        .await?;
        let mut rewrapped = 0;
        for (ledger, number, master_key, bytes) in rows {
            let name: LedgerName = ledger
                .parse()
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let place = place(name, number);
            let seed = master_keys
                .unwrap(&place, &WrappedKey { master_key, bytes })
                .await?;
            let anew = master_keys.wrap(&place, &seed).await?;
            let done = sqlx::query(
                "UPDATE audit.key SET master_key = $3, wrapped = $4 \
                 WHERE ledger = $1 AND number = $2",
            )
            .bind(&ledger)
            .bind(number)
            .bind(&anew.master_key)
            .bind(&anew.bytes)
            .execute(&self.pool)
            .await?;
            rewrapped += done.rows_affected();
        }
        Ok(rewrapped)
    }
}

impl StoredKey {
    /// The private key.
    ///
    /// # Errors
    /// [`StoreError::MasterKey`] and [`StoreError::Key`].
    pub(crate) async fn open(
        &self,
        ledger: LedgerName,
        master_keys: &dyn MasterKeys,
    ) -> Result<LogKey, StoreError> {
        let seed = master_keys
            .unwrap(&place(ledger, self.number), &self.wrapped)
            .await?;
        Ok(LogKey::from_seed(self.key.origin(), seed)?)
    }
}

/// The records of keys, for whoever follows them.
#[must_use]
pub fn records_of(keys: &[StoredKey]) -> Vec<SignedRecord> {
    let notes = keys.iter().filter_map(|key| key.record.as_ref());
    notes
        .filter_map(|note| SignedRecord::read(note.as_bytes()))
        .collect()
}

pub(crate) async fn keys_in<'e, E>(
    executor: E,
    ledger: LedgerName,
) -> Result<Vec<StoredKey>, StoreError>
where
    E: sqlx::Executor<'e, Database = Postgres>,
{
    let rows: Vec<KeyRow> = sqlx::query_as(KEYS)
        .bind(ledger.as_str())
        .fetch_all(executor)
        .await?;
    rows.into_iter()
        .map(
            |(number, verifier_key, after, record, made_at, master_key, bytes)| {
                Ok(StoredKey {
                    number,
                    key: verifier_key.parse()?,
                    after: u64::try_from(after).map_err(|_| StoreError::Number(after))?,
                    record,
                    made_at,
                    wrapped: WrappedKey { master_key, bytes },
                })
            },
        )
        .collect()
}

/// Where a private key is wrapped: in another row it does not open.
pub(crate) fn place(ledger: LedgerName, number: i32) -> String {
    format!("audit/{ledger}/{number}")
}
