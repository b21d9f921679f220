//! What can be asked of a hold.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::{Metadata, Reference};
use crate::identifier::{HoldId, Holder, TransactionId};
use crate::limit::Limits;
use crate::money::AssetCode;
use crate::posting::Standings;
use crate::timestamp::Timestamp;

use super::event::HoldManager;

/// A hold as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRequest {
    /// Whose money is reserved.
    pub source: Holder,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Decimal,
    /// Who receives what is captured, unless the capture names somebody else.
    pub destination: Option<Holder>,
    /// When the hold ends by itself; never when absent.
    pub expires_at: Option<Timestamp>,
    /// The caller's name for it.
    pub reference: Option<Reference>,
    /// The caller's metadata.
    pub metadata: Metadata,
}

/// What becomes of the part of a hold that a capture leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Remainder {
    /// It is available again and the hold is finished, as cards do.
    #[default]
    Release,
    /// It stays reserved for further captures.
    Keep,
}

/// A capture as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureRequest {
    /// How much; all that is left when absent.
    pub amount: Option<Decimal>,
    /// Who receives it; the hold's own destination when absent.
    pub destination: Option<Holder>,
    /// What becomes of the rest.
    pub remainder: Remainder,
    /// When the movement counts; the time of recording when absent.
    pub effective_at: Option<Timestamp>,
    /// The caller's name for the movement.
    pub reference: Option<Reference>,
    /// The caller's metadata for the movement.
    pub metadata: Metadata,
}

/// What can be asked of a hold. `hold` is its own id, for the rejection to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldCommand {
    /// Reserve the amount.
    Place {
        /// Its id.
        hold: HoldId,
        /// What is to be reserved.
        request: HoldRequest,
        /// The time of recording.
        recorded_at: Timestamp,
        /// The asset and the account concerned.
        standings: Standings,
        /// What it is placed for; nothing but the caller's wish when absent.
        manager: Option<HoldManager>,
        /// What its owner may reserve.
        limits: Limits,
    },
    /// Settle all or a part.
    Capture {
        /// Its id.
        hold: HoldId,
        /// What is to be settled.
        request: CaptureRequest,
        /// The transaction that moves it.
        transaction: TransactionId,
        /// The time of recording.
        recorded_at: Timestamp,
        /// What asks; a caller when absent.
        manager: Option<HoldManager>,
    },
    /// Give everything that is left back.
    Void {
        /// Its id.
        hold: HoldId,
        /// Why.
        reason: Option<Reference>,
        /// What asks; a caller when absent.
        manager: Option<HoldManager>,
    },
    /// End it because its time has passed.
    Expire {
        /// Its id.
        hold: HoldId,
        /// The time of recording.
        recorded_at: Timestamp,
    },
}

impl HoldCommand {
    pub(super) const fn hold(&self) -> HoldId {
        match self {
            Self::Place { hold, .. }
            | Self::Capture { hold, .. }
            | Self::Void { hold, .. }
            | Self::Expire { hold, .. } => *hold,
        }
    }
}
