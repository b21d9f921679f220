//! Disputes of a payment: money that its payer asks back through the issuer.
//!
//! | state   | observed open | observed closed | observed won | observed lost |
//! |---------|---------------|-----------------|--------------|---------------|
//! | unknown | → Open        | → Closed        | → Won        | → Lost        |
//! | Open    | later phase   | → Closed        | → Won        | → Lost        |
//! | Closed  | later phase   | later phase     | → Won        | → Lost        |
//! | Won     | later phase   | later phase     | later phase  | → Lost        |
//! | Lost    | later phase   | later phase     | later phase  | later phase   |
//!
//! What is observed of an earlier phase, or of the same phase and earlier in the row of states, says
//! nothing new, whenever it arrives. A won dispute is opened again by a later phase; so is a lost one.
//!
//! From its opening on, unless it is an inquiry, the amount lies in `disputed.<provider>`: it is
//! taken from the wallet when it is still there, not when it is gone. Lost, it goes to the provider's
//! clearing account; won or closed, back to those who bore it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::TransactionId;
use crate::money::Amount;

use super::command::{DisputeObservation, ObservedDispute, PaymentCommand};
use super::event::{PaymentEvent, Returned};
use super::rejection::PaymentRejection;
use super::state::CapturedPayment;
use super::taken::{Bearing, Lying, Place, Taken};

/// How far a dispute has come with the issuer; later phases count more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DisputePhase {
    /// A question (retrieval, fraud report, early warning). No money is at stake yet.
    Inquiry,
    /// The issuer asks for the money.
    Chargeback,
    /// A second time, after it was won.
    PreArbitration,
    /// The network decides.
    Arbitration,
}

/// A dispute's state within its phase.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// Not decided.
    Open,
    /// Ended without a decision.
    Closed,
    /// Ended for us.
    Won,
    /// Ended for the payer.
    Lost,
}

/// A dispute of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// How much is disputed.
    pub amount: Amount,
    /// How far it has come.
    pub phase: DisputePhase,
    /// Its state.
    pub state: DisputeState,
    /// Who bears it, while somebody does.
    pub taken: Option<Taken>,
}

impl Dispute {
    /// What is taken for it, and where it lies.
    pub(super) fn lying(&self) -> Option<Lying> {
        let place = match self.state {
            DisputeState::Lost => Place::Provider,
            DisputeState::Open | DisputeState::Closed | DisputeState::Won => Place::Disputed,
        };
        self.taken.map(|taken| Lying { taken, place })
    }

    /// Whether money is at stake or lost.
    pub(super) fn counts(&self) -> bool {
        match self.state {
            DisputeState::Open => self.phase > DisputePhase::Inquiry,
            DisputeState::Lost => true,
            DisputeState::Closed | DisputeState::Won => false,
        }
    }
}

impl CapturedPayment {
    pub(super) fn observe_dispute(
        &self,
        command: &PaymentCommand,
        observation: &DisputeObservation,
        transaction: TransactionId,
    ) -> Result<Option<PaymentEvent>, PaymentRejection> {
        self.check_provider(command.payment, observation.provider)?;
        let amount = self.observed_amount(command, observation.money)?;
        let state = state_of(observation.status);
        let known = self.disputes.get(&observation.dispute);
        if known.is_some_and(|known| (observation.phase, state) <= (known.phase, known.state)) {
            return Ok(None);
        }
        let before = known.and_then(|known| known.taken);
        let (dispute, phase) = (observation.dispute.clone(), observation.phase);
        let returned = || {
            before.map(|taken| Returned {
                to: self.landing(taken.source, &command.standings),
                transaction,
            })
        };
        Ok(Some(match state {
            DisputeState::Open => {
                let taken = (phase > DisputePhase::Inquiry)
                    .then(|| self.bear(command, observation, amount));
                let changed = taken != before;
                let moved = changed || known.is_some_and(|known| known.state != DisputeState::Open);
                PaymentEvent::DisputeOpened {
                    dispute,
                    phase,
                    amount,
                    reason: observation.reason.clone(),
                    respond_by: observation.respond_by,
                    taken,
                    returned_to: self.returned_to(command, before, taken),
                    transaction: (moved && (taken.is_some() || before.is_some()))
                        .then_some(transaction),
                }
            }
            DisputeState::Closed => PaymentEvent::DisputeClosed {
                dispute,
                phase,
                amount,
                returned: returned(),
            },
            DisputeState::Won => PaymentEvent::DisputeWon {
                dispute,
                phase,
                amount,
                returned: returned(),
            },
            DisputeState::Lost => {
                let taken = self.bear(command, observation, amount);
                PaymentEvent::DisputeLost {
                    dispute,
                    phase,
                    amount,
                    taken,
                    returned_to: self.returned_to(command, before, Some(taken)),
                    transaction,
                }
            }
        }))
    }

    /// Who bears the disputed amount: who has borne it, as long as the payment has as much left.
    fn bear(
        &self,
        command: &PaymentCommand,
        observation: &DisputeObservation,
        amount: Amount,
    ) -> Taken {
        let left = self.bearable(Some(&observation.dispute));
        let before = self
            .disputes
            .get(&observation.dispute)
            .and_then(|known| known.taken);
        if let Some(taken) = before
            && taken.total() == amount.value()
            && taken.from_source.is_none_or(|borne| borne.value() <= left)
        {
            return taken;
        }
        let coming_back = before
            .filter(|taken| taken.source == self.holder)
            .and_then(|taken| taken.from_source);
        let bearing = Bearing {
            source: self.holder,
            asset: self.asset,
            left,
            coming_back,
            overdraft: command.policy.chargeback_overdraft,
            standings: &command.standings,
        };
        bearing.of(amount)
    }

    fn returned_to(
        &self,
        command: &PaymentCommand,
        before: Option<Taken>,
        after: Option<Taken>,
    ) -> Option<crate::identifier::Holder> {
        before
            .filter(|before| Some(*before) != after)
            .map(|before| self.landing(before.source, &command.standings))
    }
}

const fn state_of(observed: ObservedDispute) -> DisputeState {
    match observed {
        ObservedDispute::Open => DisputeState::Open,
        ObservedDispute::Closed => DisputeState::Closed,
        ObservedDispute::Won => DisputeState::Won,
        ObservedDispute::Lost => DisputeState::Lost,
    }
}
