//! What the accounts read model states of a whole ledger, for whoever checks it elsewhere.

use futures_util::TryStreamExt;
use ledger_core::{LedgerName, Position};

use super::{Queries, QueryError};
use crate::read_models::ReadModelName;

/// An account as its row has it. Texts, because it is stated as it is, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StatedAccount {
    /// Who holds it.
    pub holder: String,
    /// What it counts.
    pub asset: String,
    /// Everything that left through it.
    pub posted_debits: String,
    /// Everything that arrived through it.
    pub posted_credits: String,
    /// What holds reserve of it.
    pub pending_debits: String,
}

impl Queries {
    /// Every account of a ledger that ever moved, in order of holder and asset; the position at which all rows are
    /// true. They stream: a ledger has any number of accounts.
    ///
    /// # Errors
    /// [`QueryError`], and what `each` says.
    pub async fn stated_accounts<E: From<QueryError>>(
        &self,
        ledger: LedgerName,
        mut each: impl FnMut(StatedAccount) -> Result<(), E>,
    ) -> Result<Position, E> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Accounts]).await?;
        let position = snapshot.position;
        let mut rows = sqlx::query_as(
            "SELECT holder, asset, posted_debits::text, posted_credits::text, pending_debits::text \
             FROM read_models.accounts WHERE ledger = $1 \
             ORDER BY holder COLLATE \"C\", asset COLLATE \"C\"",
        )
        .bind(ledger.as_str())
        .fetch(&mut *snapshot.tx);
        while let Some(row) = rows.try_next().await.map_err(QueryError::from)? {
            each(row)?;
        }
        Ok(position)
    }
}
