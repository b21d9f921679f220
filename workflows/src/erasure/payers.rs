//! Forgetting who paid.

use async_trait::async_trait;
use ledger_core::{LedgerName, OwnerId};
use sqlx::postgres::PgPool;

use super::{ErasureStep, StepError};

/// Forgets who paid the deposits to the wallets of a person, and their pages, which may say it too.
#[derive(Debug)]
pub struct ForgetPayers(pub PgPool);

/// The log says whose wallet a deposit was for. The first two conditions on each event are as the index on it
/// says them.
const FORGET: &str = "\
UPDATE workflows.checkout AS checkout \
SET payer_name = NULL, payer_email = NULL, payer_phone = NULL, return_url = NULL, cancel_url = NULL, \
    action = NULL, page_token = NULL \
FROM daybook.events AS created, daybook.events AS opened \
WHERE opened.ledger = $1 AND opened.event_type = 'WalletOpened' \
  AND opened.payload #>> '{WalletOpened,owner}' = $2 \
  AND created.ledger = $1 AND created.event_type = 'PaymentCreated' \
  AND created.payload #>> '{PaymentCreated,wallet}' = opened.aggregate_id \
  AND checkout.ledger = $1 AND checkout.payment_id = created.aggregate_id::uuid";

#[async_trait]
impl ErasureStep for ForgetPayers {
    fn name(&self) -> &'static str {
        "payers"
    }

    async fn forget(&self, ledger: LedgerName, owner: &OwnerId) -> Result<(), StepError> {
        sqlx::query(FORGET)
            .bind(ledger.as_str())
            .bind(owner.as_str())
            .execute(&self.0)
            .await?;
        Ok(())
    }
}
