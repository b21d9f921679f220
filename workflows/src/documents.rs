//! Documents that are kept no longer, and what storing them has left.
//!
//! * **Every hour** (`sweep_documents`): what was stored and never recorded is removed, what was recorded and not
//!   noted as kept is noted, removals that broke off are finished, and addresses that are over are forgotten.
//! * **Every day** (`end_document_retention`): documents are removed whose case was decided long enough ago, and
//!   objects that no row knows are counted.
//! * **When a person was erased**: all of theirs are removed. Their key is gone by then, so that whatever copies
//!   there are open no more.
//!
//! A case that is not decided any more, because it was reset, is looked at again or is to be verified anew, keeps
//! its documents: that is how somebody holds them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use documents::{DocumentFault, DocumentRow, Documents, RowState};
use event_store::executor::{Atomicity, CommandOutcome, Executors, IdempotencyKey, Submission};
use event_store::{ErrorChain, LogReader};
use ledger_core::event::{EventMetadata, RecordedEvent};
use ledger_core::verification::{
    CaseAction, CaseEvent, CaseStatus, RemovalReason, VerificationCase,
};
use ledger_core::{CaseId, Command, Event, LedgerName, OwnerId, Stream, Timestamp};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::erasure::ErasureStep;
use crate::jobs::{Job, JobAttempt, JobError, JobHands, NewJob, insert_jobs_in_tx};

/// Who gave the commands, as the events say.
const ACTOR: &str = "system:documents";

/// Rows looked at in turn.
const BATCH: i64 = 100;

/// What became of what was left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects that nobody had recorded, removed.
    pub discarded: u64,
    /// Documents that were recorded, and noted as kept now.
    pub kept: u64,
    /// Documents whose removal was finished.
    pub removed: u64,
}

/// Keeps the storage of documents as the log has it; cheap to clone.
#[derive(Debug, Clone)]
pub struct DocumentKeeper {
    documents: Documents,
    executors: Executors,
    log: LogReader,
    pool: PgPool,
}

impl From<DocumentFault> for JobError {
    fn from(fault: DocumentFault) -> Self {
        Self::Failed(ErrorChain(&fault).to_string())
    }
}

impl DocumentKeeper {
    /// A keeper of these documents, which are of all ledgers of a database.
    #[must_use]
    pub fn new(documents: Documents, pool: PgPool, executors: Executors) -> Self {
        Self {
            documents,
            executors,
            log: LogReader::new(pool.clone()),
            pool,
        }
    }

    /// Puts in the jobs that come again by themselves.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn begin(&self) -> Result<(), sqlx::Error> {
        for job in [Job::SweepDocuments, Job::EndDocumentRetention] {
            self.put_in(job, Utc::now()).await?;
        }
        Ok(())
    }

    /// While one of its kind waits, another replaces it.
    async fn put_in(&self, job: Job, run_at: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let key = format!("documents/{}", job.task());
        let mut connection = self.pool.acquire().await?;
        insert_jobs_in_tx(&mut connection, &[NewJob { key, job, run_at }]).await
    }

    /// Settles what was begun and left.
    ///
    /// # Errors
    /// The first fault; what else was left is settled.
    pub async fn sweep(&self) -> Result<Swept, JobError> {
        let before = Utc::now() - delta(self.documents.settings().unsettled_after);
        let (mut swept, mut failed) = (Swept::default(), None);
        let mut after = Uuid::nil();
        loop {
            let rows = self.documents.unsettled(before, after, BATCH).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            for row in &rows {
                if let Err(error) = self.settle(row, &mut swept).await {
                    failed.get_or_insert(error);
                }
            }
        }
        self.documents.forget_addresses().await?;
        self.documents.remove_leftovers(before).await?;
        if swept != Swept::default() {
            tracing::info!(?swept, "documents that were left are settled");
        }
        failed.map_or(Ok(swept), Err)
    }

    async fn settle(&self, row: &DocumentRow, swept: &mut Swept) -> Result<(), JobError> {
        match row.state {
            RowState::Storing | RowState::Stored if !self.is_recorded(row).await? => {
                self.documents.discard(row).await?;
                swept.discarded += 1;
            }
            RowState::Discarding => {
                self.documents.discard(row).await?;
                swept.discarded += 1;
            }
            RowState::Storing | RowState::Stored => {
                self.documents.keep(row.id).await?;
                swept.kept += 1;
                if self.documents.is_erased(row).await? {
                    self.remove(row, RemovalReason::Erasure).await?;
                }
            }
            RowState::Removing(reason) => {
                self.finish_removal(row, reason).await?;
                swept.removed += 1;
            }
            RowState::Kept | RowState::Removed(_) => {}
        }
        Ok(())
    }

    /// Whether the log has a document.
    async fn is_recorded(&self, row: &DocumentRow) -> Result<bool, JobError> {
        let reference = row.id.to_string();
        let events = self.events(row.ledger, row.case).await?;
        Ok(events.iter().any(|recorded| match &recorded.event {
            Event::VerificationCase(event) => matches!(
                &**event,
                CaseEvent::DocumentReceived { document, .. }
                    if document.reference.as_str() == reference
            ),
            _ => false,
        }))
    }

    async fn events(
        &self,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<Vec<RecordedEvent>, JobError> {
        let stream = Stream::VerificationCase(case);
        Ok(self.log.stream(ledger, stream).await?)
    }

    /// Removes what is old enough; how many documents.
    ///
    /// # Errors
    /// The first fault; whatever else is old enough is removed.
    pub async fn end_retention(&self) -> Result<u64, JobError> {
        let before = Utc::now() - delta(self.documents.settings().retention);
        let (mut removed, mut failed) = (0, None);
        let mut after = (DateTime::<Utc>::UNIX_EPOCH, Uuid::nil());
        // Documents of one case mostly follow one another.
        let mut known: Option<(LedgerName, CaseId, bool)> = None;
        loop {
            let rows = self.documents.kept_since(before, after, BATCH).await?;
            let Some(last) = rows.last() else { break };
            after = (last.begun_at, last.id);
            for row in &rows {
                let is_due = match known {
                    Some((ledger, case, is_due)) if (ledger, case) == (row.ledger, row.case) => {
                        is_due
                    }
                    Some(_) | None => self.is_due(row.ledger, row.case, before).await?,
                };
                known = Some((row.ledger, row.case, is_due));
                if !is_due {
                    continue;
                }
                match self.remove(row, RemovalReason::Retention).await {
                    Ok(()) => removed += 1,
                    Err(error) => {
                        failed.get_or_insert(error);
                    }
                }
            }
        }
        failed.map_or(Ok(removed), Err)
    }

    /// Whether the last decision about a case was before a time, and still stands.
    async fn is_due(
        &self,
        ledger: LedgerName,
        case: CaseId,
        before: DateTime<Utc>,
    ) -> Result<bool, JobError> {
        let events = self.events(ledger, case).await?;
        let decided_at = decided_at(&events)?;
        Ok(decided_at.is_some_and(|at| at.as_datetime() <= before))
    }

    async fn count_unknown_objects(&self) -> Result<(), JobError> {
        let before = Utc::now() - delta(self.documents.settings().unsettled_after);
        let unknown = self.documents.unknown_objects(before).await?;
        let shown = u32::try_from(unknown).unwrap_or(u32::MAX);
        metrics::gauge!("daybook_documents_unknown_objects").set(shown);
        if unknown > 0 {
            tracing::warn!(
                objects = unknown,
                "the storage of documents has objects that no row knows; they are left"
            );
        }
        Ok(())
    }

    async fn remove(&self, row: &DocumentRow, reason: RemovalReason) -> Result<(), JobError> {
        if self.documents.begin_removal(row.id, reason).await? {
            self.finish_removal(row, reason).await?;
        }
        Ok(())
    }

    async fn finish_removal(
        &self,
        row: &DocumentRow,
        reason: RemovalReason,
    ) -> Result<(), JobError> {
        self.documents.remove_object(row).await?;
        self.record_removal(row, reason).await?;
        self.documents.end_removal(row.id).await?;
        let reason = match reason {
            RemovalReason::Retention => "retention",
            RemovalReason::Erasure => "erasure",
        };
        metrics::counter!("daybook_documents_removed_total", "reason" => reason).increment(1);
        Ok(())
    }

    async fn record_removal(
        &self,
        row: &DocumentRow,
        reason: RemovalReason,
    ) -> Result<(), JobError> {
        let reference = row.id.to_string().parse();
        let action = CaseAction::RemoveDocument {
            document: reference
                .map_err(|error| JobError::Failed(ErrorChain(&error).to_string()))?,
            reason,
        };
        let submission = Submission {
            commands: vec![Command::VerificationCase {
                case: row.case,
                action: Box::new(action),
            }],
            atomicity: Atomicity::AllOrNothing,
            idempotency: Some(IdempotencyKey::of_process(
                "documents",
                &format!("remove/{}", row.id),
            )),
            metadata: EventMetadata {
                command_id: Uuid::now_v7(),
                actor: Some(ACTOR.to_owned()),
                correlation_id: None,
                causation_id: None,
                idempotency: None,
            },
        };
        let outcome = self.executors.submit(row.ledger, submission).await?;
        match outcome.commands.first() {
            Some(CommandOutcome::Refused(refusal)) => Err(JobError::Failed(refusal.code.clone())),
            Some(CommandOutcome::Applied(_) | CommandOutcome::NotApplied) | None => Ok(()),
        }
    }

    /// Removes all that there is of a person who was erased. What is just being stored is refused by the ledger,
    /// and whoever stores it removes it.
    ///
    /// # Errors
    /// The first fault.
    pub async fn forget_person(&self, ledger: LedgerName, owner: &OwnerId) -> Result<(), JobError> {
        for row in self.documents.of_owner(ledger, owner).await? {
            match row.state {
                RowState::Kept => self.remove(&row, RemovalReason::Erasure).await?,
                RowState::Removing(reason) => self.finish_removal(&row, reason).await?,
                RowState::Stored if self.is_recorded(&row).await? => {
                    self.documents.keep(row.id).await?;
                    self.remove(&row, RemovalReason::Erasure).await?;
                }
                RowState::Storing
                | RowState::Stored
                | RowState::Removed(_)
                | RowState::Discarding => {}
            }
        }
        Ok(())
    }
}

/// When a case was decided last, if that is how it stands.
fn decided_at(events: &[RecordedEvent]) -> Result<Option<Timestamp>, JobError> {
    let (mut state, mut decided_at) = (VerificationCase::default(), None);
    for recorded in events {
        let Event::VerificationCase(event) = &recorded.event else {
            continue;
        };
        let next = state.evolve(event);
        state = next.map_err(|error| JobError::Failed(error.to_string()))?;
        match &**event {
            CaseEvent::CaseApproved { .. }
            | CaseEvent::CaseRejected { .. }
            | CaseEvent::CaseExpired { .. } => decided_at = Some(recorded.recorded_at),
            CaseEvent::CaseOpened { .. }
            | CaseEvent::DocumentsRequested { .. }
            | CaseEvent::DocumentReceived { .. }
            | CaseEvent::DocumentRemoved { .. }
            | CaseEvent::CaseSubmitted { .. }
            | CaseEvent::FindingNoted { .. }
            | CaseEvent::CaseReviewStarted { .. }
            | CaseEvent::CaseReset { .. }
            | CaseEvent::ReverificationDue { .. } => {}
        }
    }
    Ok(match state.open().map(|(_, status)| status) {
        Some(CaseStatus::Approved | CaseStatus::Rejected | CaseStatus::Expired) => decided_at,
        Some(
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::InReview
            | CaseStatus::RetryAllowed
            | CaseStatus::ReverificationDue,
        )
        | None => None,
    })
}

fn delta(period: Duration) -> TimeDelta {
    TimeDelta::from_std(period).unwrap_or(TimeDelta::days(36_500))
}

#[async_trait]
impl JobHands for DocumentKeeper {
    fn does(&self, task: &str) -> bool {
        TASKS.contains(&task)
    }

    fn waits_for_others(&self) -> bool {
        false
    }

    async fn carry_out(&self, job: Job, _attempt: JobAttempt) -> Result<(), JobError> {
        let settings = self.documents.settings();
        // The next one is put in first: whatever becomes of this one, another comes.
        match job {
            Job::SweepDocuments => {
                let next = Utc::now() + delta(settings.sweep_every);
                self.put_in(job, next).await?;
                self.sweep().await.map(drop)
            }
            Job::EndDocumentRetention => {
                let next = Utc::now() + delta(settings.retention_every);
                self.put_in(job, next).await?;
                self.end_retention().await?;
                self.count_unknown_objects().await
            }
            other => Err(other.is_nobodys()),
        }
    }
}

/// The kinds of jobs that it does.
pub(crate) const TASKS: [&str; 2] = ["sweep_documents", "end_document_retention"];

/// Removes the documents of a person who was erased.
#[derive(Debug)]
pub struct ForgetDocuments(pub DocumentKeeper);

#[async_trait]
impl ErasureStep for ForgetDocuments {
    fn name(&self) -> &'static str {
        "documents"
    }

    async fn forget(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.forget_person(ledger, owner).await?)
    }
}
