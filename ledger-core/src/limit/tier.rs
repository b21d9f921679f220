//! A tier: what its owners may do, and how much.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Amount, AmountError, AssetCode};

use super::calendar::UtcOffset;
use super::usage::Flow;

/// Something that an owner may or may not do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Receive from a system account: money from outside, or from the platform.
    Deposit,
    /// Give to a system account other than by a payout.
    Withdrawal,
    /// Give to another owner's wallet.
    Send,
    /// Receive from another owner's wallet.
    Receive,
    /// Give to or receive from the account `fx`.
    Conversion,
    /// Have a provider pay out.
    Payout,
}

impl Operation {
    /// The name, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Conversion => "conversion",
            Self::Payout => "payout",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How much may move in one direction; without limit where absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowLimits {
    /// In one movement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_transaction: Option<Amount>,
    /// In one day of the tier's calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Amount>,
    /// In one month of the tier's calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_month: Option<Amount>,
}

impl FlowLimits {
    /// Whether there is nothing that it limits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether what was moved before matters.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.per_day.is_some() || self.per_month.is_some()
    }
}

/// What an owner may do with one asset, and how much.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetLimits {
    /// What may be done; what the tier allows when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<BTreeSet<Operation>>,
    /// What may come in.
    #[serde(default, skip_serializing_if = "FlowLimits::is_empty")]
    pub incoming: FlowLimits,
    /// What may go out.
    #[serde(default, skip_serializing_if = "FlowLimits::is_empty")]
    pub outgoing: FlowLimits,
    /// What all of the owner's wallets may hold together after something came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Amount>,
}

impl AssetLimits {
    /// The limits of one direction.
    #[must_use]
    pub const fn of(&self, flow: Flow) -> &FlowLimits {
        match flow {
            Flow::Incoming => &self.incoming,
            Flow::Outgoing => &self.outgoing,
        }
    }
}

/// What becomes of the assets that a tier does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtherAssets {
    /// Nothing may be done with them.
    Forbidden,
    /// Everything that the tier allows may be done with them, without limit.
    Unlimited,
}

/// What the owners in it may do, and how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// What may be done; everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<BTreeSet<Operation>>,
    /// How much, by asset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assets: BTreeMap<AssetCode, AssetLimits>,
    /// The assets that are not named.
    pub other_assets: OtherAssets,
    /// By whose clocks days and months begin; UTC when absent.
    #[serde(default, skip_serializing_if = "UtcOffset::is_utc")]
    pub utc_offset_minutes: UtcOffset,
}

impl Tier {
    /// The limits of an asset; `None` when nothing may be done with it.
    #[must_use]
    pub fn limits(&self, asset: AssetCode) -> Option<AssetLimits> {
        let named = self.assets.get(&asset).cloned();
        let mut limits = match (named, self.other_assets) {
            (Some(limits), _) => limits,
            (None, OtherAssets::Unlimited) => AssetLimits::default(),
            (None, OtherAssets::Forbidden) => return None,
        };
        if limits.operations.is_none() {
            limits.operations.clone_from(&self.operations);
        }
        Some(limits)
    }
}

/// [`FlowLimits`] as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedFlowLimits {
    /// In one movement.
    pub per_transaction: Option<Decimal>,
    /// In one day.
    pub per_day: Option<Decimal>,
    /// In one month.
    pub per_month: Option<Decimal>,
}

/// [`AssetLimits`] as asked for; the amounts have not been checked against the asset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedAssetLimits {
    /// What may be done; what the tier allows when absent.
    pub operations: Option<BTreeSet<Operation>>,
    /// What may come in.
    pub incoming: RequestedFlowLimits,
    /// What may go out.
    pub outgoing: RequestedFlowLimits,
    /// What may be held.
    pub balance: Option<Decimal>,
}

/// A [`Tier`] as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedTier {
    /// What may be done; everything when absent.
    pub operations: Option<BTreeSet<Operation>>,
    /// How much, by asset.
    pub assets: BTreeMap<AssetCode, RequestedAssetLimits>,
    /// The assets that are not named.
    pub other_assets: OtherAssets,
    /// By whose clocks days and months begin.
    pub utc_offset_minutes: UtcOffset,
}

impl RequestedAssetLimits {
    /// The limits of an asset with so many decimals.
    ///
    /// # Errors
    /// [`AmountError`] of the first that is not an amount.
    pub fn checked(&self, scale: u32) -> Result<AssetLimits, AmountError> {
        let amount = |value: Option<Decimal>| -> Result<Option<Amount>, AmountError> {
            value.map(|value| Amount::try_new(value, scale)).transpose()
        };
        let flow = |requested: &RequestedFlowLimits| -> Result<FlowLimits, AmountError> {
            Ok(FlowLimits {
                per_transaction: amount(requested.per_transaction)?,
                per_day: amount(requested.per_day)?,
                per_month: amount(requested.per_month)?,
            })
        };
        Ok(AssetLimits {
            operations: self.operations.clone(),
            incoming: flow(&self.incoming)?,
            outgoing: flow(&self.outgoing)?,
            balance: amount(self.balance)?,
        })
    }
}

impl From<&Tier> for RequestedTier {
    fn from(tier: &Tier) -> Self {
        let assets = tier.assets.iter();
        Self {
            operations: tier.operations.clone(),
            assets: assets
                .map(|(code, limits)| (*code, limits.into()))
                .collect(),
            other_assets: tier.other_assets,
            utc_offset_minutes: tier.utc_offset_minutes,
        }
    }
}

impl From<&AssetLimits> for RequestedAssetLimits {
    fn from(limits: &AssetLimits) -> Self {
        Self {
            operations: limits.operations.clone(),
            incoming: limits.incoming.into(),
            outgoing: limits.outgoing.into(),
            balance: limits.balance.map(Amount::value),
        }
    }
}

impl From<FlowLimits> for RequestedFlowLimits {
    fn from(limits: FlowLimits) -> Self {
        Self {
            per_transaction: limits.per_transaction.map(Amount::value),
            per_day: limits.per_day.map(Amount::value),
            per_month: limits.per_month.map(Amount::value),
        }
    }
}
