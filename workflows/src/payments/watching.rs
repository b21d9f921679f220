//! Asking how payments are that nobody has told of, as often as their provider tolerates, and less and
//! less often; and ending those whose time has passed.

use chrono::{DateTime, TimeDelta, Utc};
use connectors::gateways::{CheckoutLookup, GatewayError, Observation};
use ledger_core::payment::{Checkout as Page, PaymentStatus};
use ledger_core::{LedgerName, PaymentId, ProviderName};

use super::histories::PaymentHistory;
use super::{Payments, histories, step};
use crate::gateway_accounts::GatewayAccount;
use crate::jobs::{Job, JobError};
use crate::links::checkout_reference;
use crate::observer::Heard;

/// For how long after a payment's time late money is looked for: providers authorize days late, and give
/// back what nobody captures after up to seven (Stripe).
const LATE: TimeDelta = TimeDelta::days(8);

/// After so many rounds nothing more is expected.
const LAST_ROUND: u32 = 200;

impl Payments {
    pub(super) async fn watch_payment(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        round: u32,
    ) -> Result<(), JobError> {
        let Some(history) = histories::payment(&self.log, ledger, payment).await? else {
            return Ok(());
        };
        let Some(open) = history.state.open() else {
            return Ok(());
        };
        let provider = history.asked_last();
        let account = self.account(ledger, provider)?;
        let name = format!("watched/{payment}/{round}");
        self.ask_checkout(&account, provider, payment, &history, name)
            .await?;
        let (now, ends_at) = (Utc::now(), history.ends_at(self.page_lifetime()));
        let is_authorized = history.state.status() == Some(PaymentStatus::Authorized);
        let is_over = now > ends_at + LATE || round >= LAST_ROUND;
        if open.checkout != Page::Expired && !is_authorized && (is_over || now >= ends_at) {
            let job = Job::ExpirePayment { ledger, payment };
            let key = format!("expire/{ledger}/{payment}");
            self.put_in(key, job, std::time::Duration::ZERO).await?;
        }
        if !is_over {
            return self.watch_on(&account, payment, round + 1, ends_at).await;
        }
        if is_authorized {
            let reason = "the payment is authorized, long after its time";
            return Err(JobError::Failed(reason.to_owned()));
        }
        Ok(())
    }

    /// Asks for the next time: after the usual pause, but when the payment's time passes at the latest.
    async fn watch_on(
        &self,
        account: &GatewayAccount,
        payment: PaymentId,
        round: u32,
        ends_at: DateTime<Utc>,
    ) -> Result<(), JobError> {
        let ledger = account.ledger;
        let job = Job::WatchPayment {
            ledger,
            payment,
            round,
        };
        let usual = self.interval(&*account.gateway, round);
        // A moment later: providers close pages by their own clock.
        let left = (ends_at - Utc::now() + TimeDelta::seconds(1)).to_std();
        let pause = left.map_or(usual, |left| usual.min(left));
        let key = format!("watch/{ledger}/{payment}/{round}");
        self.put_in(key, job, pause).await
    }

    /// That the provider does not find it is an error: it may the next time, and somebody is told if it
    /// never does.
    pub(super) async fn ask_checkout(
        &self,
        account: &GatewayAccount,
        provider: ProviderName,
        payment: PaymentId,
        history: &PaymentHistory,
        name: String,
    ) -> Result<(), JobError> {
        let named = history.order.as_ref();
        let lookup = match named.and_then(|(_, order)| order.as_str().parse().ok()) {
            Some(order) => CheckoutLookup::Id(order),
            None => CheckoutLookup::Reference(checkout_reference(payment)),
        };
        let said = match account.gateway.fetch_checkout(&lookup).await {
            Ok(said) => [Observation::Checkout(said)],
            // Nobody can be asked; the payment ends in its time all the same.
            Err(GatewayError::Unsupported { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let source = step(account.ledger, provider, name);
        match self.observer.hear_all(&source, &said).await? {
            Heard::Impossible(reason) => Err(JobError::Failed(reason)),
            Heard::Applied(_) | Heard::OfNoConcern | Heard::NotKnown(_) | Heard::NotYet(_) => {
                Ok(())
            }
        }
    }
}
