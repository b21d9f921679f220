//! The rules of wallets.

use std::collections::BTreeMap;

use crate::identifier::{AccountId, WalletId};
use crate::money::{Amount, AssetCode, Balance};
use crate::posting::{FreezeScope, Overdraft, Standing, Standings};

use super::command::{RequestedOverdraft, WalletCommand};
use super::event::WalletEvent;
use super::rejection::WalletRejection;
use super::state::Wallet;

impl Wallet {
    /// What happens when `command` is carried out.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &WalletCommand) -> Result<WalletEvent, WalletRejection> {
        match self {
            Self::Absent => decide_absent(command),
            Self::Open(_) => decide_open(command),
            Self::Frozen(_, scope) => decide_frozen(*scope, command),
            Self::Closed(_) => Err(decide_closed(command)),
        }
    }
}

fn decide_absent(command: &WalletCommand) -> Result<WalletEvent, WalletRejection> {
    match command {
        WalletCommand::Open {
            owner,
            overdraft,
            reference,
            metadata,
            standings,
            ..
        } => Ok(WalletEvent::WalletOpened {
            owner: owner.clone(),
            overdraft: decide_overdrafts(overdraft, standings)?,
            reference: reference.clone(),
            metadata: metadata.clone(),
        }),
        WalletCommand::Freeze { wallet, .. }
        | WalletCommand::Unfreeze { wallet, .. }
        | WalletCommand::SetOverdraft { wallet, .. }
        | WalletCommand::Close { wallet, .. } => Err(WalletRejection::NotFound { wallet: *wallet }),
    }
}

fn decide_open(command: &WalletCommand) -> Result<WalletEvent, WalletRejection> {
    match command {
        WalletCommand::Open { wallet, .. } => Err(WalletRejection::Exists { wallet: *wallet }),
        WalletCommand::Freeze { scope, reason, .. } => Ok(WalletEvent::WalletFrozen {
            scope: *scope,
            reason: reason.clone(),
        }),
        WalletCommand::Unfreeze { wallet, .. } => {
            Err(WalletRejection::NotFrozen { wallet: *wallet })
        }
        WalletCommand::SetOverdraft {
            asset,
            overdraft,
            standings,
            ..
        } => set_overdraft(*asset, *overdraft, standings),
        WalletCommand::Close {
            reason, accounts, ..
        } => {
            check_empty(accounts)?;
            Ok(WalletEvent::WalletClosed {
                reason: reason.clone(),
            })
        }
    }
}

fn decide_frozen(
    current: FreezeScope,
    command: &WalletCommand,
) -> Result<WalletEvent, WalletRejection> {
    match command {
        WalletCommand::Open { wallet, .. } => Err(WalletRejection::Exists { wallet: *wallet }),
        WalletCommand::Freeze { wallet, scope, .. } if *scope == current => {
            Err(WalletRejection::AlreadyFrozen {
                wallet: *wallet,
                scope: current,
            })
        }
        WalletCommand::Freeze { scope, reason, .. } => Ok(WalletEvent::WalletFrozen {
            scope: *scope,
            reason: reason.clone(),
        }),
        WalletCommand::Unfreeze { reason, .. } => Ok(WalletEvent::WalletUnfrozen {
            reason: reason.clone(),
        }),
        WalletCommand::SetOverdraft {
            asset,
            overdraft,
            standings,
            ..
        } => set_overdraft(*asset, *overdraft, standings),
        WalletCommand::Close { wallet, .. } => Err(WalletRejection::Frozen {
            wallet: *wallet,
            scope: current,
        }),
    }
}

fn decide_closed(command: &WalletCommand) -> WalletRejection {
    let wallet: WalletId = command.wallet();
    match command {
        WalletCommand::Open { .. } => WalletRejection::Exists { wallet },
        WalletCommand::Freeze { .. }
        | WalletCommand::Unfreeze { .. }
        | WalletCommand::SetOverdraft { .. }
        | WalletCommand::Close { .. } => WalletRejection::Closed { wallet },
    }
}

fn set_overdraft(
    asset: AssetCode,
    overdraft: RequestedOverdraft,
    standings: &Standings,
) -> Result<WalletEvent, WalletRejection> {
    let overdraft = decide_overdraft(asset, overdraft, standings)?;
    Ok(WalletEvent::WalletOverdraftSet { asset, overdraft })
}

fn decide_overdrafts(
    requested: &[(AssetCode, RequestedOverdraft)],
    standings: &Standings,
) -> Result<BTreeMap<AssetCode, Overdraft>, WalletRejection> {
    let mut decided = BTreeMap::new();
    for (asset, overdraft) in requested {
        match decide_overdraft(*asset, *overdraft, standings)? {
            Overdraft::Forbidden => decided.remove(asset),
            allowed @ (Overdraft::UpTo(_) | Overdraft::Unlimited) => {
                decided.insert(*asset, allowed)
            }
        };
    }
    Ok(decided)
}

fn decide_overdraft(
    code: AssetCode,
    requested: RequestedOverdraft,
    standings: &Standings,
) -> Result<Overdraft, WalletRejection> {
    let asset = standings
        .asset(&code)
        .ok_or(WalletRejection::AssetNotFound { asset: code })?;
    match requested {
        RequestedOverdraft::Forbidden => Ok(Overdraft::Forbidden),
        RequestedOverdraft::Unlimited => Ok(Overdraft::Unlimited),
        RequestedOverdraft::UpTo(limit) => Amount::try_new(limit, asset.scale)
            .map(Overdraft::UpTo)
            .map_err(|error| WalletRejection::from_amount(&error, code)),
    }
}

fn check_empty(accounts: &[(AccountId, Standing)]) -> Result<(), WalletRejection> {
    for (account, standing) in accounts {
        if !standing.pending_debits.is_zero() {
            let pending_debits = standing.pending_debits.value();
            return Err(WalletRejection::HasHolds {
                account: *account,
                pending_debits,
            });
        }
    }
    for (account, standing) in accounts {
        let posted = standing.posted;
        if posted.credits != posted.debits {
            let balance = standing.balance().map(Balance::value).unwrap_or_default();
            return Err(WalletRejection::NotEmpty {
                account: *account,
                balance,
            });
        }
    }
    Ok(())
}
