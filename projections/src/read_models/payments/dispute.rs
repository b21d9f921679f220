//! A dispute of a payment.

use ledger_core::annotation::Reference;
use ledger_core::payment::{DisputePhase, DisputeState, PaymentEvent, Taken};
use ledger_core::{
    Amount, AssetCode, PaymentId, Position, ProviderName, ProviderReference, Timestamp,
    TransactionId, WalletId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Moment;
use super::documents::{Columns, Document};
use super::payment::PaymentRow;

/// A dispute of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeRow {
    /// The provider's own id of it.
    pub reference: ProviderReference,
    /// Of which payment.
    pub payment: PaymentId,
    /// The position of its first event.
    pub position: Position,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// When its last event was recorded.
    pub changed_at: Timestamp,
    /// Whose money is disputed.
    pub wallet: Option<WalletId>,
    /// Where.
    pub provider: Option<ProviderName>,
    /// Which asset.
    pub asset: AssetCode,
    /// How much is disputed, or was lost.
    pub amount: Amount,
    /// How far it has come.
    pub phase: DisputePhase,
    /// Its state within the phase.
    pub state: DisputeState,
    /// Why, in the network's codes.
    pub reason: Option<Reference>,
    /// Until when evidence can be given.
    pub respond_by: Option<Timestamp>,
    /// Who it was taken from, while it is.
    pub taken: Option<Taken>,
    /// The last transaction that moved its money.
    pub transaction: Option<TransactionId>,
}

/// The id of a dispute here: a provider's own may hold signs that a path cannot.
#[must_use]
pub fn dispute_id(payment: PaymentId, reference: &ProviderReference) -> Uuid {
    let payment = payment.to_string();
    ledger_core::identifier::derived_id(&["dispute", &payment, reference.as_str()])
}

/// A dispute's state, by name.
const fn status(state: DisputeState) -> &'static str {
    match state {
        DisputeState::Open => "open",
        DisputeState::Closed => "closed",
        DisputeState::Won => "won",
        DisputeState::Lost => "lost",
    }
}

impl DisputeRow {
    /// The dispute when its payment's money is another wallet's: it goes with the money that it was about.
    /// One that has ever moved something stays with who bore that.
    pub(super) fn moved_to(&self, wallet: Option<WalletId>, moment: Moment) -> Option<Self> {
        self.transaction.is_none().then(|| Self {
            wallet,
            changed_at: moment.at,
            ..self.clone()
        })
    }
}

impl Document for DisputeRow {
    const TABLE: &'static str = "disputes";

    fn id(&self) -> Uuid {
        dispute_id(self.payment, &self.reference)
    }

    fn position(&self) -> Position {
        self.position
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn columns(&self) -> Columns {
        Columns {
            belongs_to: Some(self.payment.as_uuid()),
            wallet: self.wallet,
            provider: self.provider,
            status: status(self.state),
            in_suspense: false,
        }
    }
}

/// The row of the dispute that an event is about.
pub(super) fn id_in(payment: PaymentId, event: &PaymentEvent) -> Option<Uuid> {
    change_of(event).map(|change| dispute_id(payment, change.reference))
}

/// What an event says about a dispute.
struct Change<'a> {
    reference: &'a ProviderReference,
    phase: DisputePhase,
    amount: Amount,
    state: DisputeState,
    taken: Option<Taken>,
    transaction: Option<TransactionId>,
}

fn change_of(event: &PaymentEvent) -> Option<Change<'_>> {
    let (reference, phase, amount, state, taken, transaction) = match event {
        PaymentEvent::DisputeOpened {
            dispute,
            phase,
            amount,
            taken,
            transaction,
            ..
        } => {
            let state = DisputeState::Open;
            (dispute, phase, amount, state, *taken, *transaction)
        }
        PaymentEvent::DisputeClosed {
            dispute,
            phase,
            amount,
            returned,
        } => {
            let moved = returned.map(|returned| returned.transaction);
            (dispute, phase, amount, DisputeState::Closed, None, moved)
        }
        PaymentEvent::DisputeWon {
            dispute,
            phase,
            amount,
            returned,
        } => {
            let moved = returned.map(|returned| returned.transaction);
            (dispute, phase, amount, DisputeState::Won, None, moved)
        }
        PaymentEvent::DisputeLost {
            dispute,
            phase,
            amount,
            taken,
            transaction,
            ..
        } => {
            let state = DisputeState::Lost;
            (dispute, phase, amount, state, *taken, *transaction)
        }
        _ => return None,
    };
    Some(Change {
        reference,
        phase: *phase,
        amount: *amount,
        state,
        taken,
        transaction,
    })
}

/// The disputes that may concern another wallet after an event: those of a credited payment for which
/// nothing is taken.
pub(super) fn moved_by<'p>(
    payment: &'p PaymentRow,
    event: &PaymentEvent,
) -> impl Iterator<Item = Uuid> + 'p {
    let credited = match event {
        PaymentEvent::PaymentCredited { .. } => payment.state.captured(),
        _ => None,
    };
    let disputes = credited.into_iter().flat_map(|captured| &captured.disputes);
    let untaken = disputes.filter(|(_, dispute)| dispute.taken_from.is_none());
    untaken.map(|(reference, _)| dispute_id(payment.payment, reference))
}

/// The dispute after one more event of its payment; nothing when the event is about no dispute.
pub(super) fn next(
    known: Option<&DisputeRow>,
    payment: &PaymentRow,
    moment: Moment,
    event: &PaymentEvent,
) -> Option<DisputeRow> {
    let change = change_of(event)?;
    let (reason, respond_by) = match event {
        PaymentEvent::DisputeOpened {
            reason, respond_by, ..
        } => (reason.clone(), *respond_by),
        _ => (None, None),
    };
    // What was taken before stays taken, until it is back.
    let stays = matches!(change.state, DisputeState::Open | DisputeState::Lost);
    let before = known.filter(|_| stays).and_then(|known| known.taken);
    let captured = payment.captured.as_ref();
    Some(DisputeRow {
        reference: change.reference.clone(),
        payment: payment.payment,
        position: known.map_or(moment.position, |known| known.position),
        created_at: known.map_or(moment.at, |known| known.created_at),
        changed_at: moment.at,
        wallet: match (change.taken, known) {
            (Some(taken), _) => payment.owner_of(taken.source),
            // Who bore it, and got it back.
            (None, Some(known)) if known.taken.is_some() => known.wallet,
            (None, Some(_) | None) => payment.owner(),
        },
        provider: payment.provider(),
        asset: captured.map_or(payment.asset, |captured| captured.asset),
        amount: change.amount,
        phase: change.phase,
        state: change.state,
        reason: reason.or_else(|| known.and_then(|known| known.reason.clone())),
        respond_by: respond_by.or_else(|| known.and_then(|known| known.respond_by)),
        taken: change.taken.or(before),
        transaction: change
            .transaction
            .or_else(|| known.and_then(|known| known.transaction)),
    })
}
