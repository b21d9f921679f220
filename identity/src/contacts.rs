//! Which addresses of an owner are theirs, for whoever onboards them; news of that; and reminders.
//!
//! Whatever changes the answer writes a row of news in its own database transaction. Whoever follows them takes
//! the rows in the transaction that puts in the work they lead to ([`Identities::take_news_in_tx`]): a crash
//! between the two leaves the row where it is. An address that goes is not news: it is noticed when it is
//! looked at next.

use ledger_core::OwnerId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::address::Address;
use crate::delivery::{DeliveryError, Reminder};
use crate::identities::{Identities, IdentityError};
use crate::people::Standing;

/// The most news that are taken at a time.
const MOST_NEWS: i64 = 500;

/// What is known of the person behind an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerContacts {
    /// Whether they may sign in.
    pub standing: Standing,
    /// The addresses that they have shown to be theirs, email first.
    pub verified: Vec<Address>,
}

impl Identities {
    /// The person behind an owner, if there is one.
    ///
    /// # Errors
    /// Those of the database; [`IdentityError::Stored`] when a row is none of ours.
    pub async fn contacts_of_owner(
        &self,
        owner: &OwnerId,
    ) -> Result<Option<OwnerContacts>, IdentityError> {
        let rows: Vec<(bool, Option<String>, Option<String>)> = sqlx::query_as(
            "SELECT person.blocked_at IS NOT NULL, address.kind, address.value \
             FROM identity.person \
             LEFT JOIN identity.address ON address.person_id = person.id \
                  AND address.verified_at IS NOT NULL \
             WHERE person.owner = $1 ORDER BY address.kind, address.verified_at",
        )
        .bind(owner.as_str())
        .fetch_all(&self.pool)
        .await?;
        let Some((is_blocked, _, _)) = rows.first() else {
            return Ok(None);
        };
        let standing = if *is_blocked {
            Standing::Blocked
        } else {
            Standing::Welcome
        };
        let mut verified = Vec::new();
        for (_, kind, value) in &rows {
            if let (Some(kind), Some(value)) = (kind, value) {
                let stored = || IdentityError::Stored { what: "address" };
                verified.push(Address::of_stored(kind, value).ok_or_else(stored)?);
            }
        }
        Ok(Some(OwnerContacts { standing, verified }))
    }

    /// Takes news out, oldest first: the owners of whom there are some.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_news_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Vec<OwnerId>, IdentityError> {
        // Another node's rows are skipped, so that nobody waits.
        let owners: Vec<String> = sqlx::query_scalar(
            "DELETE FROM identity.person_news WHERE id IN ( \
                 SELECT id FROM identity.person_news ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) \
             RETURNING owner",
        )
        .bind(MOST_NEWS)
        .fetch_all(tx)
        .await?;
        let stored = || IdentityError::Stored { what: "owner" };
        let mut owners = owners
            .iter()
            .map(|owner| owner.parse::<OwnerId>().map_err(|_| stored()))
            .collect::<Result<Vec<_>, _>>()?;
        owners.sort_unstable();
        owners.dedup();
        Ok(owners)
    }

    /// Reminds a person of something.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn remind(&self, reminder: &Reminder) -> Result<(), DeliveryError> {
        self.delivery.remind(reminder).await
    }
}

/// Writes that something about a person is new for whoever onboards them.
pub(crate) async fn tell_news_in_tx(
    tx: &mut PgConnection,
    person: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO identity.person_news (owner) SELECT owner FROM identity.person WHERE id = $1",
    )
    .bind(person)
    .execute(tx)
    .await?;
    Ok(())
}
