//! Signing: by which key, and which key follows it.

use ledger_core::{LedgerName, Timestamp};

use super::fault::tampered;
use super::{SealError, Sealer, leaf_of, position};
use crate::checkpoint::{Head, origin_of};
use crate::keys::{KeyRecord, LogKey, PublicKey};
use crate::proof::{check_path, inclusion};
use crate::store::{
    StoreError, StoredCheckpoint, StoredKey, add_checkpoint, keys_in, place, sealed_in,
};
use crate::tree::{HASH_BYTES, Hashes, needed_tiles};

impl Sealer {
    /// Has a new key follow the key of this number, from the size that is sealed now; the one that follows it
    /// already, when there is one.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn rotate(&self, ledger: LedgerName, replaced: i32) -> Result<StoredKey, SealError> {
        let made = self.follow(ledger, replaced).await;
        made.map_err(|error| error.judged(ledger))
    }

    async fn follow(&self, ledger: LedgerName, replaced: i32) -> Result<StoredKey, SealError> {
        let master_keys = self.master_keys()?;
        self.seal(ledger).await?;
        let mut tx = self.store.pool().begin().await?;
        let sealed = sealed_in(&mut tx, ledger, "FOR UPDATE").await?;
        let mut keys = keys_in(&mut *tx, ledger).await?;
        let current = keys.last().map_or(0, |key| key.number);
        if (1..current).contains(&replaced)
            && let Some(known) = keys.iter().position(|key| key.number == replaced + 1)
        {
            return Ok(keys.swap_remove(known));
        }
        let old = match keys.pop() {
            Some(old) if old.number == replaced => old,
            _ => return Err(SealError::NotCurrent { ledger, current }),
        };
        let signer = old.open(ledger, master_keys).await?;
        let new = LogKey::generate(signer.origin())?;
        let record = KeyRecord {
            after: sealed.tree.size(),
            key: new.verifier_key().parse::<PublicKey>()?,
        };
        let note = signer.sign(record.text().as_bytes())?;
        let number = old.number + 1;
        let wrapped = master_keys
            .wrap(&place(ledger, number), new.seed())
            .await
            .map_err(StoreError::from)?;
        sqlx::query(
            "INSERT INTO audit.key (ledger, number, verifier_key, after_size, record, master_key, wrapped) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(ledger.as_str())
        .bind(number)
        .bind(new.verifier_key())
        .bind(i64::try_from(record.after).unwrap_or(i64::MAX))
        .bind(&note)
        .bind(&wrapped.master_key)
        .bind(&wrapped.bytes)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        tracing::warn!(%ledger, key.number = number, "checkpoints are signed by a new key");
        self.sign(ledger, record.after).await?;
        let keys = self.store.keys(ledger).await?;
        let made = keys.into_iter().find(|key| key.number == number);
        made.ok_or(SealError::Contended(ledger))
    }

    /// Signs the tree of the first `size` events, all of which are sealed, with the key whose turn it is or was.
    pub(super) async fn sign(
        &self,
        ledger: LedgerName,
        size: u64,
    ) -> Result<StoredCheckpoint, SealError> {
        let keys = self.keys_to_sign(ledger).await?;
        let signer = key_of(&keys, size)?;
        if let Some(known) = self.store.checkpoint_of_size(ledger, size).await?
            && known.key_number == signer.number
        {
            return Ok(known);
        }
        let sealed = self.store.sealed(ledger).await?;
        let root = self.root_at(ledger, &sealed, size).await?;
        let recorded_at = self.last_recorded(ledger, size, root).await?;
        let mut tx = self.store.pool().begin().await?;
        // No key is replaced while this one signs, and numbers of checkpoints are committed in their order.
        sealed_in(&mut tx, ledger, "FOR UPDATE").await?;
        let keys = keys_in(&mut *tx, ledger).await?;
        let signer = key_of(&keys, size)?;
        let key = signer.open(ledger, self.master_keys()?).await?;
        let head = Head {
            origin: key.origin().to_owned(),
            size,
            root,
            recorded_at,
        };
        let note = head.sign(&key)?;
        add_checkpoint(&mut tx, ledger, size, signer.number, &note).await?;
        tx.commit().await?;
        let signed = self.store.checkpoint_of_size(ledger, size).await?;
        signed.ok_or(SealError::Contended(ledger))
    }

    async fn keys_to_sign(&self, ledger: LedgerName) -> Result<Vec<StoredKey>, SealError> {
        let keys = self.store.keys(ledger).await?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        let key = LogKey::generate(&origin_of(&self.settings.deployment, ledger))?;
        let master_keys = self.master_keys()?;
        self.store.add_first_key(ledger, &key, master_keys).await?;
        Ok(self.store.keys(ledger).await?)
    }

    /// When the last of the first `size` events was recorded, by the event that is in the tree with this root.
    async fn last_recorded(
        &self,
        ledger: LedgerName,
        size: u64,
        root: [u8; HASH_BYTES],
    ) -> Result<Option<Timestamp>, SealError> {
        let Some(index) = size.checked_sub(1) else {
            return Ok(None);
        };
        let last = self.log.read(ledger, position(index), 1).await?;
        let at = i64::try_from(size).ok();
        let Some(last) = last.first() else {
            return Err(tampered(ledger, at, "an event that was sealed is missing"));
        };
        let leaf = leaf_of(ledger, &last.text(), &mut Vec::new())?;
        let path = |hashes: &dyn Hashes| inclusion(size, index, hashes);
        let tiles = self.store.tiles(ledger, &needed_tiles(&path)?).await?;
        if check_path((size, root), index, leaf, &path(&tiles)?).is_err() {
            return Err(tampered(ledger, at, "an event that was sealed is changed"));
        }
        // A leaf has been written of it, and so it is a time.
        Ok(Timestamp::try_new(last.recorded_at).ok())
    }
}

/// The last key that may sign a tree of this size: from the size at which it followed, up to where it was followed.
fn key_of(keys: &[StoredKey], size: u64) -> Result<&StoredKey, SealError> {
    let key = keys.iter().rfind(|key| key.after <= size);
    key.ok_or(SealError::NoMasterKey)
}
