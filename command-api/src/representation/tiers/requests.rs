//! Tiers as they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::limit::{
    Operation, RequestedAssetLimits, RequestedFlowLimits, RequestedTier, UtcOffset,
};
use ledger_core::{AssetCode, TierName};
use poem_openapi::Object;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::names::{OperationName, OtherAssetsName};
use crate::problem::{FieldCode, FieldError, FieldFault};
use crate::text::Text;
use crate::text_formats::RequestedAmount;

/// The most assets that a tier names.
const MAX_ASSETS: usize = 100;

/// The most operations in a list: more than there are only repeat.
const MAX_OPERATIONS: usize = 10;

/// What the owners in a tier may do from now on: all of it, not a part.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct SetTierRequest {
    /// What may be done; everything when absent, nothing when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "10"))]
    pub operations: Option<Vec<OperationName>>,
    /// How much, by asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "100"))]
    pub assets: Option<Vec<AssetLimitsRequest>>,
    /// What becomes of the assets that are not named.
    pub other_assets: OtherAssetsName,
    /// By whose clocks days and months begin: minutes ahead of UTC, 330 in India; UTC when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(maximum(value = "840"), minimum(value = "-720")))]
    pub utc_offset_minutes: Option<i32>,
}

/// What may be done with one asset, and how much.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct AssetLimitsRequest {
    /// Which; each once.
    pub asset: Text<AssetCode>,
    /// What may be done with it; what the tier allows when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "10"))]
    pub operations: Option<Vec<OperationName>>,
    /// What may come in; any amount when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incoming: Option<FlowLimitsRequest>,
    /// What may go out; any amount when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<FlowLimitsRequest>,
    /// What all of the owner's wallets may hold together; any amount when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Text<RequestedAmount>>,
}

/// How much may move in one direction; any amount where absent.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct FlowLimitsRequest {
    /// In one movement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_transaction: Option<Text<RequestedAmount>>,
    /// In one day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Text<RequestedAmount>>,
    /// In one month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_month: Option<Text<RequestedAmount>>,
}

/// Whose tier it is to whom none was granted.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct SetDefaultTierRequest {
    /// Which.
    pub tier: Text<TierName>,
}

impl SetTierRequest {
    /// The tier as the domain takes it.
    ///
    /// # Errors
    /// Every field that cannot be accepted.
    pub fn requested(&self) -> Result<RequestedTier, Vec<FieldError>> {
        let mut errors = Vec::new();
        let utc_offset_minutes = UtcOffset::try_new(self.utc_offset_minutes.unwrap_or_default());
        let utc_offset_minutes = utc_offset_minutes.unwrap_or_else(|error| {
            let fault = FieldFault::new(FieldCode::OutOfRange, error.to_string());
            errors.push(fault.at_pointer("/utc_offset_minutes"));
            UtcOffset::default()
        });
        check_operations(self.operations.as_deref(), "/operations", &mut errors);
        let named = self.assets.as_deref().unwrap_or_default();
        if named.len() > MAX_ASSETS {
            errors.push(too_many(MAX_ASSETS).at_pointer("/assets"));
            return Err(errors);
        }
        let mut assets = BTreeMap::new();
        for (index, limits) in named.iter().enumerate() {
            let pointer = format!("/assets/{index}");
            let operations = format!("{pointer}/operations");
            check_operations(limits.operations.as_deref(), &operations, &mut errors);
            if assets.insert(limits.asset.0, limits.requested()).is_some() {
                let fault = FieldFault::new(FieldCode::ConflictingFields, "names an asset again");
                errors.push(fault.at_pointer(format!("{pointer}/asset")));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(RequestedTier {
            operations: self.operations.as_deref().map(operations),
            assets,
            other_assets: self.other_assets.into(),
            utc_offset_minutes,
        })
    }
}

/// The request that this tier was taken from.
impl From<&RequestedTier> for SetTierRequest {
    fn from(tier: &RequestedTier) -> Self {
        let assets = tier.assets.iter();
        let assets: Vec<_> = assets
            .map(|(asset, limits)| AssetLimitsRequest::of(*asset, limits))
            .collect();
        Self {
            operations: names(tier.operations.as_ref()),
            assets: (!assets.is_empty()).then_some(assets),
            other_assets: tier.other_assets.into(),
            utc_offset_minutes: (tier.utc_offset_minutes != UtcOffset::default())
                .then(|| tier.utc_offset_minutes.into()),
        }
    }
}

impl AssetLimitsRequest {
    fn of(asset: AssetCode, limits: &RequestedAssetLimits) -> Self {
        Self {
            asset: asset.into(),
            operations: names(limits.operations.as_ref()),
            incoming: FlowLimitsRequest::of(limits.incoming),
            outgoing: FlowLimitsRequest::of(limits.outgoing),
            balance: limits.balance.map(accepted),
        }
    }

    fn requested(&self) -> RequestedAssetLimits {
        let flow = |limits: &Option<FlowLimitsRequest>| {
            limits
                .as_ref()
                .map(FlowLimitsRequest::requested)
                .unwrap_or_default()
        };
        RequestedAssetLimits {
            operations: self.operations.as_deref().map(operations),
            incoming: flow(&self.incoming),
            outgoing: flow(&self.outgoing),
            balance: self.balance.map(|amount| amount.0.value()),
        }
    }
}

impl FlowLimitsRequest {
    fn of(limits: RequestedFlowLimits) -> Option<Self> {
        (limits != RequestedFlowLimits::default()).then(|| Self {
            per_transaction: limits.per_transaction.map(accepted),
            per_day: limits.per_day.map(accepted),
            per_month: limits.per_month.map(accepted),
        })
    }

    fn requested(&self) -> RequestedFlowLimits {
        RequestedFlowLimits {
            per_transaction: self.per_transaction.map(|amount| amount.0.value()),
            per_day: self.per_day.map(|amount| amount.0.value()),
            per_month: self.per_month.map(|amount| amount.0.value()),
        }
    }
}

fn accepted(amount: Decimal) -> Text<RequestedAmount> {
    Text(RequestedAmount::accepted(amount))
}

fn names(operations: Option<&BTreeSet<Operation>>) -> Option<Vec<OperationName>> {
    operations.map(|operations| operations.iter().map(|one| (*one).into()).collect())
}

fn operations<T: FromIterator<Operation>>(names: &[OperationName]) -> T {
    names.iter().map(|name| (*name).into()).collect()
}

fn check_operations(names: Option<&[OperationName]>, pointer: &str, errors: &mut Vec<FieldError>) {
    if names.is_some_and(|names| names.len() > MAX_OPERATIONS) {
        errors.push(too_many(MAX_OPERATIONS).at_pointer(pointer));
    }
}

fn too_many(most: usize) -> FieldFault {
    let detail = format!("may have at most {most} entries");
    FieldFault::new(FieldCode::TooManyItems, detail)
}
