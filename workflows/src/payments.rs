//! The process of payments and payouts: what the ledger decided is carried out at providers, and what
//! providers say comes back as observations.
//!
//! | event | job |
//! |---|---|
//! | `PaymentCreated`, `PaymentRerouted` | open a checkout; another provider is asked when one cannot |
//! | `PaymentCreated` with a time | end the payment at that time |
//! | `PaymentAwaitingPayer`, `PaymentAuthorized` | ask how it is, in case no webhook comes |
//! | `PaymentAuthorized` | after a grace, capture it if the provider has not done so by itself |
//! | `RefundRequested` | have the refund made |
//! | `RefundPending` | ask how it is |
//! | `PayoutRequested` (if nobody has to approve it), `PayoutApproved`, `PayoutNotAccepted` | have the payout made |
//! | `PayoutProcessing` | ask how it is |
//!
//! **Every job reads the log first** and does only what is still to be done, so it may run late, twice or
//! long after everything is over. Calls carry our own references, which providers or adapters know again.
//! Pages and refunds are asked for as if they had been asked for before, after a look-up: a node may have
//! died after the call and before writing anything down, and the count of tries does not tell. A payout
//! goes to another provider only when the first has certainly not taken it.

mod alerts;
mod capture;
mod checkout;
mod confirming;
mod destination;
mod expiring;
mod histories;
mod payout;
mod reactions;
mod refund;
mod settling;
mod unsettled;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use connectors::gateways::{Gateway, GatewayError};
use event_store::{ErrorChain, LogError, LogReader};
use ledger_core::{AggregateType, LedgerName, ProviderName};
use sqlx::postgres::PgPool;
use url::Url;
use uuid::Uuid;

use crate::gateway_accounts::{GatewayAccount, GatewayAccounts};
use crate::jobs::{Job, JobAttempt, JobError, JobHands, NewJob, at_a_time, insert_jobs_in_tx};
use crate::observer::{Heard, Hearing, ObserveError, Observer, Source, Trust};
use crate::process::{ProcessManager, Reaction};
use crate::routing::Router;
use crate::turns::{Turn, Turns};
use crate::webhooks::Sealing;

pub(crate) use confirming::DISPUTE_NEEDS_A_PERSON;
pub use destination::{PayoutDestination, PayoutDestinations, PayoutPlace};

/// The longest pause between two questions about one thing.
const LONGEST_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);

/// The kinds of jobs that the process does.
pub(crate) const TASKS: [&str; 10] = [
    "open_checkout",
    "watch_payment",
    "capture_payment",
    "expire_payment",
    "execute_refund",
    "watch_refund",
    "submit_payout",
    "watch_payout",
    "fetch_settlements",
    "confirm_webhook",
];

/// How the process works.
#[derive(Debug, Clone)]
pub struct PaymentsSettings {
    /// Where providers reach us: the part of a webhook's address before `/v1`.
    pub public_url: Url,
    /// How often the same thing is asked at most, instead of what the provider tolerates; for simulators.
    pub polling: Option<Duration>,
    /// How long a page stays open where the payment has no time of its own.
    pub page_lifetime: Duration,
    /// How long a provider has to capture by itself what is authorized, before it is asked to.
    pub capture_grace: Duration,
}

/// The process of payments and payouts; cheap to clone.
#[derive(Debug, Clone)]
pub struct Payments {
    accounts: GatewayAccounts,
    router: Router,
    observer: Observer,
    log: LogReader,
    destinations: Arc<dyn PayoutDestinations>,
    sealing: Arc<dyn Sealing>,
    settings: PaymentsSettings,
    turns: Turns,
}

/// What the process needs from the rest of a node.
#[derive(Debug, Clone)]
pub struct PaymentsPorts {
    /// Where payouts go.
    pub destinations: Arc<dyn PayoutDestinations>,
    /// What opens stored webhooks.
    pub sealing: Arc<dyn Sealing>,
}

impl Payments {
    /// A process over `accounts`.
    #[must_use]
    pub fn new(
        accounts: GatewayAccounts,
        router: Router,
        observer: Observer,
        ports: PaymentsPorts,
        settings: PaymentsSettings,
    ) -> Self {
        Self {
            log: LogReader::new(observer.pool().clone()),
            turns: Turns::new(&accounts, at_a_time(observer.pool())),
            accounts,
            router,
            observer,
            destinations: ports.destinations,
            sealing: ports.sealing,
            settings,
        }
    }

    fn pool(&self) -> &PgPool {
        self.observer.pool()
    }

    /// A turn at a ledger's account. That there is none is said by the configuration of this node, and
    /// another may have a newer one.
    fn account(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
    ) -> Result<Turn<'_, GatewayAccount>, JobError> {
        self.turns
            .take(provider, self.known_account(ledger, provider)?)
    }

    fn known_account(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
    ) -> Result<&GatewayAccount, JobError> {
        let missing =
            || JobError::Failed(format!("the ledger {ledger} has no account at {provider}"));
        self.accounts.of(ledger, provider).ok_or_else(missing)
    }

    fn page_lifetime(&self) -> TimeDelta {
        TimeDelta::from_std(self.settings.page_lifetime).unwrap_or(TimeDelta::hours(1))
    }

    /// How long to wait before the same thing is asked again.
    fn interval(&self, gateway: &dyn Gateway, round: u32) -> Duration {
        let least = gateway.capabilities().least_polling_interval;
        let first = self.settings.polling.unwrap_or(least);
        first
            .saturating_mul(1 << round.min(10))
            .min(LONGEST_INTERVAL)
    }

    /// Asks again later: in round `round`, which `job` is.
    async fn ask_again(
        &self,
        account: &GatewayAccount,
        of: Uuid,
        job: Job,
        round: u32,
    ) -> Result<(), JobError> {
        let pause = self.interval(&*account.gateway, round);
        let key = format!("watch/{}/{of}/{round}", account.ledger);
        self.put_in(key, job, pause).await
    }

    async fn put_in(&self, key: String, job: Job, after: Duration) -> Result<(), JobError> {
        let wait = TimeDelta::from_std(after).unwrap_or_default();
        let new = NewJob {
            key,
            job,
            run_at: Utc::now() + wait,
        };
        let mut connection = self.pool().acquire().await?;
        insert_jobs_in_tx(&mut connection, &[new]).await?;
        Ok(())
    }
}

/// The hearing of one step, which its name tells from all others.
fn step(ledger: LedgerName, provider: ProviderName, name: String) -> Source {
    Source {
        ledger,
        provider,
        trust: Trust::Fetched,
        hearing: Hearing::Step {
            name: format!("{ledger}/{name}"),
        },
    }
}

/// A command of the process has to be taken, unless something that nobody can help stands in its way.
fn settled(heard: Heard) -> Result<(), JobError> {
    match heard {
        Heard::Applied(_) | Heard::OfNoConcern => Ok(()),
        Heard::NotKnown(reason) => Err(JobError::Failed(reason.to_owned())),
        Heard::NotYet(reason) | Heard::Impossible(reason) => Err(JobError::Failed(reason)),
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(ErrorChain(&error).to_string())
    }
}

impl From<ObserveError> for JobError {
    fn from(error: ObserveError) -> Self {
        Self::Failed(ErrorChain(&error).to_string())
    }
}

impl From<LogError> for JobError {
    fn from(error: LogError) -> Self {
        Self::Failed(ErrorChain(&error).to_string())
    }
}

impl From<GatewayError> for JobError {
    fn from(error: GatewayError) -> Self {
        Self::Failed(told(&error))
    }
}

/// A provider's failure for logs and operators, without its own words: they may name people.
fn told(error: &GatewayError) -> String {
    match error {
        GatewayError::Refused { refusal, .. } => {
            format!("{} (status {})", error.code(), refusal.status)
        }
        GatewayError::Failed { status, .. } => format!("{} (status {status})", error.code()),
        // Why a look-up failed is what a person has to mend.
        GatewayError::NotKnown { source } => format!("{}: {}", error.code(), told(source)),
        _ => error.code().to_owned(),
    }
}

impl ProcessManager for Payments {
    fn name(&self) -> &'static str {
        "payments"
    }

    fn listens_to(&self) -> &'static [AggregateType] {
        &[AggregateType::Payment, AggregateType::Payout]
    }

    fn follows(&self, ledger: LedgerName) -> bool {
        !self.accounts.of_ledger(ledger).is_empty()
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn react(&self, ledger: LedgerName, event: &ledger_core::event::RecordedEvent) -> Reaction {
        self.react_to(ledger, event)
    }

    fn alert(&self, ledger: LedgerName, event: &ledger_core::event::RecordedEvent) {
        alerts::tell(ledger, event);
    }
}

#[async_trait]
impl JobHands for Payments {
    fn does(&self, task: &str) -> bool {
        TASKS.contains(&task)
    }

    fn waits_for_others(&self) -> bool {
        true
    }

    async fn carry_out(&self, job: Job, attempt: JobAttempt) -> Result<(), JobError> {
        match job {
            Job::OpenCheckout { ledger, payment } => {
                self.open_checkout(ledger, payment, attempt).await
            }
            Job::WatchPayment {
                ledger,
                payment,
                round,
            } => self.watch_payment(ledger, payment, round).await,
            Job::CapturePayment { ledger, payment } => {
                self.capture_payment(ledger, payment, attempt).await
            }
            Job::ExpirePayment { ledger, payment } => {
                self.expire_payment(ledger, payment, attempt).await
            }
            Job::ExecuteRefund {
                ledger,
                payment,
                refund,
            } => self.execute_refund(ledger, payment, refund).await,
            Job::WatchRefund {
                ledger,
                payment,
                refund,
                round,
            } => self.watch_refund(ledger, payment, refund, round).await,
            Job::SubmitPayout { ledger, payout } => self.submit_payout(ledger, payout).await,
            Job::WatchPayout {
                ledger,
                payout,
                round,
            } => self.watch_payout(ledger, payout, round).await,
            Job::FetchSettlements {
                ledger,
                provider,
                day,
            } => self.fetch_settlements(ledger, provider, day).await,
            Job::ConfirmWebhook { webhook } => self.confirm_webhook(webhook, attempt).await,
            Job::LookAtCase { .. }
            | Job::OpenCheck { .. }
            | Job::WatchCheck { .. }
            | Job::ConfirmCheckWebhook { .. }
            | Job::AdvanceOnboarding { .. }
            | Job::FollowCase { .. }
            | Job::RemindOwner { .. }
            | Job::BuildFork { .. }
            | Job::SweepDocuments
            | Job::EndDocumentRetention => Err(job.is_nobodys()),
        }
    }
}

#[cfg(test)]
mod tests {
    use connectors::gateways::{GatewayError, Operation, Provider};

    use super::told;

    #[test]
    fn what_cannot_be_looked_up_says_why() {
        let failed = GatewayError::Failed {
            provider: Provider::Razorpay,
            operation: Operation::Capture,
            status: 503,
        };
        let source = Box::new(failed);
        let error = GatewayError::NotKnown { source };
        let words = "gateway_not_known: gateway_failed (status 503)";
        assert_eq!(told(&error), words);
    }
}
