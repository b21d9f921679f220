//! The keys under which what tells of a person is sealed, and what is done with them.
//!
//! Every owner has a key of their own in every ledger (`personal.data_key`), wrapped under a master key that
//! is not in the database ([`MasterKeys`]). The executor seals with it what an event says of the person,
//! before the event is written. Whoever may read opens it. Destroying the key erases all of it, wherever it
//! was copied to, and leaves every byte of the log as it was.
//!
//! **A key is made before the append** and committed by itself: a crash in between leaves a key that nothing
//! is sealed with. The row of a destroyed key stays and cannot be changed again, so that no node makes
//! another one for the same person.
//!
//! **No key is remembered.** Each use reads the row and unwraps the key, and forgets it: what is destroyed is
//! destroyed for every node with the commit that destroys it. A profile is written and read seldom; a search
//! in an index and a microsecond are nothing for it.

mod lookup;
mod master_keys;
mod rotation;
mod sealing;

use std::sync::Arc;

use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, OwnerKey, Stream};
use sqlx::postgres::PgPool;
use uuid::Uuid;
use zeroize::Zeroizing;

pub use lookup::LookupKind;
pub use master_keys::{DATA_KEY_BYTES, MasterKeyFault, MasterKeys, WrappedKey};
pub use rotation::Rotation;
pub(crate) use sealing::seal_event;
pub use sealing::{DataKey, SealingFault};

/// Why something personal cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// PostgreSQL failed or cannot be reached.
    #[error("the keys cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// The master key cannot be used.
    #[error("a key cannot be wrapped or unwrapped")]
    MasterKey(#[from] MasterKeyFault),
    /// A value cannot be sealed or opened.
    #[error("a personal value cannot be sealed or opened")]
    Sealing(#[from] SealingFault),
}

/// What there is of a person's key.
#[derive(Debug)]
pub enum PersonKey {
    /// It can be used.
    Usable(DataKey),
    /// It was destroyed: the person is erased.
    Destroyed,
}

/// The keys of persons; cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    pool: PgPool,
    master_keys: Arc<dyn MasterKeys>,
}

type KeyRow = (Uuid, Option<String>, Option<Vec<u8>>);

impl Vault {
    /// The keys in a migrated database.
    #[must_use]
    pub fn new(pool: PgPool, master_keys: Arc<dyn MasterKeys>) -> Self {
        Self { pool, master_keys }
    }

    /// A person's key, made if there was none.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn key_to_seal(
        &self,
        ledger: LedgerName,
        person: OwnerKey,
    ) -> Result<PersonKey, VaultError> {
        if let Some(row) = self.row(ledger, person).await? {
            return self.unwrapped(ledger, person, row).await;
        }
        let (id, key) = (Uuid::now_v7(), sealing::new_key()?);
        let wrapped = self
            .master_keys
            .wrap(&place(ledger, person, id), &key)
            .await?;
        sqlx::query(
            "INSERT INTO personal.data_key (ledger, owner_key, id, master_key, wrapped) \
             SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS ( \
                 SELECT FROM daybook.ledger_head WHERE ledger = $1 AND is_sandbox) \
             ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(person.as_uuid())
        .bind(id)
        .bind(&wrapped.master_key)
        .bind(&wrapped.bytes)
        .execute(&self.pool)
        .await?;
        // Another node may have made one, or destroyed it, at the same time: what is there is what counts.
        match self.row(ledger, person).await? {
            Some(row) => self.unwrapped(ledger, person, row).await,
            // A sandbox has no keys: what its source tells of persons cannot be read there, nor anything be added.
            None => Ok(PersonKey::Destroyed),
        }
    }

    /// A person's key, if there is one that can be used.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn key_to_open(
        &self,
        ledger: LedgerName,
        person: OwnerKey,
    ) -> Result<Option<DataKey>, VaultError> {
        let Some(row) = self.row(ledger, person).await? else {
            return Ok(None);
        };
        Ok(match self.unwrapped(ledger, person, row).await? {
            PersonKey::Usable(key) => Some(key),
            PersonKey::Destroyed => None,
        })
    }

    /// Opens what an event says of a person, or says that it is erased.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn open_event(
        &self,
        ledger: LedgerName,
        event: &mut RecordedEvent,
    ) -> Result<(), VaultError> {
        let Stream::Profile(person) = event.stream else {
            return Ok(());
        };
        let key = self.key_to_open(ledger, person).await?;
        Ok(sealing::open_event(ledger, event, key.as_ref())?)
    }

    /// Destroys a person's key, and forgets by what the person is found. Nothing can be sealed for that
    /// person afterwards, also if there never was a key. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn destroy(&self, ledger: LedgerName, person: OwnerKey) -> Result<(), VaultError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO personal.data_key AS kept (ledger, owner_key, id, destroyed_at) \
             VALUES ($1, $2, $3, now()) \
             ON CONFLICT ON CONSTRAINT data_key_pkey DO UPDATE \
             SET master_key = NULL, wrapped = NULL, destroyed_at = now() \
             WHERE kept.destroyed_at IS NULL",
        )
        .bind(ledger.as_str())
        .bind(person.as_uuid())
        .bind(Uuid::now_v7())
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM personal.lookup WHERE ledger = $1 AND owner_key = $2")
            .bind(ledger.as_str())
            .bind(person.as_uuid())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn row(
        &self,
        ledger: LedgerName,
        person: OwnerKey,
    ) -> Result<Option<KeyRow>, sqlx::Error> {
        sqlx::query_as(
            "SELECT id, master_key, wrapped FROM personal.data_key \
             WHERE ledger = $1 AND owner_key = $2",
        )
        .bind(ledger.as_str())
        .bind(person.as_uuid())
        .fetch_optional(&self.pool)
        .await
    }

    async fn unwrapped(
        &self,
        ledger: LedgerName,
        person: OwnerKey,
        (id, master_key, bytes): KeyRow,
    ) -> Result<PersonKey, VaultError> {
        let (Some(master_key), Some(bytes)) = (master_key, bytes) else {
            return Ok(PersonKey::Destroyed);
        };
        let wrapped = WrappedKey { master_key, bytes };
        let key: Zeroizing<_> = self
            .master_keys
            .unwrap(&place(ledger, person, id), &wrapped)
            .await?;
        Ok(PersonKey::Usable(DataKey::new(id, &key)))
    }
}

/// Where a key is wrapped: in another row it does not open.
fn place(ledger: LedgerName, person: OwnerKey, id: Uuid) -> String {
    format!("personal/{ledger}/{person}/{id}")
}
