//! What a decision knows of the accounts concerned.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::AccountId;
use crate::money::{Amount, Asset, AssetCode, Balance, Total};

/// The debits and credits of an account, each only ever growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Everything that left through it.
    pub debits: Total,
    /// Everything that arrived through it.
    pub credits: Total,
}

/// The side on which an account's balance grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormalSide {
    /// Debits increase it: what the platform owns (cash, clearing accounts) or has spent.
    Debit,
    /// Credits increase it: what the platform owes (wallets) or has earned.
    Credit,
}

/// What a frozen wallet may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FreezeScope {
    /// Money may not leave; holds may not be placed or captured.
    Debits,
    /// Money may not arrive.
    Credits,
    /// Neither.
    All,
}

impl FreezeScope {
    pub(super) const fn covers(self, side: super::Side) -> bool {
        match (self, side) {
            (Self::All, _)
            | (Self::Debits, super::Side::Source)
            | (Self::Credits, super::Side::Destination) => true,
            (Self::Debits, super::Side::Destination) | (Self::Credits, super::Side::Source) => {
                false
            }
        }
    }
}

impl fmt::Display for FreezeScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Debits => "debits",
            Self::Credits => "credits",
            Self::All => "debits and credits",
        })
    }
}

/// How far below zero an account's available balance may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overdraft {
    /// Not at all.
    #[default]
    Forbidden,
    /// By this much.
    UpTo(Amount),
    /// Without limit.
    Unlimited,
}

/// What a wallet's state allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WalletStatus {
    /// Everything.
    Open,
    /// Not the directions in the scope.
    Frozen(FreezeScope),
    /// Nothing, for ever.
    Closed,
}

/// What bounds an account: its wallet's state and overdraft, or nothing for a system account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HolderStanding {
    /// A wallet's account. Its normal side is credit.
    Wallet {
        /// What the wallet's state allows.
        status: WalletStatus,
        /// How far this account may be overdrawn.
        overdraft: Overdraft,
    },
    /// A system account: mirrors the outside world, so its balance may take either sign.
    System {
        /// The side on which its balance grows.
        normal_side: NormalSide,
    },
}

/// An account as a decision sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What bounds it.
    pub holder: HolderStanding,
    /// Settled debits and credits.
    pub posted: Totals,
    /// Debits reserved by active holds.
    pub pending_debits: Total,
}

impl Standing {
    /// The balance seen from the account's normal side; `None` when it cannot be kept exactly.
    #[must_use]
    pub fn balance(&self) -> Option<Balance> {
        match self.holder {
            HolderStanding::Wallet { .. }
            | HolderStanding::System {
                normal_side: NormalSide::Credit,
            } => Balance::difference(self.posted.credits, self.posted.debits),
            HolderStanding::System {
                normal_side: NormalSide::Debit,
            } => Balance::difference(self.posted.debits, self.posted.credits),
        }
    }
}

/// The assets and accounts that one command concerns, as they stand when it is decided.
///
/// Built by [`crate::book::Book::standings`]; an account that is absent does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standings {
    assets: Vec<Asset>,
    accounts: Vec<(AccountId, Standing)>,
}

impl Standings {
    /// Gathers what is known. Duplicates do no harm.
    #[must_use]
    pub fn new(assets: Vec<Asset>, mut accounts: Vec<(AccountId, Standing)>) -> Self {
        if accounts.len() > 2 {
            accounts.sort_unstable_by_key(|(id, _)| *id);
            accounts.dedup_by_key(|(id, _)| *id);
        }
        Self { assets, accounts }
    }

    /// The asset, if the ledger has it.
    #[must_use]
    pub fn asset(&self, code: &AssetCode) -> Option<Asset> {
        self.assets
            .iter()
            .find(|asset| asset.code == *code)
            .copied()
    }

    /// The same, but no wallet is frozen or bound by an overdraft: for what has happened outside
    /// already. Closed wallets stay closed.
    #[must_use]
    pub(crate) fn without_bounds(mut self) -> Self {
        for (_, standing) in &mut self.accounts {
            if let HolderStanding::Wallet { status, overdraft } = &mut standing.holder {
                *overdraft = Overdraft::Unlimited;
                if let WalletStatus::Frozen(_) = status {
                    *status = WalletStatus::Open;
                }
            }
        }
        self
    }

    /// The account, if its holder exists.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Standing> {
        if self.accounts.len() <= 2 {
            return self
                .accounts
                .iter()
                .find(|(known, _)| known == id)
                .map(|(_, standing)| standing);
        }
        let index = self
            .accounts
            .binary_search_by(|(known, _)| known.cmp(id))
            .ok()?;
        Some(&self.accounts[index].1)
    }
}
