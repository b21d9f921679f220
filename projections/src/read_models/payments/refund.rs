//! A refund of a payment.

use ledger_core::annotation::Reference;
use ledger_core::payment::{PaymentEvent, RefundState};
use ledger_core::{
    Amount, AssetCode, PaymentId, Position, ProviderName, ProviderReference, RefundId, Timestamp,
    TransactionId, WalletId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Moment;
use super::documents::{Columns, Document};
use super::payment::PaymentRow;
use crate::read_model::FoldError;

/// Where a refund was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOrigin {
    /// Here.
    Requested,
    /// At the provider.
    Discovered,
}

/// A refund of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRow {
    /// Its id.
    pub refund: RefundId,
    /// Of which payment.
    pub payment: PaymentId,
    /// The position of its first event.
    pub position: Position,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// When its last event was recorded.
    pub changed_at: Timestamp,
    /// Whose money is given back.
    pub wallet: Option<WalletId>,
    /// Where.
    pub provider: Option<ProviderName>,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Amount,
    /// Where it was asked for.
    pub origin: RefundOrigin,
    /// How far it has come.
    pub state: RefundState,
    /// The provider's own id of it.
    pub provider_refund: Option<ProviderReference>,
    /// The bank's number of the transfer.
    pub bank_reference: Option<ProviderReference>,
    /// Why it was asked for, or why it failed.
    pub reason: Option<Reference>,
    /// The transaction that moved it.
    pub transaction: Option<TransactionId>,
    /// The transaction by which it came back.
    pub return_transaction: Option<TransactionId>,
}

/// A refund's state, by name.
#[must_use]
pub const fn refund_status(state: RefundState) -> &'static str {
    match state {
        RefundState::Requested => "requested",
        RefundState::Pending => "pending",
        RefundState::Succeeded => "succeeded",
        RefundState::Failed => "failed",
        RefundState::Matched => "matched",
    }
}

impl Document for RefundRow {
    const TABLE: &'static str = "refunds";

    fn id(&self) -> Uuid {
        row_id(self.payment, self.refund)
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
            status: refund_status(self.state),
            in_suspense: false,
        }
    }
}

/// A refund's id is its payment's to judge, so two payments may have refunds of one id.
fn row_id(payment: PaymentId, refund: RefundId) -> Uuid {
    ledger_core::identifier::derived_id(&["refund row", &payment.to_string(), &refund.to_string()])
}

/// The row of the refund that an event is about.
pub(super) fn id_in(payment: PaymentId, event: &PaymentEvent) -> Option<Uuid> {
    refund_of(event).map(|refund| row_id(payment, refund))
}

const fn refund_of(event: &PaymentEvent) -> Option<RefundId> {
    match event {
        PaymentEvent::RefundRequested { refund, .. }
        | PaymentEvent::RefundPending { refund, .. }
        | PaymentEvent::RefundSucceeded { refund, .. }
        | PaymentEvent::RefundDiscovered { refund, .. }
        | PaymentEvent::RefundMatched { refund, .. }
        | PaymentEvent::RefundFailed { refund, .. } => Some(*refund),
        _ => None,
    }
}

/// The refund after one more event of its payment; nothing when the event is about no refund.
pub(super) fn next(
    known: Option<&RefundRow>,
    payment: &PaymentRow,
    moment: Moment,
    event: &PaymentEvent,
) -> Result<Option<RefundRow>, FoldError> {
    let Some(refund) = refund_of(event) else {
        return Ok(None);
    };
    let mut row = match known {
        Some(known) => known.clone(),
        None => begin(refund, payment, moment, event).ok_or_else(|| {
            let reason = format!("the refund {refund} is not known");
            moment.refuse(reason)
        })?,
    };
    row.changed_at = moment.at;
    match event {
        PaymentEvent::RefundPending {
            provider_refund, ..
        } => {
            row.state = RefundState::Pending;
            row.provider_refund = Some(provider_refund.clone());
        }
        PaymentEvent::RefundSucceeded {
            provider_refund,
            bank_reference,
            transaction,
            ..
        } => {
            row.state = RefundState::Succeeded;
            row.provider_refund = Some(provider_refund.clone());
            row.bank_reference.clone_from(bank_reference);
            row.transaction = Some(*transaction);
        }
        PaymentEvent::RefundDiscovered {
            provider_refund,
            transaction,
            ..
        } => {
            row.state = RefundState::Succeeded;
            row.provider_refund = Some(provider_refund.clone());
            row.transaction = Some(*transaction);
        }
        PaymentEvent::RefundMatched {
            provider_refund, ..
        } => {
            row.state = RefundState::Matched;
            row.provider_refund = Some(provider_refund.clone());
        }
        PaymentEvent::RefundFailed {
            provider_refund,
            reason,
            returned,
            ..
        } => {
            row.state = RefundState::Failed;
            row.provider_refund = Some(provider_refund.clone());
            row.reason = reason.clone().or_else(|| row.reason.take());
            row.return_transaction = returned.map(|returned| returned.transaction);
        }
        _ => {}
    }
    Ok(Some(row))
}

fn begin(
    refund: RefundId,
    payment: &PaymentRow,
    moment: Moment,
    event: &PaymentEvent,
) -> Option<RefundRow> {
    let captured = payment.captured.as_ref();
    let discovered = RefundOrigin::Discovered;
    let (amount, origin, reason, source) = match event {
        PaymentEvent::RefundRequested {
            amount,
            reason,
            source,
            ..
        } => {
            let origin = RefundOrigin::Requested;
            (*amount, origin, reason.clone(), Some(*source))
        }
        PaymentEvent::RefundDiscovered { amount, taken, .. } => {
            (*amount, discovered, None, Some(taken.source))
        }
        // It never moved anything.
        PaymentEvent::RefundFailed { amount, .. } => (*amount, discovered, None, None),
        _ => return None,
    };
    Some(RefundRow {
        refund,
        payment: payment.payment,
        position: moment.position,
        created_at: moment.at,
        changed_at: moment.at,
        wallet: match source {
            Some(source) => payment.owner_of(source),
            None => payment.owner(),
        },
        provider: payment.provider(),
        asset: captured.map_or(payment.asset, |captured| captured.asset),
        amount,
        origin,
        state: RefundState::Requested,
        provider_refund: None,
        bank_reference: None,
        reason,
        transaction: None,
        return_transaction: None,
    })
}
