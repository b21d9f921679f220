//! Seeing how far an owner has come, and doing what is next.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use event_store::ErrorChain;
use event_store::executor::{Atomicity, CommandOutcome, Submission};
use ledger_core::event::EventMetadata;
use ledger_core::onboarding::{
    ContactKind, Course, Onboarding, OnboardingAction, OnboardingStep, VerificationStanding,
};
use ledger_core::verification::{CaseAction, CaseStatus, VerificationCase};
use ledger_core::{ActorId, CaseId, Command, Event, LedgerName, OwnerKey, Stream, Timestamp};
use uuid::Uuid;

use super::people::{PersonFault, PersonSeen};
use super::{ACTOR, OnboardingProcess};
use crate::jobs::JobError;

/// Steps that are taken in one job at most: more than there are.
const MOST_STEPS: usize = 12;

impl OnboardingProcess {
    pub(super) async fn follow_case(
        &self,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<(), JobError> {
        let state = self.case(ledger, case).await?;
        match state.open() {
            Some((open, _)) => self.advance(ledger, open.owner.key()).await,
            None => Ok(()),
        }
    }

    pub(super) async fn advance(
        &self,
        ledger: LedgerName,
        owner: OwnerKey,
    ) -> Result<(), JobError> {
        for _ in 0..MOST_STEPS {
            let state = self.onboarding(ledger, owner).await?;
            let Some(course) = state.under_way() else {
                return Ok(());
            };
            let person = self.people.person(&course.owner).await?;
            let verified = match &person {
                PersonSeen::Known { verified } => verified.clone(),
                PersonSeen::Unknown => BTreeSet::new(),
                PersonSeen::Blocked => return self.expire_when_due(ledger, course).await,
            };
            self.look(ledger, course, verified).await?;
            // What was told may have been old by then, and have undone what another node had told since.
            if self.people.person(&course.owner).await? != person {
                continue;
            }
            let state = self.onboarding(ledger, owner).await?;
            let Some(course) = state.under_way() else {
                return Ok(());
            };
            let Some(command) = self.next(ledger, course).await? else {
                return self.expire_when_due(ledger, course).await;
            };
            // Refused or not: what stands now decides about what is next.
            self.submit(ledger, command).await?;
        }
        Err(JobError::Failed(
            "the onboarding does not come to rest".to_owned(),
        ))
    }

    async fn look(
        &self,
        ledger: LedgerName,
        course: &Course,
        verified: BTreeSet<ContactKind>,
    ) -> Result<(), JobError> {
        let action = OnboardingAction::Advance {
            verified,
            contacts_due_at: from_now(self.settings.contacts.expires_after)?,
            documents_due_at: from_now(self.settings.documents.expires_after)?,
        };
        self.submit(ledger, about(course, action)).await
    }

    /// What is to be done that is not the owner's to do.
    async fn next(&self, ledger: LedgerName, course: &Course) -> Result<Option<Command>, JobError> {
        match course.step() {
            OnboardingStep::Contacts => Ok(None),
            OnboardingStep::Verification => {
                let case = self.case(ledger, course.terms.case).await?;
                let action = self.next_of_case(course, &case)?;
                Ok(action.map(|action| Command::VerificationCase {
                    case: course.terms.case,
                    action: Box::new(action),
                }))
            }
            OnboardingStep::Wallet => {
                let wallet = course.terms.wallet;
                let stream = Stream::Wallet(wallet);
                let is_there = !self.log.read_stream(ledger, &stream).await?.is_empty();
                Ok((!is_there).then(|| Command::OpenWallet {
                    wallet,
                    owner: course.owner.clone(),
                    overdraft: Vec::new(),
                    reference: None,
                    metadata: ledger_core::annotation::Metadata::default(),
                }))
            }
        }
    }

    fn next_of_case(
        &self,
        course: &Course,
        case: &VerificationCase,
    ) -> Result<Option<CaseAction>, JobError> {
        let expires_at = Some(from_now(self.settings.documents.expires_after)?);
        let by = actor()?;
        let (kinds, providers) = (&self.settings.kinds, &self.settings.providers);
        let Some((open, status)) = case.open() else {
            return Ok(Some(CaseAction::Open {
                owner: course.owner.clone(),
                tier: course.terms.tier,
                expires_at,
                by,
            }));
        };
        let submit = |by| CaseAction::Submit {
            providers: providers.clone(),
            by,
        };
        Ok(match status {
            CaseStatus::Opened if !kinds.is_empty() => Some(CaseAction::RequestDocuments {
                kinds: kinds.clone(),
                expires_at,
                by,
            }),
            CaseStatus::Opened if !providers.is_empty() => Some(submit(by)),
            CaseStatus::DocumentsReceived if !providers.is_empty() => Some(submit(by)),
            // Whoever gives documents unasked may give more of them.
            CaseStatus::DocumentsReceived if !open.requested.is_empty() => {
                Some(CaseAction::StartReview {
                    reasons: Vec::new(),
                    by,
                })
            }
            CaseStatus::Expired if course.standing == VerificationStanding::Expired => {
                Some(CaseAction::Reset {
                    reasons: Vec::new(),
                    by,
                })
            }
            // Since it was looked at. If its owner was waited for, that is the end, and no new beginning.
            CaseStatus::Expired => None,
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::InReview
            | CaseStatus::Approved
            | CaseStatus::RetryAllowed
            | CaseStatus::Rejected
            | CaseStatus::ReverificationDue => None,
        })
    }

    async fn expire_when_due(&self, ledger: LedgerName, course: &Course) -> Result<(), JobError> {
        let due = course
            .awaited
            .is_some_and(|awaited| awaited.due_at.as_datetime() <= Utc::now());
        if !due {
            return Ok(());
        }
        self.submit(ledger, about(course, OnboardingAction::Expire))
            .await
    }

    /// An onboarding as the log has it.
    pub(super) async fn onboarding(
        &self,
        ledger: LedgerName,
        owner: OwnerKey,
    ) -> Result<Onboarding, JobError> {
        let mut state = Onboarding::default();
        for recorded in self
            .log
            .read_stream(ledger, &Stream::Onboarding(owner))
            .await?
        {
            if let Event::Onboarding(event) = recorded.event {
                state = state.evolve(&event).map_err(contradiction)?;
            }
        }
        Ok(state)
    }

    /// A case as the log has it.
    pub(super) async fn case(
        &self,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<VerificationCase, JobError> {
        let mut state = VerificationCase::default();
        for recorded in self
            .log
            .read_stream(ledger, &Stream::VerificationCase(case))
            .await?
        {
            if let Event::VerificationCase(event) = recorded.event {
                state = state.evolve(&event).map_err(contradiction)?;
            }
        }
        Ok(state)
    }

    /// Gives a command. One that is refused for good was overtaken by something else; one whose time has not
    /// come by the executor's clock is tried again.
    pub(super) async fn submit(
        &self,
        ledger: LedgerName,
        command: Command,
    ) -> Result<(), JobError> {
        let submission = Submission {
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
            // Done twice it says nothing new.
            idempotency: None,
            metadata: EventMetadata {
                command_id: Uuid::now_v7(),
                actor: Some(ACTOR.to_owned()),
                correlation_id: None,
                causation_id: None,
                idempotency: None,
            },
        };
        let outcome = self.executors.submit(ledger, submission).await?;
        match outcome.commands.first() {
            Some(CommandOutcome::Refused(refusal)) if refusal.transient => {
                Err(JobError::Failed(refusal.code.clone()))
            }
            Some(
                CommandOutcome::Refused(_)
                | CommandOutcome::Applied(_)
                | CommandOutcome::NotApplied,
            )
            | None => Ok(()),
        }
    }
}

pub(super) fn about(course: &Course, action: OnboardingAction) -> Command {
    Command::Onboarding {
        owner: course.owner.clone(),
        action: Box::new(action),
    }
}

fn actor() -> Result<ActorId, JobError> {
    ACTOR.parse().map_err(contradiction)
}

/// What cannot be; operators are told.
fn contradiction(error: impl std::error::Error + 'static) -> JobError {
    JobError::Failed(ErrorChain(&error).to_string())
}

fn from_now(period: Duration) -> Result<Timestamp, JobError> {
    let period = TimeDelta::from_std(period).map_err(contradiction)?;
    Timestamp::try_new(Utc::now() + period).map_err(contradiction)
}

impl From<PersonFault> for JobError {
    fn from(fault: PersonFault) -> Self {
        Self::Failed(ErrorChain(&fault).to_string())
    }
}
