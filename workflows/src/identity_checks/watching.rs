//! Asking about checks that nobody has told of, as often as their provider tolerates, and less and less often.

use std::time::Duration;

use chrono::Utc;
use connectors::identity_providers::{CaseLookup, CaseStatus as Said, ProviderId, Reported};
use ledger_core::verification::{CaseStatus, Finding, Retry};
use uuid::Uuid;

use super::history::CaseHistory;
use super::opening::watch_key;
use super::stored::Check;
use super::{IdentityChecks, told};
use crate::jobs::{Job, JobError};
use crate::observer::Heard;

/// After so many rounds nothing more is expected of a provider: more than 40 days, where it tolerates a
/// question every 30 seconds.
const LAST_ROUND: u32 = 180;

impl IdentityChecks {
    pub(super) async fn watch_check(&self, id: Uuid, round: u32) -> Result<(), JobError> {
        let Some(check) = self.checks.get(id).await? else {
            return Ok(());
        };
        let name = check.provider_case.as_deref();
        let Some(provider_case) = name.and_then(|name| name.parse::<ProviderId>().ok()) else {
            return Ok(());
        };
        let history = CaseHistory::read(&self.log, check.ledger, check.case).await?;
        if !is_awaited(&check, &history) {
            return Ok(());
        }
        let account = self.account(check.ledger, check.provider)?;
        let lookup = CaseLookup::Id(provider_case);
        let said = account.identity_provider.fetch_case(&lookup).await;
        let said = said.map_err(|error| JobError::Failed(told(&error)))?;
        if let Heard::NotYet(reason) = self.hear(&check, &said, None).await? {
            return Err(JobError::Failed(reason));
        }
        let history = CaseHistory::read(&self.log, check.ledger, check.case).await?;
        if !is_awaited(&check, &history) {
            return Ok(());
        }
        if round >= LAST_ROUND {
            let outcome = self.hand_to_staff(check.ledger, check.case, "PROVIDER_SAYS_NOTHING");
            return outcome.await.map(|_| ());
        }
        let waits_for_person = said.status == Reported::Known(Said::AwaitingPerson)
            || matches!(said.status, Reported::Known(Said::Rejected(_)));
        let has_way_in = check.entry_expires_at.is_some_and(|at| at > Utc::now())
            && self.checks.has_entry(check.id).await?;
        let can_be_renewed = account
            .identity_provider
            .capabilities()
            .is_found_by_reference;
        if waits_for_person && !has_way_in && can_be_renewed {
            // With a new way in, asking begins anew.
            return self.renew_entry(&account, &check).await;
        }
        let pause = self.interval(&*account.identity_provider, round);
        self.watch_later(&check, round + 1, pause).await
    }

    /// Asks about a check after a while.
    pub(super) async fn watch_later(
        &self,
        check: &Check,
        round: u32,
        after: Duration,
    ) -> Result<(), JobError> {
        let job = Job::WatchCheck {
            check: check.id,
            round,
        };
        self.put_in(watch_key(check, round), job, after).await
    }
}

/// Whether something is expected of the provider: the case has not been decided, and the provider has
/// said nothing that ends its part.
fn is_awaited(check: &Check, history: &CaseHistory) -> bool {
    if !history.is_current(check.provider, check.submission) {
        return false;
    }
    let is_open = history.open().is_some_and(|(_, status)| match status {
        CaseStatus::Opened
        | CaseStatus::AwaitingDocuments
        | CaseStatus::DocumentsReceived
        | CaseStatus::Submitted
        | CaseStatus::InReview
        | CaseStatus::RetryAllowed => true,
        CaseStatus::Approved
        | CaseStatus::Rejected
        | CaseStatus::Expired
        | CaseStatus::ReverificationDue => false,
    });
    let standing = history.standing(check.provider);
    let has_ended = standing.is_some_and(|heard| match &heard.finding {
        Finding::Approved { .. }
        | Finding::Expired
        | Finding::Rejected {
            retry: Retry::Final,
            ..
        } => true,
        Finding::Pending
        | Finding::Review
        | Finding::Reset
        | Finding::Rejected {
            retry: Retry::Allowed,
            ..
        } => false,
    });
    is_open && !has_ended
}
