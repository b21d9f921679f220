//! Tests of onboardings.

mod paths;
mod table;

use crate::fixtures::*;
use crate::owner::TierKnown;
use crate::timestamp::Timestamp;

use super::*;

pub(super) const EMAIL: ContactKind = ContactKind::Email;
pub(super) const PHONE: ContactKind = ContactKind::Phone;

/// An onboarding and everything that it looks at.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) state: Onboarding,
    pub(super) seen: Seen,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            state: Onboarding::default(),
            seen: Seen::NOTHING,
            now: at(50),
        }
    }

    pub(super) fn command(&self, action: OnboardingAction) -> OnboardingCommand {
        OnboardingCommand {
            owner: owner("customer-7"),
            action,
            recorded_at: self.now,
            tier: TierKnown::Known,
            assets: AssetsKnown::All,
            seen: self.seen.clone(),
        }
    }

    /// What happens, as it is recorded; the names of the events.
    pub(super) fn ask(
        &mut self,
        action: OnboardingAction,
    ) -> Result<Vec<OnboardingEvent>, OnboardingRejection> {
        let command = self.command(action);
        let mut events = Vec::new();
        while let Some(event) = self.state.decide(&command)? {
            self.state = self.state.evolve(&event).unwrap();
            events.push(event);
            assert!(events.len() < 10, "it does not end: {events:?}");
        }
        Ok(events)
    }

    pub(super) fn names(&mut self, action: OnboardingAction) -> Vec<&'static str> {
        let events = self.ask(action).unwrap();
        events.iter().map(OnboardingEvent::name).collect()
    }

    pub(super) fn advance(&mut self, verified: &[ContactKind]) -> Vec<&'static str> {
        self.names(advance(verified))
    }

    pub(super) fn sees(&mut self, standing: VerificationStanding) -> Vec<&'static str> {
        self.seen.standing = standing;
        self.advance(&[EMAIL, PHONE])
    }

    /// One that is begun.
    pub(super) fn started() -> Self {
        let mut world = Self::new();
        world.names(start("full"));
        world.advance(&[]);
        world
    }

    /// One whose contacts are verified.
    pub(super) fn known() -> Self {
        let mut world = Self::started();
        world.advance(&[EMAIL, PHONE]);
        world
    }

    /// One whose case wants documents.
    pub(super) fn awaiting() -> Self {
        let mut world = Self::known();
        world.seen.case_due_at = Some(at(100));
        world.sees(VerificationStanding::AwaitsOwner);
        world
    }

    /// One whose tier is granted.
    pub(super) fn granted() -> Self {
        let mut world = Self::known();
        world.sees(granted("full"));
        world
    }

    pub(super) fn completed() -> Self {
        let mut world = Self::granted();
        world.seen.wallet = WalletSeen::Open;
        world.advance(&[EMAIL, PHONE]);
        world
    }
}

pub(super) fn granted(tier: &str) -> VerificationStanding {
    VerificationStanding::Granted { tier: parsed(tier) }
}

pub(super) fn terms(tier: &str) -> OnboardingTerms {
    OnboardingTerms {
        tier: parsed(tier),
        case: case_id(1),
        wallet: wallet_id(1),
        assets: [asset_code("INR")].into(),
        contacts: [EMAIL, PHONE].into(),
    }
}

pub(super) fn start(tier: &str) -> OnboardingAction {
    OnboardingAction::Start {
        terms: terms(tier),
        by: actor("asha"),
    }
}

pub(super) fn advance(verified: &[ContactKind]) -> OnboardingAction {
    OnboardingAction::Advance {
        verified: verified.iter().copied().collect(),
        contacts_due_at: at(60),
        documents_due_at: at(80),
    }
}

pub(super) const fn remind(wait: u32, number: u32) -> OnboardingAction {
    OnboardingAction::Remind { wait, number }
}

pub(super) fn cancel() -> OnboardingAction {
    OnboardingAction::Cancel {
        reasons: vec![parsed("DUPLICATE")],
        by: actor("meera"),
    }
}

pub(super) fn resume(reopen: Reopen) -> OnboardingAction {
    OnboardingAction::Resume {
        reopen,
        by: actor("asha"),
    }
}
