//! Machines: programs with a client secret, which they change for short-lived tokens (OAuth 2.0 client
//! credentials), and programs with a key that they send with every request.
//!
//! A key reads `dbk_<prefix>_<secret>`: the prefix is shown in lists and found by scanners of leaked
//! secrets, the secret has 256 random bits and is kept as a hash. It is shown once, when it is made.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::changes::announce_in_tx;
use crate::grants::grant_in_tx;
use crate::identities::{Identities, IdentityError, Refusal};
use crate::permission::Permission;
use crate::principal::Grant;
use crate::randomness::random_bytes;
use crate::records::{NewRecord, RecordKind};
use crate::secret::{SecretError, is_equal, new_token, token_hash};
use crate::subject::Subject;

/// What keys begin with.
pub const KEY_PREFIX: &str = "dbk_";

const PREFIX_BYTES: usize = 5;

/// How often a use is written down, at most.
const USE_NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How a machine shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineKind {
    /// With an id and a secret at the token endpoint.
    Client,
    /// With a key in every request.
    ApiKey,
}

impl MachineKind {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::ApiKey => "api_key",
        }
    }
}

/// A machine that is to be made.
#[derive(Debug, Clone)]
pub struct NewMachine {
    /// How it shows who it is.
    pub kind: MachineKind,
    /// What people call it.
    pub name: String,
    /// The permissions it may use at most; empty for all that its roles give.
    pub scopes: Vec<Permission>,
    /// Its roles.
    pub grants: Vec<Grant>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A machine that was made.
#[derive(Debug)]
pub struct MadeMachine {
    /// Its id, which is also a client's id at the token endpoint.
    pub id: Uuid,
    /// A client's secret, or the whole of a key; shown this once.
    pub secret: Zeroizing<String>,
}

/// A machine as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Machine {
    /// Its id.
    pub id: Uuid,
    /// `client` or `api_key`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// The part of its key that is no secret.
    pub prefix: String,
    /// The permissions it may use at most; empty for all that its roles give.
    pub scopes: Vec<String>,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A machine that has shown who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownMachine {
    pub(crate) id: Uuid,
    pub(crate) scopes: Option<Vec<Permission>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, sqlx::FromRow)]
struct Found {
    id: Uuid,
    secret_hash: Vec<u8>,
    scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
    used_at: Option<DateTime<Utc>>,
}

const MACHINES: &str = "\
SELECT id, kind, name, prefix, scopes, made_by, made_at, expires_at, used_at, revoked_at
FROM identity.machine";

const FIND: &str = "\
SELECT id, secret_hash, scopes, expires_at, used_at FROM identity.machine
WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR prefix = $2) AND ($3::uuid IS NULL OR id = $3)
  AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $4)";

impl Identities {
    /// Makes a machine.
    ///
    /// # Errors
    /// Faults.
    pub async fn make_machine(
        &self,
        new: NewMachine,
        by: Subject,
    ) -> Result<MadeMachine, IdentityError> {
        let (id, now) = (Uuid::now_v7(), self.now());
        let (prefix, random_part) = (new_prefix()?, new_token()?);
        let secret = match new.kind {
            MachineKind::Client => random_part,
            MachineKind::ApiKey => Zeroizing::new(format!("{KEY_PREFIX}{prefix}_{}", *random_part)),
        };
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
        let subject = Subject::Machine(id);
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO identity.machine \
             (id, kind, name, prefix, secret_hash, scopes, made_by, made_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id)
        .bind(new.kind.as_str())
        .bind(&new.name)
        .bind(&prefix)
        .bind(token_hash(&secret))
        .bind(scopes)
        .bind(by.to_string())
        .bind(now)
        .bind(new.expires_at)
        .execute(&mut *tx)
        .await?;
        for grant in new.grants {
            grant_in_tx(&mut tx, subject, grant, by, now).await?;
        }
        NewRecord::of(RecordKind::MachineMade, subject)
            .by(Some(by))
            .with(serde_json::json!({ "kind": new.kind.as_str(), "prefix": prefix }))
            .write(&mut *tx, now)
            .await?;
        tx.commit().await?;
        Ok(MadeMachine { id, secret })
    }

    /// Revokes a machine: its key, and every token it has got.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is none that is not revoked.
    pub async fn revoke_machine(&self, id: Uuid, by: Subject) -> Result<(), IdentityError> {
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let revoked = sqlx::query(
            "UPDATE identity.machine SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind(id)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if revoked.rows_affected() == 0 {
            return Err(Refusal::NotFound { what: "machine" }.into());
        }
        NewRecord::of(RecordKind::MachineRevoked, Subject::Machine(id))
            .by(Some(by))
            .write(&mut *tx, now)
            .await?;
        announce_in_tx(&mut tx, Subject::Machine(id)).await?;
        self.commit_change(tx).await?;
        Ok(())
    }

    /// All machines, newest first, at most `limit`, before `before`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn machines(
        &self,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Machine>, IdentityError> {
        Ok(sqlx::query_as(&format!(
            "{MACHINES} WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2"
        ))
        .bind(before)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Whether somebody is who acts when another subject does: they are the same person, here or as another
    /// issuer vouches for them, or they made the machine, or the machine that made it.
    ///
    /// # Errors
    /// Those of the database; [`IdentityError::Stored`] when a row is none of ours.
    pub async fn is_behind(&self, person: Subject, acting: Subject) -> Result<bool, IdentityError> {
        let mut connection = self.pool.acquire().await?;
        is_behind_in_tx(&mut connection, person, acting).await
    }

    /// Whether a key is somebody's.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_key(&self, key: &str) -> Result<bool, IdentityError> {
        Ok(self.key_holder(key).await?.is_some())
    }

    /// Whether this is a client's id and secret.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`] when it is not.
    pub async fn check_client(&self, id: Uuid, secret: &str) -> Result<(), IdentityError> {
        self.client(id, secret).await.map(drop)
    }

    /// The client with this id and secret.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`].
    pub(crate) async fn client(
        &self,
        id: Uuid,
        secret: &str,
    ) -> Result<KnownMachine, IdentityError> {
        self.known(Some(MachineKind::Client), None, Some(id), Some(secret))
            .await?
            .ok_or_else(|| Refusal::InvalidCredentials.into())
    }

    /// The machine that a token was given to, unless it was revoked since.
    pub(crate) async fn machine(&self, id: Uuid) -> Result<Option<KnownMachine>, IdentityError> {
        self.known(Some(MachineKind::Client), None, Some(id), None)
            .await
    }

    /// The machine with this key.
    pub(crate) async fn key_holder(
        &self,
        key: &str,
    ) -> Result<Option<KnownMachine>, IdentityError> {
        let prefix = key
            .strip_prefix(KEY_PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .map(|(prefix, _)| prefix);
        match prefix {
            Some(prefix) => {
                self.known(Some(MachineKind::ApiKey), Some(prefix), None, Some(key))
                    .await
            }
            None => Ok(None),
        }
    }

    /// The machine that has shown who it is before, unless it was revoked since.
    pub(crate) async fn machine_of_any_kind(
        &self,
        id: Uuid,
    ) -> Result<Option<KnownMachine>, IdentityError> {
        self.known(None, None, Some(id), None).await
    }

    async fn known(
        &self,
        kind: Option<MachineKind>,
        prefix: Option<&str>,
        id: Option<Uuid>,
        secret: Option<&str>,
    ) -> Result<Option<KnownMachine>, IdentityError> {
        let now = self.now();
        let found: Option<Found> = sqlx::query_as(FIND)
            .bind(kind.map(MachineKind::as_str))
            .bind(prefix)
            .bind(id)
            .bind(now)
            .fetch_optional(&self.pool)
            .await?;
        let is_right = |found: &Found| {
            secret.is_none_or(|secret| is_equal(&found.secret_hash, &token_hash(secret)))
        };
        let Some(found) = found.filter(is_right) else {
            return Ok(None);
        };
        if found
            .used_at
            .is_none_or(|used_at| now - used_at >= USE_NOTED_EVERY)
        {
            sqlx::query("UPDATE identity.machine SET used_at = $2 WHERE id = $1")
                .bind(found.id)
                .bind(now)
                .execute(&self.pool)
                .await?;
        }
        let scopes: Vec<Permission> = found
            .scopes
            .iter()
            .map(|scope| scope.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| IdentityError::Stored { what: "scope" })?;
        Ok(Some(KnownMachine {
            id: found.id,
            scopes: (!scopes.is_empty()).then_some(scopes),
            expires_at: found.expires_at,
        }))
    }
}

/// See [`Identities::is_behind`].
pub(crate) async fn is_behind_in_tx(
    tx: &mut PgConnection,
    person: Subject,
    mut acting: Subject,
) -> Result<bool, IdentityError> {
    // Nobody makes a machine that makes them: the steps lead back in time, and end.
    loop {
        if person.is_same_as(acting) {
            return Ok(true);
        }
        let Subject::Machine(id) = acting else {
            return Ok(false);
        };
        let maker: Option<String> =
            sqlx::query_scalar("SELECT made_by FROM identity.machine WHERE id = $1")
                .bind(id)
                .fetch_optional(&mut *tx)
                .await?;
        let Some(maker) = maker else {
            return Ok(false);
        };
        acting = maker
            .parse()
            .map_err(|_| IdentityError::Stored { what: "machine" })?;
    }
}

/// Ten hexadecimal digits: no `_`, which separates the parts of a key.
fn new_prefix() -> Result<String, IdentityError> {
    let bytes = random_bytes::<PREFIX_BYTES>().map_err(SecretError::from)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
