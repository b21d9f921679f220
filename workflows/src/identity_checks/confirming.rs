//! Webhooks of identity providers: each is a reason to ask, and the answer counts.

use connectors::identity_providers::{
    CaseObservation, CaseStatus as Said, Reported, WebhookContent,
};
use connectors::providers::{CallError, WebhookConfirmer};
use uuid::Uuid;

use super::hearing::Told;
use super::{IdentityChecks, TRIES, told};
use crate::jobs::{JobAttempt, JobError};
use crate::observer::Heard;
use crate::webhooks::{
    IdentityNotice, NotOpened, Verdict, WebhookStatus, load_webhook, open_notice, settle_confirmed,
};

impl IdentityChecks {
    pub(super) async fn confirm_webhook(
        &self,
        id: Uuid,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let Some(webhook) = load_webhook(self.pool(), id).await? else {
            return Ok(());
        };
        // It was replayed, or another has been here.
        if webhook.status != WebhookStatus::Confirming.as_str() {
            return Ok(());
        }
        let is_last = attempt.number >= TRIES || attempt.is_last;
        let verdict = match open_notice(&self.accounts, &*self.sealing, &webhook) {
            Ok(notice) => self.confirmed(&notice, id, is_last).await?,
            Err(NotOpened::Here(reason)) if !is_last => {
                return Err(JobError::Failed(reason.to_owned()));
            }
            Err(NotOpened::Here(reason) | NotOpened::Anywhere(reason)) => {
                Verdict::Park(reason.to_owned())
            }
        };
        Ok(settle_confirmed(self.pool(), webhook, verdict).await?)
    }

    async fn confirmed(
        &self,
        notice: &IdentityNotice,
        webhook: Uuid,
        is_last: bool,
    ) -> Result<Verdict, JobError> {
        let WebhookContent::Observations(observations) = &notice.facts.content else {
            return Ok(Verdict::Park("not_understood".to_owned()));
        };
        let mut heard = Heard::OfNoConcern;
        for observation in observations {
            heard = heard.and(self.ask(notice, observation, webhook).await?);
        }
        let reason = match heard {
            Heard::Applied(position) => return Ok(Verdict::Applied(position.value())),
            Heard::OfNoConcern => return Ok(Verdict::OfNoConcern),
            Heard::Impossible(reason) => return Ok(Verdict::Park(reason)),
            Heard::NotKnown(reason) => reason.to_owned(),
            Heard::NotYet(reason) => reason,
        };
        if is_last {
            Ok(Verdict::Park(reason))
        } else {
            Err(JobError::Failed(reason))
        }
    }

    /// Asks how what a webhook tells of is now. A provider that is down will be up again: that is an error,
    /// and no reason to give its word up.
    async fn ask(
        &self,
        notice: &IdentityNotice,
        observation: &CaseObservation,
        webhook: Uuid,
    ) -> Result<Heard, JobError> {
        let (ledger, provider) = (notice.ledger, notice.provider);
        let account = self.account(ledger, provider)?;
        let now = match account.identity_provider.confirm(observation).await {
            Ok(now) => now,
            // What is gone cannot be asked about, and cannot hold.
            Err(CallError::NotFound { .. })
                if observation.status == Reported::Known(Said::Withdrawn) =>
            {
                observation.clone()
            }
            // It may tell of something before it can be asked about it.
            Err(CallError::NotFound { .. }) => {
                return Ok(Heard::NotKnown("provider_does_not_know_it"));
            }
            Err(error) => return Err(JobError::Failed(told(&error))),
        };
        let check = match self.check_of(ledger, provider, &now).await? {
            Some(check) => check,
            // A check is written down before the provider is asked: another name is none of ours.
            None if now.reference.is_some() => {
                return Ok(Heard::Impossible("identity_check_unknown".to_owned()));
            }
            None => return Ok(Heard::NotKnown("identity_check_unknown")),
        };
        let told = Told {
            observation,
            webhook,
        };
        let was_reset = told.is_reset();
        let heard = self.hear(&check, &now, Some(told)).await?;
        if was_reset && matches!(heard, Heard::Applied(_)) {
            // The person has something to do again, and needs a way in.
            let soon = self.interval(&*account.identity_provider, 0);
            self.watch_later(&check, 0, soon).await?;
        }
        Ok(heard)
    }
}
