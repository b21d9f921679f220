//! Recording who read which document of whom, and who was refused.

use ledger_core::{LedgerName, OwnerId};
use uuid::Uuid;

use crate::identities::{Identities, IdentityError};
use crate::records::{NewRecord, RecordKind};
use crate::subject::Subject;

/// A document that somebody asked for.
#[derive(Debug, Clone, Copy)]
pub struct AskedDocument<'a> {
    /// The ledger; as it was asked for, where there is none such.
    pub ledger: Option<LedgerName>,
    /// The case, as it was asked for.
    pub case: &'a str,
    /// The document, as it was asked for.
    pub document: &'a str,
    /// Whom it is about, where that is known.
    pub owner: Option<&'a OwnerId>,
}

/// The longest text of a request that is recorded, in characters.
const LONGEST: usize = 64;

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

impl Identities {
    /// Records that somebody is given a document.
    ///
    /// # Errors
    /// Faults: whoever is not recorded may not look.
    pub async fn record_document_read(
        &self,
        actor: Option<Subject>,
        asked: AskedDocument<'_>,
    ) -> Result<(), IdentityError> {
        let record = self
            .record_of(RecordKind::DocumentRead, actor, asked)
            .await?;
        let details = serde_json::json!({
            "case": bounded(asked.case),
            "document": bounded(asked.document),
        });
        let record = record.with(details);
        record.write(&self.pool, self.now()).await?;
        Ok(())
    }

    /// Records that somebody was not given a document, and why. The same within a minute is recorded once, so that
    /// nobody fills the record by asking.
    ///
    /// # Errors
    /// Faults.
    pub async fn record_document_refused(
        &self,
        actor: Option<Subject>,
        asked: AskedDocument<'_>,
        code: &str,
    ) -> Result<(), IdentityError> {
        let kind = RecordKind::DocumentRefused;
        let details = serde_json::json!({
            "case": bounded(asked.case),
            "document": bounded(asked.document),
            "code": code,
        });
        let is_known: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM (SELECT kind, at, details FROM identity.record \
                 WHERE actor IS NOT DISTINCT FROM $1 ORDER BY number DESC LIMIT 20) AS latest \
                 WHERE kind = $2 AND at > $3 - interval '1 minute' AND details = $4)",
        )
        .bind(actor.map(|actor| actor.to_string()))
        .bind(kind.as_str())
        .bind(self.now())
        .bind(&details)
        .fetch_one(&self.pool)
        .await?;
        if is_known {
            return Ok(());
        }
        let record = self.record_of(kind, actor, asked).await?.with(details);
        record.write(&self.pool, self.now()).await?;
        Ok(())
    }

    async fn record_of(
        &self,
        kind: RecordKind,
        actor: Option<Subject>,
        asked: AskedDocument<'_>,
    ) -> Result<NewRecord, IdentityError> {
        let mut record = NewRecord::event(kind).by(actor);
        record.ledger = asked.ledger.map(|ledger| ledger.to_string());
        if let Some(owner) = asked.owner {
            let person: Option<Uuid> =
                sqlx::query_scalar("SELECT id FROM identity.person WHERE owner = $1")
                    .bind(owner.as_str())
                    .fetch_optional(&self.pool)
                    .await?;
            record.subject = person.map(Subject::Person);
        }
        Ok(record)
    }
}
