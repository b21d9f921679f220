//! Forgetting whom identity checks are about.

use async_trait::async_trait;
use ledger_core::{LedgerName, OwnerId};
use sqlx::postgres::PgPool;

use super::{ErasureStep, StepError};

/// Forgets what was noted of a person for identity providers, and the ways in to their checks. What the checks
/// are called stays: what is heard of them later is found by it.
#[derive(Debug)]
pub struct ForgetChecks(pub PgPool);

/// As the index on the log says it.
const CASES: &str = "\
SELECT aggregate_id::uuid FROM daybook.events \
WHERE ledger = $1 AND event_type = 'CaseOpened' AND payload #>> '{CaseOpened,owner}' = $2";

#[async_trait]
impl ErasureStep for ForgetChecks {
    fn name(&self) -> &'static str {
        "checks"
    }

    async fn forget(&self, ledger: LedgerName, owner: &OwnerId) -> Result<(), StepError> {
        for forget in [
            format!(
                "DELETE FROM workflows.identity_person WHERE ledger = $1 AND case_id IN ({CASES})"
            ),
            format!(
                "UPDATE workflows.identity_check SET entry = NULL \
                 WHERE ledger = $1 AND entry IS NOT NULL AND case_id IN ({CASES})"
            ),
        ] {
            sqlx::query(&forget)
                .bind(ledger.as_str())
                .bind(owner.as_str())
                .execute(&self.0)
                .await?;
        }
        Ok(())
    }
}
