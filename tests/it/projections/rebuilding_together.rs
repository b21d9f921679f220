//! Several read models rebuilt from one reading of the log; rebuilds that are cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_store::executor::ExecutorSettings;
use projections::read_model::Tables;
use projections::rebuild::{RebuildError, rebuild_together};
use projections::{ReadModelName, verify};
use sqlx::{Connection, Executor};

use super::history::History;
use super::rebuilding::keep_transferring;
use crate::harness::{Projected, TestDatabase, rows_of};

type Rows = Vec<Vec<(&'static str, Vec<String>)>>;

/// A lock of this database: tables have the same numbers in all that were made from one template.
const HERE: &str = "database = (SELECT oid FROM pg_database WHERE datname = current_database())";

async fn all_rows(history: &History) -> Rows {
    let mut connection = history.node.database.dedicated_connection().await.unwrap();
    let mut rows = Vec::new();
    for name in ReadModelName::ALL {
        rows.push(rows_of(&mut connection, name, Tables::Live).await);
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_rebuilt_together_have_the_same_rows() {
    let mut history = History::begin().await;
    history.node.stop_projectors().await;
    let before = all_rows(&history).await;
    let mut reached = None;
    rebuild_together(
        &history.node.database,
        &ReadModelName::ALL,
        &mut |progress| {
            reached = Some(progress.position);
        },
    )
    .await
    .unwrap();
    assert_eq!(reached, Some(history.node.bench.head().await));
    assert_eq!(all_rows(&history).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn race_all_read_models_are_rebuilt_while_money_moves() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let wallets = [
        node.bench.funded_wallet("10.00").await,
        node.bench.funded_wallet("10.00").await,
    ];
    let stop = Arc::new(AtomicBool::new(false));
    let transfers = keep_transferring(&node, wallets, &stop);
    for _ in 0..4 {
        rebuild_together(&node.database, &ReadModelName::ALL, &mut |_| {})
            .await
            .unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let count = transfers.await.unwrap();
    node.settled().await;
    let verified = verify::verify(&node.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(verified.transactions, count + 2);
    assert!(node.status.is_healthy());
}

/// A rebuild that is cut off at any moment changes nothing, and the next one is not in its way.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_rebuild_cut_off_at_any_moment_leaves_the_live_tables_alone() {
    let mut history = History::begin().await;
    history.node.stop_projectors().await;
    let before = all_rows(&history).await;
    let database = &history.node.database;
    for patience_ms in [1, 5, 10, 20, 40, 80, 160] {
        let mut progress = |_| {};
        let rebuilding = rebuild_together(database, &ReadModelName::ALL, &mut progress);
        let patience = Duration::from_millis(patience_ms);
        drop(tokio::time::timeout(patience, rebuilding).await);
        assert_eq!(all_rows(&history).await, before, "{patience_ms} ms");
    }
    loop {
        match rebuild_together(database, &ReadModelName::ALL, &mut |_| {}).await {
            // PostgreSQL has not noticed yet that the last one has gone.
            Err(RebuildError::UnderWay(_)) => tokio::task::yield_now().await,
            ended => break ended.unwrap(),
        }
    }
    assert_eq!(all_rows(&history).await, before);
}

/// Its connections die in the middle of the swap, as with the machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_whose_connections_die_changes_nothing() {
    let mut history = History::begin().await;
    history.node.stop_projectors().await;
    let before = all_rows(&history).await;
    let database = history.node.database.clone();
    let mut holder = history.test.superuser().await;
    let mut tx = holder.begin().await.unwrap();
    tx.execute("LOCK TABLE read_models.checkpoint IN ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    let rebuilding = {
        let database = database.clone();
        tokio::spawn(
            async move { rebuild_together(&database, &ReadModelName::ALL, &mut |_| {}).await },
        )
    };
    let mut superuser = history.test.superuser().await;
    let kill = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks \
         WHERE NOT granted AND {HERE} AND relation = 'read_models.checkpoint'::regclass"
    );
    loop {
        assert!(!rebuilding.is_finished());
        let killed: i64 = sqlx::query_scalar(&kill)
            .fetch_one(&mut superuser)
            .await
            .unwrap();
        if killed > 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let ended = rebuilding.await.unwrap();
    assert!(matches!(ended, Err(RebuildError::Database(_))), "{ended:?}");
    tx.rollback().await.unwrap();
    assert_eq!(all_rows(&history).await, before);
    rebuild_together(&database, &ReadModelName::ALL, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(all_rows(&history).await, before);
}

/// Fails when the swap waits for its locks without end: everybody who reads the tables waits behind it.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_swap_that_cannot_have_the_tables_lets_others_go_first() {
    let node = Projected::stopped(
        TestDatabase::create().await.database,
        ExecutorSettings::default(),
    )
    .await;
    node.bench.funded_wallet("1.00").await;
    node.fold_all().await;
    let mut long_reader = node.database.pool().begin().await.unwrap();
    long_reader
        .execute("SELECT FROM read_models.accounts")
        .await
        .unwrap();
    let rebuilding = {
        let database = node.database.clone();
        tokio::spawn(async move {
            rebuild_together(&database, &[ReadModelName::Accounts], &mut |_| {}).await
        })
    };
    let mut connection = node.database.dedicated_connection().await.unwrap();
    let waiting = format!(
        "SELECT count(*) FROM pg_locks \
         WHERE NOT granted AND {HERE} AND relation = 'read_models.accounts'::regclass"
    );
    // It waits, and then it does not, though the reader is still there.
    for expected in [1, 0] {
        loop {
            let found: i64 = sqlx::query_scalar(&waiting)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            if found == expected {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    assert!(!rebuilding.is_finished());
    long_reader.commit().await.unwrap();
    rebuilding.await.unwrap().unwrap();
    verify::verify(&node.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
}
