//! What the crate's tests are built from: short ways to write ids, amounts, times and standings.

mod outside;

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::annotation::{Metadata, Reference};
use crate::identifier::{AccountId, HoldId, Holder, OwnerId, TransactionId, WalletId};
use crate::money::{Amount, Asset, AssetCode, AssetRegistry, Total};
use crate::posting::{
    HolderStanding, NormalSide, Overdraft, Posting, RequestedPosting, Standing, Standings, Totals,
    WalletStatus,
};
use crate::timestamp::Timestamp;

pub(crate) use outside::*;

/// The text as whatever it is the text of.
pub(crate) fn parsed<T>(text: &str) -> T
where
    T: FromStr,
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub(crate) fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

pub(crate) fn amount(text: &str) -> Amount {
    parsed(text)
}

pub(crate) fn total(text: &str) -> Total {
    Total::try_new(decimal(text)).unwrap()
}

pub(crate) fn asset_code(text: &str) -> AssetCode {
    parsed(text)
}

pub(crate) fn reference(text: &str) -> Reference {
    parsed(text)
}

pub(crate) fn owner(text: &str) -> OwnerId {
    parsed(text)
}

/// The time this many seconds into 2026.
pub(crate) fn at(seconds: i64) -> Timestamp {
    parsed::<Timestamp>("2026-01-01T00:00:00Z")
        .checked_add(chrono::TimeDelta::seconds(seconds))
        .unwrap()
}

pub(crate) fn wallet_id(number: u128) -> WalletId {
    WalletId::new(Uuid::from_u128(number))
}

pub(crate) fn transaction_id(number: u128) -> TransactionId {
    TransactionId::new(Uuid::from_u128(number))
}

pub(crate) fn hold_id(number: u128) -> HoldId {
    HoldId::new(Uuid::from_u128(number))
}

pub(crate) fn wallet(number: u128) -> Holder {
    Holder::Wallet(wallet_id(number))
}

pub(crate) fn system(name: &str) -> Holder {
    Holder::System(parsed(name))
}

pub(crate) fn metadata(entries: &[(&str, &str)]) -> Metadata {
    let entries: BTreeMap<String, String> = entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Metadata::try_from(entries).unwrap()
}

pub(crate) fn requested(
    source: Holder,
    destination: Holder,
    asset: &str,
    amount: &str,
) -> RequestedPosting {
    RequestedPosting {
        source,
        destination,
        asset: asset_code(asset),
        amount: decimal(amount),
    }
}

pub(crate) fn posting(source: Holder, destination: Holder, asset: &str, text: &str) -> Posting {
    Posting {
        source,
        destination,
        asset: asset_code(asset),
        amount: amount(text),
    }
}

pub(crate) fn totals(debits: &str, credits: &str) -> Totals {
    Totals {
        debits: total(debits),
        credits: total(credits),
    }
}

/// A wallet's account with this much credited and nothing else.
pub(crate) fn funded(balance: &str) -> Standing {
    Standing {
        holder: HolderStanding::Wallet {
            status: WalletStatus::Open,
            overdraft: Overdraft::Forbidden,
        },
        posted: totals("0", balance),
        pending_debits: Total::ZERO,
    }
}

pub(crate) fn with_status(standing: Standing, status: WalletStatus) -> Standing {
    let overdraft = match standing.holder {
        HolderStanding::Wallet { overdraft, .. } => overdraft,
        HolderStanding::System { .. } => Overdraft::Forbidden,
    };
    Standing {
        holder: HolderStanding::Wallet { status, overdraft },
        ..standing
    }
}

pub(crate) fn with_overdraft(standing: Standing, overdraft: Overdraft) -> Standing {
    Standing {
        holder: HolderStanding::Wallet {
            status: WalletStatus::Open,
            overdraft,
        },
        ..standing
    }
}

pub(crate) fn with_pending(standing: Standing, pending: &str) -> Standing {
    Standing {
        pending_debits: total(pending),
        ..standing
    }
}

/// A system account of which nothing has moved.
pub(crate) fn system_standing() -> Standing {
    Standing {
        holder: HolderStanding::System {
            normal_side: NormalSide::Debit,
        },
        posted: Totals::default(),
        pending_debits: Total::ZERO,
    }
}

pub(crate) fn standard_asset(code: &str) -> Asset {
    AssetRegistry::default().get(&asset_code(code)).unwrap()
}

/// The standings of these accounts and of INR, USD and JPY.
pub(crate) fn standings(accounts: &[(Holder, &str, Standing)]) -> Standings {
    let assets = ["INR", "USD", "JPY"].map(standard_asset).to_vec();
    let accounts = accounts
        .iter()
        .map(|(holder, asset, standing)| (holder.account(asset_code(asset)), *standing))
        .collect();
    Standings::new(assets, accounts)
}

pub(crate) fn account(holder: Holder, asset: &str) -> AccountId {
    holder.account(asset_code(asset))
}

/// Given these events, when this command is carried out: the one event it leads to, or the refusal.
pub(crate) fn outcome<A>(given: &[A::Event], command: A::Command) -> Result<A::Event, A::Error>
where
    A: cqrs_es::Aggregate<Services = ()>,
{
    let mut events = cqrs_es::test::TestFramework::<A>::with(())
        .given(given.to_vec())
        .when(command)
        .inspect_result()?;
    assert_eq!(events.len(), 1, "{events:?}");
    Ok(events.remove(0))
}
