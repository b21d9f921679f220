//! Durable work outside the ledger: calls to providers, now, later, and again until they are done.
//!
//! The queue is [Graphile Worker](https://worker.graphile.org) by its Rust port: tables in PostgreSQL, so a
//! job is put in by the same database transaction that moves a process manager's checkpoint
//! ([`insert_jobs_in_tx`]). Any number of nodes take jobs; each is done by one at a time, and again by
//! another when its node dies. So every job may run twice and is written for it.
//!
//! A failed job runs again after e, e², e³ … seconds, at most e¹⁰ (six hours). One that failed
//! [`MAX_ATTEMPTS`] times is a dead letter: it stays, somebody is alerted, and an operator retries or
//! discards it ([`JobsDesk`]). The count of tries says nothing about what was done: it begins anew when an
//! operator retries, and goes back by one when a node dies.

mod desk;
mod driver;
mod hands;
mod worker;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use ledger_core::{
    CaseId, LedgerName, OwnerKey, PaymentId, PayoutId, Position, ProviderName, RefundId,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

pub use desk::{JobChange, JobFilter, JobRecord, JobState, JobStateError, JobsDesk};
pub use hands::AllHands;
pub(crate) use worker::at_a_time;
pub use worker::{JobWorker, JobWorkerError, prepare};

/// How often a job is tried before it is a dead letter: over 15.8 hours (e + e² + … + e¹⁰ + e¹⁰ seconds).
pub const MAX_ATTEMPTS: i32 = 12;

/// Questions wait until everything else that is due has begun.
const QUESTIONS: i16 = 10;

/// Everything that moves money or that somebody waits for.
const AT_ONCE: i16 = 0;

/// Something to be done outside the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub enum Job {
    /// Have a page made on which the payer pays.
    OpenCheckout {
        /// The ledger.
        ledger: LedgerName,
        /// The payment.
        payment: PaymentId,
    },
    /// Ask how a payment is that nobody has heard of lately.
    WatchPayment {
        /// The ledger.
        ledger: LedgerName,
        /// The payment.
        payment: PaymentId,
        /// How often it was asked.
        round: u32,
    },
    /// Take what a payer's bank keeps ready, where the provider has not done so by itself.
    CapturePayment {
        /// The ledger.
        ledger: LedgerName,
        /// The payment.
        payment: PaymentId,
    },
    /// End a payment whose time has passed.
    ExpirePayment {
        /// The ledger.
        ledger: LedgerName,
        /// The payment.
        payment: PaymentId,
    },
    /// Have a refund made.
    ExecuteRefund {
        /// The ledger.
        ledger: LedgerName,
        /// The payment.
        payment: PaymentId,
        /// The refund.
        refund: RefundId,
    },
    /// Ask how a refund is.
    WatchRefund {
        /// The ledger.
        ledger: LedgerName,
        /// The payment.
        payment: PaymentId,
        /// The refund.
        refund: RefundId,
        /// How often it was asked.
        round: u32,
    },
    /// Have a payout made.
    SubmitPayout {
        /// The ledger.
        ledger: LedgerName,
        /// The payout.
        payout: PayoutId,
    },
    /// Ask how a payout is.
    WatchPayout {
        /// The ledger.
        ledger: LedgerName,
        /// The payout.
        payout: PayoutId,
        /// How often it was asked.
        round: u32,
    },
    /// Take in what a provider has settled on a day.
    FetchSettlements {
        /// The ledger.
        ledger: LedgerName,
        /// Who settles.
        provider: ProviderName,
        /// The provider's day.
        day: NaiveDate,
    },
    /// Ask the provider about what a webhook hints at.
    ConfirmWebhook {
        /// The webhook's id here.
        webhook: Uuid,
    },
    /// Build a fork of a ledger.
    BuildFork {
        /// The fork.
        ledger: LedgerName,
    },
    /// Settle what storing documents has left.
    SweepDocuments,
    /// Remove documents that are old enough.
    EndDocumentRetention,
    /// See whether a verification case is due to end or to be renewed.
    LookAtCase {
        /// The ledger.
        ledger: LedgerName,
        /// The case.
        case: CaseId,
    },
    /// Have a provider asked about a verification case.
    OpenCheck {
        /// The ledger.
        ledger: LedgerName,
        /// The case.
        case: CaseId,
        /// Who is asked.
        provider: ProviderName,
        /// The position of the event that handed the case over.
        submission: Position,
    },
    /// Ask how a check is that nobody has heard of lately.
    WatchCheck {
        /// The check's id.
        check: Uuid,
        /// How often it was asked.
        round: u32,
    },
    /// Ask the identity provider about what a webhook tells.
    ConfirmCheckWebhook {
        /// The webhook's id here.
        webhook: Uuid,
    },
    /// See how far an owner has come in their onboarding, and do what is next.
    AdvanceOnboarding {
        /// The ledger.
        ledger: LedgerName,
        /// The id of the owner's stream.
        owner: OwnerKey,
    },
    /// The same, for the owner of a verification case.
    FollowCase {
        /// The ledger.
        ledger: LedgerName,
        /// The case.
        case: CaseId,
    },
    /// Remind an owner of what is wanted of them.
    RemindOwner {
        /// The ledger.
        ledger: LedgerName,
        /// The id of the owner's stream.
        owner: OwnerKey,
        /// In which wait.
        wait: u32,
        /// The how manieth reminder in it.
        number: u32,
    },
}

impl Job {
    /// The kind, as the queue and operators know it.
    #[must_use]
    pub const fn task(&self) -> &'static str {
        match self {
            Self::OpenCheckout { .. } => "open_checkout",
            Self::WatchPayment { .. } => "watch_payment",
            Self::CapturePayment { .. } => "capture_payment",
            Self::ExpirePayment { .. } => "expire_payment",
            Self::ExecuteRefund { .. } => "execute_refund",
            Self::WatchRefund { .. } => "watch_refund",
            Self::SubmitPayout { .. } => "submit_payout",
            Self::WatchPayout { .. } => "watch_payout",
            Self::FetchSettlements { .. } => "fetch_settlements",
            Self::ConfirmWebhook { .. } => "confirm_webhook",
            Self::LookAtCase { .. } => "look_at_case",
            Self::OpenCheck { .. } => "open_check",
            Self::WatchCheck { .. } => "watch_check",
            Self::ConfirmCheckWebhook { .. } => "confirm_check_webhook",
            Self::AdvanceOnboarding { .. } => "advance_onboarding",
            Self::FollowCase { .. } => "follow_case",
            Self::RemindOwner { .. } => "remind_owner",
            Self::BuildFork { .. } => "build_fork",
            Self::SweepDocuments => "sweep_documents",
            Self::EndDocumentRetention => "end_document_retention",
        }
    }

    /// Why a job was not done that was given to somebody who does not do its kind.
    pub(crate) fn is_nobodys(&self) -> JobError {
        JobError::Failed(format!("nobody here does {}", self.task()))
    }

    /// What is done first of what is due: the lowest number.
    const fn priority(&self) -> i16 {
        match self {
            Self::OpenCheckout { .. }
            | Self::CapturePayment { .. }
            | Self::ExpirePayment { .. }
            | Self::ExecuteRefund { .. }
            | Self::SubmitPayout { .. }
            | Self::ConfirmWebhook { .. }
            | Self::LookAtCase { .. }
            | Self::OpenCheck { .. }
            | Self::ConfirmCheckWebhook { .. }
            | Self::AdvanceOnboarding { .. }
            | Self::FollowCase { .. } => AT_ONCE,
            Self::WatchPayment { .. }
            | Self::WatchRefund { .. }
            | Self::WatchPayout { .. }
            | Self::WatchCheck { .. }
            | Self::FetchSettlements { .. }
            | Self::RemindOwner { .. }
            | Self::BuildFork { .. }
            | Self::SweepDocuments
            | Self::EndDocumentRetention => QUESTIONS,
        }
    }
}

/// A job to be put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its own name: while one of that name waits, another replaces it.
    pub key: String,
    /// What is to be done.
    pub job: Job,
    /// When.
    pub run_at: DateTime<Utc>,
}

impl NewJob {
    /// A job to be done at once.
    #[must_use]
    pub fn now(key: String, job: Job) -> Self {
        Self {
            key,
            job,
            run_at: Utc::now(),
        }
    }
}

/// Which try it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobAttempt {
    /// From 1 on.
    pub number: i32,
    /// After this one it is a dead letter.
    pub is_last: bool,
}

/// Why a job was not done.
#[derive(thiserror::Error)]
pub enum JobError {
    /// It failed, which counts as a try. Operators read why: nothing personal is in it.
    #[error("{0}")]
    Failed(String),
    /// As many jobs as may be are under way at this provider. It is put back, which counts as no try.
    #[error("{0} has enough to do")]
    Busy(ProviderName),
}

/// The queue keeps what `Debug` says; operators read it.
impl std::fmt::Debug for JobError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

/// Whoever does jobs.
#[async_trait]
pub trait JobHands: Send + Sync + std::fmt::Debug {
    /// Whether they do this kind of job. A node leaves the others to nodes that do them.
    fn does(&self, task: &str) -> bool;

    /// Whether their jobs wait for systems outside most of the time: then many are done at a time.
    fn waits_for_others(&self) -> bool;

    /// Does a job, which may have been done before.
    ///
    /// # Errors
    /// [`JobError`]: it is to be tried again.
    async fn carry_out(&self, job: Job, attempt: JobAttempt) -> Result<(), JobError>;
}

/// Puts jobs into the queue, by the library's own function, in the order of their names: two nodes that
/// put in the same ones wait for each other and not in a circle.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn insert_jobs_in_tx(
    connection: &mut PgConnection,
    jobs: &[NewJob],
) -> Result<(), sqlx::Error> {
    if jobs.is_empty() {
        return Ok(());
    }
    let mut jobs: Vec<&NewJob> = jobs.iter().collect();
    jobs.sort_by(|one, other| one.key.cmp(&other.key));
    let payload = |new: &&NewJob| {
        serde_json::to_string(&new.job).map_err(|error| sqlx::Error::Encode(Box::new(error)))
    };
    let payloads = jobs.iter().map(payload).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(
        "SELECT (graphile_worker.add_job(identifier => new.task, payload => new.payload::json, \
             run_at => new.run_at, max_attempts => $6, job_key => new.key, \
             priority => new.priority)).id \
         FROM UNNEST($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::smallint[]) \
             AS new (task, payload, run_at, key, priority)",
    )
    .bind(jobs.iter().map(|new| new.job.task()).collect::<Vec<_>>())
    .bind(payloads)
    .bind(jobs.iter().map(|new| new.run_at).collect::<Vec<_>>())
    .bind(jobs.iter().map(|new| new.key.as_str()).collect::<Vec<_>>())
    .bind(
        jobs.iter()
            .map(|new| new.job.priority())
            .collect::<Vec<_>>(),
    )
    .bind(MAX_ATTEMPTS)
    .execute(connection)
    .await
    .map(|_| ())
}
