//! What events lead to.

use chrono::{DateTime, Utc};
use connectors::gateways::Gateway;
use ledger_core::event::RecordedEvent;
use ledger_core::payment::PaymentEvent;
use ledger_core::payout::PayoutEvent;
use ledger_core::{Event, LedgerName, PaymentId, PayoutId, ProviderName, Stream};

use super::Payments;
use crate::jobs::{Job, NewJob};
use crate::links::{links_of_payment, links_of_payout};
use crate::process::Reaction;

/// How long to wait with a question to a provider that this node knows nothing of.
const USUAL_WAIT: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

impl Payments {
    pub(super) fn react_to(&self, ledger: LedgerName, event: &RecordedEvent) -> Reaction {
        match (event.stream, &event.event) {
            (Stream::Payment(payment), Event::Payment(told)) => Reaction {
                jobs: self.jobs_of_payment(ledger, payment, told, event),
                links: links_of_payment(payment, told),
            },
            (Stream::Payout(payout), Event::Payout(told)) => Reaction {
                jobs: self.jobs_of_payout(ledger, payout, told, event),
                links: links_of_payout(payout, told),
            },
            _ => Reaction::default(),
        }
    }

    fn jobs_of_payment(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        told: &PaymentEvent,
        event: &RecordedEvent,
    ) -> Vec<NewJob> {
        let now = |job: Job| NewJob::now(job.task().to_owned(), job);
        match told {
            PaymentEvent::PaymentCreated { expires_at, .. } => {
                let mut jobs = vec![now(Job::OpenCheckout { ledger, payment })];
                jobs.extend(expires_at.map(|at| NewJob {
                    run_at: at.as_datetime(),
                    ..now(Job::ExpirePayment { ledger, payment })
                }));
                jobs
            }
            PaymentEvent::PaymentRerouted { .. } => {
                vec![now(Job::OpenCheckout { ledger, payment })]
            }
            PaymentEvent::PaymentAwaitingPayer { provider, .. } => {
                self.watching(ledger, payment, *provider, event)
            }
            PaymentEvent::PaymentAuthorized { provider, .. } => {
                let mut jobs = self.watching(ledger, payment, *provider, event);
                jobs.push(NewJob {
                    run_at: after(event, self.capture_grace()),
                    ..now(Job::CapturePayment { ledger, payment })
                });
                jobs
            }
            PaymentEvent::RefundRequested { refund, .. } => vec![now(Job::ExecuteRefund {
                ledger,
                payment,
                refund: *refund,
            })],
            PaymentEvent::RefundPending { refund, .. } => {
                let job = now(Job::WatchRefund {
                    ledger,
                    payment,
                    refund: *refund,
                    round: 0,
                });
                // Which provider that is, the job reads; all tolerate a question after the longest.
                vec![NewJob {
                    run_at: event.recorded_at.as_datetime() + self.slowest(ledger),
                    ..job
                }]
            }
            PaymentEvent::PaymentReleased { .. }
            | PaymentEvent::PaymentFailed { .. }
            | PaymentEvent::PaymentExpired { .. }
            | PaymentEvent::PaymentCaptured { .. }
            | PaymentEvent::UnexpectedPaymentCaptured { .. }
            | PaymentEvent::PaymentFeesRecorded { .. }
            | PaymentEvent::PaymentCredited { .. }
            | PaymentEvent::RefundSucceeded { .. }
            | PaymentEvent::RefundDiscovered { .. }
            | PaymentEvent::RefundMatched { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::DisputeOpened { .. }
            | PaymentEvent::DisputeClosed { .. }
            | PaymentEvent::DisputeWon { .. }
            | PaymentEvent::DisputeLost { .. }
            | PaymentEvent::DisputeFeesRecorded { .. } => Vec::new(),
        }
    }

    fn jobs_of_payout(
        &self,
        ledger: LedgerName,
        payout: PayoutId,
        told: &PayoutEvent,
        event: &RecordedEvent,
    ) -> Vec<NewJob> {
        let now = |job: Job| NewJob::now(job.task().to_owned(), job);
        match told {
            PayoutEvent::PayoutRequested {
                approval_above: None,
                ..
            }
            | PayoutEvent::PayoutApproved { .. }
            | PayoutEvent::PayoutNotAccepted { .. } => {
                vec![now(Job::SubmitPayout { ledger, payout })]
            }
            PayoutEvent::PayoutProcessing { provider, .. } => {
                let job = now(Job::WatchPayout {
                    ledger,
                    payout,
                    round: 0,
                });
                self.later(ledger, *provider, event, job)
            }
            PayoutEvent::PayoutRequested { .. }
            | PayoutEvent::PayoutDeclined { .. }
            | PayoutEvent::PayoutCancelled { .. }
            | PayoutEvent::PayoutSubmitted { .. }
            | PayoutEvent::PayoutSucceeded { .. }
            | PayoutEvent::PayoutFeesRecorded { .. }
            | PayoutEvent::PayoutFailed { .. }
            | PayoutEvent::PayoutReturned { .. } => Vec::new(),
        }
    }

    fn watching(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        provider: ProviderName,
        event: &RecordedEvent,
    ) -> Vec<NewJob> {
        let job = Job::WatchPayment {
            ledger,
            payment,
            round: 0,
        };
        let job = NewJob::now(job.task().to_owned(), job);
        self.later(ledger, provider, event, job)
    }

    fn capture_grace(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::from_std(self.settings.capture_grace).unwrap_or(USUAL_WAIT)
    }

    /// After the pause that the provider wants.
    fn later(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        event: &RecordedEvent,
        job: NewJob,
    ) -> Vec<NewJob> {
        let account = self.accounts.of(ledger, provider);
        // Another node may know the account: this is the only time that the event is reacted to.
        let wait = account.map_or(USUAL_WAIT, |account| self.wait(&*account.gateway));
        let run_at = after(event, wait);
        vec![NewJob { run_at, ..job }]
    }

    fn wait(&self, gateway: &dyn Gateway) -> chrono::TimeDelta {
        chrono::TimeDelta::from_std(self.interval(gateway, 0)).unwrap_or_default()
    }

    fn slowest(&self, ledger: LedgerName) -> chrono::TimeDelta {
        let accounts = self.accounts.of_ledger(ledger);
        let waits = accounts
            .iter()
            .map(|(_, account)| self.wait(&*account.gateway));
        waits.max().unwrap_or(USUAL_WAIT)
    }
}

fn after(event: &RecordedEvent, wait: chrono::TimeDelta) -> DateTime<Utc> {
    event.recorded_at.as_datetime() + wait
}
