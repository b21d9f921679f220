//! From what a provider says to commands.
//!
//! Whoever hears something, by a webhook, an answer or a fetch, hands it over here with a key that names
//! the hearing. The domain judges it: heard twice or late it changes nothing.

mod hearing;

use connectors::gateways::{CheckoutObservation, CheckoutStatus, DisputeObservation, Reported};
use connectors::gateways::{
    Observation, PaymentObservation, PayoutObservation, RefundKind, RefundObservation,
};
use event_store::executor::{Atomicity, CommandOutcome, Executors, Submission, SubmitError};
use ledger_core::payment::{
    self as domain, ObservedPayment, PaymentAction, UnexpectedReason, provider_refund_id,
    unexpected_payment_id,
};
use ledger_core::payout::PayoutAction;
use ledger_core::{Command, PaymentId, PayoutId, RefundId};
use sqlx::postgres::PgPool;

use crate::links::Links;
use crate::translation;

pub(crate) use hearing::transaction;
pub use hearing::{Heard, Hearing, Source, Trust};

/// Why an observation could not be handed over. Nothing was done, or it can be asked again.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// PostgreSQL failed.
    #[error("what an observation is of cannot be looked up")]
    Database(#[from] sqlx::Error),
    /// The executor has no outcome.
    #[error("an observation cannot be submitted")]
    Submit(#[from] SubmitError),
}

/// Takes in what providers say; cheap to clone.
#[derive(Debug, Clone)]
pub struct Observer {
    pool: PgPool,
    executors: Executors,
}

impl Observer {
    /// Commands go to `executors`; whose something is, is looked up in `pool`.
    #[must_use]
    pub const fn new(pool: PgPool, executors: Executors) -> Self {
        Self { pool, executors }
    }

    /// The database.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Takes in everything, in order.
    ///
    /// # Errors
    /// [`ObserveError`].
    pub async fn hear_all(
        &self,
        source: &Source,
        observations: &[Observation],
    ) -> Result<Heard, ObserveError> {
        let mut heard = Heard::OfNoConcern;
        for (index, observation) in observations.iter().enumerate() {
            let part = source.part(&index.to_string(), observation);
            let one = match observation {
                Observation::Payment(payment) => self.payment(source, &part, payment).await?,
                Observation::Checkout(checkout) => self.checkout(source, &part, checkout).await?,
                Observation::Refund(refund) => self.refund(source, &part, refund).await?,
                Observation::Dispute(dispute) => self.dispute(source, &part, dispute).await?,
                Observation::Payout(payout) => self.payout(source, &part, payout).await?,
                // Settlements are taken from reports, which say what is in them.
                Observation::Settlement(_) => Heard::OfNoConcern,
            };
            heard = heard.and(one);
        }
        Ok(heard)
    }

    pub(crate) fn links(&self, source: &Source) -> Links {
        Links::new(self.pool.clone(), source.ledger, source.provider)
    }

    async fn payment(
        &self,
        source: &Source,
        part: &str,
        said: &PaymentObservation,
    ) -> Result<Heard, ObserveError> {
        let observation = match translation::payment(source.provider, said) {
            Ok(observation) => observation,
            Err(word) => return Ok(word.into()),
        };
        let known = self
            .links(source)
            .payment(
                said.reference.as_ref(),
                Some(&said.payment_id),
                said.checkout_id.as_ref(),
            )
            .await?;
        match known {
            Some(payment) => self.observe(source, part, payment, observation).await,
            None => self.unexpected(source, part, observation).await,
        }
    }

    /// A provider's word about a payment of ours.
    ///
    /// # Errors
    /// [`ObserveError`].
    pub async fn observe(
        &self,
        source: &Source,
        part: &str,
        payment: PaymentId,
        observation: domain::PaymentObservation,
    ) -> Result<Heard, ObserveError> {
        let ObservedPayment::Captured { attempt, .. } = &observation.status else {
            return self.tell(source, part, payment, observation).await;
        };
        let nobodys = unexpected_payment_id(source.provider, attempt);
        let first = self.links(source).claim(attempt, payment).await?;
        // Somebody is about to take it in as nobody's, or has: it must not be taken in twice.
        if first == nobodys {
            return self.tell_unexpected(source, part, observation).await;
        }
        self.tell(source, part, payment, observation).await
    }

    async fn tell(
        &self,
        source: &Source,
        part: &str,
        payment: PaymentId,
        observation: domain::PaymentObservation,
    ) -> Result<Heard, ObserveError> {
        let action = PaymentAction::Observe {
            observation,
            transaction: transaction(source, part),
        };
        self.submit_payment(source, part, payment, action).await
    }

    /// Money that is no payment's goes to suspense, once the provider confirms it; all else is of a payment
    /// that may become known.
    async fn unexpected(
        &self,
        source: &Source,
        part: &str,
        observation: domain::PaymentObservation,
    ) -> Result<Heard, ObserveError> {
        let ObservedPayment::Captured { attempt, .. } = &observation.status else {
            return Ok(Heard::NotKnown("payment_unknown"));
        };
        if source.trust == Trust::Told {
            return Ok(Heard::NotKnown("payment_unknown"));
        }
        let nobodys = unexpected_payment_id(source.provider, attempt);
        let first = self.links(source).claim(attempt, nobodys).await?;
        if first == nobodys {
            return self.tell_unexpected(source, part, observation).await;
        }
        // It has become known since it was looked up.
        self.tell(source, part, first, observation).await
    }

    async fn tell_unexpected(
        &self,
        source: &Source,
        part: &str,
        observation: domain::PaymentObservation,
    ) -> Result<Heard, ObserveError> {
        let ObservedPayment::Captured { attempt, .. } = &observation.status else {
            return Ok(Heard::NotKnown("payment_unknown"));
        };
        let payment = unexpected_payment_id(source.provider, attempt);
        let action = PaymentAction::ObserveUnexpected {
            observation,
            why: UnexpectedReason::UnknownPayment,
            transaction: transaction(source, part),
        };
        self.submit_payment(source, part, payment, action).await
    }

    async fn checkout(
        &self,
        source: &Source,
        part: &str,
        said: &CheckoutObservation,
    ) -> Result<Heard, ObserveError> {
        let mut heard = Heard::OfNoConcern;
        for (index, payment) in said.payments.iter().enumerate() {
            let mut payment = payment.clone();
            // What the checkout says of itself holds for its payments.
            payment
                .checkout_id
                .get_or_insert_with(|| said.checkout_id.clone());
            payment.reference = payment.reference.or_else(|| said.reference.clone());
            let part = format!("{part}.{index}");
            heard = heard.and(self.payment(source, &part, &payment).await?);
        }
        let Reported::Known(status) = &said.status else {
            return Ok(heard.and(translation::STATUS_UNKNOWN.into()));
        };
        let status = match status {
            CheckoutStatus::Open => ObservedPayment::AwaitingPayer { expires_at: None },
            CheckoutStatus::Expired | CheckoutStatus::Cancelled => ObservedPayment::Expired,
            CheckoutStatus::Paid | CheckoutStatus::PartlyPaid => {
                // Paid by whom is told by its payments; a webhook may leave them out.
                let is_told = !said.payments.is_empty();
                let lacking = Heard::NotKnown("checkout_payments_missing");
                return Ok(if is_told { heard } else { heard.and(lacking) });
            }
        };
        let checkout = Some(&said.checkout_id);
        let reference = said.reference.as_ref();
        let known = self
            .links(source)
            .payment(reference, None, checkout)
            .await?;
        let Some(payment) = known else {
            return Ok(heard.and(Heard::NotKnown("payment_unknown")));
        };
        let order = match translation::reference(&said.checkout_id) {
            Ok(order) => Some(order),
            Err(word) => return Ok(heard.and(word.into())),
        };
        let observation = domain::PaymentObservation {
            provider: source.provider,
            order,
            status,
        };
        Ok(heard.and(self.observe(source, part, payment, observation).await?))
    }

    async fn refund(
        &self,
        source: &Source,
        part: &str,
        said: &RefundObservation,
    ) -> Result<Heard, ObserveError> {
        let attempt = match translation::reference(&said.payment_id) {
            Ok(attempt) => attempt,
            Err(word) => return Ok(word.into()),
        };
        let links = self.links(source);
        let known = links.payment(None, Some(&said.payment_id), None).await?;
        let Some(payment) = known else {
            return Ok(Heard::NotKnown("payment_unknown"));
        };
        match said.kind {
            RefundKind::NotSaid => return Ok(Heard::NotKnown("refund_kind_unknown")),
            RefundKind::OfUncaptured => {
                let observation = domain::PaymentObservation {
                    provider: source.provider,
                    order: None,
                    status: ObservedPayment::Released { attempt },
                };
                return self.observe(source, part, payment, observation).await;
            }
            RefundKind::OfCaptured => {}
        }
        let observation = match translation::refund(source.provider, said) {
            Ok(observation) => observation,
            Err(word) => return Ok(word.into()),
        };
        let ours = said.reference.as_ref().and_then(|reference| reference.id());
        let refund = ours.map_or_else(
            || provider_refund_id(source.provider, &observation.provider_refund),
            RefundId::new,
        );
        let action = PaymentAction::ObserveRefund {
            refund,
            observation,
            transaction: transaction(source, part),
        };
        self.submit_payment(source, part, payment, action).await
    }

    async fn dispute(
        &self,
        source: &Source,
        part: &str,
        said: &DisputeObservation,
    ) -> Result<Heard, ObserveError> {
        let observation = match translation::dispute(source.provider, said) {
            Ok(observation) => observation,
            Err(word) => return Ok(word.into()),
        };
        let links = self.links(source);
        let known = links.payment(None, Some(&said.payment_id), None).await?;
        let Some(payment) = known else {
            return Ok(Heard::NotKnown("payment_unknown"));
        };
        let action = PaymentAction::ObserveDispute {
            observation,
            transaction: transaction(source, part),
        };
        self.submit_payment(source, part, payment, action).await
    }

    async fn payout(
        &self,
        source: &Source,
        part: &str,
        said: &PayoutObservation,
    ) -> Result<Heard, ObserveError> {
        let links = self.links(source);
        let known = links
            .payout(said.reference.as_ref(), &said.payout_id)
            .await?;
        match known {
            Some(payout) => self.payout_of(source, part, payout, said).await,
            None => Ok(Heard::NotKnown("payout_unknown")),
        }
    }

    /// A provider's word about a payout of ours.
    ///
    /// # Errors
    /// [`ObserveError`].
    pub async fn payout_of(
        &self,
        source: &Source,
        part: &str,
        payout: PayoutId,
        said: &PayoutObservation,
    ) -> Result<Heard, ObserveError> {
        match translation::payout(source.provider, payout, said) {
            Ok(observation) => {
                let part = &source.part(part, said);
                let action = observe_payout(source, part, observation);
                self.submit_payout(source, part, payout, action).await
            }
            Err(word) => Ok(word.into()),
        }
    }

    pub(crate) async fn submit_payment(
        &self,
        source: &Source,
        part: &str,
        payment: PaymentId,
        action: PaymentAction,
    ) -> Result<Heard, ObserveError> {
        let action = Box::new(action);
        self.submit(source, part, Command::Payment { payment, action })
            .await
    }

    pub(crate) async fn submit_payout(
        &self,
        source: &Source,
        part: &str,
        payout: PayoutId,
        action: PayoutAction,
    ) -> Result<Heard, ObserveError> {
        let action = Box::new(action);
        self.submit(source, part, Command::Payout { payout, action })
            .await
    }

    pub(crate) async fn submit(
        &self,
        source: &Source,
        part: &str,
        command: Command,
    ) -> Result<Heard, ObserveError> {
        let submission = Submission {
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
            idempotency: Some(source.key(part)),
            metadata: source.metadata(),
        };
        let outcome = self.executors.submit(source.ledger, submission).await?;
        Ok(match outcome.commands.first() {
            Some(CommandOutcome::Refused(refusal)) if refusal.transient => {
                Heard::NotYet(refusal.code.clone())
            }
            Some(CommandOutcome::Refused(refusal)) => Heard::Impossible(refusal.code.clone()),
            Some(CommandOutcome::Applied(applied)) => Heard::Applied(applied.position),
            Some(CommandOutcome::NotApplied) | None => Heard::Applied(outcome.position),
        })
    }
}

/// A provider's word about a payout, as a command.
pub(crate) fn observe_payout(
    source: &Source,
    part: &str,
    observation: ledger_core::payout::PayoutObservation,
) -> PayoutAction {
    PayoutAction::Observe {
        observation,
        transaction: transaction(source, part),
        fee_transaction: transaction(source, &format!("{part}/fee")),
    }
}
