//! Rebuilding beside the live tables, and swapping.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_store::executor::ExecutorSettings;
use ledger_core::Position;
use projections::checkpoint::checkpoint;
use projections::read_model::{Tables, create_tables};
use projections::rebuild::{RebuildError, rebuild};
use projections::runner::prepare;
use projections::{ReadModelName, verify};
use sqlx::Executor;

use super::history::History;
use crate::harness::{Projected, TestDatabase, rows_of, submission, transfer};

/// Transfers that go on until told to stop; tells how many there were.
pub fn keep_transferring(
    node: &Projected,
    wallets: [ledger_core::WalletId; 2],
    stop: &Arc<AtomicBool>,
) -> tokio::task::JoinHandle<u64> {
    let (executors, ledger) = (node.bench.executors.clone(), node.ledger);
    let stop = Arc::clone(stop);
    tokio::spawn(async move {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            let [first, second] = wallets;
            for (from, to) in [(first, second), (second, first)] {
                let outcome = executors
                    .submit(ledger, submission(transfer(from, to, "1.00")))
                    .await
                    .unwrap();
                assert_eq!(outcome.refusal(), None);
                count += 1;
            }
        }
        count
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_model_is_rebuilt_while_money_moves() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let wallets = [
        node.bench.funded_wallet("10.00").await,
        node.bench.funded_wallet("10.00").await,
    ];
    let stop = Arc::new(AtomicBool::new(false));
    let transfers = keep_transferring(&node, wallets, &stop);
    for name in ReadModelName::ALL {
        let before = checkpoint(node.database.pool(), name, node.ledger)
            .await
            .unwrap();
        let mut seen = Position::START;
        rebuild(&node.database, name, &mut |progress| {
            assert!(progress.position > seen && progress.position <= progress.head);
            seen = progress.position;
        })
        .await
        .unwrap();
        assert!(seen >= before, "{name}");
        let after = checkpoint(node.database.pool(), name, node.ledger)
            .await
            .unwrap();
        assert!(after >= seen, "{name}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_gives_the_same_rows() {
    let history = History::begin().await;
    let mut connection = history.node.database.dedicated_connection().await.unwrap();
    for name in ReadModelName::ALL {
        let before = rows_of(&mut connection, name, Tables::Live).await;
        rebuild(&history.node.database, name, &mut |_| {})
            .await
            .unwrap();
        assert_eq!(
            rows_of(&mut connection, name, Tables::Live).await,
            before,
            "{name}"
        );
    }
    let leftovers: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'read_models_next'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(leftovers, 0);
    // The indexes have moved along.
    let indexes: Vec<String> = sqlx::query_scalar(
        "SELECT tablename || ' ' || count(*) FROM pg_indexes WHERE schemaname = 'read_models' \
         AND tablename IN ('entries', 'dated_entries', 'dated_runs', 'holds', 'wallets', 'transactions') GROUP BY tablename ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(
        indexes,
        [
            "dated_entries 2",
            "dated_runs 1",
            "entries 1",
            "holds 4",
            "transactions 2",
            "wallets 3"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rebuild_that_was_cut_off_leaves_does_not_matter() {
    let history = History::begin().await;
    let mut connection = history.node.database.dedicated_connection().await.unwrap();
    for name in ReadModelName::ALL {
        let before = rows_of(&mut connection, name, Tables::Live).await;
        create_tables(&mut connection, name.read_model(), Tables::Next)
            .await
            .unwrap();
        let log = history.node.log().await;
        let half = &log[..log.len() / 2];
        crate::harness::fold(
            &mut connection,
            name,
            Tables::Next,
            history.node.ledger,
            half,
            5,
        )
        .await;
        rebuild(&history.node.database, name, &mut |_| {})
            .await
            .unwrap();
        assert_eq!(
            rows_of(&mut connection, name, Tables::Live).await,
            before,
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rebuilds_of_one_read_model_never_meet() {
    let history = History::begin().await;
    let mut other = history.node.database.dedicated_connection().await.unwrap();
    let lock = "SELECT pg_advisory_lock(hashtext('daybook rebuild holds'))";
    other.execute(lock).await.unwrap();
    let refused = rebuild(&history.node.database, ReadModelName::Holds, &mut |_| {}).await;
    assert!(matches!(
        refused,
        Err(RebuildError::UnderWay(ReadModelName::Holds))
    ));
    rebuild(&history.node.database, ReadModelName::Wallets, &mut |_| {})
        .await
        .unwrap();
}

/// Several nodes start at the same time with a new version: one rebuilds, the others wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_new_version_is_built_once_by_nodes_that_start_together() {
    let mut history = History::begin().await;
    history.node.stop_projectors().await;
    let mut superuser = history.test.superuser().await;
    let tamper = "UPDATE read_models.accounts SET entries = 99; \
                  UPDATE read_models.activity SET count = 99; \
                  UPDATE read_models.read_model SET version = 0";
    superuser.execute(tamper).await.unwrap();
    let database = &history.node.database;
    // A table of the old version that the new one has no use for.
    let former = "CREATE TABLE read_models.owner_flows (ledger text)";
    database.pool().execute(former).await.unwrap();
    let prepared = futures_util::future::join_all((0..3).map(|_| prepare(database))).await;
    for result in prepared {
        result.unwrap();
    }
    let versions: Vec<(String, i32)> =
        sqlx::query_as("SELECT name, version FROM read_models.read_model")
            .fetch_all(database.pool())
            .await
            .unwrap();
    assert_eq!(versions.len(), ReadModelName::ALL.len());
    let former: Option<String> =
        sqlx::query_scalar("SELECT to_regclass('read_models.owner_flows')::text")
            .fetch_one(database.pool())
            .await
            .unwrap();
    assert_eq!(former, None);
    for (name, version) in versions {
        let name: ReadModelName = name.parse().unwrap();
        assert_eq!(version, name.read_model().version(), "{name}");
    }
    verify::verify(database, history.node.ledger, &mut |_| {})
        .await
        .unwrap();
}

/// A read model that is thrown away and one that is behind come up to the head by a rebuild.
#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_never_go_back() {
    let mut history = History::begin().await;
    history.node.stop_projectors().await;
    let head = history.node.bench.head().await;
    let wallet = history.second;
    let [name, ..] = [ReadModelName::Accounts];
    history
        .submit(transfer(history.asha, history.bela, "1.00"))
        .await;
    let database = &history.node.database;
    assert_eq!(
        checkpoint(database.pool(), name, history.node.ledger)
            .await
            .unwrap(),
        head
    );
    rebuild(database, name, &mut |_| {}).await.unwrap();
    let after = checkpoint(database.pool(), name, history.node.ledger)
        .await
        .unwrap();
    assert_eq!(after, history.node.bench.head().await);
    let accounts = history
        .node
        .queries
        .accounts_of(history.node.ledger, super::history::wallet(wallet));
    assert_eq!(accounts.await.unwrap().value.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_of_no_ledger_at_all_is_rebuilt() {
    let test = TestDatabase::create().await;
    prepare(&test.database).await.unwrap();
    for name in ReadModelName::ALL {
        rebuild(&test.database, name, &mut |_| {}).await.unwrap();
    }
    let node = Projected::stopped(test.database.clone(), ExecutorSettings::default()).await;
    node.fold_all().await;
    verify::verify(&test.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
}
