//! The rules of ledgers.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::identifier::TierName;
use crate::limit::{RequestedTier, Tier};
use crate::money::{Amount, Asset, AssetCode, AssetKind, MAX_SCALE};
use crate::posting::Overdraft;
use crate::wallet::RequestedOverdraft;

use super::command::{LedgerCommand, RequestedPolicy};
use super::event::LedgerEvent;
use super::rejection::LedgerRejection;
use super::state::{Ledger, OpenLedger, PaymentPolicy, SystemAccount};

impl Ledger {
    /// What happens when `command` is carried out.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &LedgerCommand) -> Result<LedgerEvent, LedgerRejection> {
        match self {
            Self::Absent => match command {
                LedgerCommand::Open {
                    name,
                    system_accounts,
                } => {
                    check_names(system_accounts)?;
                    Ok(LedgerEvent::LedgerOpened {
                        name: *name,
                        system_accounts: system_accounts.clone(),
                    })
                }
                LedgerCommand::RegisterAsset { .. }
                | LedgerCommand::OpenSystemAccount { .. }
                | LedgerCommand::SetTier { .. }
                | LedgerCommand::SetDefaultTier { .. }
                | LedgerCommand::SetPaymentPolicy { .. } => Err(LedgerRejection::NotFound {}),
            },
            Self::Open(open) => match command {
                LedgerCommand::Open { .. } => Err(LedgerRejection::Exists { ledger: open.name }),
                LedgerCommand::RegisterAsset { code, scale } => register_asset(
                    open,
                    Asset {
                        code: *code,
                        scale: *scale,
                        kind: AssetKind::Custom,
                    },
                ),
                LedgerCommand::OpenSystemAccount { name, normal_side } => open_system_account(
                    open,
                    SystemAccount {
                        name: *name,
                        normal_side: *normal_side,
                    },
                ),
                LedgerCommand::SetTier { tier, rules } => set_tier(open, *tier, rules),
                LedgerCommand::SetDefaultTier { tier } => set_default_tier(open, *tier),
                LedgerCommand::SetPaymentPolicy { asset, policy } => {
                    set_payment_policy(open, *asset, policy)
                }
            },
        }
    }
}

fn check_names(system_accounts: &[SystemAccount]) -> Result<(), LedgerRejection> {
    let mut names = BTreeSet::new();
    match system_accounts
        .iter()
        .find(|account| !names.insert(account.name))
    {
        Some(repeated) => Err(LedgerRejection::SystemAccountExists {
            name: repeated.name,
        }),
        None => Ok(()),
    }
}

fn register_asset(open: &OpenLedger, asset: Asset) -> Result<LedgerEvent, LedgerRejection> {
    if let Some(known) = open.assets.get(&asset.code) {
        return Err(LedgerRejection::AssetExists {
            asset: known.code,
            scale: known.scale,
        });
    }
    if asset.scale > MAX_SCALE {
        return Err(LedgerRejection::AssetScaleOutOfRange {
            asset: asset.code,
            scale: asset.scale,
        });
    }
    Ok(LedgerEvent::AssetRegistered { asset })
}

fn open_system_account(
    open: &OpenLedger,
    account: SystemAccount,
) -> Result<LedgerEvent, LedgerRejection> {
    if open.system_accounts.contains_key(&account.name) {
        return Err(LedgerRejection::SystemAccountExists { name: account.name });
    }
    Ok(LedgerEvent::SystemAccountOpened { account })
}

fn set_tier(
    open: &OpenLedger,
    tier: TierName,
    requested: &RequestedTier,
) -> Result<LedgerEvent, LedgerRejection> {
    let mut assets = BTreeMap::new();
    for (code, limits) in &requested.assets {
        let asset = open
            .assets
            .get(code)
            .ok_or(LedgerRejection::AssetNotFound { asset: *code })?;
        let checked = limits.checked(asset.scale);
        let limits = checked.map_err(|error| LedgerRejection::TierNotAnAmount {
            tier,
            asset: *code,
            reason: error.to_string(),
        })?;
        assets.insert(*code, limits);
    }
    let rules = Tier {
        operations: requested.operations.clone(),
        assets,
        other_assets: requested.other_assets,
        utc_offset_minutes: requested.utc_offset_minutes,
    };
    Ok(LedgerEvent::TierSet { tier, rules })
}

fn set_default_tier(open: &OpenLedger, tier: TierName) -> Result<LedgerEvent, LedgerRejection> {
    if open.tiers.contains_key(&tier) {
        Ok(LedgerEvent::DefaultTierSet { tier })
    } else {
        Err(LedgerRejection::TierNotFound { tier })
    }
}

fn set_payment_policy(
    open: &OpenLedger,
    code: AssetCode,
    requested: &RequestedPolicy,
) -> Result<LedgerEvent, LedgerRejection> {
    let asset = open
        .assets
        .get(&code)
        .ok_or(LedgerRejection::AssetNotFound { asset: code })?;
    let amount = |value: Decimal| {
        Amount::try_new(value, asset.scale).map_err(|error| LedgerRejection::PolicyNotAnAmount {
            asset: code,
            reason: error.to_string(),
        })
    };
    let chargeback_overdraft = match requested.chargeback_overdraft {
        RequestedOverdraft::Forbidden => Overdraft::Forbidden,
        RequestedOverdraft::UpTo(limit) => Overdraft::UpTo(amount(limit)?),
        RequestedOverdraft::Unlimited => Overdraft::Unlimited,
    };
    let policy = PaymentPolicy {
        chargeback_overdraft,
        payout_approval_above: requested.payout_approval_above.map(amount).transpose()?,
    };
    Ok(LedgerEvent::PaymentPolicySet {
        asset: code,
        policy,
    })
}
