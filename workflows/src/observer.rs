//! From what a provider says to commands.
//!
//! Whoever hears something, by a webhook, an answer or a fetch, hands it over here with a key that names
//! the hearing. The domain judges it: heard twice or late it changes nothing.

use std::fmt;

use connectors::gateways::{CheckoutObservation, CheckoutStatus, DisputeObservation, Reported};
use connectors::gateways::{
    Observation, PaymentObservation, PayoutObservation, RefundKind, RefundObservation,
};
use event_store::executor::{
    Atomicity, CommandOutcome, Executors, IdempotencyKey, Submission, SubmitError,
};
use ledger_core::event::EventMetadata;
use ledger_core::identifier::derived_id;
use ledger_core::payment::{
    self as domain, ObservedPayment, PaymentAction, UnexpectedReason, provider_refund_id,
    unexpected_payment_id,
};
use ledger_core::payout::PayoutAction;
use ledger_core::{
    Command, LedgerName, PaymentId, PayoutId, Position, ProviderName, RefundId, TransactionId,
};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::links::Links;
use crate::translation::{self, Untranslatable};

/// What an observation, or several, came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The ledger has it.
    Applied(Position),
    /// It says nothing that the ledger keeps.
    OfNoConcern,
    /// It is of something that is not known, or not known yet.
    NotKnown(&'static str),
    /// A rule stands in its way for now.
    NotYet(String),
    /// It cannot be taken in: a person has to look at it.
    Impossible(String),
}

impl Heard {
    /// What both came to, for a webhook that tells several things: the worst counts.
    fn and(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            return other;
        }
        match (&self, &other) {
            (Self::Applied(one), Self::Applied(two)) if two > one => other,
            _ => self,
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::OfNoConcern => 0,
            Self::Applied(_) => 1,
            Self::NotKnown(_) => 2,
            Self::NotYet(_) => 3,
            Self::Impossible(_) => 4,
        }
    }
}

impl From<Untranslatable> for Heard {
    fn from(word: Untranslatable) -> Self {
        Self::Impossible(word.0.to_owned())
    }
}

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

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A webhook says it.
    Told,
    /// The provider was asked just now.
    Fetched,
}

/// A key for one hearing.
#[derive(Debug, Clone)]
pub enum Hearing {
    /// Of a provider's event.
    Event {
        /// What names it: endpoint, event and bytes.
        name: String,
        /// The webhook's id here, for the events to refer to.
        webhook: Uuid,
    },
    /// In a step of a process.
    Step {
        /// What names it.
        name: String,
    },
}

/// Where an observation comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Whose account it is.
    pub ledger: LedgerName,
    /// Who says it.
    pub provider: ProviderName,
    /// How sure it is.
    pub trust: Trust,
    /// Which hearing.
    pub hearing: Hearing,
}

/// The process that issues commands.
const PROCESS: &str = "payments";

impl Source {
    fn key(&self, part: &str) -> IdempotencyKey {
        match &self.hearing {
            Hearing::Event { name, .. } => {
                IdempotencyKey::of_provider_event(self.provider, &format!("{name}/{part}"))
            }
            Hearing::Step { name } => {
                IdempotencyKey::of_process(PROCESS, &format!("{name}/{part}"))
            }
        }
    }

    /// The name of a part of the hearing. The same question may be answered otherwise each time it is
    /// asked, so what was fetched is told apart by what it says: a newer answer is no repetition.
    fn part(&self, part: &str, said: &impl fmt::Debug) -> String {
        match self.trust {
            Trust::Told => part.to_owned(),
            Trust::Fetched => {
                let digest = Sha256::digest(format!("{said:?}"));
                let short: String = digest[..16]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                format!("{part}-{short}")
            }
        }
    }

    fn metadata(&self) -> EventMetadata {
        let (actor, causation_id) = match &self.hearing {
            Hearing::Event { webhook, .. } => ("system:webhooks", Some(webhook.to_string())),
            Hearing::Step { .. } => ("system:payments", None),
        };
        EventMetadata {
            command_id: Uuid::now_v7(),
            actor: Some(actor.to_owned()),
            correlation_id: None,
            causation_id,
            idempotency: None,
        }
    }
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
        tracing::error!(
            ledger = %source.ledger, provider = %source.provider, attempt = %attempt,
            "money of an unknown payment is put in suspense"
        );
        metrics::counter!("daybook_unexpected_payments_total", "provider" => source.provider.to_string())
            .increment(1);
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

/// The transaction that a hearing may lead to: the same however often it is tried.
pub(crate) fn transaction(source: &Source, part: &str) -> TransactionId {
    let key = source.key(part);
    TransactionId::new(derived_id(&["observation", key.scope(), key.key()]))
}
