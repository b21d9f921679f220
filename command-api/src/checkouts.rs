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
    pub expires_at: Option<DateTime<Utc>>,
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
        type Row = (serde_json::Value, Option<DateTime<Utc>>);
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
