//! Loading what the book lacks.

use std::collections::HashMap;

use async_trait::async_trait;
use ledger_core::book::AccountTotals;
use ledger_core::{AssetCode, Holder, LedgerName, Position};

/// Rows of the accounts read model, all true at one position.
#[derive(Debug, Clone, Default)]
pub struct AccountSnapshot {
    /// The read model's checkpoint; the start of the log when it has none.
    pub as_of: Position,
    /// The rows of each holder asked for; a holder without rows may be left out.
    pub accounts: HashMap<Holder, Vec<(AssetCode, AccountTotals)>>,
}

/// Where cold accounts are loaded from: the accounts read model.
#[async_trait]
pub trait AccountSource: Send + Sync + std::fmt::Debug {
    /// The rows of these holders and the checkpoint, read in one snapshot.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    async fn load(
        &self,
        ledger: LedgerName,
        holders: &[Holder],
    ) -> Result<AccountSnapshot, sqlx::Error>;
}
