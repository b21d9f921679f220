//! Due holds, from the holds read model.

use async_trait::async_trait;
use ledger_core::{HoldId, LedgerName, Timestamp};
use projections::Queries;
use workflows::DueHolds;

/// Finds due holds by query.
pub(super) struct ReadModelDueHolds {
    queries: Queries,
}

impl ReadModelDueHolds {
    pub(super) const fn new(queries: Queries) -> Self {
        Self { queries }
    }
}

#[async_trait]
impl DueHolds for ReadModelDueHolds {
    async fn due_holds(
        &self,
        ledger: LedgerName,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<HoldId>, sqlx::Error> {
        self.queries.due_holds(ledger, until, limit).await
    }
}
