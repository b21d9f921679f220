//! What a deposit needs and the log must not hold: who pays, and the page on which they do.
//!
//! A row of `workflows.checkout` is made before the payment is begun, so that whoever follows the log finds
//! it there, and is taken back when the payment was refused. Whoever opens the checkout fills in the page.

use std::time::Duration;

use ledger_core::{LedgerName, PaymentId};
use serde::Deserialize;
use sqlx::postgres::PgPool;
use tokio::time::Instant;

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

impl std::fmt::Debug for PayerFacts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PayerFacts(hidden)")
    }
}

/// An open page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCheckout {
    /// How the browser gets there.
    pub action: CheckoutAction,
    /// When it closes by itself.
    pub expires_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// How the payer's browser gets to the page.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CheckoutAction {
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

impl std::fmt::Debug for CheckoutAction {
    /// Without what tells who pays.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Redirect { .. } => "Redirect",
            Self::Form { .. } => "Form",
        })
    }
}

/// Whether a row was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It was, by this request.
    Now,
    /// It was there.
    Before,
}

/// The pages of deposits; cheap to clone.
#[derive(Debug, Clone)]
pub struct Checkouts {
    pool: PgPool,
}

impl Checkouts {
    /// Those in a migrated database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Notes who pays.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn note(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        payer: &PayerFacts,
    ) -> Result<Noted, Problem> {
        let noted = sqlx::query(
            "INSERT INTO workflows.checkout (ledger, payment_id, payer_name, payer_email, \
                                             payer_phone, method, country, return_url, cancel_url) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
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
        Ok(if noted.rows_affected() == 0 {
            Noted::Before
        } else {
            Noted::Now
        })
    }

    /// Takes back what was noted of a payment that is not.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn take_back(&self, ledger: LedgerName, payment: PaymentId) -> Result<(), Problem> {
        sqlx::query(
            "DELETE FROM workflows.checkout \
             WHERE ledger = $1 AND payment_id = $2 AND action IS NULL",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
        .execute(&self.pool)
        .await
        .map_err(|error| Problem::from_database(&error))?;
        Ok(())
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
        type Row = (serde_json::Value, Option<chrono::DateTime<chrono::Utc>>);
        let found: Option<Row> = sqlx::query_as(
            "SELECT action, expires_at FROM workflows.checkout \
             WHERE ledger = $1 AND payment_id = $2 AND action IS NOT NULL \
               AND (expires_at IS NULL OR expires_at > now())",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| Problem::from_database(&error))?;
        let Some((action, expires_at)) = found else {
            return Ok(None);
        };
        let action = serde_json::from_value(action).map_err(|error| Problem::internal(&error))?;
        Ok(Some(OpenCheckout { action, expires_at }))
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
