//! Webhooks that are hints: the provider is asked, and its answer counts.

use connectors::gateways::{
    CheckoutLookup, GatewayError, Observation, Operation, PaymentObservation, PayoutLookup,
    ProviderId, Reference, RefundLookup, RefundObservation, SignatureCoverage, WebhookContent,
};
use ledger_core::payment::provider_refund_id;
use uuid::Uuid;

use super::Payments;
use crate::gateway_accounts::GatewayAccount;
use crate::jobs::{JobAttempt, JobError};
use crate::observer::{Heard, Source, Trust};
use crate::translation::{reference, refund_kind};
use crate::webhooks::{
    NotOpened, Opened, Verdict, WebhookStatus, load_webhook, open, settle_confirmed,
};

/// After so many tries a webhook is parked: over 29 minutes (e + e² + … + e⁷ seconds).
const TRIES: i32 = 8;

/// Why a webhook waits for a person that tells of a dispute where no dispute can be asked about.
pub(crate) const DISPUTE_NEEDS_A_PERSON: &str = "dispute_needs_a_person";

impl Payments {
    pub(super) async fn confirm_webhook(
        &self,
        id: Uuid,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let Some(webhook) = load_webhook(self.pool(), id).await? else {
            return Ok(());
        };
        // It was replayed, or another has been here.
        if webhook.status != WebhookStatus::Confirming.as_str() {
            return Ok(());
        }
        let is_last = attempt.number >= TRIES || attempt.is_last;
        let verdict = match open(&self.accounts, &*self.sealing, &webhook, Trust::Fetched) {
            Ok(opened) => self.confirmed(&opened, is_last).await?,
            Err(NotOpened::Here(reason)) if !is_last => {
                return Err(JobError::Failed(reason.to_owned()));
            }
            Err(NotOpened::Here(reason) | NotOpened::Anywhere(reason)) => {
                Verdict::Park(reason.to_owned())
            }
        };
        Ok(settle_confirmed(self.pool(), webhook, verdict).await?)
    }

    /// What becomes of a webhook by what its provider says now. A provider that is down will be up again:
    /// that is an error, and no reason to give its word up.
    async fn confirmed(&self, opened: &Opened, is_last: bool) -> Result<Verdict, JobError> {
        let WebhookContent::Observations(told) = &opened.facts.content else {
            return Ok(Verdict::Park("not_understood".to_owned()));
        };
        let coverage = opened.facts.coverage;
        let reason = match self.asked_about(&opened.source, told, coverage).await? {
            Heard::Applied(position) => return Ok(Verdict::Applied(position.value())),
            Heard::OfNoConcern => return Ok(Verdict::OfNoConcern),
            Heard::Impossible(reason) => return Ok(Verdict::Park(reason)),
            Heard::NotKnown(reason) => reason.to_owned(),
            Heard::NotYet(reason) => reason,
        };
        if is_last {
            Ok(Verdict::Park(reason))
        } else {
            Err(JobError::Failed(reason))
        }
    }

    /// What the provider says now of everything that a webhook tells of.
    async fn asked_about(
        &self,
        source: &Source,
        told: &[Observation],
        coverage: SignatureCoverage,
    ) -> Result<Heard, JobError> {
        let is_signed = coverage == SignatureCoverage::Everything;
        let is_dispute = |told: &Observation| matches!(told, Observation::Dispute(_));
        let account = self.account(source.ledger, source.provider)?;
        let capabilities = account.gateway.capabilities();
        if !is_signed
            && told.iter().any(is_dispute)
            && !capabilities.supports(Operation::FetchDispute)
        {
            return Ok(Heard::Impossible(DISPUTE_NEEDS_A_PERSON.to_owned()));
        }
        let mut said = Vec::new();
        for observation in told {
            let asked = ask(&account, source, observation).await;
            match asked {
                Ok(answers) => said.extend(answers),
                // What cannot be asked counts as told, where all of it is signed.
                Err(GatewayError::Unsupported { .. }) if is_signed => {
                    said.push(observation.clone());
                }
                Err(GatewayError::Unsupported { .. }) => {
                    return Ok(Heard::Impossible("cannot_be_confirmed".to_owned()));
                }
                // A provider may tell of something before it can be asked about it.
                Err(GatewayError::NotFound { .. }) => {
                    return Ok(Heard::NotKnown("provider_does_not_know_it"));
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
