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
//! clearing account; won or closed, it comes back ([`super::taken`]). What the provider charges for
//! the dispute is recorded once, with the first word that tells it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{Holder, ProviderReference, TransactionId};
use crate::money::Amount;

use super::captured::{CapturedPayment, FeesRecorded};
use super::command::{DisputeObservation, ObservedDispute, PaymentCommand};
use super::decide::{Decided, decide_fees};
use super::event::{PaymentEvent, Returned};
use super::taken::{Lying, Place, Taken, transaction_beside};

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
    /// Whose money was taken for it, while it is; the platform may bear a part, or all.
    pub taken_from: Option<Holder>,
    /// Whether the provider's charge for it was recorded.
    pub fees: FeesRecorded,
}

impl Dispute {
    /// What is taken for it, and where it lies.
    pub(super) fn lying(&self) -> Option<Lying> {
        let amount = self.amount;
        let place = place_of(self.state);
        self.taken_from.map(|source| Lying {
            amount,
            place,
            source,
        })
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

/// Where the money of a dispute in this state lies, if any was taken.
pub(super) const fn place_of(state: DisputeState) -> Place {
    match state {
        DisputeState::Lost => Place::Provider,
        DisputeState::Open | DisputeState::Closed | DisputeState::Won => Place::Disputed,
    }
}

/// What a dispute that is opened or lost moves.
struct Moves {
    taken: Option<Taken>,
    returned: Option<Returned>,
    transaction: Option<TransactionId>,
}

impl CapturedPayment {
    pub(super) fn observe_dispute(
        &self,
        command: &PaymentCommand,
        observation: &DisputeObservation,
        transaction: TransactionId,
    ) -> Decided {
        let payment = command.payment;
        self.check_attempt(payment, observation.provider, &observation.attempt)?;
        let amount = self.observed_amount(command, observation.money)?;
        let state = state_of(observation.status);
        let known = self.disputes.get(&observation.dispute);
        if let Some(known) = known
            && (observation.phase, state) <= (known.phase, known.state)
        {
            return self.charge_dispute(command, observation, known, transaction);
        }
        let before = known.and_then(Dispute::lying);
        let (dispute, phase) = (observation.dispute.clone(), observation.phase);
        let returned =
            || before.map(|was| self.come_back(command, was.amount, was.source, transaction));
        Ok(Some(match state {
            DisputeState::Open => {
                let moves = self.moves(command, observation, (state, amount), transaction);
                PaymentEvent::DisputeOpened {
                    dispute,
                    phase,
                    amount,
                    reason: observation.reason.clone(),
                    respond_by: observation.respond_by,
                    taken: moves.taken,
                    returned: moves.returned,
                    transaction: moves.transaction,
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
                let moves = self.moves(command, observation, (state, amount), transaction);
                PaymentEvent::DisputeLost {
                    dispute,
                    phase,
                    amount,
                    taken: moves.taken,
                    returned: moves.returned,
                    transaction: moves.transaction,
                }
            }
        }))
    }

    /// What was taken before stays taken, wherever it lies now. Another amount is taken anew.
    fn moves(
        &self,
        command: &PaymentCommand,
        observation: &DisputeObservation,
        (state, amount): (DisputeState, Amount),
        transaction: TransactionId,
    ) -> Moves {
        let known = self.disputes.get(&observation.dispute);
        let before = known.and_then(Dispute::lying);
        let is_question = state == DisputeState::Open && observation.phase == DisputePhase::Inquiry;
        match before {
            None if is_question => Moves {
                taken: None,
                returned: None,
                transaction: None,
            },
            Some(was) if was.amount == amount => Moves {
                taken: None,
                returned: None,
                transaction: (was.place != place_of(state)).then_some(transaction),
            },
            before => {
                let returned =
                    before.map(|was| self.come_back(command, was.amount, was.source, transaction));
                let (rest, coming_back) = self.without(&observation.dispute, returned);
                Moves {
                    taken: Some(rest.bear(command, amount, coming_back)),
                    returned,
                    transaction: Some(transaction),
                }
            }
        }
    }

    /// The payment when what a dispute has taken is back, and how much of that its source got.
    fn without(
        &self,
        dispute: &ProviderReference,
        returned: Option<Returned>,
    ) -> (Self, Option<Amount>) {
        let mut rest = self.clone();
        let known = rest.disputes.remove(dispute);
        match (known.and_then(|known| known.lying()), returned) {
            (Some(was), Some(returned)) if rest.get_back(was.amount, &returned).is_some() => {
                (rest, returned.of_source(was.amount))
            }
            _ => (self.clone(), None),
        }
    }

    /// What the provider charges can be news about a dispute that is known.
    fn charge_dispute(
        &self,
        command: &PaymentCommand,
        observation: &DisputeObservation,
        known: &Dispute,
        transaction: TransactionId,
    ) -> Decided {
        let fees = decide_fees(observation.fees, observation.money, &command.standings)?;
        match (known.fees, fees) {
            (FeesRecorded::No, Some(fees)) => Ok(Some(PaymentEvent::DisputeFeesRecorded {
                dispute: observation.dispute.clone(),
                fees,
                transaction: fees
                    .is_charge()
                    .then(|| transaction_beside(transaction, "dispute fees")),
            })),
            (FeesRecorded::No | FeesRecorded::Yes, _) => Ok(None),
        }
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
