//! Onboardings: requests, replies and views.

pub mod names;
pub mod views;

use ledger_core::verification::ReasonCode;
use ledger_core::{AssetCode, OwnerId, TierName, Timestamp, WalletId};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::representation::position::PositionNumber;
use crate::text::Text;

use names::ContactKindName;

/// An onboarding to begin.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct StartOnboardingRequest {
    /// Whose it is; a person's `owner`.
    pub owner: Text<OwnerId>,
    /// The tier that they are verified for.
    pub tier: Text<TierName>,
    /// What they mean to hold: at most 32 assets of the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "32"))]
    pub assets: Option<Vec<Text<AssetCode>>>,
    /// What they have to verify; what the deployment is set up for when absent. For staff to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "2"))]
    pub contacts: Option<Vec<ContactKindName>>,
    /// The wallet that they get: one of theirs, or a new one of this id; of a new id when absent. For staff to
    /// choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Text<WalletId>>,
}

/// Why an onboarding is called off, in codes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct CancelOnboardingRequest {
    /// Why: at most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "32"))]
    pub reasons: Option<Vec<Text<ReasonCode>>>,
}

/// An onboarding about which something was done.
#[derive(Debug, Serialize, Object)]
pub struct OnboardingChanged {
    /// Whose it is.
    pub owner: Text<OwnerId>,
    /// The position of the last event, or of the end of the log when nothing was to be done.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}
