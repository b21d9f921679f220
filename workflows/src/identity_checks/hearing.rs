//! Taking in what a provider says of a check now.

use chrono::{DateTime, Utc};
use connectors::identity_providers::{CaseObservation, CaseStatus as Said, Reported};
use event_store::executor::IdempotencyKey;
use ledger_core::verification::{
    CaseAction, CaseStatus, Finding, ObservedFinding, Retry, provider_event_id,
};
use ledger_core::{LedgerName, ProviderName, Timestamp};
use uuid::Uuid;

use super::history::CaseHistory;
use super::stored::Check;
use super::translation::{Before, Meaning, meaning};
use super::{Cause, IdentityChecks};
use crate::jobs::JobError;
use crate::observer::Heard;

/// What a webhook told, beside what is true now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) observation: &'a CaseObservation,
    pub(super) webhook: Uuid,
}

impl Told<'_> {
    /// When what is true now came about, where the webhook tells the same.
    fn occurred_at(self, now: &CaseObservation) -> Option<DateTime<Utc>> {
        let same = self.observation.status == now.status;
        self.observation.occurred_at.filter(|_| same)
    }

    pub(super) fn is_reset(self) -> bool {
        self.observation.status == Reported::Known(Said::Reset)
    }

    fn is_withdrawal(self) -> bool {
        self.observation.status == Reported::Known(Said::Withdrawn)
    }
}

impl IdentityChecks {
    /// The check that an answer is of: by our reference, or else by the provider's name of it.
    pub(super) async fn check_of(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        said: &CaseObservation,
    ) -> Result<Option<Check>, JobError> {
        let named = said.reference.as_ref().and_then(|reference| reference.id());
        let found = match named {
            Some(id) => self.checks.get(id).await?,
            None => self.checks.called(ledger, provider, &said.case_id).await?,
        };
        Ok(found.filter(|check| check.ledger == ledger && check.provider == provider))
    }

    /// Takes in what a provider says now, and what a webhook told that led to the question.
    pub(super) async fn hear(
        &self,
        check: &Check,
        now: &CaseObservation,
        told: Option<Told<'_>>,
    ) -> Result<Heard, JobError> {
        match &check.provider_case {
            // Its answer is not written down yet: whoever opens it will be told another name of it.
            None => return Ok(Heard::NotKnown("identity_check_not_open")),
            // One that was left behind when an answer was lost.
            Some(ours) if ours != now.case_id.as_str() => return Ok(Heard::OfNoConcern),
            Some(_) => {}
        }
        let history = CaseHistory::read(&self.log, check.ledger, check.case).await?;
        if !history.is_current(check.provider, check.submission) {
            return Ok(Heard::OfNoConcern);
        }
        if is_of_another_level(check, now) {
            return Ok(Heard::Impossible("identity_level_differs".to_owned()));
        }
        // Who was removed at Sumsub still has the answer of before.
        if let Some(told) = told.filter(|told| told.is_withdrawal()) {
            return self.withdrawn(check, &history, now, told).await;
        }
        let webhook = told.map(|told| told.webhook);
        // A decision that was taken back does not hold, whatever has come since.
        let reset = match told.filter(|told| told.is_reset()) {
            Some(told) => self.hear_reset(check, &history, now, told).await?,
            None => Heard::OfNoConcern,
        };
        let history = match &reset {
            Heard::Applied(_) => CaseHistory::read(&self.log, check.ledger, check.case).await?,
            _ => history,
        };
        let told_at = told.and_then(|told| told.occurred_at(now));
        let before = before(check, &history);
        let heard = match meaning(now, told_at, before) {
            Meaning::Finding(finding, at) => {
                self.observe(check, &history, now, (finding, at), webhook)
                    .await?
            }
            Meaning::Trouble(reason) => {
                let told_at = told.and_then(|told| told.observation.occurred_at);
                self.trouble(check, &history, now, (reason, told_at))
                    .await?
            }
            Meaning::Nothing => Heard::OfNoConcern,
            Meaning::Unknown(word) => {
                tracing::error!(
                    ledger = %check.ledger, case.id = %check.case, provider = %check.provider, word,
                    "a provider says something of a case that nobody documents"
                );
                Heard::Impossible("identity_status_unknown".to_owned())
            }
        };
        Ok(reset.and(heard))
    }

    async fn hear_reset(
        &self,
        check: &Check,
        history: &CaseHistory,
        now: &CaseObservation,
        told: Told<'_>,
    ) -> Result<Heard, JobError> {
        let before = before(check, history);
        let told_at = told.observation.occurred_at;
        let Meaning::Finding(finding, at) = meaning(told.observation, told_at, before) else {
            return Ok(Heard::OfNoConcern);
        };
        self.observe(check, history, now, (finding, at), Some(told.webhook))
            .await
    }

    async fn withdrawn(
        &self,
        check: &Check,
        history: &CaseHistory,
        now: &CaseObservation,
        told: Told<'_>,
    ) -> Result<Heard, JobError> {
        let at = told.observation.occurred_at;
        let last = history.last_heard(check.provider);
        let is_older = match (at, last) {
            (Some(at), Some(last)) => at < last.at.as_datetime(),
            (Some(_) | None, Some(_) | None) => false,
        };
        if is_older {
            return Ok(Heard::OfNoConcern);
        }
        self.trouble(check, history, now, ("WITHDRAWN_AT_PROVIDER", at))
            .await
    }

    /// The same finding of the same moment has the same key, however it is heard; but what was only noted while
    /// a verdict stood counts once that is taken back.
    async fn observe(
        &self,
        check: &Check,
        history: &CaseHistory,
        now: &CaseObservation,
        (finding, at): (Finding, Timestamp),
        webhook: Option<Uuid>,
    ) -> Result<Heard, JobError> {
        let event = provider_event_id(&[
            &check.id.to_string(),
            &at.to_string(),
            &format!("{finding:?}"),
            &history.resets.to_string(),
        ]);
        let cause = Cause {
            key: Some(IdempotencyKey::of_provider_event(check.provider, &event)),
            webhook,
        };
        let is_over = ends_the_way_in(&finding);
        let reference = now.case_id.as_str().parse();
        let action = CaseAction::Observe(ObservedFinding {
            provider: check.provider,
            reference: reference.ok(),
            observed_at: at,
            finding,
        });
        let heard = self.submit(check.ledger, check.case, action, cause).await?;
        if is_over && matches!(heard, Heard::Applied(_)) {
            self.checks.forget_entry(check.id).await?;
        }
        Ok(heard)
    }

    /// What only people of ours can help. An approval that its provider has withdrawn does not stand while
    /// they look.
    async fn trouble(
        &self,
        check: &Check,
        history: &CaseHistory,
        now: &CaseObservation,
        (reason, told_at): (&'static str, Option<DateTime<Utc>>),
    ) -> Result<Heard, JobError> {
        let Some((_, status)) = history.open() else {
            return Ok(Heard::OfNoConcern);
        };
        tracing::error!(
            ledger = %check.ledger, case.id = %check.case, provider = %check.provider, reason,
            "a provider does not carry out what it was asked about a case"
        );
        match status {
            CaseStatus::Approved => {
                let moment = meaning(
                    &CaseObservation {
                        status: Reported::Known(Said::InReview),
                        // It is that of the approval.
                        occurred_at: None,
                        ..now.clone()
                    },
                    told_at,
                    before(check, history),
                );
                match moment {
                    Meaning::Finding(finding, at) => {
                        self.observe(check, history, now, (finding, at), None).await
                    }
                    _ => Ok(Heard::OfNoConcern),
                }
            }
            CaseStatus::Submitted
            | CaseStatus::DocumentsReceived
            | CaseStatus::RetryAllowed
            | CaseStatus::ReverificationDue => {
                self.hand_to_staff(check.ledger, check.case, reason).await
            }
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::InReview
            | CaseStatus::Rejected
            | CaseStatus::Expired => Ok(Heard::OfNoConcern),
        }
    }
}

fn before<'a>(check: &Check, history: &'a CaseHistory) -> Before<'a> {
    Before {
        last: history.last_heard(check.provider),
        begun_at: check.begun_at,
    }
}

/// An approval holds for what was asked for, and for nothing less.
fn is_of_another_level(check: &Check, now: &CaseObservation) -> bool {
    now.status == Reported::Known(Said::Approved)
        && now
            .level
            .as_deref()
            .is_some_and(|level| level != check.level)
}

/// Whether the person has nothing more to do at the provider.
const fn ends_the_way_in(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::Approved { .. }
            | Finding::Expired
            | Finding::Rejected {
                retry: Retry::Final,
                ..
            }
    )
}
