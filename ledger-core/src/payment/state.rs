//! What a payment is, folded from its events.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{ProviderName, ProviderReference, WalletId};
use crate::money::{Amount, AssetCode};

use super::captured::CapturedPayment;
use super::event::PaymentEvent;

/// A payment's state, by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Begun; no page to pay on yet.
    Created,
    /// The payer can pay, or is paying.
    AwaitingPayer,
    /// The payer's bank has reserved the money.
    Authorized,
    /// The provider has the money.
    Captured,
    /// A part was given back.
    PartiallyRefunded,
    /// All was given back.
    Refunded,
    /// What the payer tried failed. Money may still arrive.
    Failed,
    /// The payer can no longer pay. Money may still arrive.
    Expired,
    /// A dispute is open or was lost.
    Disputed,
}

impl PaymentStatus {
    /// The name, as stored in read models.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingPayer => "awaiting_payer",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Disputed => "disputed",
        }
    }
}

impl fmt::Display for PaymentStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How far the page on which the payer pays has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Checkout {
    /// Not made.
    Created,
    /// There.
    Open,
    /// Could not be made.
    Failed,
    /// Ended.
    Expired,
}

/// How far one attempt to pay has come; the later of two is the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AttemptState {
    /// Refused, as far as is known.
    Failed,
    /// The money is reserved.
    Authorized,
    /// The reservation was given back.
    Released,
}

/// An attempt to pay: a provider's own payment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// Where.
    pub provider: ProviderName,
    /// The provider's own id of it.
    pub reference: ProviderReference,
    /// How far it has come.
    pub state: AttemptState,
}

/// A payment whose money has not arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPayment {
    /// Whose wallet is to be credited.
    pub wallet: WalletId,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Amount,
    /// Every provider that was asked, the last one last.
    pub providers: Vec<ProviderName>,
    /// How far the page has come.
    pub checkout: Checkout,
    /// What was tried, in order of provider and reference.
    pub attempts: Vec<Attempt>,
}

/// A payment's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Payment {
    /// Not begun.
    #[default]
    Absent,
    /// See [`PaymentStatus::Created`].
    Created(OpenPayment),
    /// See [`PaymentStatus::AwaitingPayer`].
    AwaitingPayer(OpenPayment),
    /// See [`PaymentStatus::Authorized`].
    Authorized(OpenPayment),
    /// See [`PaymentStatus::Failed`].
    Failed(OpenPayment),
    /// See [`PaymentStatus::Expired`].
    Expired(OpenPayment),
    /// See [`PaymentStatus::Captured`].
    Captured(CapturedPayment),
    /// See [`PaymentStatus::PartiallyRefunded`].
    PartiallyRefunded(CapturedPayment),
    /// See [`PaymentStatus::Refunded`].
    Refunded(CapturedPayment),
    /// See [`PaymentStatus::Disputed`].
    Disputed(CapturedPayment),
}

/// A payment's state, as most rules ask for it.
pub(super) enum Stage<'a> {
    Absent,
    Open(&'a OpenPayment, PaymentStatus),
    Captured(&'a CapturedPayment, PaymentStatus),
}

impl Payment {
    /// The state by name, or `None` when there is no such payment.
    #[must_use]
    pub const fn status(&self) -> Option<PaymentStatus> {
        match self {
            Self::Absent => None,
            Self::Created(_) => Some(PaymentStatus::Created),
            Self::AwaitingPayer(_) => Some(PaymentStatus::AwaitingPayer),
            Self::Authorized(_) => Some(PaymentStatus::Authorized),
            Self::Failed(_) => Some(PaymentStatus::Failed),
            Self::Expired(_) => Some(PaymentStatus::Expired),
            Self::Captured(_) => Some(PaymentStatus::Captured),
            Self::PartiallyRefunded(_) => Some(PaymentStatus::PartiallyRefunded),
            Self::Refunded(_) => Some(PaymentStatus::Refunded),
            Self::Disputed(_) => Some(PaymentStatus::Disputed),
        }
    }

    pub(super) const fn stage(&self) -> Stage<'_> {
        match self {
            Self::Absent => Stage::Absent,
            Self::Created(open) => Stage::Open(open, PaymentStatus::Created),
            Self::AwaitingPayer(open) => Stage::Open(open, PaymentStatus::AwaitingPayer),
            Self::Authorized(open) => Stage::Open(open, PaymentStatus::Authorized),
            Self::Failed(open) => Stage::Open(open, PaymentStatus::Failed),
            Self::Expired(open) => Stage::Open(open, PaymentStatus::Expired),
            Self::Captured(captured) => Stage::Captured(captured, PaymentStatus::Captured),
            Self::PartiallyRefunded(captured) => {
                Stage::Captured(captured, PaymentStatus::PartiallyRefunded)
            }
            Self::Refunded(captured) => Stage::Captured(captured, PaymentStatus::Refunded),
            Self::Disputed(captured) => Stage::Captured(captured, PaymentStatus::Disputed),
        }
    }

    /// What the payment is once its money has arrived.
    #[must_use]
    pub const fn captured(&self) -> Option<&CapturedPayment> {
        match self.stage() {
            Stage::Captured(captured, _) => Some(captured),
            Stage::Absent | Stage::Open(..) => None,
        }
    }

    /// What the payment is until its money has arrived.
    #[must_use]
    pub const fn open(&self) -> Option<&OpenPayment> {
        match self.stage() {
            Stage::Open(open, _) => Some(open),
            Stage::Absent | Stage::Captured(..) => None,
        }
    }

    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &PaymentEvent) -> Result<Self, IllegalEvent> {
        let next = match self.stage() {
            Stage::Absent => super::evolve::begin(event),
            Stage::Open(open, _) => super::evolve::open(open, event),
            Stage::Captured(captured, _) => super::evolve::captured(captured, event),
        };
        next.ok_or(IllegalEvent {
            event: event.name(),
            state: self.status().map_or("Absent", PaymentStatus::as_str),
        })
    }
}

impl OpenPayment {
    /// The state that page and attempts come to; the same in whatever order they came about.
    pub(super) fn into_state(self) -> Payment {
        let any = |state| self.attempts.iter().any(|attempt| attempt.state == state);
        if any(AttemptState::Authorized) {
            Payment::Authorized(self)
        } else if self.checkout == Checkout::Expired || any(AttemptState::Released) {
            Payment::Expired(self)
        } else if self.checkout == Checkout::Failed || any(AttemptState::Failed) {
            Payment::Failed(self)
        } else if self.checkout == Checkout::Open {
            Payment::AwaitingPayer(self)
        } else {
            Payment::Created(self)
        }
    }

    /// The state of an attempt, if it is known.
    pub(super) fn attempt(
        &self,
        provider: ProviderName,
        reference: &ProviderReference,
    ) -> Option<AttemptState> {
        self.attempts
            .iter()
            .find(|known| known.provider == provider && known.reference == *reference)
            .map(|known| known.state)
    }

    pub(super) fn set_attempt(&mut self, attempt: Attempt) {
        let of_same = |known: &Attempt| {
            known.provider == attempt.provider && known.reference == attempt.reference
        };
        self.attempts.retain(|known| !of_same(known));
        self.attempts.push(attempt);
        self.attempts.sort();
    }
}
