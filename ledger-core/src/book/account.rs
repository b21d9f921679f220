//! An account's totals, and what an event does to them.

use crate::money::{Amount, AssetCode, Total};
use crate::posting::Totals;

/// What has moved through an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountTotals {
    /// Settled debits and credits.
    pub posted: Totals,
    /// Debits reserved by active holds.
    pub pending_debits: Total,
}

/// What one event does to one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Debit(Amount),
    Credit(Amount),
    Reserve(Amount),
    Release(Amount),
}

impl AccountTotals {
    pub(super) fn after(self, change: Change) -> Option<Self> {
        let mut next = self;
        match change {
            Change::Debit(amount) => next.posted.debits = self.posted.debits.checked_add(amount)?,
            Change::Credit(amount) => {
                next.posted.credits = self.posted.credits.checked_add(amount)?;
            }
            Change::Reserve(amount) => {
                next.pending_debits = self.pending_debits.checked_add(amount)?;
            }
            Change::Release(amount) => {
                next.pending_debits = self.pending_debits.checked_sub(amount)?;
            }
        }
        Some(next)
    }
}

/// The accounts of one holder: a short list, because a wallet has a handful of assets.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts(Vec<(AssetCode, AccountTotals)>);

impl Accounts {
    pub(super) fn get(&self, asset: AssetCode) -> Option<&AccountTotals> {
        self.0
            .iter()
            .find(|(known, _)| *known == asset)
            .map(|(_, totals)| totals)
    }

    pub(super) fn set(&mut self, asset: AssetCode, totals: AccountTotals) {
        match self.0.iter_mut().find(|(known, _)| *known == asset) {
            Some((_, place)) => *place = totals,
            None => self.0.push((asset, totals)),
        }
    }

    pub(super) fn remove(&mut self, asset: AssetCode) {
        self.0.retain(|(known, _)| *known != asset);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(AssetCode, AccountTotals)> {
        self.0.iter()
    }
}
