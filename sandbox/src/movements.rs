//! How much moves through accounts: what the events of one command do, and how two courses of things differ.

use std::collections::BTreeMap;

use ledger_core::hold::HoldEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Amount, Event};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A sum is larger than can be kept exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the movements of {0} cannot be added up exactly")]
pub struct TooLarge(pub AccountId);

/// What moves through one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// What leaves through it.
    pub debits: Decimal,
    /// What arrives through it.
    pub credits: Decimal,
    /// What is reserved of it; negative where more is given back.
    pub reserved: Decimal,
}

impl Moved {
    /// Whether nothing does.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.debits.is_zero() && self.credits.is_zero() && self.reserved.is_zero()
    }

    /// Both together; `None` when it cannot be kept exactly.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            debits: self.debits.checked_add(other.debits)?,
            credits: self.credits.checked_add(other.credits)?,
            reserved: self.reserved.checked_add(other.reserved)?,
        })
    }

    /// What this is more than the other.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        Some(Self {
            debits: self.debits.checked_sub(other.debits)?,
            credits: self.credits.checked_sub(other.credits)?,
            reserved: self.reserved.checked_sub(other.reserved)?,
        })
    }
}

/// What moves through accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Movements(BTreeMap<AccountId, Moved>);

impl Movements {
    /// What events do.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Result<Self, TooLarge> {
        let mut movements = Self::default();
        for event in events {
            movements.follow(event)?;
        }
        Ok(movements)
    }

    /// Every account that something moves through.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, Moved)> + '_ {
        self.0.iter().map(|(account, moved)| (*account, *moved))
    }

    /// What moves through an account.
    #[must_use]
    pub fn get(&self, account: AccountId) -> Moved {
        self.0.get(&account).copied().unwrap_or_default()
    }

    /// Adds to an account.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn add(&mut self, account: AccountId, moved: &Moved) -> Result<(), TooLarge> {
        let sum = self.get(account).checked_add(moved);
        self.0.insert(account, sum.ok_or(TooLarge(account))?);
        Ok(())
    }

    fn follow(&mut self, event: &Event) -> Result<(), TooLarge> {
        match event {
            Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }) => {
                for posting in postings {
                    let debits = posting.amount.value();
                    let left = Moved {
                        debits,
                        ..Moved::default()
                    };
                    let arrived = Moved {
                        credits: debits,
                        ..Moved::default()
                    };
                    self.add(posting.debited(), &left)?;
                    self.add(posting.credited(), &arrived)?;
                }
                Ok(())
            }
            Event::Hold(event) => self.follow_hold(event),
            _ => Ok(()),
        }
    }

    fn follow_hold(&mut self, event: &HoldEvent) -> Result<(), TooLarge> {
        let mut reserve = |amount: Decimal| {
            let reserved = Moved {
                reserved: amount,
                ..Moved::default()
            };
            self.add(event.account(), &reserved)
        };
        match event {
            HoldEvent::HoldPlaced { amount, .. } => reserve(amount.value()),
            HoldEvent::HoldCaptured {
                amount, released, ..
            } => {
                reserve(-amount.value())?;
                reserve(-released.map(Amount::value).unwrap_or_default())
            }
            HoldEvent::HoldVoided { released, .. } | HoldEvent::HoldExpired { released, .. } => {
                reserve(-released.value())
            }
        }
    }
}

/// What moved through an account in the source, and in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The account.
    pub account: AccountId,
    /// In the source.
    pub source: Moved,
    /// In the sandbox.
    pub sandbox: Moved,
}

/// The accounts through which another amount moves.
#[must_use]
pub fn compared(source: &Movements, sandbox: &Movements) -> Vec<Compared> {
    let mut accounts: Vec<AccountId> = source.0.keys().chain(sandbox.0.keys()).copied().collect();
    accounts.sort_unstable();
    accounts.dedup();
    let all = accounts.into_iter().map(|account| Compared {
        account,
        source: source.get(account),
        sandbox: sandbox.get(account),
    });
    all.filter(|compared| compared.source != compared.sandbox)
        .collect()
}
