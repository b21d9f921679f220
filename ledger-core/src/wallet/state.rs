//! What a wallet is, folded from its events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::money::AssetCode;
use crate::posting::{FreezeScope, Overdraft, WalletStatus};

use super::event::WalletEvent;

/// What decisions ask of a wallet, whether it is open, frozen or closed. Not its owner: no decision
/// depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpenWallet {
    /// How far it may be overdrawn, by asset; assets not named may not.
    pub overdraft: BTreeMap<AssetCode, Overdraft>,
}

/// A wallet's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Wallet {
    /// Not opened.
    #[default]
    Absent,
    /// Open.
    Open(OpenWallet),
    /// Frozen for some directions.
    Frozen(OpenWallet, FreezeScope),
    /// Ended.
    Closed(OpenWallet),
}

impl Wallet {
    /// What the state allows, or `None` when there is no wallet.
    #[must_use]
    pub fn status(&self) -> Option<WalletStatus> {
        match self {
            Self::Absent => None,
            Self::Open(_) => Some(WalletStatus::Open),
            Self::Frozen(_, scope) => Some(WalletStatus::Frozen(*scope)),
            Self::Closed(_) => Some(WalletStatus::Closed),
        }
    }

    /// How far its account in `asset` may be overdrawn.
    #[must_use]
    pub fn overdraft(&self, asset: &AssetCode) -> Overdraft {
        match self {
            Self::Absent => Overdraft::Forbidden,
            Self::Open(wallet) | Self::Frozen(wallet, _) | Self::Closed(wallet) => {
                wallet.overdraft.get(asset).copied().unwrap_or_default()
            }
        }
    }

    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &WalletEvent) -> Result<Self, IllegalEvent> {
        match (self, event) {
            (Self::Absent, WalletEvent::WalletOpened { overdraft, .. }) => {
                Ok(Self::Open(OpenWallet {
                    overdraft: overdraft.clone(),
                }))
            }
            (
                Self::Open(wallet) | Self::Frozen(wallet, _),
                WalletEvent::WalletFrozen { scope, .. },
            ) => Ok(Self::Frozen(wallet.clone(), *scope)),
            (Self::Frozen(wallet, _), WalletEvent::WalletUnfrozen { .. }) => {
                Ok(Self::Open(wallet.clone()))
            }
            (Self::Open(wallet), WalletEvent::WalletOverdraftSet { asset, overdraft }) => {
                Ok(Self::Open(wallet.with_overdraft(*asset, *overdraft)))
            }
            (Self::Frozen(wallet, scope), WalletEvent::WalletOverdraftSet { asset, overdraft }) => {
                Ok(Self::Frozen(
                    wallet.with_overdraft(*asset, *overdraft),
                    *scope,
                ))
            }
            (Self::Open(wallet), WalletEvent::WalletClosed { .. }) => {
                Ok(Self::Closed(wallet.clone()))
            }
            (
                Self::Absent | Self::Open(_) | Self::Frozen(..) | Self::Closed(_),
                WalletEvent::WalletOpened { .. }
                | WalletEvent::WalletFrozen { .. }
                | WalletEvent::WalletUnfrozen { .. }
                | WalletEvent::WalletOverdraftSet { .. }
                | WalletEvent::WalletClosed { .. },
            ) => Err(IllegalEvent {
                event: event.name(),
                state: self.name(),
            }),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::Open(_) => "Open",
            Self::Frozen(..) => "Frozen",
            Self::Closed(_) => "Closed",
        }
    }
}

impl OpenWallet {
    fn with_overdraft(&self, asset: AssetCode, overdraft: Overdraft) -> Self {
        let mut next = self.clone();
        match overdraft {
            Overdraft::Forbidden => next.overdraft.remove(&asset),
            Overdraft::UpTo(_) | Overdraft::Unlimited => next.overdraft.insert(asset, overdraft),
        };
        next
    }
}
