//! Webhooks that are hints: the provider is asked, and its answer counts.

use connectors::gateways::{
    CheckoutLookup, GatewayError, Observation, PaymentObservation, PayoutLookup, ProviderId,
    Reference, RefundLookup, RefundObservation, SignatureCoverage, WebhookContent,
};
use ledger_core::payment::provider_refund_id;
use uuid::Uuid;

use super::Payments;
use crate::gateway_accounts::GatewayAccount;
use crate::jobs::{JobAttempt, JobError};
use crate::observer::{Heard, Source, Trust};
use crate::translation::{reference, refund_kind};
use crate::webhooks::{StoredWebhook, alert_parked, load_webhook, open, park_in, settle_confirmed};

/// After so many tries a webhook is parked: over about an hour.
const TRIES: i32 = 8;

impl Payments {
    pub(super) async fn confirm_webhook(
        &self,
        id: Uuid,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let Some(webhook) = load_webhook(self.pool(), id).await? else {
            return Ok(());
        };
        let opened = match open(&self.accounts, &webhook, Trust::Fetched) {
            Ok(opened) => opened,
            Err(reason) => return self.park(&webhook, &reason).await,
        };
        let WebhookContent::Observations(told) = &opened.facts.content else {
            return self.park(&webhook, "not_understood").await;
        };
        let heard = self
            .asked_about(&opened.source, told, opened.facts.coverage)
            .await;
        let is_last = attempt.number >= TRIES || attempt.is_last;
        match heard {
            Ok(Heard::Applied(position)) => {
                Ok(settle_confirmed(self.pool(), id, Some(position.value())).await?)
            }
            Ok(Heard::OfNoConcern) => Ok(settle_confirmed(self.pool(), id, None).await?),
            Ok(Heard::Impossible(reason)) => self.park(&webhook, &reason).await,
            Ok(Heard::NotKnown(reason)) if is_last => self.park(&webhook, reason).await,
            Ok(Heard::NotYet(reason)) if is_last => self.park(&webhook, &reason).await,
            Ok(Heard::NotKnown(reason)) => Err(JobError(reason.to_owned())),
            Ok(Heard::NotYet(reason)) => Err(JobError(reason)),
            // A provider that is down will be up again: that is no reason to give its word up.
            Err(error) => Err(error),
        }
    }

    async fn park(&self, webhook: &StoredWebhook, reason: &str) -> Result<(), JobError> {
        alert_parked(webhook, reason);
        Ok(park_in(self.pool(), webhook.id, reason).await?)
    }

    /// What the provider says now of everything that a webhook tells of.
    async fn asked_about(
        &self,
        source: &Source,
        told: &[Observation],
        coverage: SignatureCoverage,
    ) -> Result<Heard, JobError> {
        let account = self.account(source.ledger, source.provider)?;
        let mut said = Vec::new();
        for observation in told {
            let asked = ask(account, source, observation).await;
            match asked {
                Ok(answers) => said.extend(answers),
                // What cannot be asked counts as told, where all of it is signed.
                Err(GatewayError::Unsupported { .. })
                    if coverage == SignatureCoverage::Everything =>
                {
                    said.push(observation.clone());
                }
                Err(GatewayError::NotFound { .. }) => {
                    return Ok(Heard::Impossible("provider_does_not_know_it".to_owned()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        // A refund or dispute whose payment becomes known by this is taken in the next time, when the
        // payment's names have followed the log.
        Ok(self.observer.hear_all(source, &said).await?)
    }
}

/// The present state of what is told of, what it depends on first.
async fn ask(
    account: &GatewayAccount,
    source: &Source,
    told: &Observation,
) -> Result<Vec<Observation>, GatewayError> {
    let gateway = &account.gateway;
    Ok(match told {
        Observation::Payment(payment) => {
            let payment = payment_now(account, &payment.payment_id, Some(payment)).await?;
            vec![Observation::Payment(payment)]
        }
        Observation::Checkout(checkout) => {
            let lookup = CheckoutLookup::Id(checkout.checkout_id.clone());
            vec![Observation::Checkout(
                gateway.fetch_checkout(&lookup).await?,
            )]
        }
        Observation::Refund(refund) => {
            let payment = payment_now(account, &refund.payment_id, None).await?;
            let lookup = RefundLookup {
                payment_id: refund.payment_id.clone(),
                refund_id: Some(refund.refund_id.clone()),
                reference: refund
                    .reference
                    .clone()
                    .unwrap_or_else(|| refund_name(source, refund)),
            };
            let now = gateway.fetch_refund(&lookup).await?;
            let now = RefundObservation {
                kind: refund_kind(now.kind, Some(&payment)),
                ..now
            };
            vec![Observation::Payment(payment), Observation::Refund(now)]
        }
        Observation::Dispute(dispute) => {
            let payment = payment_now(account, &dispute.payment_id, None).await?;
            let now = gateway.fetch_dispute(&dispute.dispute_id).await?;
            vec![Observation::Payment(payment), Observation::Dispute(now)]
        }
        Observation::Payout(payout) => {
            let lookup = PayoutLookup::Id(payout.payout_id.clone());
            vec![Observation::Payout(gateway.fetch_payout(&lookup).await?)]
        }
        Observation::Settlement(_) => Vec::new(),
    })
}

/// A payment as it is now, with the names that its checkout and the webhook have for it.
async fn payment_now(
    account: &GatewayAccount,
    payment: &ProviderId,
    told: Option<&PaymentObservation>,
) -> Result<PaymentObservation, GatewayError> {
    let mut now = account.gateway.fetch_payment(payment).await?;
    if now.checkout_id.is_none() {
        now.checkout_id = told.and_then(|told| told.checkout_id.clone());
    }
    if now.reference.is_none()
        && let Some(checkout) = now.checkout_id.clone()
    {
        let lookup = CheckoutLookup::Id(checkout);
        // Without its name the money would be taken for nobody's, so what cannot be asked now is asked
        // again. Only where a checkout can never be asked for, there is no name to be had.
        now.reference = match account.gateway.fetch_checkout(&lookup).await {
            Ok(checkout) => checkout.reference,
            Err(GatewayError::Unsupported { .. }) => None,
            Err(error) => return Err(error),
        };
    }
    Ok(now)
}

/// A name for a refund that has none of ours; a look-up by the provider's own finds it first.
fn refund_name(source: &Source, refund: &RefundObservation) -> Reference {
    match reference(&refund.refund_id) {
        Ok(id) => Reference::of(provider_refund_id(source.provider, &id).as_uuid()),
        Err(_) => Reference::of(Uuid::nil()),
    }
}
