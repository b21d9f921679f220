//! A partial book: loading what is lacking, forgetting what is not needed.

use crate::beneficiary::Beneficiary;
use crate::event::{Position, Sequence};
use crate::hold::Hold;
use crate::identifier::{HoldId, Holder, OwnerKey, TransactionId};
use crate::ledger::Ledger;
use crate::money::AssetCode;
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

use super::account::{AccountTotals, Accounts};
use super::entity::{HolderEntry, LoadedHolder, Since, Versioned};
use super::{Book, BookError, EntityKey};

/// A holder as the database has it.
#[derive(Debug, Clone, Default)]
pub struct HolderRows {
    /// The wallet, true at the rows' position or later; `Absent` for a system account.
    pub wallet: Wallet,
    /// The last sequence of the wallet's stream that is in it.
    pub wallet_sequence: Sequence,
    /// Who owns the wallet, where that was read too.
    pub owner: Option<OwnerKey>,
    /// The holder's rows in the accounts read model.
    pub accounts: Vec<(AssetCode, AccountTotals)>,
}

/// The accounts read model is behind what this book has already forgotten; start a new book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the accounts read model is at {as_of}, this book relied on {clean_through}")]
pub struct StaleLoad {
    /// The read model's checkpoint.
    pub as_of: Position,
    /// The checkpoint the last eviction relied on.
    pub clean_through: Position,
}

impl Book {
    /// A partial book that is true at `position`, the accounts read model's checkpoint; the events
    /// after it are to be [applied](Book::apply) before it decides anything.
    #[must_use]
    pub fn partial(
        position: Position,
        recorded_at: Option<Timestamp>,
        ledger: Ledger,
        ledger_sequence: Sequence,
    ) -> Self {
        Self {
            complete: false,
            position,
            recorded_at,
            ledger: Versioned {
                state: ledger,
                sequence: ledger_sequence,
                ..Versioned::default()
            },
            clean_through: position,
            ..Self::complete()
        }
    }

    /// Whether `key` must be loaded before a decision that needs it; notes its use.
    pub fn lacks(&mut self, key: EntityKey) -> bool {
        if self.complete {
            return false;
        }
        let tick = self.tick;
        match key {
            EntityKey::Holder(holder) => match self.holders.get_mut(&holder) {
                Some(HolderEntry::Loaded(loaded)) => {
                    loaded.used = tick;
                    false
                }
                Some(HolderEntry::Cold(_)) | None => true,
            },
            EntityKey::Hold(id) => match self.holds.get_mut(&id) {
                Some(hold) => {
                    hold.used = tick;
                    false
                }
                None => true,
            },
            EntityKey::Transaction(id) => match self.transactions.get_mut(&id) {
                Some(transaction) => {
                    transaction.used = tick;
                    false
                }
                None => true,
            },
            EntityKey::Payment(id) => self.lacks_streamed::<Payment>(id),
            EntityKey::Payout(id) => self.lacks_streamed::<Payout>(id),
            EntityKey::Beneficiary(id) => self.lacks_streamed::<Beneficiary>(id),
            EntityKey::Settlement(id) => self.lacks_streamed::<Settlement>(id),
            EntityKey::VerificationCase(id) => self.lacks_streamed::<VerificationCase>(id),
            EntityKey::Onboarding(owner) => self.lacks_streamed::<Onboarding>(owner),
            EntityKey::OwnerOf(wallet) => self.lacks_owner_of(wallet),
            EntityKey::Owner(owner) => self.lacks_streamed::<Owner>(owner),
            EntityKey::Profile(owner) => self.lacks_streamed::<Profile>(owner),
            EntityKey::Usage(owner) => self.lacks_usage(owner),
        }
    }

    /// Whether a wallet that is not loaded has changed after a position: a state that is true there is
    /// behind this book, and the wallet is to be read from its stream.
    #[must_use]
    pub fn wallet_changed_after(&self, holder: Holder, position: Position) -> bool {
        match self.holders.get(&holder) {
            Some(HolderEntry::Cold(since)) => since.wallet_touched > position,
            Some(HolderEntry::Loaded(_)) | None => false,
        }
    }

    /// Takes a holder in, its accounts true at `as_of`; what happened to them since is added. Its wallet
    /// must be true later than that if it [has changed](Self::wallet_changed_after) since.
    /// A holder that is loaded already stays as it is: it is true at the head, the rows may not be.
    ///
    /// # Errors
    /// [`StaleLoad`] when the read model went back behind what this book relied on.
    pub fn load_holder(
        &mut self,
        holder: Holder,
        rows: HolderRows,
        as_of: Position,
    ) -> Result<(), LoadError> {
        if self.loaded(holder).is_some() {
            return Ok(());
        }
        if as_of < self.clean_through {
            return Err(StaleLoad {
                as_of,
                clean_through: self.clean_through,
            }
            .into());
        }
        let since = match self.holders.remove(&holder) {
            Some(HolderEntry::Cold(since)) => since,
            Some(HolderEntry::Loaded(_)) | None => Since::default(),
        };
        let mut loaded = LoadedHolder {
            wallet: Versioned {
                state: rows.wallet,
                sequence: rows.wallet_sequence,
                touched: since.wallet_touched,
                used: self.tick,
            },
            owner: rows.owner,
            accounts: Accounts::default(),
            as_of,
            touched: Position::START,
            used: self.tick,
        };
        for (asset, totals) in rows.accounts {
            loaded.accounts.set(asset, totals);
        }
        for (position, asset, change) in since.changes {
            if position <= as_of {
                continue;
            }
            let before = loaded.accounts.get(asset).copied().unwrap_or_default();
            let after = before.after(change).ok_or_else(|| BookError::Totals {
                position,
                account: holder.account(asset),
            })?;
            loaded.accounts.set(asset, after);
            loaded.touched = position;
        }
        self.holders.insert(holder, HolderEntry::Loaded(loaded));
        Ok(())
    }

    /// Takes a hold in, unless it is known as well or better already.
    pub fn load_hold(&mut self, id: HoldId, state: Hold, sequence: Sequence) {
        let used = self.tick;
        if let Some(known) = self.holds.get(&id)
            && known.sequence >= sequence
        {
            return;
        }
        self.holds.insert(
            id,
            Versioned {
                state,
                sequence,
                touched: Position::START,
                used,
            },
        );
    }

    /// Takes a transaction in, unless it is known as well or better already.
    pub fn load_transaction(&mut self, id: TransactionId, state: Transaction, sequence: Sequence) {
        let used = self.tick;
        if let Some(known) = self.transactions.get(&id)
            && known.sequence >= sequence
        {
            return;
        }
        self.transactions.insert(
            id,
            Versioned {
                state,
                sequence,
                touched: Position::START,
                used,
            },
        );
    }

    /// Marks the beginning of a new round of use.
    pub fn advance_tick(&mut self) {
        self.tick += 1;
    }

    /// How many entities are kept.
    #[must_use]
    pub fn entities(&self) -> usize {
        self.holders.len()
            + self.holds.len()
            + self.transactions.len()
            + self.payments.len()
            + self.payouts.len()
            + self.beneficiaries.len()
            + self.settlements.len()
            + self.owners.len()
            + self.cases.len()
            + self.profiles.len()
            + self.usages.len()
    }

    /// Forgets what was used longest ago, down to about `capacity` entities of each kind.
    ///
    /// `clean_through` is the accounts read model's checkpoint and `durable` the last position
    /// known to be in the log; what events after them touched is kept, whatever the capacity, and
    /// so are holders that were loaded from a later checkpoint than `clean_through`.
    pub fn evict(&mut self, capacity: usize, clean_through: Position, durable: Position) {
        let clean_through = clean_through.min(durable).max(self.clean_through);
        let tick = self.tick;
        let horizon = horizon(self.holders.values().map(used_of_holder), capacity, tick);
        self.holders.retain(|_, entry| match entry {
            HolderEntry::Cold(since) => since.is_needed_after(clean_through),
            HolderEntry::Loaded(loaded) => {
                let touched = loaded.touched.max(loaded.wallet.touched);
                loaded.used > horizon || touched.max(loaded.as_of) > clean_through
            }
        });
        let horizon_of_holds = horizon_of(&self.holds, capacity, tick);
        self.holds
            .retain(|_, hold| hold.used > horizon_of_holds || hold.touched > durable);
        let horizon_of_transactions = horizon_of(&self.transactions, capacity, tick);
        self.transactions
            .retain(|_, known| known.used > horizon_of_transactions || known.touched > durable);
        self.evict_streamed::<Payment>(capacity, durable);
        self.evict_streamed::<Payout>(capacity, durable);
        self.evict_streamed::<Beneficiary>(capacity, durable);
        self.evict_streamed::<Settlement>(capacity, durable);
        self.evict_streamed::<Owner>(capacity, durable);
        self.evict_streamed::<VerificationCase>(capacity, durable);
        self.evict_streamed::<Profile>(capacity, durable);
        self.evict_streamed::<Onboarding>(capacity, durable);
        self.evict_usages(capacity, clean_through);
        self.clean_through = clean_through;
    }
}

/// Why a holder could not be taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// See [`StaleLoad`].
    #[error(transparent)]
    Stale(#[from] StaleLoad),
    /// See [`BookError`].
    #[error(transparent)]
    Book(#[from] BookError),
}

fn used_of_holder(entry: &HolderEntry) -> u64 {
    match entry {
        HolderEntry::Loaded(loaded) => loaded.used.max(loaded.wallet.used),
        HolderEntry::Cold(_) => 0,
    }
}

pub(super) fn horizon_of<K, S>(
    entities: &hashbrown::HashMap<K, Versioned<S>>,
    capacity: usize,
    tick: u64,
) -> u64 {
    horizon(entities.values().map(|entity| entity.used), capacity, tick)
}

/// The tick up to which uses are too long ago for `capacity` entities to be kept; what was used in
/// the current tick is always kept.
pub(super) fn horizon(used: impl Iterator<Item = u64>, capacity: usize, tick: u64) -> u64 {
    let mut used: Vec<u64> = used.collect();
    if used.len() <= capacity {
        return 0;
    }
    let excess = used.len() - capacity;
    let (_, horizon, _) = used.select_nth_unstable(excess - 1);
    (*horizon).min(tick.saturating_sub(1))
}
