//! Payments and payouts as some of their events make them, without any table.

use ledger_core::event::RecordedEvent;

use super::{DisputeRow, PaymentRow, PayoutRow, RefundRow, Rows};
use crate::read_model::FoldError;

/// A payment and all that belongs to it, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentAfter {
    /// The payment.
    pub payment: PaymentRow,
    /// Its refunds.
    pub refunds: Vec<RefundRow>,
    /// Its disputes.
    pub disputes: Vec<DisputeRow>,
}

/// A payment after these of its events, in order; `None` when there are none.
///
/// # Errors
/// [`FoldError::Event`] when one cannot follow.
pub fn payment_after(events: &[RecordedEvent]) -> Result<Option<PaymentAfter>, FoldError> {
    let mut rows = Rows::default();
    for recorded in events {
        rows.apply(recorded)?;
    }
    Ok(rows
        .payments
        .into_oldest_first()
        .pop()
        .map(|payment| PaymentAfter {
            payment,
            refunds: rows.refunds.into_oldest_first(),
            disputes: rows.disputes.into_oldest_first(),
        }))
}

/// A payout after these of its events, in order; `None` when there are none.
///
/// # Errors
/// [`FoldError::Event`] when one cannot follow.
pub fn payout_after(events: &[RecordedEvent]) -> Result<Option<PayoutRow>, FoldError> {
    let mut rows = Rows::default();
    for recorded in events {
        rows.apply(recorded)?;
    }
    Ok(rows.payouts.into_oldest_first().pop())
}
