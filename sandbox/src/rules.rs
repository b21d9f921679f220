//! The rules that are others in a fork, from its position on.
//!
//! Rules say what takes the place of the ledger's own until the end of the fork: what the ledger itself did about the
//! same thing after the position (a tier that was changed, an overdraft that was set) is left out.
//!
//! **Fees** are worked out as percent of an amount and a fixed part for its asset, added up exactly and then rounded
//! once, half to even, to the asset's decimals. A provider's tax is a percentage of its fee as rounded, rounded likewise.

use std::collections::BTreeMap;

use ledger_core::limit::RequestedTier;
use ledger_core::money::{AmountError, AssetRegistry};
use ledger_core::payment::PaymentEvent;
use ledger_core::provider::{Fees, ObservedFees};
use ledger_core::transaction::TransactionEvent;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{
    AccountId, Amount, Asset, AssetCode, Event, Holder, Posting, ProviderName, SystemAccountName,
    TierName,
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The highest percentage that a fee may be.
const MAX_PERCENT: Decimal = Decimal::ONE_HUNDRED;

/// The most decimals of a percentage.
const MAX_PERCENT_SCALE: u32 = 6;

/// The most rules of one kind.
pub const MAX_RULES: usize = 100;

/// Why rules are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Negative, more than a hundred, or of too many decimals.
    #[error(
        "{what} is 0 to {MAX_PERCENT} percent with at most {MAX_PERCENT_SCALE} decimals, not {found}"
    )]
    Percent {
        /// Of which fee.
        what: String,
        /// What was given.
        found: Decimal,
    },
    /// A fixed fee below zero.
    #[error("the fixed part of {what} is not an amount of zero or more: {found}")]
    Fixed {
        /// Of which fee.
        what: String,
        /// What was given.
        found: Decimal,
    },
    /// A limit or an overdraft that is not an amount.
    #[error("{what}: {source}")]
    Amount {
        /// Of which tier or account.
        what: String,
        /// Why.
        source: AmountError,
    },
    /// Only wallets have overdrafts.
    #[error("{0} is no account of a wallet, so it has no overdraft")]
    NotAWallet(AccountId),
    /// More than can be looked at.
    #[error("there are more than {MAX_RULES} {0}")]
    TooMany(&'static str),
}

/// A fee has more digits than can be kept exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fee of an amount of {0} has more digits than can be kept")]
pub struct FeeTooLong(pub AssetCode);

/// What is charged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// Percent of the amount, 0 to 100.
    pub percent: Decimal,
    /// What is added to it, by asset; nothing where absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed: BTreeMap<AssetCode, Decimal>,
    /// The tax on it, in percent of the fee; of providers alone.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub tax_percent: Decimal,
}

/// The rules that are others in a fork; without any, everything happens as it did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What the owners in a tier may do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<TierName, RequestedTier>,
    /// The tier of owners to whom none was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_tier: Option<TierName>,
    /// How far wallets may be overdrawn, by account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overdrafts: BTreeMap<AccountId, RequestedOverdraft>,
    /// What providers charge for payments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provider_fees: BTreeMap<ProviderName, Fee>,
    /// What the platform charges: movements into these accounts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub account_fees: BTreeMap<SystemAccountName, Fee>,
}

impl Fee {
    fn check(&self, what: &str) -> Result<(), RulesError> {
        for found in [self.percent, self.tax_percent] {
            let is_one = (Decimal::ZERO..=MAX_PERCENT).contains(&found)
                && found.normalize().scale() <= MAX_PERCENT_SCALE;
            if !is_one {
                let what = what.to_owned();
                return Err(RulesError::Percent { what, found });
            }
        }
        match self.fixed.values().find(|fixed| **fixed < Decimal::ZERO) {
            Some(fixed) => Err(RulesError::Fixed {
                what: what.to_owned(),
                found: *fixed,
            }),
            None => Ok(()),
        }
    }

    /// The fee on an amount, exactly as it is before it is rounded.
    fn exact(&self, amount: Decimal, asset: AssetCode) -> Result<Decimal, FeeTooLong> {
        let fixed = self.fixed.get(&asset).copied().unwrap_or_default();
        let share = percent_of(amount, self.percent).ok_or(FeeTooLong(asset))?;
        let sum = share.checked_add(fixed);
        // Sums that do not fit are rounded silently.
        let is_exact = |sum: &Decimal| {
            sum.checked_sub(fixed) == Some(share) && sum.checked_sub(share) == Some(fixed)
        };
        let sum = sum.filter(is_exact);
        sum.ok_or(FeeTooLong(asset))
    }
}

/// A share of an amount, or `None` when its digits do not fit: products that do not are rounded silently.
fn percent_of(amount: Decimal, percent: Decimal) -> Option<Decimal> {
    let (amount, hundredth) = (
        amount.normalize(),
        percent.checked_mul(Decimal::new(1, 2))?.normalize(),
    );
    if amount.is_zero() || hundredth.is_zero() {
        return Some(Decimal::ZERO);
    }
    let product = amount.checked_mul(hundredth)?;
    (product.scale() == amount.scale() + hundredth.scale()).then_some(product)
}

fn rounded(value: Decimal, asset: Asset) -> Decimal {
    value.round_dp_with_strategy(asset.scale, RoundingStrategy::MidpointNearestEven)
}

impl Rules {
    /// Whether nothing is another.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what can be checked without the ledger.
    ///
    /// # Errors
    /// The first rule that is none.
    pub fn check(&self) -> Result<(), RulesError> {
        for (count, what) in [
            (self.tiers.len(), "tiers"),
            (self.overdrafts.len(), "overdrafts"),
            (self.provider_fees.len(), "fees of providers"),
            (self.account_fees.len(), "fees of accounts"),
        ] {
            if count > MAX_RULES {
                return Err(RulesError::TooMany(what));
            }
        }
        for (tier, rules) in &self.tiers {
            check_tier(*tier, rules)?;
        }
        for (account, overdraft) in &self.overdrafts {
            if !matches!(account.holder, Holder::Wallet(_)) {
                return Err(RulesError::NotAWallet(*account));
            }
            if let RequestedOverdraft::UpTo(limit) = overdraft {
                check_amount(*limit).map_err(|source| RulesError::Amount {
                    what: format!("the overdraft of {account}"),
                    source,
                })?;
            }
        }
        for (provider, fee) in &self.provider_fees {
            fee.check(&format!("the fee of {provider}"))?;
        }
        for (account, fee) in &self.account_fees {
            fee.check(&format!("the fee to system:{account}"))?;
        }
        Ok(())
    }

    /// A recorded event as these rules would have had it asked for; `None` when it is the same. Of fees that a
    /// provider told after its money had arrived, `captured` is what they are of.
    ///
    /// # Errors
    /// [`FeeTooLong`].
    pub fn adapted(
        &self,
        event: &Event,
        captured: Option<(ProviderName, AssetCode, Decimal)>,
        assets: &AssetRegistry,
    ) -> Result<Option<Event>, FeeTooLong> {
        match event {
            Event::Transaction(posted) => self.with_account_fees(posted, assets),
            Event::Payment(payment) if !self.provider_fees.is_empty() => {
                let mut payment = payment.clone();
                let is_other = self.charge(&mut payment, captured, assets)?;
                Ok(is_other.then_some(Event::Payment(payment)))
            }
            _ => Ok(None),
        }
    }

    /// Puts another fee into an event that tells of one; whether it is another.
    fn charge(
        &self,
        event: &mut PaymentEvent,
        captured: Option<(ProviderName, AssetCode, Decimal)>,
        assets: &AssetRegistry,
    ) -> Result<bool, FeeTooLong> {
        let (told, of) = match event {
            PaymentEvent::PaymentCaptured {
                provider,
                asset,
                amount,
                fees: Some(fees),
                ..
            }
            | PaymentEvent::UnexpectedPaymentCaptured {
                provider,
                asset,
                amount,
                fees: Some(fees),
                ..
            } => (fees, Some((*provider, *asset, amount.value()))),
            PaymentEvent::PaymentFeesRecorded { fees, .. } => (fees, captured),
            _ => return Ok(false),
        };
        let Some((provider, asset, amount)) = of else {
            return Ok(false);
        };
        let (Some(fee), Some(asset)) = (self.provider_fees.get(&provider), assets.get(&asset))
        else {
            return Ok(false);
        };
        let anew = provider_fee(fee, asset, amount)?;
        let is_other = anew.fee != told.fee || anew.tax != told.tax;
        if is_other {
            *told = anew;
        }
        Ok(is_other)
    }

    /// A transaction with what goes into the accounts of fees worked out again, from what else goes out of the same
    /// account. Where nothing else does, the fee stays as it was: it is not of an amount.
    fn with_account_fees(
        &self,
        event: &TransactionEvent,
        assets: &AssetRegistry,
    ) -> Result<Option<Event>, FeeTooLong> {
        let TransactionEvent::TransactionPosted {
            postings, cause, ..
        } = event
        else {
            return Ok(None);
        };
        if self.account_fees.is_empty() || !cause.is_request() {
            return Ok(None);
        }
        let mut anew = event.clone();
        if let TransactionEvent::TransactionPosted { postings: into, .. } = &mut anew {
            *into = self.postings(postings, assets)?;
        }
        Ok((anew != *event).then_some(Event::Transaction(anew)))
    }

    fn fee_of(&self, posting: &Posting) -> Option<&Fee> {
        match posting.destination {
            Holder::System(name) => self.account_fees.get(&name),
            Holder::Wallet(_) => None,
        }
    }

    /// What leaves the account of a posting for anything but fees.
    fn base(&self, all: &[Posting], posting: &Posting) -> Result<Decimal, FeeTooLong> {
        let others = all
            .iter()
            .filter(|other| other.debited() == posting.debited() && self.fee_of(other).is_none());
        let mut amounts = others.map(|other| other.amount.value());
        amounts
            .try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount))
            .ok_or(FeeTooLong(posting.asset))
    }

    fn postings(
        &self,
        before: &[Posting],
        assets: &AssetRegistry,
    ) -> Result<Vec<Posting>, FeeTooLong> {
        let mut after: Vec<Posting> = Vec::with_capacity(before.len());
        let mut charged: Vec<(AccountId, Holder)> = Vec::new();
        for posting in before {
            let base = self.base(before, posting)?;
            let (Some(fee), Some(asset), false) = (
                self.fee_of(posting),
                assets.get(&posting.asset),
                base.is_zero(),
            ) else {
                after.push(*posting);
                continue;
            };
            // Of several fees of one account to another, the first is for all of them.
            let pair = (posting.debited(), posting.destination);
            if charged.contains(&pair) {
                continue;
            }
            charged.push(pair);
            let value = rounded(fee.exact(base, posting.asset)?, asset);
            // A fee that comes to nothing is no movement.
            if let Ok(amount) = Amount::try_new(value, asset.scale) {
                after.push(Posting { amount, ..*posting });
            }
        }
        Ok(after)
    }
}

/// What a provider charges for an amount.
fn provider_fee(fee: &Fee, asset: Asset, amount: Decimal) -> Result<Fees, FeeTooLong> {
    let charge = fee.exact(amount, asset.code)?;
    let tax = percent_of(rounded(charge, asset), fee.tax_percent);
    let told = tax.map(|tax| ObservedFees { fee: charge, tax });
    told.and_then(|told| told.rounded(asset).ok())
        .ok_or(FeeTooLong(asset.code))
}

fn check_amount(value: Decimal) -> Result<(), AmountError> {
    Amount::try_new(value, value.scale()).map(|_| ())
}

fn check_tier(tier: TierName, rules: &RequestedTier) -> Result<(), RulesError> {
    for (asset, limits) in &rules.assets {
        let flows = [limits.incoming, limits.outgoing];
        let of_flows = flows
            .into_iter()
            .flat_map(|flow| [flow.per_transaction, flow.per_day, flow.per_month]);
        for value in of_flows.chain([limits.balance]).flatten() {
            check_amount(value).map_err(|source| RulesError::Amount {
                what: format!("the limits of {asset} in the tier {tier}"),
                source,
            })?;
        }
    }
    Ok(())
}
