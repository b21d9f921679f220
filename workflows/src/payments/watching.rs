//! Asking how payments are that nobody has told of, as often as their provider tolerates, and less and
//! less often.

use chrono::{TimeDelta, Utc};
use connectors::gateways::{CheckoutLookup, GatewayError, Observation};
use ledger_core::{LedgerName, PaymentId};

use super::{Payments, histories, step};
use crate::jobs::{Job, JobError};
use crate::links::checkout_reference;
use crate::observer::Heard;

/// For how long after a payment's time late money is looked for: providers authorize days late.
const LATE: TimeDelta = TimeDelta::days(6);

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
        if history.state.open().is_none() {
            return Ok(());
        }
        let provider = match &history.order {
            Some((provider, _)) => *provider,
            None => history.route.provider,
        };
        let account = self.account(ledger, provider)?;
        let named = history.order.as_ref();
        let lookup = match named.and_then(|(_, order)| order.as_str().parse().ok()) {
            Some(order) => CheckoutLookup::Id(order),
            None => CheckoutLookup::Reference(checkout_reference(payment)),
        };
        match account.gateway.fetch_checkout(&lookup).await {
            Ok(said) => {
                let source = step(ledger, provider, format!("watched/{payment}/{round}"));
                let said = [Observation::Checkout(said)];
                if let Heard::Impossible(reason) = self.observer.hear_all(&source, &said).await? {
                    return Err(JobError(reason));
                }
            }
            // It was never made there, or is forgotten: there is nothing to hear of.
            Err(GatewayError::NotFound { .. } | GatewayError::Unsupported { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let ends = history.expires_at.map(|time| time.as_datetime() + LATE);
        if ends.is_some_and(|ends| Utc::now() > ends) || round > 200 {
            return Ok(());
        }
        let job = Job::WatchPayment {
            ledger,
            payment,
            round: round + 1,
        };
        let pause = self.interval(&*account.gateway, round + 1);
        self.put_in(
            format!("watch/{ledger}/{payment}/{}", round + 1),
            job,
            pause,
        )
        .await
    }
}
