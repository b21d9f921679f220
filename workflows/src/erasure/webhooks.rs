//! Forgetting what providers told of a person's payments, payouts and verification cases.
//!
//! Webhooks are found by the names under which providers know what they tell of. Those that call nothing by a
//! name are opened, and found by the person's names and addresses in what they say.
//!
//! It comes before the steps that forget addresses, which it looks for.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use connectors::providers::Reference;
use ledger_core::{LedgerName, OwnerId, PaymentId};
use sqlx::postgres::PgPool;
use url::form_urlencoded;
use uuid::Uuid;

use super::{ErasureStep, StepError};
use crate::links::checkout_reference;
use crate::webhooks::{Content, Sealing, StoredWebhook, forget_erased_in_tx, unnamed_after};

/// Webhooks opened at a time; each can be a megabyte.
const AT_ONCE: i64 = 50;

/// An address that is shorter could be in what tells of somebody else.
const SHORTEST_ADDRESS: usize = 6;

/// Knows by which addresses a person is reached.
#[async_trait]
pub trait PersonAddresses: Send + Sync + fmt::Debug {
    /// All of them, as long as they are known.
    ///
    /// # Errors
    /// Whatever keeps them from being looked up.
    async fn of(&self, owner: &OwnerId) -> Result<Vec<String>, StepError>;
}

/// Forgets the content of webhooks that tell of a person, as soon as each is settled.
#[derive(Debug)]
pub struct ForgetWebhooks {
    /// Where they are.
    pub pool: PgPool,
    /// What opens them.
    pub sealing: Arc<dyn Sealing>,
    /// By which addresses the person is reached besides those that payers gave.
    pub addresses: Arc<dyn PersonAddresses>,
}

/// As the indices say it.
const PAYMENTS: &str = "\
SELECT created.aggregate_id::uuid FROM daybook.events AS opened, daybook.events AS created \
WHERE opened.ledger = $1 AND opened.event_type = 'WalletOpened' \
  AND opened.payload #>> '{WalletOpened,owner}' = $2 \
  AND created.ledger = $1 AND created.event_type = 'PaymentCreated' \
  AND created.payload #>> '{PaymentCreated,wallet}' = opened.aggregate_id";

const PAYOUTS: &str = "\
SELECT asked.aggregate_id::uuid FROM daybook.events AS opened, daybook.events AS asked \
WHERE opened.ledger = $1 AND opened.event_type = 'WalletOpened' \
  AND opened.payload #>> '{WalletOpened,owner}' = $2 \
  AND asked.ledger = $1 AND asked.event_type = 'PayoutRequested' \
  AND asked.payload #>> '{PayoutRequested,wallet}' = opened.aggregate_id";

/// What the checks of the person's verification cases are called, by us and by the provider.
const CHECKS: &str = "\
SELECT asked.id, asked.provider_case \
FROM daybook.events AS opened, workflows.identity_check AS asked \
WHERE opened.ledger = $1 AND opened.event_type = 'CaseOpened' \
  AND opened.payload #>> '{CaseOpened,owner}' = $2 \
  AND asked.ledger = $1 AND asked.case_id = opened.aggregate_id::uuid";

/// Names of settlements are of others too.
const NAMES: &str = "\
SELECT provider_id FROM workflows.provider_link WHERE ledger = $1 AND aggregate_id = ANY($2) \
  AND kind IN ('checkout', 'attempt', 'payout', 'payout_reference') \
UNION SELECT provider_checkout FROM workflows.checkout WHERE ledger = $1 AND payment_id = ANY($2) \
  AND provider_checkout IS NOT NULL";

const PAYERS: &str = "\
SELECT payer_email FROM workflows.checkout WHERE ledger = $1 AND payment_id = ANY($2) \
  AND payer_email IS NOT NULL \
UNION SELECT payer_phone FROM workflows.checkout WHERE ledger = $1 AND payment_id = ANY($2) \
  AND payer_phone IS NOT NULL";

#[async_trait]
impl ErasureStep for ForgetWebhooks {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    async fn forget(&self, ledger: LedgerName, owner: &OwnerId) -> Result<(), StepError> {
        let things = self.things(ledger, owner).await?;
        let mut told = self.names(ledger, &things).await?;
        told.extend(self.checks(ledger, owner).await?);
        self.forget_named(ledger, &told).await?;
        told.extend(self.addresses(ledger, owner, &things).await?);
        self.forget_telling(ledger, &told).await
    }
}

/// What a person has paid and was paid.
struct Things {
    payments: Vec<Uuid>,
    all: Vec<Uuid>,
}

impl ForgetWebhooks {
    async fn things(&self, ledger: LedgerName, owner: &OwnerId) -> Result<Things, sqlx::Error> {
        let ids = async |query| {
            sqlx::query_scalar::<_, Uuid>(query)
                .bind(ledger.as_str())
                .bind(owner.as_str())
                .fetch_all(&self.pool)
                .await
        };
        let (payments, payouts) = (ids(PAYMENTS).await?, ids(PAYOUTS).await?);
        let all = [payments.as_slice(), &payouts].concat();
        Ok(Things { payments, all })
    }

    /// The names under which providers know them.
    async fn names(&self, ledger: LedgerName, things: &Things) -> Result<Vec<String>, sqlx::Error> {
        let mut names: Vec<String> = sqlx::query_scalar(NAMES)
            .bind(ledger.as_str())
            .bind(&things.all)
            .fetch_all(&self.pool)
            .await?;
        let ours = things.payments.iter().map(|id| {
            let reference = checkout_reference(PaymentId::new(*id));
            reference.as_str().to_owned()
        });
        names.extend(ours);
        Ok(names)
    }

    async fn checks(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<Vec<String>, sqlx::Error> {
        let checks: Vec<(Uuid, Option<String>)> = sqlx::query_as(CHECKS)
            .bind(ledger.as_str())
            .bind(owner.as_str())
            .fetch_all(&self.pool)
            .await?;
        let names = checks.into_iter().flat_map(|(id, provider_case)| {
            [Some(Reference::of(id).as_str().to_owned()), provider_case]
        });
        Ok(names.flatten().collect())
    }

    async fn forget_named(&self, ledger: LedgerName, names: &[String]) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO workflows.erased_name (ledger, name) \
             SELECT DISTINCT $1, name FROM UNNEST($2::text[]) AS new (name) \
             ORDER BY name ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(names)
        .execute(&mut *tx)
        .await?;
        let webhooks: Vec<Uuid> = sqlx::query_scalar(
            "SELECT DISTINCT webhook_id FROM workflows.webhook_name \
             WHERE ledger = $1 AND name = ANY($2)",
        )
        .bind(ledger.as_str())
        .bind(names)
        .fetch_all(&mut *tx)
        .await?;
        forget_erased_in_tx(&mut tx, &webhooks).await?;
        tx.commit().await
    }

    async fn addresses(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
        things: &Things,
    ) -> Result<Vec<String>, StepError> {
        let mut addresses: Vec<String> = sqlx::query_scalar(PAYERS)
            .bind(ledger.as_str())
            .bind(&things.payments)
            .fetch_all(&self.pool)
            .await?;
        addresses.extend(self.addresses.of(owner).await?);
        addresses.retain(|address| address.len() >= SHORTEST_ADDRESS);
        Ok(addresses)
    }

    /// Of the webhooks that call nothing by a name, forgets those that have one of these texts in them.
    async fn forget_telling(&self, ledger: LedgerName, texts: &[String]) -> Result<(), StepError> {
        if texts.is_empty() {
            return Ok(());
        }
        let mut after = Uuid::nil();
        loop {
            let webhooks = unnamed_after(&self.pool, ledger, after, AT_ONCE).await?;
            let Some(last) = webhooks.last() else {
                return Ok(());
            };
            after = last.id;
            let telling: Vec<&StoredWebhook> = webhooks
                .iter()
                .filter(|webhook| self.is_telling(webhook, texts))
                .collect();
            self.forget_found(ledger, &telling).await?;
        }
    }

    fn is_telling(&self, webhook: &StoredWebhook, texts: &[String]) -> bool {
        match webhook.content(&*self.sealing) {
            Ok(content) => is_in(&content, texts),
            Err(error) => {
                // Without its key nobody reads it, and it is forgotten in time.
                tracing::warn!(webhook.id = %webhook.id, %error, "a webhook cannot be searched for an erased person");
                false
            }
        }
    }

    /// They get a name of their own, so that those that wait are forgotten when they are settled.
    async fn forget_found(
        &self,
        ledger: LedgerName,
        found: &[&StoredWebhook],
    ) -> Result<(), sqlx::Error> {
        if found.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = found.iter().map(|webhook| webhook.id).collect();
        let names: Vec<String> = ids.iter().map(|id| format!("webhook/{id}")).collect();
        sqlx::query(
            "INSERT INTO workflows.webhook_name (webhook_id, ledger, name) \
             SELECT id, $1, name FROM UNNEST($2::uuid[], $3::text[]) AS new (id, name) \
             ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(&ids)
        .bind(&names)
        .execute(&self.pool)
        .await?;
        self.forget_named(ledger, &names).await
    }
}

/// Whether one of these texts is in a content, as it is or as it is written in JSON or forms.
fn is_in(content: &Content, texts: &[String]) -> bool {
    let body = String::from_utf8_lossy(&content.body).to_lowercase();
    let mut readings = vec![body];
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&content.body) {
        readings.push(json.to_string().to_lowercase());
    }
    let fields = form_urlencoded::parse(&content.body);
    let values: Vec<String> = fields.map(|(_, value)| value.to_lowercase()).collect();
    readings.push(values.join("\n"));
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    let has = |reading: &String| texts.iter().any(|text| reading.contains(text.as_str()));
    readings.iter().any(has)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{Content, is_in};

    #[test]
    fn an_address_is_found_however_a_provider_writes_it() {
        let texts = ["asha@example.com", "+919000090000"].map(str::to_owned);
        for body in [
            r#"{"customer":{"email":"Asha@Example.com"}}"#,
            r#"{"contact":"\u002b919000090000"}"#,
            "status=ok&email=asha%40example.com",
            "phone=%2B919000090000&amount=5",
            "from asha@example.com\u{0}",
        ] {
            let content = |body: &[u8]| Content {
                headers: HeaderMap::new(),
                body: body.to_vec(),
            };
            assert!(is_in(&content(body.as_bytes()), &texts), "{body}");
            assert!(
                is_in(&content(&[body.as_bytes(), b"\xff"].concat()), &texts)
                    || body.contains('\\')
            );
        }
        for body in [
            "",
            "{}",
            "email=ravi%40example.com",
            r#"{"email":"asha@example.co"}"#,
        ] {
            let content = Content {
                headers: HeaderMap::new(),
                body: body.as_bytes().to_vec(),
            };
            assert!(!is_in(&content, &texts), "{body}");
        }
    }
}
