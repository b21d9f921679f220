//! Payouts: requests and the replies to them.

use ledger_core::annotation::Reference;
use ledger_core::{AssetCode, BeneficiaryId, PayoutId, Timestamp, WalletId};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::choice::choice;
use crate::representation::annotation::MetadataField;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::RequestedAmount;

/// A payout to begin.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RequestPayoutRequest {
    /// Its id, if the caller chooses it (UUID version 7 advised); also the idempotency key when there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<PayoutId>>,
    /// Whose money it is.
    pub wallet: Text<WalletId>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<RequestedAmount>,
    /// Who gets it: a verified beneficiary of the wallet.
    pub beneficiary: Text<BeneficiaryId>,
    /// The caller's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata.
    #[serde(default, skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
}

/// A payout that was begun; its money is reserved.
#[derive(Debug, Serialize, Object)]
pub struct PayoutRequested {
    /// Its id.
    pub id: Text<PayoutId>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// A payout that was decided about or called off.
#[derive(Debug, Serialize, Object)]
pub struct PayoutChanged {
    /// Its id.
    pub id: Text<PayoutId>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

choice!(
    /// What a second person says about a payout.
    PayoutDecisionName {
        /// It may go.
        Approve => "approve",
        /// It may not; the money is available again.
        Decline => "decline",
    }
);

/// What a second person says about a payout.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct PayoutDecisionRequest {
    /// Whether it may go.
    pub decision: PayoutDecisionName,
    /// Why not; for a decline alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<Reference>>,
}
