//! What the log says of one payment or payout: read anew by every job.

use chrono::{DateTime, TimeDelta, Utc};
use event_store::{EventFilter, LogReader};
use ledger_core::identifier::BeneficiaryId;
use ledger_core::payment::{Checkout, Payment, PaymentEvent};
use ledger_core::payout::{Payout, PayoutEvent};
use ledger_core::provider::Route;
use ledger_core::{
    AggregateType, Amount, AssetCode, Event, LedgerName, PaymentId, PayoutId, Position,
    ProviderName, ProviderReference, Timestamp,
};

use crate::jobs::JobError;

/// The most events of one thing that are read: more than any has by orders of magnitude.
const MOST_EVENTS: i64 = 10_000;

/// A payment, and what its state leaves out.
#[derive(Debug)]
pub(super) struct PaymentHistory {
    pub(super) state: Payment,
    pub(super) asset: AssetCode,
    pub(super) amount: Amount,
    /// The last decision.
    pub(super) route: Route,
    /// When that was.
    pub(super) routed_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    /// When the present page closes, where the provider says so.
    pub(super) page_closes_at: Option<Timestamp>,
    /// The last checkout that is known, and where.
    pub(super) order: Option<(ProviderName, ProviderReference)>,
    /// Every attempt that was ever authorized, in order.
    pub(super) authorized: Vec<Authorization>,
}

/// An attempt that was authorized.
#[derive(Debug)]
pub(super) struct Authorization {
    pub(super) provider: ProviderName,
    pub(super) attempt: ProviderReference,
    /// Whether it was before the payment ended here.
    pub(super) is_in_time: bool,
}

impl PaymentHistory {
    /// Who has the last checkout that is known, or is to make one.
    pub(super) fn asked_last(&self) -> ProviderName {
        match &self.order {
            Some((provider, _)) => *provider,
            None => self.route.provider,
        }
    }

    /// When it ends if nobody pays: at its own time, or when its page closes.
    pub(super) fn ends_at(&self, page_lifetime: TimeDelta) -> DateTime<Utc> {
        let told = [self.expires_at, self.page_closes_at];
        let first = told.into_iter().flatten().map(Timestamp::as_datetime).min();
        first.unwrap_or(self.routed_at.as_datetime() + page_lifetime)
    }
}

/// A payout, and what its state leaves out.
#[derive(Debug)]
pub(super) struct PayoutHistory {
    pub(super) state: Payout,
    pub(super) asset: AssetCode,
    pub(super) amount: Amount,
    pub(super) beneficiary: BeneficiaryId,
    pub(super) requested_at: Timestamp,
    /// Every provider that was asked, the last one last.
    pub(super) asked: Vec<ProviderName>,
    /// Why the last one did not take it.
    pub(super) failure: Option<ledger_core::annotation::Reference>,
    /// The provider's name for it.
    pub(super) provider_payout: Option<ProviderReference>,
}

async fn events_of(
    log: &LogReader,
    ledger: LedgerName,
    kind: AggregateType,
    id: String,
) -> Result<Vec<(Timestamp, Event)>, JobError> {
    let filter = EventFilter {
        aggregate_type: Some(kind),
        aggregate_id: Some(id),
        ..EventFilter::default()
    };
    let read = log.read_filtered(ledger, &filter, Position::START, MOST_EVENTS);
    let events = read.await?;
    let decoded = events.iter().map(|event| {
        let event = event.decode()?;
        Ok((event.recorded_at, event.event))
    });
    decoded.collect()
}

/// The events of a payment.
pub(super) async fn events_of_payment(
    log: &LogReader,
    ledger: LedgerName,
    payment: PaymentId,
) -> Result<Vec<Event>, JobError> {
    let events = events_of(log, ledger, AggregateType::Payment, payment.to_string()).await?;
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

/// How far a payment is, whatever it began with: money that belonged to none has its own, too.
pub(super) async fn payment_state(
    log: &LogReader,
    ledger: LedgerName,
    payment: PaymentId,
) -> Result<Payment, JobError> {
    let events = events_of_payment(log, ledger, payment).await?;
    let mut state = Payment::default();
    for event in events {
        if let Event::Payment(event) = event {
            let next = state.evolve(&event);
            state = next.map_err(|error| JobError::Failed(error.to_string()))?;
        }
    }
    Ok(state)
}

/// A payment that was begun here; nothing for money that belongs to none.
pub(super) async fn payment(
    log: &LogReader,
    ledger: LedgerName,
    payment: PaymentId,
) -> Result<Option<PaymentHistory>, JobError> {
    let events = events_of(log, ledger, AggregateType::Payment, payment.to_string()).await?;
    let mut history: Option<PaymentHistory> = None;
    for (recorded_at, event) in events {
        let Event::Payment(event) = event else {
            continue;
        };
        match (&mut history, &*event) {
            (
                None,
                PaymentEvent::PaymentCreated {
                    asset,
                    amount,
                    route,
                    expires_at,
                    ..
                },
            ) => {
                history = Some(PaymentHistory {
                    state: Payment::default(),
                    asset: *asset,
                    amount: *amount,
                    route: route.clone(),
                    routed_at: recorded_at,
                    expires_at: *expires_at,
                    page_closes_at: None,
                    order: None,
                    authorized: Vec::new(),
                });
            }
            (None, _) => return Ok(None),
            (
                Some(known),
                PaymentEvent::PaymentAuthorized {
                    provider, attempt, ..
                },
            ) => {
                let open = known.state.open();
                known.authorized.push(Authorization {
                    provider: *provider,
                    attempt: attempt.clone(),
                    is_in_time: open.is_some_and(|open| open.checkout != Checkout::Expired),
                });
            }
            (Some(known), PaymentEvent::PaymentRerouted { route }) => {
                known.route = route.clone();
                known.routed_at = recorded_at;
                known.page_closes_at = None;
            }
            (
                Some(known),
                PaymentEvent::PaymentAwaitingPayer {
                    provider,
                    order,
                    expires_at,
                },
            ) => {
                if let Some(order) = order {
                    known.order = Some((*provider, order.clone()));
                }
                known.page_closes_at = expires_at.or(known.page_closes_at);
            }
            (Some(_), _) => {}
        }
        if let Some(known) = &mut history {
            let next = known.state.evolve(&event);
            known.state = next.map_err(|error| JobError::Failed(error.to_string()))?;
        }
    }
    Ok(history)
}

/// A payout.
pub(super) async fn payout(
    log: &LogReader,
    ledger: LedgerName,
    payout: PayoutId,
) -> Result<Option<PayoutHistory>, JobError> {
    let events = events_of(log, ledger, AggregateType::Payout, payout.to_string()).await?;
    let mut history: Option<PayoutHistory> = None;
    for (recorded_at, event) in events {
        let Event::Payout(event) = event else {
            continue;
        };
        match (&mut history, &*event) {
            (
                None,
                PayoutEvent::PayoutRequested {
                    asset,
                    amount,
                    beneficiary,
                    ..
                },
            ) => {
                history = Some(PayoutHistory {
                    state: Payout::default(),
                    asset: *asset,
                    amount: *amount,
                    beneficiary: *beneficiary,
                    requested_at: recorded_at,
                    asked: Vec::new(),
                    failure: None,
                    provider_payout: None,
                });
            }
            (None, _) => return Ok(None),
            (Some(known), PayoutEvent::PayoutSubmitted { route, .. }) => {
                known.asked.push(route.provider);
            }
            (Some(known), PayoutEvent::PayoutNotAccepted { reason, .. }) => {
                known.failure.clone_from(reason);
            }
            (
                Some(known),
                PayoutEvent::PayoutProcessing {
                    provider_payout, ..
                }
                | PayoutEvent::PayoutSucceeded {
                    provider_payout, ..
                },
            ) => {
                let told = provider_payout.clone();
                known.provider_payout = told.or(known.provider_payout.take());
            }
            (Some(_), _) => {}
        }
        if let Some(known) = &mut history {
            let next = known.state.evolve(&event);
            known.state = next.map_err(|error| JobError::Failed(error.to_string()))?;
        }
    }
    Ok(history)
}
