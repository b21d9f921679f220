//! What the book keeps of each entity.

use crate::event::{Position, Sequence};
use crate::identifier::OwnerKey;
use crate::money::AssetCode;
use crate::wallet::Wallet;

use super::account::{Accounts, Change};

/// An aggregate's state and the place in its stream at which it is true.
#[derive(Debug, Clone, Default)]
pub(super) struct Versioned<S> {
    pub(super) state: S,
    pub(super) sequence: Sequence,
    /// The last event that touched it.
    pub(super) touched: Position,
    /// When it was last used, in ticks of the book.
    pub(super) used: u64,
}

/// A holder whose accounts are known.
#[derive(Debug, Clone, Default)]
pub(super) struct LoadedHolder {
    /// The wallet; for a system account always `Absent`.
    pub(super) wallet: Versioned<Wallet>,
    /// Who owns the wallet, where that was asked for or seen.
    pub(super) owner: Option<OwnerKey>,
    pub(super) accounts: Accounts,
    /// The accounts were loaded true at this position; earlier events are already in them.
    pub(super) as_of: Position,
    /// The last event that touched an account.
    pub(super) touched: Position,
    /// When it was last used, in ticks of the book.
    pub(super) used: u64,
}

/// What is known of a holder.
#[derive(Debug, Clone)]
pub(super) enum HolderEntry {
    /// Everything.
    Loaded(LoadedHolder),
    /// Only what happened since.
    Cold(Since),
}

/// What happened to a holder that is not loaded.
#[derive(Debug, Clone, Default)]
pub(super) struct Since {
    /// Changes waiting for the totals they belong to.
    pub(super) changes: Vec<(Position, AssetCode, Change)>,
    /// The last event of the wallet itself. A state that is true before it is of no use.
    pub(super) wallet_touched: Position,
}

impl Since {
    /// Whether anything happened after a position; forgets what happened before.
    pub(super) fn is_needed_after(&mut self, position: Position) -> bool {
        self.changes.retain(|(changed, ..)| *changed > position);
        !self.changes.is_empty() || self.wallet_touched > position
    }
}

impl HolderEntry {
    /// A holder of which nothing has happened yet.
    pub(super) fn new() -> Self {
        Self::Loaded(LoadedHolder::default())
    }

    /// A holder of which nothing is known yet.
    pub(super) fn cold() -> Self {
        Self::Cold(Since::default())
    }
}
