//! People: registering, verifying addresses, passwords, blocking.
//!
//! Nobody learns here who has an account: registering answers alike whether the address is taken or
//! not, and takes as long.

use chrono::{DateTime, Utc};
use ledger_core::OwnerId;
use sqlx::PgConnection;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::codes::CodeOf;
use crate::contacts::tell_news_in_tx;
use crate::delivery::Purpose;
use crate::grants::grant_in_tx;
use crate::identities::{Identities, IdentityError, Refusal};
use crate::password;
use crate::permission::Role;
use crate::principal::{Grant, Ledgers};
use crate::records::{NewRecord, RecordKind};
use crate::sessions::{End, end_all_in_tx};
use crate::sign_in::sign_in_target;
use crate::subject::Subject;

/// A person as staff see them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Person {
    /// Their id.
    pub id: Uuid,
    /// The owner of their wallets.
    pub owner: String,
    /// When they registered.
    pub created_at: DateTime<Utc>,
    /// Since when they are blocked, if they are.
    pub blocked_at: Option<DateTime<Utc>>,
    /// Whether they have confirmed an authenticator.
    pub has_authenticator: bool,
}

/// Somebody who is to be made without registering: an administrator, a sample user.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// The owner of their wallets; one is made up when there is none.
    pub owner: Option<OwnerId>,
    /// An address, taken as verified.
    pub address: Address,
    /// Their password.
    pub password: Zeroizing<String>,
    /// Their roles.
    pub grants: Vec<Grant>,
}

const PERSON: &str = "\
SELECT person.id, person.owner, person.created_at, person.blocked_at,
       EXISTS (SELECT FROM identity.authenticator
               WHERE person_id = person.id AND confirmed_at IS NOT NULL) AS has_authenticator
FROM identity.person";

/// Shows an address to be a person's, unless another was faster.
const VERIFY: &str = "\
UPDATE identity.address SET verified_at = $3
WHERE person_id = $1 AND value = $2 AND verified_at IS NULL
  AND NOT EXISTS (SELECT FROM identity.address WHERE value = $2 AND verified_at IS NOT NULL)";

impl Identities {
    /// Registers a person and sends a code to the address; the id answers for the registration until the
    /// address is verified. Somebody else's address gives an id that no code fits.
    ///
    /// # Errors
    /// [`Refusal::Password`], [`Refusal::TooManyAttempts`], and faults.
    pub async fn register(
        &self,
        address: &Address,
        password: Zeroizing<String>,
    ) -> Result<Uuid, IdentityError> {
        password::check(&password, &[address.as_str()]).map_err(Refusal::Password)?;
        let hash = password::hash(password).await?;
        let (id, now) = (Uuid::now_v7(), self.now());
        if let Some(person) = self.person_at(address).await? {
            let of = CodeOf {
                person,
                purpose: Purpose::VerifyAddress,
            };
            self.count_unsent_code(of, address).await?;
            return Ok(id);
        }
        // Before anything is written: asking again and again must not fill the tables.
        self.check_rate(address, now).await?;
        let mut tx = self.pool.begin().await?;
        add_person_in_tx(&mut tx, id, &id.to_string(), &hash, now).await?;
        add_address_in_tx(&mut tx, id, address, now, None).await?;
        NewRecord::of(RecordKind::Registered, Subject::Person(id))
            .write(&mut *tx, now)
            .await?;
        tx.commit().await?;
        let of = CodeOf {
            person: id,
            purpose: Purpose::VerifyAddress,
        };
        self.send_code(of, address).await?;
        Ok(id)
    }

    /// Adds a second address to a person and sends a code to it.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`], and faults.
    pub async fn add_address(&self, person: Uuid, address: &Address) -> Result<(), IdentityError> {
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        add_address_in_tx(&mut tx, person, address, now, None).await?;
        tx.commit().await?;
        let of = CodeOf {
            person,
            purpose: Purpose::VerifyAddress,
        };
        self.send_code(of, address).await
    }

    /// Takes the code that was sent to an address; a person's first makes them a customer everywhere.
    ///
    /// # Errors
    /// [`Refusal::InvalidCode`].
    pub async fn verify_address(&self, person: Uuid, code: &str) -> Result<(), IdentityError> {
        let of = CodeOf {
            person,
            purpose: Purpose::VerifyAddress,
        };
        let address = self.use_code(of, code).await?;
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let verified = sqlx::query(VERIFY)
            .bind(person)
            .bind(&address)
            .bind(now)
            .execute(&mut *tx)
            .await;
        match verified {
            Ok(done) if done.rows_affected() == 1 => {}
            Ok(_) => return Err(Refusal::InvalidCode.into()),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                return Err(Refusal::InvalidCode.into());
            }
            Err(error) => return Err(error.into()),
        }
        let subject = Subject::Person(person);
        let customer = Grant {
            role: Role::Customer,
            ledgers: Ledgers::All,
        };
        grant_in_tx(&mut tx, subject, customer, subject, now).await?;
        NewRecord::of(RecordKind::AddressVerified, subject)
            .write(&mut *tx, now)
            .await?;
        tell_news_in_tx(&mut tx, person).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes a person whose address needs no code.
    ///
    /// # Errors
    /// [`Refusal::Password`]; a database fault when the address or owner is taken.
    pub async fn make_person(&self, new: NewPerson) -> Result<Uuid, IdentityError> {
        password::check(&new.password, &[new.address.as_str()]).map_err(Refusal::Password)?;
        let hash = password::hash(new.password).await?;
        let (id, now) = (Uuid::now_v7(), self.now());
        let owner = new
            .owner
            .map_or_else(|| id.to_string(), |owner| owner.to_string());
        let subject = Subject::Person(id);
        let mut tx = self.pool.begin().await?;
        add_person_in_tx(&mut tx, id, &owner, &hash, now).await?;
        add_address_in_tx(&mut tx, id, &new.address, now, Some(now)).await?;
        for grant in new.grants {
            grant_in_tx(&mut tx, subject, grant, subject, now).await?;
        }
        tell_news_in_tx(&mut tx, id).await?;
        NewRecord::of(RecordKind::Registered, subject)
            .write(&mut *tx, now)
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The person whose verified address this is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn person_at(&self, address: &Address) -> Result<Option<Uuid>, IdentityError> {
        let mut connection = self.pool.acquire().await?;
        Ok(verified_owner_in_tx(&mut connection, address).await?)
    }

    /// A person.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn person(&self, id: Uuid) -> Result<Person, IdentityError> {
        sqlx::query_as(&format!("{PERSON} WHERE person.id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await?
            .ok_or_else(|| Refusal::NotFound { what: "person" }.into())
    }

    /// People in the order they registered, newest first, at most `limit`, before `before`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn people(
        &self,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Person>, IdentityError> {
        Ok(sqlx::query_as(&format!(
            "{PERSON} WHERE $1::uuid IS NULL OR person.id < $1 ORDER BY person.id DESC LIMIT $2"
        ))
        .bind(before)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Sends a code with which a password is set anew; says nothing when nobody has the address, and nothing
    /// when too many were sent to it, which would say that somebody has it.
    ///
    /// # Errors
    /// Faults.
    pub async fn begin_password_reset(&self, address: &Address) -> Result<(), IdentityError> {
        let Some(person) = self.person_at(address).await? else {
            return Ok(());
        };
        let of = CodeOf {
            person,
            purpose: Purpose::ResetPassword,
        };
        match self.send_code(of, address).await {
            Err(IdentityError::Refused(Refusal::TooManyAttempts { .. })) => Ok(()),
            sent => sent,
        }
    }

    /// Sets a password anew with the code that was sent; every session of the person ends, and what
    /// failed before is forgotten.
    ///
    /// # Errors
    /// [`Refusal::InvalidCode`], [`Refusal::Password`].
    pub async fn reset_password(
        &self,
        address: &Address,
        code: &str,
        password: Zeroizing<String>,
    ) -> Result<(), IdentityError> {
        password::check(&password, &[address.as_str()]).map_err(Refusal::Password)?;
        let hash = password::hash(password).await?;
        let person = self.person_at(address).await?.ok_or(Refusal::InvalidCode)?;
        let of = CodeOf {
            person,
            purpose: Purpose::ResetPassword,
        };
        self.use_code(of, code).await?;
        self.set_password(person, &hash).await?;
        self.forget_attempts(&sign_in_target(address)).await
    }

    /// Sets a person's password; every session ends.
    pub(crate) async fn set_password(&self, person: Uuid, hash: &str) -> Result<(), IdentityError> {
        let (subject, now) = (Subject::Person(person), self.now());
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "UPDATE identity.person SET password_hash = $2, password_changed_at = $3 WHERE id = $1",
        )
        .bind(person)
        .bind(hash)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        let end = End::by(subject, "password_changed");
        end_all_in_tx(&mut tx, person, end, now).await?;
        NewRecord::of(RecordKind::PasswordChanged, subject)
            .write(&mut *tx, now)
            .await?;
        self.commit_change(tx).await?;
        Ok(())
    }

    /// Keeps a person from signing in, and ends their sessions; or lets them in again.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn set_blocked(
        &self,
        person: Uuid,
        standing: Standing,
        by: Subject,
    ) -> Result<(), IdentityError> {
        let now = self.now();
        let (blocked_at, kind) = match standing {
            Standing::Blocked => (Some(now), RecordKind::Blocked),
            Standing::Welcome => (None, RecordKind::Unblocked),
        };
        let mut tx = self.pool.begin().await?;
        let found = sqlx::query("UPDATE identity.person SET blocked_at = $2 WHERE id = $1")
            .bind(person)
            .bind(blocked_at)
            .execute(&mut *tx)
            .await?;
        if found.rows_affected() == 0 {
            return Err(Refusal::NotFound { what: "person" }.into());
        }
        if standing == Standing::Blocked {
            end_all_in_tx(&mut tx, person, End::by(by, "blocked"), now).await?;
        }
        NewRecord::of(kind, Subject::Person(person))
            .by(Some(by))
            .write(&mut *tx, now)
            .await?;
        tell_news_in_tx(&mut tx, person).await?;
        self.commit_change(tx).await?;
        Ok(())
    }
}

/// Whether a person may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They may.
    Welcome,
    /// They may not.
    Blocked,
}

async fn verified_owner_in_tx(
    tx: &mut PgConnection,
    address: &Address,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT person_id FROM identity.address WHERE value = $1 AND verified_at IS NOT NULL",
    )
    .bind(address.as_str())
    .fetch_optional(tx)
    .await
}

async fn add_person_in_tx(
    tx: &mut PgConnection,
    id: Uuid,
    owner: &str,
    password_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO identity.person (id, owner, password_hash, password_changed_at, created_at) \
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(id)
    .bind(owner)
    .bind(password_hash)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

async fn add_address_in_tx(
    tx: &mut PgConnection,
    person: Uuid,
    address: &Address,
    now: DateTime<Utc>,
    verified_at: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    let kind = match address {
        Address::Email(_) => "email",
        Address::Phone(_) => "phone",
    };
    sqlx::query(
        "INSERT INTO identity.address (person_id, kind, value, added_at, verified_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(person)
    .bind(kind)
    .bind(address.as_str())
    .bind(now)
    .bind(verified_at)
    .execute(tx)
    .await?;
    Ok(())
}
