//! What payments and payouts of an asset may do.

use ledger_core::ledger::{PaymentPolicy, RequestedPolicy};
use ledger_core::posting::Overdraft;
use ledger_core::{Asset, AssetCode, Timestamp};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::amount;
use crate::problem::FieldError;
use crate::representation::choices::OverdraftPolicy;
use crate::representation::position::PositionNumber;
use crate::representation::wallet::requested_overdraft;
use crate::text::Text;
use crate::text_formats::{ExactDecimal, RequestedAmount};

/// What payments and payouts of an asset may do.
#[derive(Debug, Serialize, Object)]
pub struct PaymentPolicyView {
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// Whether a chargeback may take a wallet below zero; what exceeds it is the platform's loss.
    pub chargeback_overdraft: OverdraftPolicy,
    /// How far, with `up_to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chargeback_overdraft_amount: Option<Text<ExactDecimal>>,
    /// Payouts of more than this need a second person; none does when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout_approval_above: Option<Text<ExactDecimal>>,
}

impl From<(Asset, PaymentPolicy)> for PaymentPolicyView {
    fn from((asset, policy): (Asset, PaymentPolicy)) -> Self {
        let (chargeback_overdraft, limit) = match policy.chargeback_overdraft {
            Overdraft::Forbidden => (OverdraftPolicy::Forbidden, None),
            Overdraft::UpTo(limit) => (OverdraftPolicy::UpTo, Some(limit)),
            Overdraft::Unlimited => (OverdraftPolicy::Unlimited, None),
        };
        Self {
            asset: asset.code.into(),
            chargeback_overdraft,
            chargeback_overdraft_amount: limit.map(amount),
            payout_approval_above: policy.payout_approval_above.map(amount),
        }
    }
}

/// What payments and payouts of an asset may do from now on: all of it, not a part.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct SetPaymentPolicyRequest {
    /// Whether a chargeback may take a wallet below zero.
    pub chargeback_overdraft: OverdraftPolicy,
    /// How far; with `up_to` and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chargeback_overdraft_amount: Option<Text<RequestedAmount>>,
    /// Payouts of more than this need a second person; none does when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout_approval_above: Option<Text<RequestedAmount>>,
}

impl SetPaymentPolicyRequest {
    /// The policy as the domain takes it.
    ///
    /// # Errors
    /// The field that cannot be accepted.
    pub fn requested(&self) -> Result<RequestedPolicy, FieldError> {
        let overdraft =
            requested_overdraft(self.chargeback_overdraft, self.chargeback_overdraft_amount)
                .map_err(|fault| fault.at_pointer("/chargeback_overdraft_amount"))?;
        Ok(RequestedPolicy {
            chargeback_overdraft: overdraft,
            payout_approval_above: self.payout_approval_above.map(|above| above.0.value()),
        })
    }
}

/// A policy that was set.
#[derive(Debug, Serialize, Object)]
pub struct PaymentPolicySet {
    /// Of which asset.
    pub asset: Text<AssetCode>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}
