//! Finding a person by an address that the database does not have: by a keyed hash of its normal form.

use ledger_core::personal::PersonalField;
use ledger_core::profile::{ProfileEvent, ProfileField};
use ledger_core::{Event, LedgerName, OwnerId, Position};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::sealing::{hmac, new_key};
use super::{DATA_KEY_BYTES, Vault, VaultError, WrappedKey};
use ledger_core::event::RecordedEvent;

/// By what a person can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupKind {
    /// An email address in its normal form.
    Email,
    /// A phone number in the form of E.164.
    Phone,
}

impl LookupKind {
    const ALL: [Self; 2] = [Self::Email, Self::Phone];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    const fn field(self) -> ProfileField {
        match self {
            Self::Email => ProfileField::Email,
            Self::Phone => ProfileField::Phone,
        }
    }
}

impl Vault {
    /// The owners whose profile has this address, in order of name. What is asked is in its normal form.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn find(
        &self,
        ledger: LedgerName,
        kind: LookupKind,
        address: &str,
    ) -> Result<Vec<String>, VaultError> {
        let hash = hash(&self.index_key().await?, ledger, kind, address);
        Ok(sqlx::query_scalar(
            "SELECT owner FROM personal.lookup WHERE ledger = $1 AND kind = $2 AND hash = $3 \
             ORDER BY owner",
        )
        .bind(ledger.as_str())
        .bind(kind.as_str())
        .bind(hash.as_slice())
        .fetch_all(&self.pool)
        .await?)
    }

    /// Takes note of the addresses that an event says; of an erased person nothing. Events may come again
    /// and in any order: what the last one says stays.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn note_addresses(
        &self,
        ledger: LedgerName,
        event: &RecordedEvent,
    ) -> Result<(), VaultError> {
        let mut opened = event.clone();
        self.open_event(ledger, &mut opened).await?;
        let Event::Profile(event) = &opened.event else {
            return Ok(());
        };
        let ProfileEvent::ProfileRecorded {
            owner,
            details,
            removed,
            ..
        } = &**event
        else {
            return Ok(());
        };
        for kind in LookupKind::ALL {
            let fields = details.fields();
            let field = fields.iter().find(|(field, _)| *field == kind.field());
            let clear =
                field.and_then(|(_, personal): &(_, &dyn PersonalField)| personal.clear_text());
            if let Some(address) = clear {
                self.note_address(ledger, owner, kind, address, opened.position)
                    .await?;
            } else if removed.contains(&kind.field()) {
                self.forget_address(ledger, owner, kind, opened.position)
                    .await?;
            }
        }
        Ok(())
    }

    async fn note_address(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
        kind: LookupKind,
        address: &str,
        position: Position,
    ) -> Result<(), VaultError> {
        let hash = hash(&self.index_key().await?, ledger, kind, address);
        let mut tx = self.pool.begin().await?;
        // Whoever destroys the key waits for this, or has destroyed it before.
        let usable: Option<bool> = sqlx::query_scalar(
            "SELECT wrapped IS NOT NULL FROM personal.data_key \
             WHERE ledger = $1 AND owner_key = $2 FOR SHARE",
        )
        .bind(ledger.as_str())
        .bind(owner.key().as_uuid())
        .fetch_optional(&mut *tx)
        .await?;
        if usable != Some(true) {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO personal.lookup AS known (ledger, owner_key, owner, kind, hash, position) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT ON CONSTRAINT lookup_pkey DO UPDATE SET hash = $5, position = $6 \
             WHERE known.position <= $6",
        )
        .bind(ledger.as_str())
        .bind(owner.key().as_uuid())
        .bind(owner.as_str())
        .bind(kind.as_str())
        .bind(hash.as_slice())
        .bind(position.value())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn forget_address(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
        kind: LookupKind,
        position: Position,
    ) -> Result<(), VaultError> {
        sqlx::query(
            "DELETE FROM personal.lookup \
             WHERE ledger = $1 AND owner_key = $2 AND kind = $3 AND position < $4",
        )
        .bind(ledger.as_str())
        .bind(owner.key().as_uuid())
        .bind(kind.as_str())
        .bind(position.value())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The key of the hashes, made if there was none.
    async fn index_key(&self) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, VaultError> {
        if let Some(key) = self.kept_index_key().await? {
            return Ok(key);
        }
        let (id, key) = (Uuid::now_v7(), new_key()?);
        let wrapped = self.master_keys.wrap(&index_place(id), &key).await?;
        sqlx::query(
            "INSERT INTO personal.index_key (id, master_key, wrapped) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(&wrapped.master_key)
        .bind(&wrapped.bytes)
        .execute(&self.pool)
        .await?;
        let kept = self.kept_index_key().await?;
        kept.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    async fn kept_index_key(&self) -> Result<Option<Zeroizing<[u8; DATA_KEY_BYTES]>>, VaultError> {
        let row: Option<(Uuid, String, Vec<u8>)> =
            sqlx::query_as("SELECT id, master_key, wrapped FROM personal.index_key")
                .fetch_optional(&self.pool)
                .await?;
        let Some((id, master_key, bytes)) = row else {
            return Ok(None);
        };
        let wrapped = WrappedKey { master_key, bytes };
        let key = self.master_keys.unwrap(&index_place(id), &wrapped).await?;
        Ok(Some(key))
    }
}

/// Where the key of the hashes is wrapped.
pub(super) fn index_place(id: Uuid) -> String {
    format!("personal index/{id}")
}

fn hash(
    key: &Zeroizing<[u8; DATA_KEY_BYTES]>,
    ledger: LedgerName,
    kind: LookupKind,
    address: &str,
) -> [u8; 32] {
    let kind = kind.as_str();
    let message = Zeroizing::new(format!("{ledger}\0{kind}\0{address}"));
    hmac(key, message.as_bytes())
}
