//! What bounds the owners whose wallets a command concerns. In a ledger without tiers, nothing is asked.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::book::{Book, EntityKey};
use crate::hold::{HoldManager, HoldRequest};
use crate::identifier::{Holder, OwnerKey, TierName, WalletId};
use crate::limit::{AssetBounds, Bounds, Calendar, Flow, Limits, OwnerBounds, Tier};
use crate::money::{AssetCode, Balance, Total};
use crate::posting::RequestedPosting;
use crate::timestamp::Timestamp;

use super::{Decision, DecisionError};

/// What a command may do to a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Nothing, but whose it is matters.
    Named,
    /// Take from it.
    Gives,
    /// Add to it.
    Receives,
}

/// A wallet that a command concerns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concern {
    pub(super) wallet: WalletId,
    pub(super) asset: AssetCode,
    pub(super) role: Role,
}

impl Concern {
    pub(super) fn of(holder: Holder, asset: AssetCode, role: Role) -> Option<Self> {
        match holder {
            Holder::Wallet(wallet) => Some(Self {
                wallet,
                asset,
                role,
            }),
            Holder::System(_) => None,
        }
    }

    pub(super) fn of_postings(postings: &[RequestedPosting]) -> Vec<Self> {
        let sides = |posting: &RequestedPosting| {
            [
                Self::of(posting.source, posting.asset, Role::Gives),
                Self::of(posting.destination, posting.asset, Role::Receives),
            ]
        };
        postings.iter().flat_map(sides).flatten().collect()
    }

    pub(super) fn of_hold(request: &HoldRequest) -> Vec<Self> {
        let named = |holder| Self::of(holder, request.asset, Role::Named);
        let giver = Self::of(request.source, request.asset, Role::Gives);
        let receiver = request.destination.and_then(named);
        giver.into_iter().chain(receiver).collect()
    }
}

/// Whether the ledger limits anybody.
pub(super) fn has_tiers(book: &Book) -> bool {
    book.open_ledger()
        .is_some_and(|open| !open.tiers.is_empty())
}

/// What must be loaded before these wallets' owners can be judged, as far as is known yet.
pub(super) fn keys_of_limits(book: &Book, concerns: &[Concern]) -> Vec<EntityKey> {
    let mut keys = Vec::new();
    if !has_tiers(book) {
        return keys;
    }
    for concern in concerns {
        keys.push(EntityKey::Holder(Holder::Wallet(concern.wallet)));
        keys.push(EntityKey::OwnerOf(concern.wallet));
        let (Some(owner), true) = (book.owner_of(concern.wallet), concern.role != Role::Named)
        else {
            continue;
        };
        keys.push(EntityKey::Owner(owner));
        let Some(limits) = tier_of(book, owner).and_then(|(_, tier)| tier.limits(concern.asset))
        else {
            continue;
        };
        let capped = limits.balance.is_some() && concern.role == Role::Receives;
        if capped || limits.incoming.counts() || limits.outgoing.counts() {
            keys.push(EntityKey::Usage(owner));
        }
        if capped && let Some(usage) = book.usage_of(owner) {
            let wallets = usage.wallets.iter();
            keys.extend(wallets.map(|wallet| EntityKey::Holder(Holder::Wallet(*wallet))));
        }
    }
    keys
}

/// The tier an owner is in: what was granted last, else the ledger's default.
fn tier_of(book: &Book, owner: OwnerKey) -> Option<(TierName, &Tier)> {
    let open = book.open_ledger()?;
    let name = book.owner(owner).tier().or(open.default_tier)?;
    Some((name, open.tiers.get(&name)?))
}

impl Decision<'_> {
    /// What bounds the owners of these wallets.
    ///
    /// # Errors
    /// [`DecisionError::Lacking`] while something that it depends on is not loaded.
    pub(super) fn limits(&mut self, concerns: &[Concern]) -> Result<Limits, DecisionError> {
        if !has_tiers(self.book) {
            return Ok(Limits::default());
        }
        let mut lacking = keys_of_limits(self.book, concerns);
        lacking.retain(|key| self.book.lacks(*key));
        if !lacking.is_empty() {
            lacking.sort_unstable();
            lacking.dedup();
            return Err(DecisionError::Lacking(lacking));
        }
        Ok(bounds(self.book, concerns, self.recorded_at))
    }

    pub(super) fn limits_of_hold(
        &mut self,
        request: &HoldRequest,
        manager: Option<HoldManager>,
    ) -> Result<Limits, DecisionError> {
        match manager {
            // A refund gives back what came in: the platform decides on it, not the owner.
            Some(HoldManager::Payment(_)) => Ok(Limits::default()),
            Some(HoldManager::Payout(_)) | None => self.limits(&Concern::of_hold(request)),
        }
    }
}

fn bounds(book: &Book, concerns: &[Concern], recorded_at: Timestamp) -> Limits {
    let mut wallets = Vec::with_capacity(concerns.len());
    let mut owners: BTreeMap<OwnerKey, BTreeMap<AssetCode, Role>> = BTreeMap::new();
    for concern in concerns {
        let Some(owner) = book.owner_of(concern.wallet) else {
            continue;
        };
        wallets.push((concern.wallet, owner));
        if concern.role == Role::Named {
            continue;
        }
        let assets = owners.entry(owner).or_default();
        let role = assets.entry(concern.asset).or_insert(concern.role);
        *role = concern.role.max(*role);
    }
    wallets.sort_unstable();
    wallets.dedup();
    let owners = owners.into_iter().filter_map(|(owner, assets)| {
        let (name, tier) = tier_of(book, owner)?;
        let calendar = Calendar::at(tier.utc_offset_minutes, recorded_at);
        let assets = assets.into_iter();
        Some(OwnerBounds {
            owner,
            tier: name,
            calendar,
            assets: assets
                .map(|(asset, role)| asset_bounds(book, owner, tier, &calendar, asset, role))
                .collect(),
        })
    });
    Limits::new(Bounds {
        wallets,
        owners: owners.collect(),
    })
}

fn asset_bounds(
    book: &Book,
    owner: OwnerKey,
    tier: &Tier,
    calendar: &Calendar,
    asset: AssetCode,
    role: Role,
) -> AssetBounds {
    let limits = tier.limits(asset);
    let usage = book.usage_of(owner);
    let used = |flow| {
        let counts = limits
            .as_ref()
            .is_some_and(|limits| limits.of(flow).counts());
        let usage = usage.filter(|_| counts);
        usage.map_or_else(Default::default, |usage| {
            usage.used.used(asset, flow, calendar)
        })
    };
    let capped = limits
        .as_ref()
        .is_some_and(|limits| limits.balance.is_some());
    let wallets = usage.filter(|_| capped && role == Role::Receives);
    AssetBounds {
        asset,
        incoming: used(Flow::Incoming),
        outgoing: used(Flow::Outgoing),
        balance: wallets.map(|usage| balance_of(book, &usage.wallets, asset)),
        limits,
    }
}

/// What wallets hold together; more than any limit when it cannot be kept exactly.
fn balance_of(book: &Book, wallets: &[WalletId], asset: AssetCode) -> Balance {
    let largest = || {
        let largest = Total::try_new(Decimal::MAX).unwrap_or_default();
        Balance::difference(largest, Total::ZERO).unwrap_or_default()
    };
    let sum = wallets.iter().try_fold(Balance::default(), |sum, wallet| {
        let standing = book.standing(Holder::Wallet(*wallet).account(asset));
        let posted = standing.map(|standing| standing.posted).unwrap_or_default();
        let with_credits = match posted.credits.as_amount() {
            Some(credits) => sum.checked_add(credits)?,
            None => sum,
        };
        with_credits.checked_sub(posted.debits)
    });
    sum.unwrap_or_else(largest)
}
