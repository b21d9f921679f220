//! What the log says about entries.

use std::collections::HashMap;

use ledger_core::event::RecordedEvent;
use ledger_core::payment::PaymentEvent;
use ledger_core::posting::NormalSide;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::{
    AccountId, Event, LedgerName, PaymentId, Position, RefundId, Stream, TransactionId,
};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{EntryOrigin, EntryRow, Row};
use crate::queries::{QueryError, log};

/// The entries of some rows; their balances are not known yet.
pub(super) async fn entries(
    connection: &mut PgConnection,
    ledger: LedgerName,
    account: AccountId,
    rows: Vec<Row>,
) -> Result<Vec<EntryRow>, QueryError> {
    let positions = rows.iter().map(|row| row.position).collect();
    let events = log::events_at(&mut *connection, ledger, positions).await?;
    let moved: Vec<_> = events.values().filter_map(moved_by_payment).collect();
    let refunds = refunds_among(&log::payments_before(connection, ledger, &moved).await?);
    rows.into_iter()
        .map(|row| {
            let position = Position::try_new(row.position).unwrap_or_default();
            events
                .get(&position)
                .and_then(|event| entry((row.entry_number, row.posting), event, account, &refunds))
                .ok_or_else(|| {
                    let reason = format!("the event at {position} does not have this entry");
                    QueryError::row("entries", reason)
                })
        })
        .collect()
}

/// The payment that a transaction was posted for, and where.
fn moved_by_payment(recorded: &RecordedEvent) -> Option<(PaymentId, Position)> {
    match &recorded.event {
        Event::Transaction(TransactionEvent::TransactionPosted {
            cause: TransactionCause::Payment(payment),
            ..
        }) => Some((*payment, recorded.position)),
        _ => None,
    }
}

/// The refund whose money an event of a payment moved, by the transaction that did.
fn refund_that_moved(recorded: &RecordedEvent) -> Option<(TransactionId, RefundId)> {
    let Event::Payment(event) = &recorded.event else {
        return None;
    };
    match &**event {
        PaymentEvent::RefundSucceeded {
            refund,
            transaction,
            ..
        }
        | PaymentEvent::RefundDiscovered {
            refund,
            transaction,
            ..
        } => Some((*transaction, *refund)),
        PaymentEvent::RefundFailed {
            refund,
            returned: Some(returned),
            ..
        } => Some((returned.transaction, *refund)),
        _ => None,
    }
}

/// The refunds that some transactions have moved.
pub(in crate::queries) type Refunds = HashMap<TransactionId, RefundId>;

/// The refunds whose money some events moved.
pub(in crate::queries) fn refunds_among<'e>(
    events: impl IntoIterator<Item = &'e RecordedEvent>,
) -> Refunds {
    events.into_iter().filter_map(refund_that_moved).collect()
}

fn origin(transaction: TransactionId, cause: &TransactionCause, refunds: &Refunds) -> EntryOrigin {
    match cause {
        // What a payment's or payout's hold was captured for has the payment or payout as its cause.
        TransactionCause::Request | TransactionCause::Revert(_) | TransactionCause::Capture(_) => {
            EntryOrigin::Inside
        }
        TransactionCause::Payment(payment) => match refunds.get(&transaction) {
            Some(refund) => EntryOrigin::Refund(*payment, *refund),
            None => EntryOrigin::Payment(*payment),
        },
        TransactionCause::Payout(payout) => EntryOrigin::Payout(*payout),
        TransactionCause::Settlement(settlement) => EntryOrigin::Settlement(*settlement),
    }
}

/// An account's side of a posting, by its number in the account and the posting's place in the transaction;
/// none when the event has no such posting of the account. Its balance is not known yet.
pub(in crate::queries) fn entry(
    (entry_number, place): (i64, i32),
    recorded: &RecordedEvent,
    account: AccountId,
    refunds: &Refunds,
) -> Option<EntryRow> {
    let (
        Event::Transaction(TransactionEvent::TransactionPosted {
            postings,
            effective_at,
            cause,
            ..
        }),
        Stream::Transaction(transaction),
    ) = (&recorded.event, recorded.stream)
    else {
        return None;
    };
    let posting = postings.get(usize::try_from(place).ok()?)?;
    let (direction, counterparty) = if posting.debited() == account {
        (NormalSide::Debit, posting.destination)
    } else if posting.credited() == account {
        (NormalSide::Credit, posting.source)
    } else {
        return None;
    };
    Some(EntryRow {
        entry_number,
        position: recorded.position,
        transaction,
        posting: place,
        counterparty,
        direction,
        amount: posting.amount.value(),
        balance_after: Decimal::ZERO,
        effective_at: *effective_at,
        recorded_at: recorded.recorded_at,
        origin: origin(transaction, cause, refunds),
    })
}
