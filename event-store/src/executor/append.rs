//! The statements that write.

use ledger_core::LedgerName;
use sqlx::PgPool;

/// Makes the head row of a ledger, and the view through which stock `postgres-es` reads it.
pub(super) async fn create_ledger(pool: &PgPool, ledger: LedgerName) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    let made =
        sqlx::query("INSERT INTO daybook.ledger_head (ledger) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(ledger.as_str())
            .execute(&mut *tx)
            .await?;
    if made.rows_affected() > 0 {
        // The name is [a-z][a-z0-9_]*; quoted because it may be a word of SQL.
        let view = format!(
            "CREATE OR REPLACE VIEW ledger_events.\"{ledger}\" AS \
             SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata \
             FROM daybook.events WHERE ledger = '{ledger}'"
        );
        sqlx::query(&view).execute(&mut *tx).await?;
    }
    tx.commit().await
}
