//! The keys that sign access tokens: made, published, signing, verifying, retired.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::Tokens;
use crate::identities::{Identities, IdentityError};
use crate::jwt::{KeySet, PublicKey, Signer};
use crate::records::{NewRecord, RecordKind};

/// How long a key signs.
const SIGNS_FOR: TimeDelta = TimeDelta::days(30);
/// How long before it signs a key is published.
const PUBLISHED_BEFORE: TimeDelta = TimeDelta::days(2);
/// How long after it has signed last a key still verifies: more than any token lives.
const VERIFIES_AFTER: TimeDelta = TimeDelta::days(1);

/// The keys as last read.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) read_at: DateTime<Utc>,
    pub(super) signer: Signer,
    pub(super) public: Vec<PublicKey>,
    pub(super) set: KeySet,
}

#[derive(Debug, sqlx::FromRow)]
struct StoredKey {
    kid: String,
    private_key: Vec<u8>,
    active_from: DateTime<Utc>,
}

/// Whoever makes a key holds this advisory lock: nodes that start together make one.
const MAKING: i64 = 0x6461_7962_6f6f_6b31;

impl Tokens {
    /// The keys that sign and verify now; makes the next one when it is due.
    pub(super) async fn read(&self, now: DateTime<Utc>) -> Result<Keys, IdentityError> {
        let mut stored = stored_keys(&self.identities, now).await?;
        if is_key_due(&stored, now) {
            self.make_key(now).await?;
            stored = stored_keys(&self.identities, now).await?;
        }
        let mut signing: Option<(DateTime<Utc>, Signer)> = None;
        let mut public = Vec::with_capacity(stored.len());
        for key in &stored {
            let opened = self
                .identities
                .master_key
                .open(&place(&key.kid), &key.private_key)?;
            let signer = Signer::try_from_pkcs8_der(&opened)
                .map_err(|error| IdentityError::Signing(Box::new(error)))?;
            public.push(signer.public_key().clone());
            let is_newer = signing
                .as_ref()
                .is_none_or(|(active_from, _)| key.active_from > *active_from);
            if key.active_from <= now && is_newer {
                signing = Some((key.active_from, signer));
            }
        }
        let set = KeySet::try_from_public_keys(&public)
            .map_err(|error| IdentityError::Signing(Box::new(error)))?;
        let (_, signer) = signing.ok_or(IdentityError::Stored {
            what: "signing key",
        })?;
        Ok(Keys {
            read_at: now,
            signer,
            public,
            set,
        })
    }

    /// Makes the next key, unless another node just did.
    async fn make_key(&self, now: DateTime<Utc>) -> Result<(), IdentityError> {
        let mut tx = self.identities.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(MAKING)
            .execute(&mut *tx)
            .await?;
        let stored = read_in_tx(&mut tx, now).await?;
        if !is_key_due(&stored, now) {
            return Ok(());
        }
        let signer = Signer::generate().map_err(|error| IdentityError::Signing(Box::new(error)))?;
        let kid = signer.public_key().key_id().to_owned();
        let sealed = self
            .identities
            .master_key
            .seal(&place(&kid), &signer.to_pkcs8_der())?;
        // The first key signs at once; the next ones when everybody has seen them.
        let active_from = if stored.is_empty() {
            now
        } else {
            now + PUBLISHED_BEFORE
        };
        sqlx::query(
            "INSERT INTO identity.signing_key (kid, private_key, made_at, active_from, retires_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&kid)
        .bind(sealed)
        .bind(now)
        .bind(active_from)
        .bind(active_from + SIGNS_FOR + PUBLISHED_BEFORE + VERIFIES_AFTER)
        .execute(&mut *tx)
        .await?;
        NewRecord::event(RecordKind::SigningKeyMade)
            .with(serde_json::json!({ "kid": kid }))
            .write(&mut *tx, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Whether the newest key has signed for so long that the next must be published.
fn is_key_due(stored: &[StoredKey], now: DateTime<Utc>) -> bool {
    stored
        .iter()
        .map(|key| key.active_from)
        .max()
        .is_none_or(|newest| now >= newest + SIGNS_FOR - PUBLISHED_BEFORE)
}

async fn stored_keys(
    identities: &Identities,
    now: DateTime<Utc>,
) -> Result<Vec<StoredKey>, IdentityError> {
    let mut connection = identities.pool.acquire().await?;
    Ok(read_in_tx(&mut connection, now).await?)
}

async fn read_in_tx(
    tx: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Vec<StoredKey>, sqlx::Error> {
    sqlx::query_as(
        "SELECT kid, private_key, active_from FROM identity.signing_key \
         WHERE retires_at > $1 ORDER BY active_from, kid",
    )
    .bind(now)
    .fetch_all(tx)
    .await
}

fn place(kid: &str) -> String {
    format!("signing_key/{kid}")
}
