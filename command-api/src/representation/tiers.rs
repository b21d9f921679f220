//! Tiers: what the owners in them may do, and how much.

pub mod names;
pub mod requests;

use ledger_core::limit::{AssetLimits, FlowLimits, Operation};
use ledger_core::{Amount, AssetCode, TierName, Timestamp};
use poem_openapi::Object;
use projections::queries::limits::TierRow;
use serde::Serialize;

use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

use names::{OperationName, OtherAssetsName};

/// A tier: what the owners in it may do, and how much.
#[derive(Debug, Serialize, Object)]
pub struct TierView {
    /// Its name.
    pub name: Text<TierName>,
    /// Whether it is everybody's to whom none was granted.
    pub is_default: bool,
    /// What may be done; everything when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<OperationName>>,
    /// How much, by asset; in order of code.
    pub assets: Vec<AssetLimitsView>,
    /// What becomes of the assets that are not named.
    pub other_assets: OtherAssetsName,
    /// By whose clocks days and months begin: minutes ahead of UTC.
    pub utc_offset_minutes: i32,
}

/// What may be done with one asset, and how much.
#[derive(Debug, Serialize, Object)]
pub struct AssetLimitsView {
    /// Which.
    pub asset: Text<AssetCode>,
    /// What may be done with it; everything when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<OperationName>>,
    /// What may come in.
    pub incoming: FlowLimitsView,
    /// What may go out.
    pub outgoing: FlowLimitsView,
    /// What all of the owner's wallets may hold together; any amount when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Text<ExactDecimal>>,
}

/// How much may move in one direction; any amount where absent.
#[derive(Debug, Serialize, Object)]
pub struct FlowLimitsView {
    /// In one movement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_transaction: Option<Text<ExactDecimal>>,
    /// In one day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Text<ExactDecimal>>,
    /// In one month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_month: Option<Text<ExactDecimal>>,
}

/// A tier that was set.
#[derive(Debug, Serialize, Object)]
pub struct TierSet {
    /// Its name.
    pub name: Text<TierName>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

impl From<TierRow> for TierView {
    fn from(row: TierRow) -> Self {
        let rules = row.rules;
        // What an asset does not say of its own is what the tier says.
        let of = |asset: &AssetCode| Some((*asset, rules.limits(*asset)?));
        let assets = rules.assets.keys().filter_map(of);
        Self {
            name: row.name.into(),
            is_default: row.is_default,
            assets: assets.map(AssetLimitsView::from).collect(),
            operations: rules.operations.as_ref().map(operation_names),
            other_assets: rules.other_assets.into(),
            utc_offset_minutes: rules.utc_offset_minutes.minutes(),
        }
    }
}

impl From<(AssetCode, AssetLimits)> for AssetLimitsView {
    fn from((asset, limits): (AssetCode, AssetLimits)) -> Self {
        Self {
            asset: asset.into(),
            operations: limits.operations.as_ref().map(operation_names),
            incoming: limits.incoming.into(),
            outgoing: limits.outgoing.into(),
            balance: limits.balance.map(amount),
        }
    }
}

impl From<FlowLimits> for FlowLimitsView {
    fn from(limits: FlowLimits) -> Self {
        Self {
            per_transaction: limits.per_transaction.map(amount),
            per_day: limits.per_day.map(amount),
            per_month: limits.per_month.map(amount),
        }
    }
}

pub(super) fn operation_names<'a>(
    operations: impl IntoIterator<Item = &'a Operation>,
) -> Vec<OperationName> {
    operations
        .into_iter()
        .map(|known| (*known).into())
        .collect()
}

/// An amount with its asset's decimals, which the log has already.
fn amount(amount: Amount) -> Text<ExactDecimal> {
    Text(ExactDecimal(amount.value()))
}
