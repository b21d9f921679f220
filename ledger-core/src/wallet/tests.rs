//! Tests of wallets.

mod rules;
mod table;

use std::collections::BTreeMap;

use super::*;
use crate::annotation::Metadata;
use crate::fixtures::{asset_code, decimal, owner, reference, standings, wallet_id};
use crate::identifier::AccountId;
use crate::posting::{FreezeScope, Overdraft, Standing};

const WALLET: u128 = 1;

fn opened() -> WalletEvent {
    opened_with(BTreeMap::new())
}

fn opened_with(overdraft: BTreeMap<crate::money::AssetCode, Overdraft>) -> WalletEvent {
    WalletEvent::WalletOpened {
        owner: owner("alice"),
        overdraft,
        reference: None,
        metadata: Metadata::default(),
    }
}

fn frozen(scope: FreezeScope) -> WalletEvent {
    WalletEvent::WalletFrozen {
        scope,
        reason: None,
    }
}

fn unfrozen() -> WalletEvent {
    WalletEvent::WalletUnfrozen { reason: None }
}

fn overdraft_set(asset: &str, overdraft: Overdraft) -> WalletEvent {
    WalletEvent::WalletOverdraftSet {
        asset: asset_code(asset),
        overdraft,
    }
}

fn closed() -> WalletEvent {
    WalletEvent::WalletClosed { reason: None }
}

fn open(overdraft: &[(&str, RequestedOverdraft)]) -> WalletCommand {
    let named = |(asset, overdraft): &(&str, RequestedOverdraft)| (asset_code(asset), *overdraft);
    WalletCommand::Open {
        wallet: wallet_id(WALLET),
        owner: owner("alice"),
        overdraft: overdraft.iter().map(named).collect(),
        reference: None,
        metadata: Metadata::default(),
        standings: standings(&[]),
    }
}

fn freeze(scope: FreezeScope) -> WalletCommand {
    WalletCommand::Freeze {
        wallet: wallet_id(WALLET),
        scope,
        reason: Some(reference("court order")),
    }
}

fn unfreeze() -> WalletCommand {
    WalletCommand::Unfreeze {
        wallet: wallet_id(WALLET),
        reason: Some(reference("lifted")),
    }
}

fn set_overdraft(asset: &str, overdraft: RequestedOverdraft) -> WalletCommand {
    WalletCommand::SetOverdraft {
        wallet: wallet_id(WALLET),
        asset: asset_code(asset),
        overdraft,
        standings: standings(&[]),
    }
}

fn up_to(limit: &str) -> RequestedOverdraft {
    RequestedOverdraft::UpTo(decimal(limit))
}

fn close(accounts: Vec<(AccountId, Standing)>) -> WalletCommand {
    WalletCommand::Close {
        wallet: wallet_id(WALLET),
        reason: None,
        accounts,
    }
}
