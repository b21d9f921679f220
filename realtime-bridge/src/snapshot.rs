//! Where the state that a client begins with comes from.

use async_trait::async_trait;
use ledger_core::{LedgerName, Position};
use schemas::{AccountBalance, Channel};

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no such wallet or account.
    #[error("there is nothing of that name")]
    NotFound,
    /// It cannot be read at the moment.
    #[error("the state cannot be read")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The state of a channel at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last position the balances include: the read model's own checkpoint, read in the same
    /// database transaction, so that the events after it are exactly what is missing.
    pub as_of: Position,
    /// The accounts of the wallet, or the one account; none of a case.
    pub balances: Vec<AccountBalance>,
}

/// Reads the state of channels; made by the binary from the read models' queries.
#[async_trait]
pub trait SnapshotSource: Send + Sync + 'static {
    /// The state of a wallet's, account's or case's channel; never asked for the channel `ledger`.
    async fn snapshot(
        &self,
        ledger: LedgerName,
        channel: &Channel,
    ) -> Result<Snapshot, SnapshotError>;
}
