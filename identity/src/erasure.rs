//! Forgetting a person: what is left is an id that nobody can sign in with.

use ledger_core::{BeneficiaryId, LedgerName, OwnerId};
use uuid::Uuid;

use crate::address::Address;
use crate::identities::{Identities, IdentityError};
use crate::records::{NewRecord, RecordKind};
use crate::sessions::{End, end_all_in_tx};
use crate::sign_in::sign_in_target;
use crate::subject::Subject;

/// Everything of a person that tells who it is, but for their addresses.
const SCRUB: [&str; 6] = [
    "DELETE FROM identity.code WHERE person_id = $1",
    "DELETE FROM identity.authenticator WHERE person_id = $1",
    "DELETE FROM identity.recovery_code WHERE person_id = $1",
    "UPDATE identity.session SET address = NULL, user_agent = NULL WHERE person_id = $1",
    "DELETE FROM identity.stream_ticket WHERE subject = 'person:' || $1::text",
    "UPDATE identity.person SET password_hash = NULL, \
     blocked_at = coalesce(blocked_at, now()) WHERE id = $1",
];

impl Identities {
    /// Forgets who the person behind an owner is: addresses, codes, password, factors, where they signed in
    /// from. Their sessions end and nobody can sign in as them. The id stays, for the record names it.
    ///
    /// A person who is still known in another ledger is left as they are, until they are erased there too.
    /// An owner behind whom there is nobody here is none to forget. Doing it again changes nothing.
    ///
    /// # Errors
    /// Faults.
    pub async fn forget_owner(&self, owner: &OwnerId) -> Result<(), IdentityError> {
        let person: Option<Uuid> =
            sqlx::query_scalar("SELECT id FROM identity.person WHERE owner = $1")
                .bind(owner.as_str())
                .fetch_optional(&self.pool)
                .await?;
        let Some(person) = person else {
            return Ok(());
        };
        if self.is_known_somewhere(owner).await? {
            return Ok(());
        }
        for address in self.addresses_of(person).await? {
            self.forget_attempts(&sign_in_target(&address)).await?;
        }
        self.forget_person(person).await
    }

    /// The addresses of the person behind an owner, as long as they are known.
    ///
    /// # Errors
    /// Faults.
    pub async fn addresses_of_owner(&self, owner: &OwnerId) -> Result<Vec<String>, IdentityError> {
        Ok(sqlx::query_scalar(
            "SELECT address.value FROM identity.address JOIN identity.person \
             ON person.id = address.person_id WHERE person.owner = $1",
        )
        .bind(owner.as_str())
        .fetch_all(&self.pool)
        .await?)
    }

    async fn is_known_somewhere(&self, owner: &OwnerId) -> Result<bool, IdentityError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM daybook.living_ledger AS head \
             WHERE daybook.last_event_type(head.ledger, 'profile', $1) = 'ProfileRecorded')",
        )
        .bind(owner.key().as_uuid())
        .fetch_one(&self.pool)
        .await?)
    }

    async fn addresses_of(&self, person: Uuid) -> Result<Vec<Address>, IdentityError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT kind, value FROM identity.address WHERE person_id = $1")
                .bind(person)
                .fetch_all(&self.pool)
                .await?;
        let stored = || IdentityError::Stored { what: "address" };
        rows.into_iter()
            .map(|(kind, value)| match kind.as_str() {
                "email" => value.parse().map(Address::Email).map_err(|_| stored()),
                _ => value.parse().map(Address::Phone).map_err(|_| stored()),
            })
            .collect()
    }

    async fn forget_person(&self, person: Uuid) -> Result<(), IdentityError> {
        let (subject, now) = (Subject::Person(person), self.now());
        let mut tx = self.pool.begin().await?;
        end_all_in_tx(&mut tx, person, End::by(subject, "erased"), now).await?;
        // What others claimed and never showed to be theirs goes with the address.
        let addresses: Vec<String> = sqlx::query_scalar(
            "DELETE FROM identity.address WHERE person_id = $1 OR (verified_at IS NULL AND value IN ( \
                 SELECT value FROM identity.address WHERE person_id = $1 AND verified_at IS NOT NULL)) \
             RETURNING value",
        )
        .bind(person)
        .fetch_all(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM identity.code WHERE address = ANY($1)")
            .bind(&addresses)
            .execute(&mut *tx)
            .await?;
        for statement in SCRUB {
            sqlx::query(statement)
                .bind(person)
                .execute(&mut *tx)
                .await?;
        }
        if !addresses.is_empty() {
            NewRecord::event(RecordKind::PersonErased)
                .about(subject)
                .write(&mut *tx, now)
                .await?;
        }
        self.commit_change(tx).await?;
        Ok(())
    }

    /// The beneficiaries of an owner's wallets whose destination is still kept.
    ///
    /// # Errors
    /// Faults.
    pub async fn destinations_of(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<Vec<BeneficiaryId>, IdentityError> {
        let ids: Vec<Uuid> = sqlx::query_scalar(
            "SELECT DISTINCT kept.beneficiary_id FROM identity.destination AS kept \
             JOIN daybook.events AS added ON added.ledger = $1 AND added.sequence = 1 \
              AND added.aggregate_type = 'beneficiary' \
              AND added.aggregate_id = kept.beneficiary_id::text \
             JOIN daybook.events AS opened ON opened.ledger = $1 AND opened.sequence = 1 \
              AND opened.aggregate_type = 'wallet' \
              AND opened.aggregate_id = added.payload #>> '{BeneficiaryAdded,wallet}' \
             WHERE kept.ledger = $1 AND opened.payload #>> '{WalletOpened,owner}' = $2",
        )
        .bind(ledger.as_str())
        .bind(owner.as_str())
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(BeneficiaryId::new).collect())
    }

    /// Whether there is a person behind an owner.
    ///
    /// # Errors
    /// Faults.
    pub async fn is_owner_known(&self, owner: &OwnerId) -> Result<bool, IdentityError> {
        Ok(
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM identity.person WHERE owner = $1)")
                .bind(owner.as_str())
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// Records that somebody looked at what is known of an owner.
    ///
    /// # Errors
    /// Faults: whoever is not recorded may not look.
    pub async fn record_profile_read(
        &self,
        actor: Option<Subject>,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<(), IdentityError> {
        let person: Option<Uuid> =
            sqlx::query_scalar("SELECT id FROM identity.person WHERE owner = $1")
                .bind(owner.as_str())
                .fetch_optional(&self.pool)
                .await?;
        let mut record = NewRecord::event(RecordKind::ProfileRead)
            .by(actor)
            .with(serde_json::json!({ "owner": owner.as_str() }));
        record.subject = person.map(Subject::Person);
        record.ledger = Some(ledger.to_string());
        record.write(&self.pool, self.now()).await?;
        Ok(())
    }

    /// Records that somebody looked for a person by an address, and whom they found; not the address.
    ///
    /// # Errors
    /// Faults.
    pub async fn record_profile_search(
        &self,
        actor: Option<Subject>,
        ledger: LedgerName,
        found: &[String],
    ) -> Result<(), IdentityError> {
        let mut record = NewRecord::event(RecordKind::ProfileSearched)
            .by(actor)
            .with(serde_json::json!({ "owners": found }));
        record.ledger = Some(ledger.to_string());
        record.write(&self.pool, self.now()).await?;
        Ok(())
    }
}
