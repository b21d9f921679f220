//! Decisions about onboardings: what an owner has come to is looked at where it is decided.

use crate::event::{Event, Stream};
use crate::identifier::{Holder, OwnerId, WalletId};
use crate::onboarding::{
    AssetsKnown, OnboardingAction, OnboardingCommand, OnboardingTerms, Seen, VerificationStanding,
    WalletSeen,
};
use crate::posting::WalletStatus;
use crate::rejection::Rejection;

use super::needs::terms_of_onboarding;
use super::{Decided, Decision};

impl Decision<'_> {
    pub(super) fn onboarding(&mut self, owner: &OwnerId, action: &OnboardingAction) -> Decided {
        let key = owner.key();
        let named = action.terms();
        let terms = terms_of_onboarding(self.book, key, action);
        let command = OnboardingCommand {
            owner: owner.clone(),
            action: action.clone(),
            recorded_at: self.recorded_at,
            tier: self.tier_known(named.map(|terms| terms.tier)),
            assets: self.assets_known(named),
            seen: terms.map_or(Seen::NOTHING, |terms| self.seen(owner, terms)),
        };
        let mut events = Vec::new();
        // Nothing that is looked at changes meanwhile, and each event brings the onboarding nearer to it.
        while let Some(event) = self
            .book
            .onboarding(key)
            .decide(&command)
            .map_err(Rejection::from)?
        {
            let event = Event::Onboarding(Box::new(event));
            events.extend(self.record(Stream::Onboarding(key), event)?);
        }
        Ok(events)
    }

    fn seen(&self, owner: &OwnerId, terms: &OnboardingTerms) -> Seen {
        let case = self.book.verification_case(terms.case);
        let grants = self.book.owner(owner.key());
        let (standing, case_due_at) = VerificationStanding::of(owner, terms, case, grants);
        Seen {
            standing,
            case_due_at,
            wallet: self.wallet_seen(owner, terms.wallet),
        }
    }

    fn wallet_seen(&self, owner: &OwnerId, wallet: WalletId) -> WalletSeen {
        let is_theirs = self.book.owner_of(wallet) == Some(owner.key());
        match self.book.wallet(Holder::Wallet(wallet)).status() {
            None => WalletSeen::Absent,
            Some(_) if !is_theirs => WalletSeen::AnotherOwners,
            Some(WalletStatus::Open | WalletStatus::Frozen(_)) => WalletSeen::Open,
            Some(WalletStatus::Closed) => WalletSeen::Closed,
        }
    }

    fn assets_known(&self, named: Option<&OnboardingTerms>) -> AssetsKnown {
        let assets = named.into_iter().flat_map(|terms| &terms.assets);
        let standings = self.assets(assets.clone().copied());
        let unknown = assets
            .copied()
            .find(|asset| standings.asset(asset).is_none());
        unknown.map_or(AssetsKnown::All, AssetsKnown::Unknown)
    }
}
