//! Opening checks at providers, and renewing people's ways in.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use connectors::identity_providers::{
    Advice, Attempt, CaseRequest, EntryKind, IdentityProvider, OpenedCase,
};
use ledger_core::{CaseId, LedgerName, Position, ProviderName};

use super::history::CaseHistory;
use super::people::{NotePlace, PersonFacts};
use super::stored::{Begun, Check, Opened};
use super::{IdentityChecks, TRIES, told};
use crate::identity_accounts::IdentityAccount;
use crate::jobs::{Job, JobAttempt, JobError, NewJob};
use crate::observer::Heard;

/// How long a page can be opened; providers clip it to what they allow.
const PAGE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a token is good: whoever has it acts as the person.
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What is to be asked of a provider.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) ledger: LedgerName,
    pub(super) case: CaseId,
    pub(super) provider: ProviderName,
    /// The position of the event that handed the case over.
    pub(super) submission: Position,
}

impl IdentityChecks {
    pub(super) async fn open_check(
        &self,
        wanted: Wanted,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let history = CaseHistory::read(&self.log, wanted.ledger, wanted.case).await?;
        let current = history.submitted.get(&wanted.provider).copied();
        let Some(submitted) = current.filter(|last| last.position == wanted.submission) else {
            return Ok(());
        };
        let place = NotePlace {
            ledger: wanted.ledger,
            case: wanted.case,
            provider: wanted.provider,
            command: submitted.command,
        };
        let Some((open, _)) = history.open().filter(|_| history.waits()) else {
            // It has moved on, and nobody needs to know of the person.
            return Ok(self.people.forget(place).await?);
        };
        let account = match self.account(wanted.ledger, wanted.provider) {
            Ok(account) => account,
            Err(JobError::Failed(_)) if is_enough(attempt) => {
                return self.give_up(place, "PROVIDER_NOT_CONFIGURED").await;
            }
            Err(error) => return Err(error),
        };
        let Some(level) = account.level(open.tier) else {
            // Another node may have a newer configuration.
            if is_enough(attempt) {
                return self.give_up(place, "NO_LEVEL_FOR_TIER").await;
            }
            let tier = open.tier;
            let reason = format!("{} has no level for the tier {tier}", wanted.provider);
            return Err(JobError::Failed(reason));
        };
        let facts = self.people.read(place).await;
        let facts = facts.map_err(|fault| JobError::Failed(fault.to_string()))?;
        let return_url = facts.return_url();
        let begin = self.checks.begin(&wanted, level, return_url.as_ref());
        let (check, begun) = begin.await?;
        if check.provider_case.is_some() {
            return Ok(());
        }
        let request = self.request(&account, &check, begun, &facts);
        match account.identity_provider.open_case(&request).await {
            Ok(opened) => self.opened(&account, &check, &request, &opened).await,
            Err(error) if error.advice() == Advice::GiveUp || is_enough(attempt) => {
                self.give_up(place, error.code()).await
            }
            Err(error) => Err(JobError::Failed(told(&error))),
        }
    }

    fn request(
        &self,
        account: &IdentityAccount,
        check: &Check,
        begun: Begun,
        facts: &PersonFacts,
    ) -> CaseRequest {
        let own = || self.settings.public_url.clone();
        CaseRequest {
            reference: check.reference(),
            attempt: match begun {
                Begun::Now => Attempt::First,
                Begun::Before => Attempt::Again,
            },
            level: check.level.clone(),
            person: facts.person(),
            entry: account.entry,
            entry_lifetime: lifetime(account.entry, &*account.identity_provider),
            return_url: check.return_url.clone().unwrap_or_else(own),
        }
    }

    async fn opened(
        &self,
        account: &IdentityAccount,
        check: &Check,
        request: &CaseRequest,
        opened: &OpenedCase,
    ) -> Result<(), JobError> {
        let lifetime = TimeDelta::from_std(request.entry_lifetime).unwrap_or(TimeDelta::days(1));
        let answer = Opened {
            provider_case: &opened.case_id,
            entry: &opened.entry,
            entry_expires_at: Utc::now() + lifetime,
        };
        let round = 0;
        let pause = self.interval(&*account.identity_provider, round);
        let watch = NewJob {
            key: watch_key(check, round),
            job: Job::WatchCheck {
                check: check.id,
                round,
            },
            run_at: Utc::now() + TimeDelta::from_std(pause).unwrap_or_default(),
        };
        self.checks.opened(check, &answer, watch).await
    }

    /// A new way in to a check that is open, at a provider that finds it by our reference. The person is known
    /// there, so that nothing of them is sent.
    pub(super) async fn renew_entry(
        &self,
        account: &IdentityAccount,
        check: &Check,
    ) -> Result<(), JobError> {
        let provider = &account.identity_provider;
        let request = self.request(account, check, Begun::Before, &PersonFacts::default());
        match provider.open_case(&request).await {
            Ok(opened) => self.opened(account, check, &request, &opened).await,
            Err(error) => Err(JobError::Failed(told(&error))),
        }
    }

    /// Nobody can be asked: people of ours decide.
    async fn give_up(&self, place: NotePlace, reason: &str) -> Result<(), JobError> {
        let NotePlace {
            ledger,
            case,
            provider,
            ..
        } = place;
        tracing::error!(%ledger, case.id = %case, %provider, reason, "a provider cannot be asked about a case, which goes to staff");
        metrics::counter!("daybook_identity_checks_given_up_total", "provider" => provider.to_string())
            .increment(1);
        self.people.forget(place).await?;
        match self.hand_to_staff(ledger, case, reason).await? {
            Heard::Applied(_) | Heard::OfNoConcern => Ok(()),
            Heard::NotKnown(reason) => Err(JobError::Failed(reason.to_owned())),
            Heard::NotYet(reason) | Heard::Impossible(reason) => Err(JobError::Failed(reason)),
        }
    }
}

pub(super) fn watch_key(check: &Check, round: u32) -> String {
    format!("watch_check/{}/{round}", check.id)
}

const fn is_enough(attempt: JobAttempt) -> bool {
    attempt.number >= TRIES || attempt.is_last
}

fn lifetime(entry: EntryKind, provider: &dyn IdentityProvider) -> Duration {
    let wanted = match entry {
        EntryKind::Page => PAGE_LIFETIME,
        EntryKind::Token => TOKEN_LIFETIME,
    };
    wanted.min(provider.capabilities().longest_entry)
}
