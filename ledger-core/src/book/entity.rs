//! What the book keeps of each entity.

use crate::event::{Position, Sequence};
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
    /// Only what happened since: changes waiting for the totals they belong to.
    Cold(Vec<(Position, AssetCode, Change)>),
}

impl HolderEntry {
    /// A holder of which nothing has happened yet.
    pub(super) fn new() -> Self {
        Self::Loaded(LoadedHolder::default())
    }
}
