//! The log cannot be changed: neither by the service, nor by its owner unless it takes the triggers
//! away first.

use sqlx::Executor;

use crate::harness::{Bench, TestDatabase};

const CHANGES: [&str; 7] = [
    "UPDATE daybook.events SET payload = '{}'",
    "DELETE FROM daybook.events",
    "TRUNCATE daybook.events",
    "UPDATE daybook.idempotency SET outcome = '{}'",
    "DELETE FROM daybook.idempotency",
    "DELETE FROM daybook.ledger_head",
    "UPDATE daybook.ledger_head SET position = position - 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_log_can_be_changed() {
    let database = TestDatabase::create().await;
    let bench = Bench::over(database.database.clone()).await;
    bench.funded_wallet("1.00").await;
    let mut superuser = database.superuser().await;
    for change in CHANGES {
        let refused = superuser.execute(change).await.unwrap_err();
        let code = refused
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{change}");
        assert!(
            bench.database.pool().execute(change).await.is_err(),
            "{change}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_cannot_take_the_walls_away() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    for change in [
        "ALTER TABLE daybook.events DISABLE TRIGGER ALL",
        "DROP TRIGGER events_append_only ON daybook.events",
        "ALTER TABLE daybook.events DROP CONSTRAINT events_position_key",
        "SET session_replication_role = replica",
    ] {
        let refused = bench.database.pool().execute(change).await.unwrap_err();
        let code = refused
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{change}");
    }
}
