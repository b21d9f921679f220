//! Roles: given and taken, in one ledger or everywhere.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::changes::announce_in_tx;
use crate::identities::{Identities, IdentityError, Refusal};
use crate::permission::Role;
use crate::principal::{Grant, Ledgers, Principal};
use crate::records::{NewRecord, RecordKind};
use crate::subject::Subject;

/// The ledger of a role that holds everywhere.
const EVERYWHERE: &str = "*";

impl Identities {
    /// The roles of a subject.
    ///
    /// # Errors
    /// Those of the database; [`IdentityError::Stored`] when a row is none of ours.
    pub async fn grants(&self, subject: Subject) -> Result<Vec<Grant>, IdentityError> {
        grants_of(&self.pool, subject).await
    }

    /// Gives a role; giving it twice changes nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn give_role(
        &self,
        subject: Subject,
        grant: Grant,
        by: Subject,
    ) -> Result<(), IdentityError> {
        let mut tx = self.pool.begin().await?;
        grant_in_tx(&mut tx, subject, grant, by, self.now()).await?;
        self.commit_change(tx).await?;
        Ok(())
    }

    /// Takes a role away; everybody who acts under it is refused from then on.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the subject does not have it.
    pub async fn take_role(
        &self,
        subject: Subject,
        grant: Grant,
        by: Subject,
    ) -> Result<(), IdentityError> {
        let mut tx = self.pool.begin().await?;
        let taken = sqlx::query(
            "DELETE FROM identity.role_grant WHERE subject = $1 AND role = $2 AND ledger = $3",
        )
        .bind(subject.to_string())
        .bind(grant.role.as_str())
        .bind(ledger_text(grant.ledgers))
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() == 0 {
            return Err(Refusal::NotFound { what: "role" }.into());
        }
        record(RecordKind::RoleTaken, subject, grant, by)
            .write(&mut *tx, self.now())
            .await?;
        announce_in_tx(&mut tx, subject).await?;
        self.commit_change(tx).await?;
        Ok(())
    }

    /// Refuses to let anybody but an administrator act on somebody who works here.
    ///
    /// # Errors
    /// [`Refusal::StaffProtected`].
    pub async fn check_manages(&self, by: &Principal, person: Uuid) -> Result<(), IdentityError> {
        let is_admin = by
            .grants
            .iter()
            .any(|grant| grant.role == Role::Admin && grant.ledgers == Ledgers::All);
        let roles = self.grants(Subject::Person(person)).await?;
        let claimed: Vec<Vec<String>> = sqlx::query_scalar(
            "SELECT claimed_roles FROM identity.session WHERE person_id = $1 AND ended_at IS NULL",
        )
        .bind(person)
        .fetch_all(&self.pool)
        .await?;
        let is_staff = roles.iter().any(|grant| grant.role != Role::Customer)
            || claimed
                .iter()
                .flatten()
                .any(|role| role != Role::Customer.as_str());
        if is_staff && !is_admin {
            return Err(Refusal::StaffProtected.into());
        }
        Ok(())
    }
}

/// The roles of a subject.
pub(crate) async fn grants_of(
    executor: impl PgExecutor<'_>,
    subject: Subject,
) -> Result<Vec<Grant>, IdentityError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT role, ledger FROM identity.role_grant WHERE subject = $1 ORDER BY role, ledger",
    )
    .bind(subject.to_string())
    .fetch_all(executor)
    .await?;
    rows.iter()
        .map(|(role, ledger)| grant(role, ledger).ok_or(IdentityError::Stored { what: "role" }))
        .collect()
}

/// Gives a role, and records it when it is new.
pub(crate) async fn grant_in_tx(
    tx: &mut PgConnection,
    subject: Subject,
    grant: Grant,
    by: Subject,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let given = sqlx::query(
        "INSERT INTO identity.role_grant (subject, role, ledger, granted_by, granted_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(subject.to_string())
    .bind(grant.role.as_str())
    .bind(ledger_text(grant.ledgers))
    .bind(by.to_string())
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if given.rows_affected() == 1 {
        record(RecordKind::RoleGranted, subject, grant, by)
            .write(&mut *tx, now)
            .await?;
        announce_in_tx(tx, subject).await?;
    }
    Ok(())
}

fn record(kind: RecordKind, subject: Subject, grant: Grant, by: Subject) -> NewRecord {
    NewRecord {
        ledger: Some(ledger_text(grant.ledgers)),
        ..NewRecord::of(kind, subject)
            .by(Some(by))
            .with(serde_json::json!({ "role": grant.role.as_str() }))
    }
}

fn ledger_text(ledgers: Ledgers) -> String {
    match ledgers {
        Ledgers::All => EVERYWHERE.to_owned(),
        Ledgers::One(ledger) => ledger.to_string(),
    }
}

fn grant(role: &str, ledger: &str) -> Option<Grant> {
    let ledgers = if ledger == EVERYWHERE {
        Ledgers::All
    } else {
        Ledgers::One(ledger.parse().ok()?)
    };
    Some(Grant {
        role: role.parse().ok()?,
        ledgers,
    })
}
