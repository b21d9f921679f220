//! The rules of a fork as they are asked for, by REST and in files of the command line alike.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ledger_core::{AccountId, AssetCode, ProviderName, SystemAccountName, TierName};
use poem_openapi::Object;
use rust_decimal::Decimal;
use sandbox::rules::MAX_RULES;
use sandbox::{Fee, Rules};
use serde::{Deserialize, Serialize};

use crate::problem::{FieldCode, FieldError, FieldFault};
use crate::representation::choices::OverdraftPolicy;
use crate::representation::tiers::requests::SetTierRequest;
use crate::representation::wallet::{asked_overdraft, requested_overdraft};
use crate::text::Text;
use crate::text_formats::{Percentage, RequestedAmount};

#[cfg(test)]
mod tests;

/// The rules that are others in a fork.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ForkRulesRequest {
    /// What the owners in a tier may do, instead of what the ledger says from the position on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "100"))]
    pub tiers: Option<Vec<ForkTier>>,
    /// The tier of owners to whom none was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_tier: Option<Text<TierName>>,
    /// How far accounts of wallets may be overdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "100"))]
    pub overdrafts: Option<Vec<ForkOverdraft>>,
    /// What providers charge for payments, where they told what they charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "100"))]
    pub provider_fees: Option<Vec<ForkProviderFee>>,
    /// What the platform charges: postings into system accounts, of what else leaves the same account in the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "100"))]
    pub account_fees: Option<Vec<ForkAccountFee>>,
}

/// Another definition of a tier.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ForkTier {
    /// Which; each once. A tier that the ledger has not is new.
    pub tier: Text<TierName>,
    /// All that its owners may do.
    pub rules: SetTierRequest,
}

/// Another overdraft.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ForkOverdraft {
    /// The account of a wallet; each once.
    pub account: Text<AccountId>,
    /// Whether it may be overdrawn.
    pub policy: OverdraftPolicy,
    /// By how much; with the policy `up_to` and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<RequestedAmount>>,
}

/// Another charge of a provider: percent and a fixed part, rounded half to even to the asset's decimals.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ForkProviderFee {
    /// Who; each once.
    pub provider: Text<ProviderName>,
    /// Percent of the payment.
    pub percent: Text<Percentage>,
    /// What is added, by asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "100"))]
    pub fixed: Option<Vec<ForkFixedFee>>,
    /// The tax, in percent of the fee; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_percent: Option<Text<Percentage>>,
}

/// Another charge of the platform: percent and a fixed part, rounded half to even to the asset's decimals.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ForkAccountFee {
    /// The system account that it goes to, such as `fees`; each once.
    pub account: Text<SystemAccountName>,
    /// Percent of what else leaves the same account in the transaction.
    pub percent: Text<Percentage>,
    /// What is added, by asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "100"))]
    pub fixed: Option<Vec<ForkFixedFee>>,
}

/// The fixed part of a fee.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ForkFixedFee {
    /// Of which asset; each once.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<RequestedAmount>,
}

/// Reads rules, and gathers everything that is wrong with them.
struct Reading {
    errors: Vec<FieldError>,
}

impl Reading {
    fn put<K: Ord, V>(&mut self, into: &mut BTreeMap<K, V>, key: K, value: V, pointer: String) {
        match into.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(_) => {
                let fault = FieldFault::new(FieldCode::ConflictingFields, "is named again");
                self.errors.push(fault.at_pointer(pointer));
            }
        }
    }

    fn fixed(&mut self, fees: Option<&[ForkFixedFee]>, at: &str) -> BTreeMap<AssetCode, Decimal> {
        let mut fixed = BTreeMap::new();
        for (index, fee) in self.items(fees, &format!("{at}/fixed")).iter().enumerate() {
            let pointer = format!("{at}/fixed/{index}/asset");
            self.put(&mut fixed, fee.asset.0, fee.amount.0.value(), pointer);
        }
        fixed
    }

    /// The items of a list; none of one that has too many.
    fn items<'i, T>(&mut self, items: Option<&'i [T]>, pointer: &str) -> &'i [T] {
        let items = items.unwrap_or_default();
        if items.len() <= MAX_RULES {
            return items;
        }
        let detail = format!("may have at most {MAX_RULES} entries");
        let fault = FieldFault::new(FieldCode::TooManyItems, detail);
        self.errors.push(fault.at_pointer(pointer));
        &[]
    }
}

impl ForkRulesRequest {
    /// The rules as a fork takes them; `at` is where they are in the request, such as `/rules`.
    ///
    /// # Errors
    /// Every field that cannot be accepted.
    pub fn rules(&self, at: &str) -> Result<Rules, Vec<FieldError>> {
        let mut reading = Reading { errors: Vec::new() };
        let mut rules = Rules {
            default_tier: self.default_tier.map(|tier| tier.0),
            ..Rules::default()
        };
        let tiers = reading.items(self.tiers.as_deref(), &format!("{at}/tiers"));
        for (index, tier) in tiers.iter().enumerate() {
            let pointer = format!("{at}/tiers/{index}");
            match tier.rules.requested() {
                Ok(requested) => {
                    let pointer = format!("{pointer}/tier");
                    reading.put(&mut rules.tiers, tier.tier.0, requested, pointer);
                }
                Err(errors) => {
                    let below = errors.into_iter();
                    let below = below.map(|error| error.below(&format!("{pointer}/rules")));
                    reading.errors.extend(below);
                }
            }
        }
        let overdrafts = reading.items(self.overdrafts.as_deref(), &format!("{at}/overdrafts"));
        for (index, overdraft) in overdrafts.iter().enumerate() {
            let pointer = format!("{at}/overdrafts/{index}");
            match requested_overdraft(overdraft.policy, overdraft.amount) {
                Ok(requested) => {
                    let pointer = format!("{pointer}/account");
                    let account = overdraft.account.0;
                    reading.put(&mut rules.overdrafts, account, requested, pointer);
                }
                Err(fault) => {
                    let fault = fault.at_pointer(format!("{pointer}/amount"));
                    reading.errors.push(fault);
                }
            }
        }
        let fees = reading.items(
            self.provider_fees.as_deref(),
            &format!("{at}/provider_fees"),
        );
        for (index, fee) in fees.iter().enumerate() {
            let pointer = format!("{at}/provider_fees/{index}");
            let charge = Fee {
                percent: fee.percent.0.value(),
                fixed: reading.fixed(fee.fixed.as_deref(), &pointer),
                tax_percent: fee
                    .tax_percent
                    .map_or(Decimal::ZERO, |percent| percent.0.value()),
            };
            let pointer = format!("{pointer}/provider");
            reading.put(&mut rules.provider_fees, fee.provider.0, charge, pointer);
        }
        let fees = reading.items(self.account_fees.as_deref(), &format!("{at}/account_fees"));
        for (index, fee) in fees.iter().enumerate() {
            let pointer = format!("{at}/account_fees/{index}");
            let charge = Fee {
                percent: fee.percent.0.value(),
                fixed: reading.fixed(fee.fixed.as_deref(), &pointer),
                tax_percent: Decimal::ZERO,
            };
            let pointer = format!("{pointer}/account");
            reading.put(&mut rules.account_fees, fee.account.0, charge, pointer);
        }
        match reading.errors.is_empty() {
            true => Ok(rules),
            false => Err(reading.errors),
        }
    }
}

/// The request that these rules were taken from, each kind in order.
impl From<&Rules> for ForkRulesRequest {
    fn from(rules: &Rules) -> Self {
        let tiers = rules.tiers.iter().map(|(tier, requested)| ForkTier {
            tier: (*tier).into(),
            rules: requested.into(),
        });
        let overdrafts = rules.overdrafts.iter();
        let overdrafts = overdrafts.map(|(account, overdraft)| {
            let (policy, amount) = asked_overdraft(*overdraft);
            ForkOverdraft {
                account: (*account).into(),
                policy,
                amount,
            }
        });
        let provider_fees = rules.provider_fees.iter();
        let provider_fees = provider_fees.map(|(provider, fee)| ForkProviderFee {
            provider: (*provider).into(),
            percent: percentage(fee.percent),
            fixed: fixed(fee),
            tax_percent: (!fee.tax_percent.is_zero()).then(|| percentage(fee.tax_percent)),
        });
        let account_fees = rules.account_fees.iter();
        let account_fees = account_fees.map(|(account, fee)| ForkAccountFee {
            account: (*account).into(),
            percent: percentage(fee.percent),
            fixed: fixed(fee),
        });
        Self {
            tiers: some(tiers),
            default_tier: rules.default_tier.map(Into::into),
            overdrafts: some(overdrafts),
            provider_fees: some(provider_fees),
            account_fees: some(account_fees),
        }
    }
}

/// A list, unless it is empty.
fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}

fn percentage(percent: Decimal) -> Text<Percentage> {
    Text(Percentage::accepted(percent))
}

fn fixed(fee: &Fee) -> Option<Vec<ForkFixedFee>> {
    some(fee.fixed.iter().map(|(asset, amount)| ForkFixedFee {
        asset: (*asset).into(),
        amount: Text(RequestedAmount::accepted(*amount)),
    }))
}
