//! Holds: requests and the replies to them.

use ledger_core::annotation::Reference;
use ledger_core::hold::{CaptureRequest, HoldRequest};
use ledger_core::{AssetCode, HoldId, Holder, Timestamp, TransactionId};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::representation::annotation::MetadataField;
use crate::representation::choices::RemainderName;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::RequestedAmount;

/// A hold to place.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct PlaceHoldRequest {
    /// Its id, if the caller chooses it (UUID version 7 advised); also the idempotency key when there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<HoldId>>,
    /// Whose money is reserved.
    pub source: Text<Holder>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<RequestedAmount>,
    /// Who receives what is captured, unless the capture names somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Text<Holder>>,
    /// When it ends by itself; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// The caller's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata.
    #[serde(default, skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
}

impl PlaceHoldRequest {
    /// The hold as the domain takes it.
    #[must_use]
    pub fn requested(&self) -> HoldRequest {
        HoldRequest {
            source: self.source.0,
            asset: self.asset.0,
            amount: self.amount.0.value(),
            destination: self.destination.map(|destination| destination.0),
            expires_at: self.expires_at.map(|time| time.0),
            reference: self.reference.clone().map(|reference| reference.0),
            metadata: self.metadata.0.clone(),
        }
    }
}

/// A capture of all or a part of a hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct CaptureHoldRequest {
    /// How much; all that is left when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<RequestedAmount>>,
    /// Who receives it; the hold's own destination when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Text<Holder>>,
    /// What becomes of the rest; `release` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remainder: Option<RemainderName>,
    /// When the movement counts; the time of recording when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<Text<Timestamp>>,
    /// The caller's name for the movement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata for the movement.
    #[serde(default, skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
}

impl CaptureHoldRequest {
    /// The capture as the domain takes it.
    #[must_use]
    pub fn requested(&self) -> CaptureRequest {
        CaptureRequest {
            amount: self.amount.map(|amount| amount.0.value()),
            destination: self.destination.map(|destination| destination.0),
            remainder: self.remainder.map(Into::into).unwrap_or_default(),
            effective_at: self.effective_at.map(|time| time.0),
            reference: self.reference.clone().map(|reference| reference.0),
            metadata: self.metadata.0.clone(),
        }
    }
}

/// A hold that was placed.
#[derive(Debug, Serialize, Object)]
pub struct HoldPlaced {
    /// Its id.
    pub id: Text<HoldId>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// A hold that was captured, and the transaction that moved the money.
#[derive(Debug, Serialize, Object)]
pub struct HoldCaptured {
    /// The hold.
    pub hold: Text<HoldId>,
    /// The new transaction.
    pub transaction: Text<TransactionId>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// A hold that was voided.
#[derive(Debug, Serialize, Object)]
pub struct HoldVoided {
    /// The hold.
    pub id: Text<HoldId>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}
