//! Taking back what was recorded.

use crate::beneficiary::Beneficiary;
use crate::event::Position;
use crate::hold::Hold;
use crate::identifier::{
    AccountId, BeneficiaryId, CaseId, HoldId, Holder, OwnerKey, PaymentId, PayoutId, SettlementId,
    TransactionId,
};
use crate::ledger::Ledger;
use crate::onboarding::Onboarding;
use crate::owner::Owner;
use crate::payment::Payment;
use crate::payout::Payout;
use crate::profile::Profile;
use crate::settlement::Settlement;
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use crate::verification::VerificationCase;
use crate::wallet::Wallet;

use hashbrown::hash_map::Entry;

use super::account::AccountTotals;
use super::entity::{HolderEntry, Versioned};
use super::usage::OwnerChange;
use super::{Book, Savepoint};

/// How to take one change back: the value before it.
#[derive(Debug, Clone)]
pub(super) enum Undo {
    Head {
        position: Position,
        recorded_at: Option<Timestamp>,
    },
    Ledger(Box<Versioned<Ledger>>),
    Wallet(Holder, Box<Versioned<Wallet>>),
    Account(AccountId, Option<AccountTotals>),
    Hold(HoldId, Option<Box<Versioned<Hold>>>),
    Transaction(TransactionId, Option<Box<Versioned<Transaction>>>),
    Payment(PaymentId, Option<Box<Versioned<Payment>>>),
    Payout(PayoutId, Option<Box<Versioned<Payout>>>),
    Beneficiary(BeneficiaryId, Option<Box<Versioned<Beneficiary>>>),
    Settlement(SettlementId, Option<Box<Versioned<Settlement>>>),
    VerificationCase(CaseId, Option<Box<Versioned<VerificationCase>>>),
    Profile(OwnerKey, Option<Box<Versioned<Profile>>>),
    Onboarding(OwnerKey, Option<Box<Versioned<Onboarding>>>),
    /// What was granted to an owner.
    OwnerState(OwnerKey, Option<Box<Versioned<Owner>>>),
    /// What an event did to an owner's usage or wallets.
    Owner(OwnerKey, Position, Box<OwnerChange>),
}

impl Book {
    /// A point to which the book can be taken back.
    #[must_use]
    pub fn savepoint(&self) -> Savepoint {
        let steps = u64::try_from(self.undo.len()).unwrap_or(u64::MAX);
        Savepoint(self.settled.saturating_add(steps))
    }

    /// Takes back everything recorded since the savepoint.
    pub fn take_back(&mut self, savepoint: Savepoint) {
        let keep = self.steps_before(savepoint);
        while self.undo.len() > keep {
            if let Some(step) = self.undo.pop() {
                self.take_step_back(step);
            }
        }
    }

    /// Makes everything recorded before the savepoint final. A partial book forgets the transactions
    /// concerned: only a revert asks for one again, and it is loaded then.
    pub fn settle(&mut self, savepoint: Savepoint) {
        let final_steps = self.steps_before(savepoint).min(self.undo.len());
        for step in self.undo.drain(..final_steps) {
            if let Undo::Transaction(id, before) = step
                && !self.complete
            {
                let settled = before.map_or(0, |before| before.sequence) + 1;
                if let Entry::Occupied(known) = self.transactions.entry(id)
                    && known.get().sequence == settled
                {
                    known.remove();
                }
            }
        }
        self.settled = self.settled.max(savepoint.0);
    }

    /// Whether anything recorded is not settled yet.
    #[must_use]
    pub fn is_speculative(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Keeps a way back, if what is happening is not final.
    pub(super) fn remember(&mut self, step: impl FnOnce(&Self) -> Undo) {
        if self.recording {
            let step = step(self);
            self.undo.push(step);
        }
    }

    fn steps_before(&self, savepoint: Savepoint) -> usize {
        usize::try_from(savepoint.0.saturating_sub(self.settled)).unwrap_or(usize::MAX)
    }

    fn take_step_back(&mut self, step: Undo) {
        match step {
            Undo::Head {
                position,
                recorded_at,
            } => {
                self.position = position;
                self.recorded_at = recorded_at;
            }
            Undo::Ledger(before) => self.ledger = *before,
            Undo::Wallet(holder, before) => {
                if let Some(HolderEntry::Loaded(loaded)) = self.holders.get_mut(&holder) {
                    loaded.wallet = *before;
                    // Whoever would have opened it may not be who opens it in the end.
                    if loaded.wallet.state.status().is_none() {
                        loaded.owner = None;
                    }
                }
            }
            Undo::Account(account, before) => {
                if let Some(HolderEntry::Loaded(loaded)) = self.holders.get_mut(&account.holder) {
                    match before {
                        Some(totals) => loaded.accounts.set(account.asset, totals),
                        None => loaded.accounts.remove(account.asset),
                    }
                }
            }
            Undo::Hold(id, Some(before)) => {
                self.holds.insert(id, *before);
            }
            Undo::Hold(id, None) => {
                self.holds.remove(&id);
            }
            Undo::Transaction(id, Some(before)) => {
                self.transactions.insert(id, *before);
            }
            Undo::Transaction(id, None) => {
                self.transactions.remove(&id);
            }
            Undo::Payment(id, before) => self.take_streamed_back(id, before),
            Undo::Payout(id, before) => self.take_streamed_back(id, before),
            Undo::Beneficiary(id, before) => self.take_streamed_back(id, before),
            Undo::Settlement(id, before) => self.take_streamed_back(id, before),
            Undo::VerificationCase(id, before) => self.take_streamed_back(id, before),
            Undo::Profile(id, before) => self.take_streamed_back(id, before),
            Undo::Onboarding(id, before) => self.take_streamed_back(id, before),
            Undo::OwnerState(id, before) => self.take_streamed_back(id, before),
            Undo::Owner(id, position, change) => self.take_owner_back(id, position, &change),
        }
    }
}
