//! The rules of movement, applied.

use crate::identifier::{AccountId, Holder};
use crate::money::{Amount, AssetCode, Balance, Total};
use rust_decimal::Decimal;

use super::rejection::{PostingRejection, Side};
use super::standing::{HolderStanding, Overdraft, Standing, Standings, Totals, WalletStatus};
use super::{MAX_POSTINGS, Posting, RequestedPosting};

/// Judges a set of postings as one movement.
///
/// # Errors
/// The first rule broken, see [`PostingRejection`].
pub fn decide_postings(
    requested: &[RequestedPosting],
    standings: &Standings,
) -> Result<Vec<Posting>, PostingRejection> {
    if requested.is_empty() {
        return Err(PostingRejection::NoPostings {});
    }
    if requested.len() > MAX_POSTINGS {
        return Err(PostingRejection::TooManyPostings {
            limit: MAX_POSTINGS,
            found: requested.len(),
        });
    }
    let postings = requested
        .iter()
        .enumerate()
        .map(|(index, posting)| decide_single(index, posting, standings))
        .collect::<Result<Vec<_>, _>>()?;
    check_accounts(&postings, standings)?;
    Ok(postings)
}

/// Judges the reservation of an amount on one account, as a hold makes it.
///
/// # Errors
/// The first rule broken, see [`PostingRejection`]; `posting` is 0.
pub fn decide_reservation(
    source: Holder,
    asset: AssetCode,
    amount: Decimal,
    standings: &Standings,
) -> Result<Amount, PostingRejection> {
    let amount = decide_amount(0, asset, amount, standings)?;
    let account = source.account(asset);
    check_holders(0, asset, [(Side::Source, source)], standings)?;
    let standing = standings.account(&account);
    let reserved = standing
        .and_then(|standing| standing.pending_debits.checked_add(amount))
        .ok_or(PostingRejection::BalanceOverflow { account })?;
    if let Some(standing) = standing {
        check_available(account, standing, standing.posted, reserved)?;
    }
    Ok(amount)
}

/// Judges whether an amount could arrive at one account, without saying from where.
///
/// # Errors
/// The first rule broken, see [`PostingRejection`]; `posting` is 0.
pub fn decide_arrival(
    destination: Holder,
    asset: AssetCode,
    amount: Decimal,
    standings: &Standings,
) -> Result<Amount, PostingRejection> {
    let amount = decide_amount(0, asset, amount, standings)?;
    check_holders(0, asset, [(Side::Destination, destination)], standings)?;
    Ok(amount)
}

/// Judges whether money that is reserved already may still leave an account.
///
/// # Errors
/// The first rule broken, see [`PostingRejection`]; `posting` is 0.
pub fn check_departure(
    source: Holder,
    asset: AssetCode,
    standings: &Standings,
) -> Result<(), PostingRejection> {
    check_holders(0, asset, [(Side::Source, source)], standings)
}

/// Judges an amount alone.
///
/// # Errors
/// The first rule broken, see [`PostingRejection`]; `posting` is 0.
pub fn decide_plain_amount(
    asset: AssetCode,
    amount: Decimal,
    standings: &Standings,
) -> Result<Amount, PostingRejection> {
    decide_amount(0, asset, amount, standings)
}

fn decide_single(
    index: usize,
    posting: &RequestedPosting,
    standings: &Standings,
) -> Result<Posting, PostingRejection> {
    let RequestedPosting {
        source,
        destination,
        asset,
        amount,
    } = *posting;
    let amount = decide_amount(index, asset, amount, standings)?;
    if source == destination {
        return Err(PostingRejection::SamePlace {
            posting: index,
            holder: source,
        });
    }
    let holders = [(Side::Source, source), (Side::Destination, destination)];
    check_holders(index, asset, holders, standings)?;
    Ok(Posting {
        source,
        destination,
        asset,
        amount,
    })
}

fn decide_amount(
    posting: usize,
    asset: AssetCode,
    amount: Decimal,
    standings: &Standings,
) -> Result<Amount, PostingRejection> {
    let scale = standings
        .asset(&asset)
        .ok_or(PostingRejection::AssetNotFound { posting, asset })?
        .scale;
    Amount::try_new(amount, scale)
        .map_err(|error| PostingRejection::from_amount(&error, posting, asset, amount))
}

/// Judges rule by rule and not side by side, so that the order of the rules is kept.
fn check_holders<const COUNT: usize>(
    posting: usize,
    asset: AssetCode,
    holders: [(Side, Holder); COUNT],
    standings: &Standings,
) -> Result<(), PostingRejection> {
    let found = holders.map(|(side, holder)| {
        let standing = standings.account(&holder.account(asset));
        (side, holder, standing.map(|standing| standing.holder))
    });
    for (side, holder, standing) in found {
        standing.ok_or(PostingRejection::AccountNotFound {
            posting,
            side,
            holder,
        })?;
    }
    let wallets = found.iter().filter_map(|known| match *known {
        (side, Holder::Wallet(wallet), Some(HolderStanding::Wallet { status, .. })) => {
            Some((side, wallet, status))
        }
        _ => None,
    });
    for (side, wallet, status) in wallets.clone() {
        if status == WalletStatus::Closed {
            return Err(PostingRejection::WalletClosed {
                posting,
                side,
                wallet,
            });
        }
    }
    for (side, wallet, status) in wallets {
        if let WalletStatus::Frozen(scope) = status
            && scope.covers(side)
        {
            return Err(PostingRejection::WalletFrozen {
                posting,
                side,
                wallet,
                scope,
            });
        }
    }
    Ok(())
}

/// What a set of postings does to one account.
struct Effect {
    account: AccountId,
    after: Totals,
}

fn check_accounts(postings: &[Posting], standings: &Standings) -> Result<(), PostingRejection> {
    let mut effects: Vec<Effect> = Vec::with_capacity(postings.len().min(8) * 2);
    let mut index = EffectIndex::new(postings.len());
    for posting in postings {
        let debited = index.effect(&mut effects, posting.debited(), standings);
        debited.after.debits = debited.after.debits.checked_add(posting.amount).ok_or(
            PostingRejection::BalanceOverflow {
                account: debited.account,
            },
        )?;
        let credited = index.effect(&mut effects, posting.credited(), standings);
        credited.after.credits = credited.after.credits.checked_add(posting.amount).ok_or(
            PostingRejection::BalanceOverflow {
                account: credited.account,
            },
        )?;
    }
    for Effect { account, after } in effects {
        if let Some(standing) = standings.account(&account) {
            check_effect(account, standing, after)?;
        }
    }
    Ok(())
}

/// Finds the effect on an account: by looking along the list while it is short, by hash after.
struct EffectIndex {
    places: Option<hashbrown::HashMap<AccountId, usize>>,
}

impl EffectIndex {
    const SHORT: usize = 8;

    fn new(postings: usize) -> Self {
        Self {
            places: (postings > Self::SHORT).then(hashbrown::HashMap::new),
        }
    }

    fn effect<'a>(
        &mut self,
        effects: &'a mut Vec<Effect>,
        account: AccountId,
        standings: &Standings,
    ) -> &'a mut Effect {
        let next = effects.len();
        let place = match &mut self.places {
            Some(places) => *places.entry(account).or_insert(next),
            None => effects
                .iter()
                .position(|effect| effect.account == account)
                .unwrap_or(next),
        };
        if place == next {
            let after = standings.account(&account).map(|standing| standing.posted);
            effects.push(Effect {
                account,
                after: after.unwrap_or_default(),
            });
        }
        &mut effects[place]
    }
}

/// An account that only gains by the postings is never refused, even while it is overdrawn.
fn check_effect(
    account: AccountId,
    standing: &Standing,
    after: Totals,
) -> Result<(), PostingRejection> {
    let overflow = PostingRejection::BalanceOverflow { account };
    let before = Balance::difference(standing.posted.credits, standing.posted.debits);
    let then = Balance::difference(after.credits, after.debits);
    match (before, then) {
        (Some(before), Some(then)) if then >= before => Ok(()),
        (Some(_), Some(_)) => check_available(account, standing, after, standing.pending_debits),
        (None, _) | (_, None) => Err(overflow),
    }
}

/// Refuses what would leave less than nothing available, the overdraft counted in.
fn check_available(
    account: AccountId,
    standing: &Standing,
    after: Totals,
    pending_debits: Total,
) -> Result<(), PostingRejection> {
    let HolderStanding::Wallet { overdraft, .. } = standing.holder else {
        return Ok(());
    };
    let limit = match overdraft {
        Overdraft::Unlimited => return Ok(()),
        Overdraft::Forbidden => Decimal::ZERO,
        Overdraft::UpTo(limit) => limit.value(),
    };
    let parts = |posted: Totals, pending: Total| {
        let (credits, debits) = (posted.credits.value(), posted.debits.value());
        [credits, limit, -debits, -pending.value()]
    };
    let before = parts(standing.posted, standing.pending_debits);
    let then = parts(after, pending_debits);
    let scales = before.iter().chain(&then).map(Decimal::scale);
    let scale = scales.max().unwrap_or_default();
    let overflow = PostingRejection::BalanceOverflow { account };
    let available = sum_of_units(before, scale).ok_or(overflow.clone())?;
    let left = sum_of_units(then, scale).ok_or(overflow.clone())?;
    if left >= 0 {
        return Ok(());
    }
    let written =
        |units| Decimal::try_from_i128_with_scale(units, scale).map_err(|_| overflow.clone());
    Err(PostingRejection::InsufficientFunds {
        account,
        available: written(available)?,
        required: written(available - left)?,
    })
}

/// The sum in units of `10^-scale`. Each part fits 96 bits, their sum may not; 128 bits hold it.
fn sum_of_units(parts: [Decimal; 4], scale: u32) -> Option<i128> {
    parts.iter().try_fold(0_i128, |sum, part| {
        let factor = 10_i128.checked_pow(scale.checked_sub(part.scale())?)?;
        sum.checked_add(part.mantissa().checked_mul(factor)?)
    })
}
