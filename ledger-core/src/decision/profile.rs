//! Decisions about profiles: an erasure ends the cases that would stand in its way, if it is to.

use crate::event::{Event, Stream};
use crate::identifier::{ActorId, CaseId, OwnerId};
use crate::profile::{CasesInReview, ProfileAction, ProfileCommand};
use crate::rejection::Rejection;
use crate::verification::{CaseAction, CaseStatus, ReasonCode, Retry};

use super::{Decided, Decision};

impl Decision<'_> {
    pub(super) fn profile(&mut self, owner: &OwnerId, action: &ProfileAction) -> Decided {
        let key = owner.key();
        let in_review = self.cases_in_review(owner, action);
        let command = ProfileCommand {
            owner: owner.clone(),
            action: action.clone(),
            in_review: in_review.first().map(|(case, _)| *case),
        };
        let state = self.book.profile(key);
        let Some(event) = state.decide(&command).map_err(Rejection::from)? else {
            return Ok(Vec::new());
        };
        let mut events = Vec::new();
        // Before the person is erased: nothing begins in their cases afterwards.
        if let ProfileAction::Erase {
            in_review: CasesInReview::Close,
            by,
            ..
        } = action
        {
            for (case, status) in in_review {
                events.extend(self.close_case(case, status, by)?);
            }
        }
        events.extend(self.record(Stream::Profile(key), Event::Profile(Box::new(event)))?);
        Ok(events)
    }

    /// Of the cases that an erasure names, those of the owner that providers or people are looking at.
    fn cases_in_review(
        &self,
        owner: &OwnerId,
        action: &ProfileAction,
    ) -> Vec<(CaseId, CaseStatus)> {
        let ProfileAction::Erase { cases, .. } = action else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for case in cases {
            let Some((open, status)) = self.book.verification_case(*case).open() else {
                continue;
            };
            let is_looked_at = matches!(status, CaseStatus::Submitted | CaseStatus::InReview);
            if open.owner == *owner && is_looked_at {
                found.push((*case, status));
            }
        }
        found.sort_unstable_by_key(|(case, _)| *case);
        found.dedup_by_key(|(case, _)| *case);
        found
    }

    fn close_case(&mut self, case: CaseId, status: CaseStatus, by: &ActorId) -> Decided {
        let reasons = vec![ReasonCode::of_erasure()];
        let mut events = Vec::new();
        if status == CaseStatus::Submitted {
            let review = CaseAction::StartReview {
                reasons: reasons.clone(),
                by: by.clone(),
            };
            events.extend(self.verification_case(case, &review)?);
        }
        let reject = CaseAction::Reject {
            retry: Retry::Final,
            expires_at: None,
            reasons,
            by: by.clone(),
        };
        events.extend(self.verification_case(case, &reject)?);
        Ok(events)
    }
}
