//! What a deposit needs and the log must not hold: who pays, and the page on which they do.
//!
//! A row of `workflows.checkout` is made before the payment is begun, so that whoever follows the log finds
//! it there ([`crate::notes`] says which of several counts). Whoever opens the checkout fills in the page.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ledger_core::{LedgerName, PaymentId};
use serde::Deserialize;
use sqlx::postgres::PgPool;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::problem::Problem;

/// How often the page is looked for while waiting.
const POLL: Duration = Duration::from_millis(50);

/// What a provider may ask about the payer, and where the browser goes afterwards. `Debug` shows nothing.
#[derive(Clone, Default)]
pub struct PayerFacts {
    /// The name.
    pub name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// How they want to pay.
    pub method: Option<String>,
    /// Where they are.
    pub country: Option<String>,
    /// Where the browser goes afterwards.
    pub return_url: Option<String>,
    /// Where the browser goes when the payer turns back.
    pub cancel_url: Option<String>,
}

impl PayerFacts {
    /// Whether they say who it is.
    #[must_use]
    pub const fn tells_who(&self) -> bool {
        self.name.is_some() || self.email.is_some() || self.phone.is_some()
    }

    /// The same of somebody who is not named.
    #[must_use]
    pub fn without_who(self) -> Self {
        Self {
            name: None,
            email: None,
            phone: None,
            ..self
        }
    }
}

impl std::fmt::Debug for PayerFacts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PayerFacts(hidden)")
    }
}

/// An open page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCheckout {
    /// What a browser opens: the gateway's page, or ours which hands over to it.
    pub address: String,
    /// When it closes by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What our page hands over. `Debug` shows nothing of who pays.
pub struct HandedOver {
    /// The ledger.
    pub ledger: LedgerName,
    /// The payment.
    pub payment: PaymentId,
    /// The gateway.
    pub provider: String,
    /// Where the form goes.
    pub url: String,
    /// Its fields, in order.
    pub fields: Vec<(String, String)>,
    /// When the gateway's page closes by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for HandedOver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HandedOver")
            .field("payment", &self.payment)
            .finish_non_exhaustive()
    }
}

/// How the payer's browser gets to the page, as it was written down.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum CheckoutAction {
    /// It is sent there.
    Redirect {
        /// The page.
        url: String,
    },
    /// It posts a form there.
    Form {
        /// Where the form goes.
        url: String,
        /// Its fields, in order.
        fields: Vec<(String, String)>,
    },
}

/// The pages of deposits; cheap to clone.
#[derive(Debug, Clone)]
pub struct Checkouts {
    pool: PgPool,
    /// Where payers' browsers reach us.
    public_url: Url,
}

impl Checkouts {
    /// Those in a migrated database, of a deployment that browsers reach at `public_url`, which ends with `/`.
    #[must_use]
    pub const fn new(pool: PgPool, public_url: Url) -> Self {
        Self { pool, public_url }
    }

    /// Notes who pays the payment that this command is to begin.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn note(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        command: Uuid,
        payer: &PayerFacts,
    ) -> Result<(), Problem> {
        sqlx::query(
            "INSERT INTO workflows.checkout (ledger, payment_id, noted_by, payer_name, \
                                             payer_email, payer_phone, method, country, \
                                             return_url, cancel_url) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
        .bind(command)
        .bind(&payer.name)
        .bind(&payer.email)
        .bind(&payer.phone)
        .bind(&payer.method)
        .bind(&payer.country)
        .bind(&payer.return_url)
        .bind(&payer.cancel_url)
        .execute(&self.pool)
        .await
        .map_err(|error| Problem::from_database(&error))?;
        Ok(())
    }

    /// Takes back what was noted for a command, unless the log has the command.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn take_back(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        command: Uuid,
    ) -> Result<(), Problem> {
        sqlx::query(
            "DELETE FROM workflows.checkout \
             WHERE ledger = $1 AND payment_id = $2 AND noted_by = $3 \
               AND noted_by IS DISTINCT FROM daybook.begun_by($1, 'payment', $2)",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
        .bind(command)
        .execute(&self.pool)
        .await
        .map_err(|error| Problem::from_database(&error))?;
        Ok(())
    }

    /// Forgets what was noted before a time for commands that are not in the log; tells how many. By that
    /// time every command has to be answered.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn sweep(&self, before: DateTime<Utc>) -> Result<u64, Problem> {
        let swept = async {
            let mut tx = self.pool.begin().await?;
            sqlx::query(
                "UPDATE workflows.checkout SET settled = true \
                 WHERE NOT settled AND requested_at < $1 \
                   AND noted_by = daybook.begun_by(ledger, 'payment', payment_id)",
            )
            .bind(before)
            .execute(&mut *tx)
            .await?;
            let swept = sqlx::query(
                "DELETE FROM workflows.checkout WHERE NOT settled AND requested_at < $1",
            )
            .bind(before)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(swept.rows_affected())
        };
        swept
            .await
            .map_err(|error: sqlx::Error| Problem::from_database(&error))
    }

    /// The open page of a payment, if there is one by now.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn find(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
    ) -> Result<Option<OpenCheckout>, Problem> {
        type Row = (serde_json::Value, Option<DateTime<Utc>>, Option<String>);
        let found: Option<Row> = sqlx::query_as(
            "SELECT action, expires_at, page_token FROM workflows.checkout \
             WHERE ledger = $1 AND payment_id = $2 AND action IS NOT NULL \
               AND (expires_at IS NULL OR expires_at > now())",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| Problem::from_database(&error))?;
        let Some((action, expires_at, token)) = found else {
            return Ok(None);
        };
        let address = match (read(action)?, token) {
            (CheckoutAction::Redirect { url }, _) => url,
            (CheckoutAction::Form { .. }, Some(token)) => {
                let own = self.public_url.join(&format!("v1/checkouts/{token}"));
                own.map_err(|error| Problem::internal(&error))?.to_string()
            }
            // It was written down before there were pages of ours.
            (CheckoutAction::Form { .. }, None) => return Ok(None),
        };
        let open = OpenCheckout {
            address,
            expires_at,
        };
        Ok(Some(open))
    }

    /// What the page of ours hands over whose address ends with `token`.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn handed_over(&self, token: &str) -> Result<Option<HandedOver>, Problem> {
        type Row = (
            String,
            Uuid,
            String,
            serde_json::Value,
            Option<DateTime<Utc>>,
        );
        let found: Option<Row> = sqlx::query_as(
            "SELECT ledger, payment_id, provider, action, expires_at FROM workflows.checkout \
             WHERE page_token = $1 AND provider IS NOT NULL AND action IS NOT NULL",
        )
        .bind(token)
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| Problem::from_database(&error))?;
        let Some((ledger, payment, provider, action, expires_at)) = found else {
            return Ok(None);
        };
        let ledger: Result<LedgerName, _> = ledger.parse();
        Ok(match read(action)? {
            CheckoutAction::Redirect { .. } => None,
            CheckoutAction::Form { url, fields } => Some(HandedOver {
                ledger: ledger.map_err(|error| Problem::internal(&error))?,
                payment: PaymentId::new(payment),
                provider,
                url,
                fields,
                expires_at,
            }),
        })
    }

    /// The page of a payment, waited for.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn wait_for(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        patience: Duration,
    ) -> Result<Option<OpenCheckout>, Problem> {
        let deadline = Instant::now() + patience;
        loop {
            let found = self.find(ledger, payment).await?;
            if found.is_some() || Instant::now() >= deadline {
                return Ok(found);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn read(action: serde_json::Value) -> Result<CheckoutAction, Problem> {
    serde_json::from_value(action).map_err(|error| Problem::internal(&error))
}
