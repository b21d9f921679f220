//! What has happened to a hold.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::{Metadata, Reference};
use crate::identifier::{AccountId, Holder, PaymentId, PayoutId, TransactionId};
use crate::limit::Usage;
use crate::money::{Amount, AssetCode};
use crate::timestamp::Timestamp;
use crate::transaction::TransactionCause;

/// What a hold belongs to, when it is not whoever asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldManager {
    /// A refund of this payment; the hold has the refund's id.
    Payment(PaymentId),
    /// This payout; the hold has its id.
    Payout(PayoutId),
}

impl HoldManager {
    /// Why its holds' captures move money.
    #[must_use]
    pub const fn cause(self) -> TransactionCause {
        match self {
            Self::Payment(id) => TransactionCause::Payment(id),
            Self::Payout(id) => TransactionCause::Payout(id),
        }
    }
}

impl fmt::Display for HoldManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payment(id) => write!(formatter, "payment {id}"),
            Self::Payout(id) => write!(formatter, "payout {id}"),
        }
    }
}

/// What has happened to a hold. Amounts are of the hold's asset; every event names the account, so
/// that it can be folded without the events before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum HoldEvent {
    /// The amount was reserved.
    HoldPlaced {
        /// Whose money is reserved.
        source: Holder,
        /// Which asset.
        asset: AssetCode,
        /// How much.
        amount: Amount,
        /// Who receives what is captured, unless the capture names somebody else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        destination: Option<Holder>,
        /// When the hold ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// The caller's name for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// The caller's metadata.
        #[serde(default, skip_serializing_if = "Metadata::is_empty")]
        metadata: Metadata,
        /// What placed it and alone may end it; whoever asks for it when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manager: Option<HoldManager>,
        /// What of it counts towards its owner's limits; nothing when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Box<Usage>>,
    },
    /// All or a part was settled by a transaction.
    HoldCaptured {
        /// Whose money was reserved.
        source: Holder,
        /// Which asset.
        asset: AssetCode,
        /// Who receives it.
        destination: Holder,
        /// How much was settled.
        amount: Amount,
        /// How much became available again; nothing when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        released: Option<Amount>,
        /// How much stays reserved; nothing when absent, and the hold is finished.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remaining: Option<Amount>,
        /// The transaction that moved it.
        transaction: TransactionId,
        /// What of the part that became available again had counted; nothing when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Box<Usage>>,
    },
    /// What was left was given back.
    HoldVoided {
        /// Whose money was reserved.
        source: Holder,
        /// Which asset.
        asset: AssetCode,
        /// How much became available again.
        released: Amount,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
        /// What of it had counted; nothing when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Box<Usage>>,
    },
    /// Its time passed and what was left was given back.
    HoldExpired {
        /// Whose money was reserved.
        source: Holder,
        /// Which asset.
        asset: AssetCode,
        /// How much became available again.
        released: Amount,
        /// What of it had counted; nothing when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Box<Usage>>,
    },
}

impl HoldEvent {
    /// The account whose money is reserved or was.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        match self {
            Self::HoldPlaced { source, asset, .. }
            | Self::HoldCaptured { source, asset, .. }
            | Self::HoldVoided { source, asset, .. }
            | Self::HoldExpired { source, asset, .. } => source.account(*asset),
        }
    }

    /// What it does to limits.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            Self::HoldPlaced { usage, .. }
            | Self::HoldCaptured { usage, .. }
            | Self::HoldVoided { usage, .. }
            | Self::HoldExpired { usage, .. } => usage.as_deref(),
        }
    }

    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::HoldPlaced { .. } => "HoldPlaced",
            Self::HoldCaptured { .. } => "HoldCaptured",
            Self::HoldVoided { .. } => "HoldVoided",
            Self::HoldExpired { .. } => "HoldExpired",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        match self {
            Self::HoldPlaced { .. }
            | Self::HoldCaptured { .. }
            | Self::HoldVoided { .. }
            | Self::HoldExpired { .. } => "1",
        }
    }
}
