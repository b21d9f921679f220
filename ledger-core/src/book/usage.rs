//! What owners have used of their limits, and which wallets are theirs.
//!
//! Kept like the accounts of a holder: loaded true at a checkpoint of the accounts read model, with what
//! happens to an owner that is not loaded kept as changes until it is.

use hashbrown::hash_map::Entry;

use crate::event::Position;
use crate::identifier::{Holder, OwnerKey, WalletId};
use crate::limit::{CountedFlow, Counting, Usage, UsedByDay};

use super::apply::Place;
use super::load::LoadError;
use super::undo::Undo;
use super::{Book, BookError, StaleLoad};

/// What an owner has used, and owns, as the database has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageRows {
    /// The owner's wallets.
    pub wallets: Vec<WalletId>,
    /// What was counted.
    pub used: UsedByDay,
}

/// An owner whose usage is known.
#[derive(Debug, Clone, Default)]
pub(super) struct LoadedUsage {
    pub(super) rows: UsageRows,
    /// Loaded true at this position; earlier events are already in it.
    pub(super) as_of: Position,
    /// The last event that touched it.
    pub(super) touched: Position,
    /// When it was last used, in ticks of the book.
    pub(super) used: u64,
}

/// Something that happened to an owner.
#[derive(Debug, Clone, Copy)]
pub(super) enum OwnerChange {
    Flow(Counting, CountedFlow),
    Wallet(WalletId),
}

/// What is known of an owner's usage.
#[derive(Debug, Clone)]
pub(super) enum UsageEntry {
    /// Everything.
    Loaded(LoadedUsage),
    /// Only what happened since.
    Cold(Vec<(Position, OwnerChange)>),
}

impl UsageRows {
    fn apply(&mut self, change: &OwnerChange) -> Option<()> {
        match change {
            OwnerChange::Flow(counting, counted) => self.used.apply(*counting, counted),
            OwnerChange::Wallet(wallet) => {
                if !self.wallets.contains(wallet) {
                    self.wallets.push(*wallet);
                }
                Some(())
            }
        }
    }

    fn take_back(&mut self, change: &OwnerChange) {
        match change {
            // What was recorded by the same rules is there to be taken back.
            OwnerChange::Flow(counting, counted) => {
                self.used.apply(counting.inverse(), counted).unwrap_or(());
            }
            OwnerChange::Wallet(wallet) => self.wallets.retain(|known| known != wallet),
        }
    }
}

impl Book {
    pub(super) fn fold_usage(
        &mut self,
        place: Place,
        usage: Option<&Usage>,
    ) -> Result<(), BookError> {
        let Some(usage) = usage else {
            return Ok(());
        };
        for (counting, counted) in usage.entries() {
            self.change_owner(place, counted.owner, OwnerChange::Flow(counting, *counted))?;
        }
        Ok(())
    }

    pub(super) fn change_owner(
        &mut self,
        place: Place,
        owner: OwnerKey,
        change: OwnerChange,
    ) -> Result<(), BookError> {
        let complete = self.complete;
        let entry = self.usages.entry(owner).or_insert_with(|| {
            if complete {
                UsageEntry::Loaded(LoadedUsage::default())
            } else {
                UsageEntry::Cold(Vec::new())
            }
        });
        match entry {
            UsageEntry::Cold(changes) => changes.push((place.position, change)),
            UsageEntry::Loaded(loaded) => {
                if place.position <= loaded.as_of {
                    return Ok(());
                }
                loaded.rows.apply(&change).ok_or(BookError::Usage {
                    position: place.position,
                    owner,
                })?;
                loaded.touched = place.position;
                loaded.used = self.tick;
            }
        }
        self.remember(|_| Undo::Owner(owner, place.position, Box::new(change)));
        Ok(())
    }

    pub(super) fn take_owner_back(
        &mut self,
        owner: OwnerKey,
        position: Position,
        change: &OwnerChange,
    ) {
        let Entry::Occupied(mut entry) = self.usages.entry(owner) else {
            return;
        };
        match entry.get_mut() {
            // What was loaded ahead of the book does not have it: another event has that position.
            UsageEntry::Loaded(loaded) if position <= loaded.as_of => {}
            UsageEntry::Loaded(loaded) => loaded.rows.take_back(change),
            UsageEntry::Cold(changes) => {
                changes.retain(|(changed, _)| *changed != position);
                if changes.is_empty() {
                    entry.remove();
                }
            }
        }
    }

    pub(super) fn lacks_usage(&mut self, owner: OwnerKey) -> bool {
        let tick = self.tick;
        match self.usages.get_mut(&owner) {
            Some(UsageEntry::Loaded(loaded)) => {
                loaded.used = tick;
                false
            }
            Some(UsageEntry::Cold(_)) | None => true,
        }
    }

    /// Whether the owner of a wallet is still to be asked for; of one that does not exist, nobody asks.
    pub(super) fn lacks_owner_of(&self, wallet: WalletId) -> bool {
        self.loaded(Holder::Wallet(wallet))
            .is_none_or(|loaded| loaded.owner.is_none() && loaded.wallet.state.status().is_some())
    }

    /// Who owns a wallet, once that is known.
    pub(crate) fn owner_of(&self, wallet: WalletId) -> Option<OwnerKey> {
        self.loaded(Holder::Wallet(wallet))?.owner
    }

    /// What an owner has used; nothing when it is not loaded.
    #[must_use]
    pub fn usage_of(&self, owner: OwnerKey) -> Option<&UsageRows> {
        match self.usages.get(&owner) {
            Some(UsageEntry::Loaded(loaded)) => Some(&loaded.rows),
            Some(UsageEntry::Cold(_)) | None => None,
        }
    }

    /// Notes who owns a wallet that is loaded.
    pub fn load_owner_of(&mut self, wallet: WalletId, owner: OwnerKey) {
        if let Some(super::HolderEntry::Loaded(loaded)) =
            self.holders.get_mut(&Holder::Wallet(wallet))
        {
            loaded.owner = Some(owner);
        }
    }

    /// Takes an owner's usage in, true at `as_of`; what happened since is added.
    ///
    /// # Errors
    /// [`StaleLoad`] when the read model went back behind what this book relied on.
    pub fn load_usage(
        &mut self,
        owner: OwnerKey,
        rows: UsageRows,
        as_of: Position,
    ) -> Result<(), LoadError> {
        if self.usage_of(owner).is_some() {
            return Ok(());
        }
        if as_of < self.clean_through {
            return Err(StaleLoad {
                as_of,
                clean_through: self.clean_through,
            }
            .into());
        }
        let changes = match self.usages.remove(&owner) {
            Some(UsageEntry::Cold(changes)) => changes,
            Some(UsageEntry::Loaded(_)) | None => Vec::new(),
        };
        let mut loaded = LoadedUsage {
            rows,
            as_of,
            touched: Position::START,
            used: self.tick,
        };
        for (position, change) in changes {
            if position <= as_of {
                continue;
            }
            let applied = loaded.rows.apply(&change);
            applied.ok_or(BookError::Usage { position, owner })?;
            loaded.touched = position;
        }
        self.usages.insert(owner, UsageEntry::Loaded(loaded));
        Ok(())
    }

    pub(super) fn evict_usages(&mut self, capacity: usize, clean_through: Position) {
        let used = self.usages.values().map(|entry| match entry {
            UsageEntry::Loaded(loaded) => loaded.used,
            UsageEntry::Cold(_) => 0,
        });
        let horizon = super::load::horizon(used, capacity, self.tick);
        self.usages.retain(|_, entry| match entry {
            UsageEntry::Loaded(loaded) => {
                loaded.used > horizon || loaded.touched.max(loaded.as_of) > clean_through
            }
            UsageEntry::Cold(changes) => {
                changes.retain(|(changed, _)| *changed > clean_through);
                !changes.is_empty()
            }
        });
    }
}
