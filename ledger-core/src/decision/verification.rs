//! Decisions about owners and verification cases: what a case grants is granted in the same append.

use crate::event::{Event, Stream};
use crate::identifier::{ActorId, CaseId, OwnerId};
use crate::owner::{OwnerAction, OwnerCommand, TierKnown, TierSource};
use crate::profile::ProfileRejection;
use crate::rejection::Rejection;
use crate::verification::{CaseAction, CaseCommand, CaseEvent, CaseSource, VerificationCase};

use super::{Decided, Decision};

impl Decision<'_> {
    pub(super) fn owner(&mut self, owner: &OwnerId, action: &OwnerAction) -> Decided {
        let command = OwnerCommand {
            owner: owner.clone(),
            action: action.clone(),
            tier: self.tier_known(action.tier()),
        };
        let key = owner.key();
        let state = self.book.owner(key);
        let Some(event) = state.decide(&command).map_err(Rejection::from)? else {
            return Ok(Vec::new());
        };
        self.record(Stream::Owner(key), Event::Owner(Box::new(event)))
    }

    pub(super) fn verification_case(&mut self, case: CaseId, action: &CaseAction) -> Decided {
        let before = self.book.verification_case(case).clone();
        self.check_not_erased(&before, action)?;
        let command = CaseCommand {
            case,
            action: action.clone(),
            recorded_at: self.recorded_at,
            tier: self.tier_known(action.tier()),
        };
        let Some(event) = before.decide(&command).map_err(Rejection::from)? else {
            return Ok(Vec::new());
        };
        let event = self.without_erased(&before, event);
        let by = actor_of(&event);
        let boxed = Event::VerificationCase(Box::new(event));
        let mut events = self.record(Stream::VerificationCase(case), boxed)?;
        events.extend(self.follow_grant(case, &before, by)?);
        Ok(events)
    }

    /// Grants or takes back what the case does, now that it has come further.
    fn follow_grant(
        &mut self,
        case: CaseId,
        before: &VerificationCase,
        by: Option<ActorId>,
    ) -> Decided {
        let source = TierSource::Case(case);
        let Some((open, _)) = self.book.verification_case(case).open() else {
            return Ok(Vec::new());
        };
        let owner = open.owner.clone();
        let action = match (before.granted(), open.granted) {
            (before, after) if before == after => return Ok(Vec::new()),
            (_, Some(tier)) => OwnerAction::GrantTier {
                tier,
                source,
                by,
                reason: None,
            },
            (_, None) => OwnerAction::WithdrawTier {
                source,
                by,
                reason: None,
            },
        };
        self.owner(&owner, &action)
    }

    /// Of a person who was erased nothing more is found out; what is left can be ended, and what happened
    /// outside is noted.
    fn check_not_erased(
        &self,
        case: &VerificationCase,
        action: &CaseAction,
    ) -> Result<(), Rejection> {
        match action {
            CaseAction::Open { .. }
            | CaseAction::RequestDocuments { .. }
            | CaseAction::ReceiveDocument { .. }
            | CaseAction::Submit { .. }
            | CaseAction::StartReview { .. }
            | CaseAction::Approve { .. }
            | CaseAction::RequireReverification { .. } => {}
            CaseAction::Observe(_)
            | CaseAction::RemoveDocument { .. }
            | CaseAction::Reject { .. }
            | CaseAction::Expire
            | CaseAction::Reset { .. } => return Ok(()),
        }
        // Whoever opens a case that there is has named somebody else's, and is told no more than that.
        let opened = match action {
            CaseAction::Open { owner, .. } => Some(owner),
            _ => None,
        };
        let known = case.open().map(|(open, _)| &open.owner);
        match opened.or(known) {
            Some(owner) if self.book.profile(owner.key()).is_erased() => {
                let owner = owner.clone();
                Err(ProfileRejection::Erased { owner }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What a provider says of a person who was erased ends what stands, and begins nothing: the rest is noted.
    fn without_erased(&self, before: &VerificationCase, event: CaseEvent) -> CaseEvent {
        let is_erased = before
            .open()
            .is_some_and(|(open, _)| self.book.profile(open.owner.key()).is_erased());
        match event {
            CaseEvent::CaseSubmitted {
                source: CaseSource::Provider(observed),
                ..
            }
            | CaseEvent::CaseReviewStarted {
                source: CaseSource::Provider(observed),
                ..
            }
            | CaseEvent::CaseApproved {
                source: CaseSource::Provider(observed),
                ..
            } if is_erased && before.granted().is_none() => CaseEvent::FindingNoted { observed },
            other => other,
        }
    }

    pub(super) fn tier_known(&self, tier: Option<crate::identifier::TierName>) -> TierKnown {
        let open = self.book.open_ledger();
        match tier {
            Some(tier) if !open.is_some_and(|open| open.tiers.contains_key(&tier)) => {
                TierKnown::Unknown
            }
            Some(_) | None => TierKnown::Known,
        }
    }
}

fn actor_of(event: &CaseEvent) -> Option<ActorId> {
    match event {
        CaseEvent::CaseApproved { source, .. }
        | CaseEvent::CaseRejected { source, .. }
        | CaseEvent::CaseExpired { source }
        | CaseEvent::CaseReset { source, .. }
        | CaseEvent::CaseReviewStarted { source, .. } => match source {
            CaseSource::Actor(by) => Some(by.clone()),
            CaseSource::Provider(_) | CaseSource::Time => None,
        },
        CaseEvent::CaseOpened { .. }
        | CaseEvent::DocumentsRequested { .. }
        | CaseEvent::DocumentReceived { .. }
        | CaseEvent::DocumentRemoved { .. }
        | CaseEvent::CaseSubmitted { .. }
        | CaseEvent::FindingNoted { .. }
        | CaseEvent::ReverificationDue { .. } => None,
    }
}
