//! The trial balance: the debits and credits of all accounts of each asset.

use std::collections::BTreeMap;

use crate::identifier::AccountId;
use crate::money::{AssetCode, Balance, add_exact};
use crate::posting::Totals;

use rust_decimal::Decimal;

use super::Book;

/// The sum of all debits and of all credits, by asset. The books balance when they are equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrialBalance {
    /// Debits and credits by asset.
    pub assets: BTreeMap<AssetCode, (Decimal, Decimal)>,
}

impl TrialBalance {
    /// Adds accounts up; `None` when a sum cannot be kept exactly.
    pub fn of(accounts: impl IntoIterator<Item = (AccountId, Totals)>) -> Option<Self> {
        let mut assets: BTreeMap<AssetCode, (Decimal, Decimal)> = BTreeMap::new();
        for (account, totals) in accounts {
            let (debits, credits) = assets.entry(account.asset).or_default();
            *debits = add_exact(*debits, totals.debits.value())?;
            *credits = add_exact(*credits, totals.credits.value())?;
        }
        Some(Self { assets })
    }

    /// The first asset whose debits and credits differ.
    #[must_use]
    pub fn first_difference(&self) -> Option<AssetCode> {
        self.assets
            .iter()
            .find(|(_, (debits, credits))| debits != credits)
            .map(|(asset, _)| *asset)
    }
}

impl Book {
    /// The trial balance of a complete book; `None` when a sum cannot be kept exactly.
    #[must_use]
    pub fn trial_balance(&self) -> Option<TrialBalance> {
        TrialBalance::of(
            self.accounts()
                .map(|(account, totals)| (account, totals.posted)),
        )
    }

    /// The balance of an account as credits less debits, whatever its normal side.
    #[must_use]
    pub fn credit_balance(&self, account: AccountId) -> Option<Balance> {
        let posted = self.standing(account)?.posted;
        Balance::difference(posted.credits, posted.debits)
    }
}
