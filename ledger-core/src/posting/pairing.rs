//! Turning a journal's entries (debit this, credit that) into postings.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::identifier::{AccountId, Holder};
use crate::money::{AssetCode, add_exact};

use super::rejection::PostingRejection;
use super::{MAX_POSTINGS, RequestedPosting};

/// One side of a movement as accountants write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedEntry {
    /// The account gives.
    Debit(AccountId, Decimal),
    /// The account receives.
    Credit(AccountId, Decimal),
}

/// Pairs the debits of each asset with its credits, in the order given.
///
/// The result depends only on the entries: assets in order of code, within one asset the first
/// open debit against the first open credit. `n` entries give at most `n - 1` postings an asset.
/// What an account would pay to itself is left out: it moves nothing, and no posting may say so.
///
/// # Errors
/// [`PostingRejection::AmountNotPositive`] for an entry of nothing or less,
/// [`PostingRejection::TooManyPostings`], [`PostingRejection::AmountTooLarge`] and
/// [`PostingRejection::Unbalanced`] for the first asset whose debits and credits differ.
pub fn pair_entries(entries: &[RequestedEntry]) -> Result<Vec<RequestedPosting>, PostingRejection> {
    if entries.len() > 2 * MAX_POSTINGS {
        return Err(PostingRejection::TooManyPostings {
            limit: 2 * MAX_POSTINGS,
            found: entries.len(),
        });
    }
    let mut assets: BTreeMap<AssetCode, Sides> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let (RequestedEntry::Debit(account, amount) | RequestedEntry::Credit(account, amount)) =
            *entry;
        if amount <= Decimal::ZERO {
            return Err(PostingRejection::AmountNotPositive {
                posting: index,
                amount,
            });
        }
        let sides = assets.entry(account.asset).or_default();
        match entry {
            RequestedEntry::Debit(..) => sides.debits.push((account.holder, amount)),
            RequestedEntry::Credit(..) => sides.credits.push((account.holder, amount)),
        }
    }
    let mut postings = Vec::with_capacity(entries.len());
    for (asset, sides) in assets {
        sides.pair(asset, &mut postings)?;
    }
    Ok(postings)
}

#[derive(Default)]
struct Sides {
    debits: Vec<(Holder, Decimal)>,
    credits: Vec<(Holder, Decimal)>,
}

impl Sides {
    fn pair(
        self,
        asset: AssetCode,
        postings: &mut Vec<RequestedPosting>,
    ) -> Result<(), PostingRejection> {
        let difference = sum(&self.debits)
            .zip(sum(&self.credits))
            .and_then(|(debits, credits)| debits.checked_sub(credits))
            .ok_or(PostingRejection::AmountTooLarge { posting: 0, asset })?;
        if !difference.is_zero() {
            return Err(PostingRejection::Unbalanced { asset, difference });
        }
        let mut credits = self.credits.into_iter();
        let mut open = credits.next();
        for (source, mut left) in self.debits {
            while let Some((destination, wanted)) = open
                && left > Decimal::ZERO
            {
                let amount = left.min(wanted);
                if source != destination {
                    postings.push(RequestedPosting {
                        source,
                        destination,
                        asset,
                        amount,
                    });
                }
                left -= amount;
                open = if wanted > amount {
                    Some((destination, wanted - amount))
                } else {
                    credits.next()
                };
            }
        }
        Ok(())
    }
}

fn sum(entries: &[(Holder, Decimal)]) -> Option<Decimal> {
    entries
        .iter()
        .try_fold(Decimal::ZERO, |total, (_, amount)| {
            add_exact(total, *amount)
        })
}
