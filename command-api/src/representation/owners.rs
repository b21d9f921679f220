//! Owners: their tiers, and how much of their limits is used.

use ledger_core::annotation::Reference;
use ledger_core::limit::{Calendar, Flow, FlowLimits, Used};
use ledger_core::owner::{Grant, Owner, TierSource};
use ledger_core::{Amount, Asset, AssetCode, CaseId, OwnerId, TierName, Timestamp, Total};
use poem_openapi::Object;
use projections::queries::limits::{AssetUse, OwnerLimits, TierInForce};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::representation::answer::exact;
use crate::representation::position::PositionNumber;
use crate::representation::tiers::names::{OperationName, OtherAssetsName, TierSourceName};
use crate::representation::tiers::operation_names;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

/// A tier to grant.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct GrantTierRequest {
    /// Which; in force from now on, whatever was granted before.
    pub tier: Text<TierName>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<Reference>>,
}

/// An owner whose tier was granted or taken back.
#[derive(Debug, Serialize, Object)]
pub struct OwnerChanged {
    /// Who.
    pub owner: Text<OwnerId>,
    /// The position of the event, or of the end of the log when nothing was to be done.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// What an owner may do, and has done of it today and this month.
#[derive(Debug, Serialize, Object)]
pub struct OwnerLimitsView {
    /// Who.
    pub owner: Text<OwnerId>,
    /// What was granted, the last in force; the ledger's default tier is when nothing was.
    pub grants: Vec<GrantView>,
    /// The tier in force; when absent, the owner is not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<TierInForceView>,
}

/// The tier of an owner at some time.
#[derive(Debug, Serialize, Object)]
pub struct OwnerTierView {
    /// Who.
    pub owner: Text<OwnerId>,
    /// The tier in force: the last that was granted, or else the ledger's default; when absent, the owner was
    /// not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Text<TierName>>,
    /// What was granted, the last in force.
    pub grants: Vec<GrantView>,
}

impl OwnerTierView {
    /// Of what is known of an owner, in a ledger with this default.
    #[must_use]
    pub fn of(owner: OwnerId, known: Owner, default_tier: Option<TierName>) -> Self {
        let tier = known.tier().or(default_tier);
        let grants = match known {
            Owner::Absent => Vec::new(),
            Owner::Known(known) => known.grants,
        };
        Self {
            owner: owner.into(),
            tier: tier.map(Into::into),
            grants: grants.into_iter().map(GrantView::from).collect(),
        }
    }
}

/// A tier and what grants it.
#[derive(Debug, Serialize, Object)]
pub struct GrantView {
    /// Which.
    pub tier: Text<TierName>,
    /// What grants it.
    pub source: TierSourceName,
    /// The verification case that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Text<CaseId>>,
}

/// A tier as it bounds an owner.
#[derive(Debug, Serialize, Object)]
pub struct TierInForceView {
    /// Its name.
    pub name: Text<TierName>,
    /// What may be done; everything when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<OperationName>>,
    /// What becomes of the assets that are not named.
    pub other_assets: OtherAssetsName,
    /// When the day's limits begin anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_ends_at: Option<Text<Timestamp>>,
    /// When the month's limits begin anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month_ends_at: Option<Text<Timestamp>>,
    /// The assets that it names, in order of code.
    pub assets: Vec<AssetUseView>,
}

/// What an owner may do with an asset, and has done.
#[derive(Debug, Serialize, Object)]
pub struct AssetUseView {
    /// Which.
    pub asset: Text<AssetCode>,
    /// What may be done with it; everything when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<OperationName>>,
    /// What may come in, and has.
    pub incoming: FlowUseView,
    /// What may go out, and has; what is reserved too.
    pub outgoing: FlowUseView,
    /// What all wallets may hold together, and do; any amount when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<UseView>,
}

/// How much may move in one direction, and has; any amount where absent.
#[derive(Debug, Serialize, Object)]
pub struct FlowUseView {
    /// In one movement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_transaction: Option<Text<ExactDecimal>>,
    /// In this day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<UseView>,
    /// In this month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_month: Option<UseView>,
}

/// How much of a limit is used.
#[derive(Debug, Serialize, Object)]
pub struct UseView {
    /// The limit.
    pub allowed: Text<ExactDecimal>,
    /// What is used; more than the limit when that was lowered.
    pub used: Text<ExactDecimal>,
    /// What is left.
    pub left: Text<ExactDecimal>,
}

impl UseView {
    fn of(allowed: Amount, used: Decimal, asset: Asset) -> Self {
        let left = allowed.value().checked_sub(used).unwrap_or_default();
        Self {
            allowed: exact(allowed.value(), asset),
            used: exact(used, asset),
            left: exact(left.max(Decimal::ZERO), asset),
        }
    }
}

impl From<OwnerLimits> for OwnerLimitsView {
    fn from(limits: OwnerLimits) -> Self {
        Self {
            owner: limits.owner.into(),
            grants: limits.grants.into_iter().map(GrantView::from).collect(),
            in_force: limits.in_force.map(TierInForceView::from),
        }
    }
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        let (source, case) = match grant.source {
            TierSource::Case(case) => (TierSourceName::Case, Some(case)),
            TierSource::Staff => (TierSourceName::Staff, None),
        };
        Self {
            tier: grant.tier.into(),
            source,
            case: case.map(Text),
        }
    }
}

impl From<TierInForce> for TierInForceView {
    fn from(tier: TierInForce) -> Self {
        let Calendar {
            next_day,
            next_month,
            ..
        } = tier.calendar;
        Self {
            name: tier.name.into(),
            operations: tier.operations.as_ref().map(operation_names),
            other_assets: tier.other_assets.into(),
            day_ends_at: next_day.map(Text),
            month_ends_at: next_month.map(Text),
            assets: tier.assets.into_iter().map(AssetUseView::from).collect(),
        }
    }
}

impl From<AssetUse> for AssetUseView {
    fn from(known: AssetUse) -> Self {
        let (asset, limits) = (known.asset, &known.limits);
        let flow = |flow, used| FlowUseView::of(limits.of(flow), used, asset);
        Self {
            asset: asset.code.into(),
            operations: limits.operations.as_ref().map(operation_names),
            incoming: flow(Flow::Incoming, known.incoming),
            outgoing: flow(Flow::Outgoing, known.outgoing),
            balance: limits
                .balance
                .map(|allowed| UseView::of(allowed, known.balance, asset)),
        }
    }
}

impl FlowUseView {
    fn of(limits: &FlowLimits, used: Used, asset: Asset) -> Self {
        let of = |allowed: Option<Amount>, used: Total| {
            allowed.map(|allowed| UseView::of(allowed, used.value(), asset))
        };
        Self {
            per_transaction: limits
                .per_transaction
                .map(|allowed| exact(allowed.value(), asset)),
            per_day: of(limits.per_day, used.day),
            per_month: of(limits.per_month, used.month),
        }
    }
}
