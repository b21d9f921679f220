//! What a ledger is, folded from its events.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{LedgerName, SystemAccountName, TierName};
use crate::limit::Tier;
use crate::money::{Amount, AssetCode, AssetRegistry};
use crate::posting::{NormalSide, Overdraft};

use super::event::LedgerEvent;

/// One of the platform's own accounts; it can hold any asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemAccount {
    /// Its name, such as `cash`.
    pub name: SystemAccountName,
    /// The side on which its balance grows.
    pub normal_side: NormalSide,
}

/// What a ledger lets payments and payouts of one asset do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentPolicy {
    /// How far below zero a chargeback, or a refund that was made at the provider, may take the
    /// wallet; what exceeds it is the platform's loss.
    #[serde(default)]
    pub chargeback_overdraft: Overdraft,
    /// Payouts of more than this need a second person; none does when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout_approval_above: Option<Amount>,
}

/// An open ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLedger {
    /// Its name.
    pub name: LedgerName,
    /// The assets it knows.
    pub assets: AssetRegistry,
    /// Its system accounts and the side on which each grows.
    pub system_accounts: BTreeMap<SystemAccountName, NormalSide>,
    /// What payments and payouts may do, by asset; [`PaymentPolicy::default`] where not set.
    #[serde(default)]
    pub payment_policies: BTreeMap<AssetCode, PaymentPolicy>,
    /// What the owners in each tier may do; no limits at all while there are none.
    #[serde(default)]
    pub tiers: BTreeMap<TierName, Tier>,
    /// The tier of owners to whom none was granted; without limits when absent.
    #[serde(default)]
    pub default_tier: Option<TierName>,
}

/// A ledger's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Ledger {
    /// Not opened.
    #[default]
    Absent,
    /// Open.
    Open(OpenLedger),
}

impl Ledger {
    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &LedgerEvent) -> Result<Self, IllegalEvent> {
        match (self, event) {
            (
                Self::Absent,
                LedgerEvent::LedgerOpened {
                    name,
                    system_accounts,
                },
            ) => Ok(Self::Open(OpenLedger {
                name: *name,
                assets: AssetRegistry::default(),
                system_accounts: system_accounts
                    .iter()
                    .map(|account| (account.name, account.normal_side))
                    .collect(),
                payment_policies: BTreeMap::new(),
                tiers: BTreeMap::new(),
                default_tier: None,
            })),
            (Self::Open(open), LedgerEvent::AssetRegistered { asset }) => {
                let mut next = open.clone();
                next.assets.register(*asset);
                Ok(Self::Open(next))
            }
            (Self::Open(open), LedgerEvent::SystemAccountOpened { account }) => {
                let mut next = open.clone();
                next.system_accounts
                    .insert(account.name, account.normal_side);
                Ok(Self::Open(next))
            }
            (Self::Open(open), LedgerEvent::PaymentPolicySet { asset, policy }) => {
                let mut next = open.clone();
                next.payment_policies.insert(*asset, *policy);
                Ok(Self::Open(next))
            }
            (Self::Open(open), LedgerEvent::TierSet { tier, rules }) => {
                let mut next = open.clone();
                next.tiers.insert(*tier, rules.clone());
                Ok(Self::Open(next))
            }
            (Self::Open(open), LedgerEvent::DefaultTierSet { tier }) => {
                let mut next = open.clone();
                next.default_tier = Some(*tier);
                Ok(Self::Open(next))
            }
            (Self::Absent, _) => Err(IllegalEvent {
                event: event.name(),
                state: "Absent",
            }),
            (Self::Open(_), LedgerEvent::LedgerOpened { .. }) => Err(IllegalEvent {
                event: event.name(),
                state: "Open",
            }),
        }
    }
}
