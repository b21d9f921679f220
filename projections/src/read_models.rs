//! The read models, one file each.

pub mod accounts;
pub mod activity;
pub mod holds;
pub mod ledgers;
pub mod onboardings;
pub mod payments;
pub mod statements;
pub mod transactions;
pub mod verification;
pub mod wallets;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ledger_core::Position;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::read_model::{FoldError, ReadModel};

/// The read models, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadModelName {
    /// Ledgers, their assets and system accounts.
    Ledgers,
    /// Totals of every account.
    Accounts,
    /// Entries with running balances.
    Statements,
    /// Transactions.
    Transactions,
    /// Holds.
    Holds,
    /// Wallets and the statistics of their owners.
    Wallets,
    /// Counts and volumes by the hour.
    Activity,
    /// Payments, payouts, beneficiaries and settlements.
    Payments,
    /// Verification cases, and how far they come.
    Verification,
    /// Onboardings.
    Onboardings,
}

/// There is no read model of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no read model {0:?}; there are ledgers, accounts, statements, transactions, holds, wallets, activity, payments, verification and onboardings"
)]
pub struct UnknownReadModel(String);

impl ReadModelName {
    /// Every read model.
    pub const ALL: [Self; 10] = [
        Self::Ledgers,
        Self::Accounts,
        Self::Statements,
        Self::Transactions,
        Self::Holds,
        Self::Wallets,
        Self::Activity,
        Self::Payments,
        Self::Verification,
        Self::Onboardings,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.read_model().name()
    }

    /// The read model itself.
    #[must_use]
    pub const fn read_model(self) -> &'static dyn ReadModel {
        match self {
            Self::Ledgers => &ledgers::Ledgers,
            Self::Accounts => &accounts::Accounts,
            Self::Statements => &statements::Statements,
            Self::Transactions => &transactions::Transactions,
            Self::Holds => &holds::Holds,
            Self::Wallets => &wallets::Wallets,
            Self::Activity => &activity::Activity,
            Self::Payments => &payments::Payments,
            Self::Verification => &verification::Verification,
            Self::Onboardings => &onboardings::Onboardings,
        }
    }
}

impl fmt::Display for ReadModelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ReadModelName {
    type Err = UnknownReadModel;

    fn from_str(text: &str) -> Result<Self, UnknownReadModel> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| UnknownReadModel(text.to_owned()))
    }
}

/// Checks that every change met the row that it changes, given with the event's position. An event
/// about something that is not there is not one Daybook wrote; passing over it would lose it.
fn check_met(met: Vec<Uuid>, changed: &[(Uuid, Position)]) -> Result<(), FoldError> {
    let met: BTreeSet<Uuid> = met.into_iter().collect();
    let lost = changed
        .iter()
        .filter(|(id, _)| !met.contains(id))
        .min_by_key(|(_, position)| *position);
    match lost {
        None => Ok(()),
        Some((id, position)) => Err(FoldError::Event {
            position: *position,
            reason: format!("{id} is not known"),
        }),
    }
}

/// A sum that is never rounded: what does not fit 28 digits is kept in several parts, which
/// PostgreSQL, whose numbers are wider, adds up.
#[derive(Debug, Default)]
struct ExactSum(Vec<Decimal>);

impl ExactSum {
    fn add(&mut self, amount: Decimal) {
        let exact = self.0.last().and_then(|part| {
            let sum = part.checked_add(amount)?;
            // `rust_decimal` drops decimals instead of failing when the digits run out.
            (sum.scale() == part.scale().max(amount.scale())).then_some(sum)
        });
        match (self.0.last_mut(), exact) {
            (Some(part), Some(sum)) => *part = sum,
            (_, _) => self.0.push(amount),
        }
    }

    /// The parts, at least one.
    fn into_parts(self) -> Vec<Decimal> {
        if self.0.is_empty() {
            return vec![Decimal::ZERO];
        }
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Decimal, ExactSum};

    #[test]
    fn a_sum_beyond_28_digits_is_kept_in_parts() {
        let large: Decimal = "70000000000.000000000000000001".parse().unwrap();
        let mut sum = ExactSum::default();
        for amount in [large, large, Decimal::ONE, large] {
            sum.add(amount);
        }
        let parts = sum.into_parts();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[1], large + Decimal::ONE);
        assert_eq!(ExactSum::default().into_parts(), [Decimal::ZERO]);
    }
}
