//! What a hold is, folded from its events.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{AccountId, Holder};
use crate::limit::{CountedFlow, Usage};
use crate::money::{Amount, AssetCode};
use crate::timestamp::Timestamp;

use super::event::{HoldEvent, HoldManager};

/// A hold's state, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldStatus {
    /// Its amount, or what captures have left of it, is reserved.
    Active,
    /// Captured; nothing is reserved any more.
    Captured,
    /// Voided.
    Voided,
    /// Its time passed.
    Expired,
}

impl HoldStatus {
    /// The name, as stored in read models.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Captured => "captured",
            Self::Voided => "voided",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for HoldStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A hold that reserves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveHold {
    /// Whose money is reserved.
    pub source: Holder,
    /// Which asset.
    pub asset: AssetCode,
    /// How much is still reserved.
    pub remaining: Amount,
    /// Who receives what is captured, unless the capture names somebody else.
    pub destination: Option<Holder>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// What alone may capture and void it; whoever asks for it when absent.
    #[serde(default)]
    pub manager: Option<HoldManager>,
    /// What counted towards its owner's limits when it was placed.
    #[serde(default)]
    pub counted: Option<Box<CountedFlow>>,
}

impl ActiveHold {
    /// The account whose money is reserved.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.source.account(self.asset)
    }

    /// What no longer counts when so much of it becomes available again.
    pub(super) fn given_back(&self, released: Amount) -> Option<Box<Usage>> {
        let counted = self.counted.as_deref().map(|counted| CountedFlow {
            amount: released,
            ..*counted
        });
        Usage::given_back(counted.into_iter().collect())
    }
}

/// A hold's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Hold {
    /// Not placed.
    #[default]
    Absent,
    /// Reserving.
    Active(ActiveHold),
    /// Finished by a capture.
    Captured,
    /// Given back on request.
    Voided,
    /// Given back because its time passed.
    Expired,
}

impl Hold {
    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &HoldEvent) -> Result<Self, IllegalEvent> {
        match (self, event) {
            (
                Self::Absent,
                HoldEvent::HoldPlaced {
                    source,
                    asset,
                    amount,
                    destination,
                    expires_at,
                    manager,
                    usage,
                    ..
                },
            ) => Ok(Self::Active(ActiveHold {
                source: *source,
                asset: *asset,
                remaining: *amount,
                destination: *destination,
                expires_at: *expires_at,
                manager: *manager,
                counted: usage
                    .as_ref()
                    .and_then(|usage| usage.counted.first().copied())
                    .map(Box::new),
            })),
            (Self::Active(hold), HoldEvent::HoldCaptured { remaining, .. }) => {
                Ok(match remaining {
                    Some(remaining) => Self::Active(ActiveHold {
                        remaining: *remaining,
                        ..hold.clone()
                    }),
                    None => Self::Captured,
                })
            }
            (Self::Active(_), HoldEvent::HoldVoided { .. }) => Ok(Self::Voided),
            (Self::Active(_), HoldEvent::HoldExpired { .. }) => Ok(Self::Expired),
            (
                Self::Absent | Self::Active(_) | Self::Captured | Self::Voided | Self::Expired,
                HoldEvent::HoldPlaced { .. }
                | HoldEvent::HoldCaptured { .. }
                | HoldEvent::HoldVoided { .. }
                | HoldEvent::HoldExpired { .. },
            ) => Err(IllegalEvent {
                event: event.name(),
                state: self.name(),
            }),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::Active(_) => "Active",
            Self::Captured => "Captured",
            Self::Voided => "Voided",
            Self::Expired => "Expired",
        }
    }
}
