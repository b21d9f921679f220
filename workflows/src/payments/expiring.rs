//! Ending payments that nobody pays.

use connectors::gateways::{Observation, Operation};
use ledger_core::payment::{PaymentAction, PaymentStatus};
use ledger_core::{LedgerName, PaymentId};

use super::checkout::TRIES;
use super::histories::{self, PaymentHistory};
use super::{Payments, settled, step};
use crate::jobs::{JobAttempt, JobError};
use crate::observer::Heard;
use crate::translation::note;

impl Payments {
    /// Ends a payment whose time has passed: closes its page, hears what came in the last moment, and
    /// only then says so.
    pub(super) async fn expire_payment(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let Some(history) = histories::payment(&self.log, ledger, payment).await? else {
            return Ok(());
        };
        if history.state.open().is_none()
            || history.state.status() == Some(PaymentStatus::Authorized)
        {
            return Ok(());
        }
        let provider = history.route.provider;
        if let Err(error) = self.close_page(ledger, payment, &history).await
            && attempt.number < TRIES
        {
            return Err(error);
        }
        let action = PaymentAction::Expire {
            reason: note("its time has passed"),
        };
        let source = step(ledger, provider, format!("expired/{payment}"));
        let submitted = self.observer.submit_payment(&source, "0", payment, action);
        match submitted.await? {
            // It was paid in the last moment.
            Heard::Impossible(code) if code == "payment_not_open" => Ok(()),
            heard => settled(heard),
        }
    }

    async fn close_page(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        history: &PaymentHistory,
    ) -> Result<(), JobError> {
        let Some((provider, order)) = &history.order else {
            return Ok(());
        };
        let account = self.account(ledger, *provider)?;
        let capabilities = account.gateway.capabilities();
        if !capabilities.supports(Operation::ExpireCheckout) {
            return Ok(());
        }
        let order = order
            .as_str()
            .parse()
            .map_err(|_| JobError::Failed("the order's name cannot be used".to_owned()))?;
        let closed = account.gateway.expire_checkout(&order).await?;
        let source = step(ledger, *provider, format!("closed/{payment}"));
        let observation = Observation::Checkout(closed);
        match self.observer.hear_all(&source, &[observation]).await? {
            Heard::NotYet(reason) => Err(JobError::Failed(reason)),
            _ => Ok(()),
        }
    }
}
