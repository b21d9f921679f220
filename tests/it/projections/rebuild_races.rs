//! Rebuilds that meet readers, verifying and projectors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_store::Database;
use event_store::executor::ExecutorSettings;
use ledger_core::Position;
use projections::rebuild::rebuild;
use projections::runner::fold_page;
use projections::{ReadModelName, verify};
use sqlx::{Connection, Executor};

use super::history::{History, account, decimal, system};
use super::rebuilding::keep_transferring;
use crate::harness::{Projected, TestDatabase, deposit, submission};

/// Fails when a reader's snapshot is older than the tables it then reads: the new tables show such a
/// reader only what was folded into them before the swap.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_reader_never_sees_half_of_a_rebuild() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let wallet = node.bench.wallet().await;
    let cash = account(system("cash"), "INR");
    let base = node.bench.head().await;
    let stop = Arc::new(AtomicBool::new(false));
    let (executors, ledger, told) = (node.bench.executors.clone(), node.ledger, Arc::clone(&stop));
    let deposits = tokio::spawn(async move {
        while !told.load(Ordering::Relaxed) {
            let outcome = executors
                .submit(ledger, submission(deposit(wallet, "1.00")))
                .await;
            assert_eq!(outcome.unwrap().refusal(), None);
        }
    });
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (queries, told) = (node.queries.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut last = Position::START;
                while !told.load(Ordering::Relaxed) {
                    let row = queries.account(ledger, cash).await.unwrap();
                    let entries = row.value.map_or(0, |row| row.entries);
                    let deposits = (row.position.value() - base.value()).max(0);
                    assert!(entries >= deposits, "{entries} of {deposits}");
                    assert!(row.position >= last, "{last} then {}", row.position);
                    last = row.position;
                }
            })
        })
        .collect();
    for _ in 0..15 {
        rebuild(&node.database, ReadModelName::Accounts, &mut |_| {})
            .await
            .unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    deposits.await.unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Waits until so many connections wait for locks that meet a condition.
async fn until_waiting(database: &Database, condition: &str, count: i64) {
    let waiting = format!(
        "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND {condition} AND pid IN \
         (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
    );
    let mut connection = database.dedicated_connection().await.unwrap();
    loop {
        let found: i64 = sqlx::query_scalar(&waiting)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        if found >= count {
            return;
        }
        tokio::task::yield_now().await;
    }
}

const FOR_CHECKPOINTS: &str = "relation = 'read_models.checkpoint'::regclass";
const FOR_ACCOUNTS: &str = "relation = 'read_models.accounts'::regclass";

/// The same as above with every step in the order that goes wrong: a deposit is folded while the
/// rebuild waits for the checkpoints, and a reader comes while the rebuild waits for the table.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_reader_that_meets_the_swap_sees_what_was_folded_before_it() {
    let node = Projected::stopped(
        TestDatabase::create().await.database,
        ExecutorSettings::default(),
    )
    .await;
    let wallet = node.bench.funded_wallet("1.00").await;
    node.fold_all().await;
    let (name, from) = (ReadModelName::Accounts, node.bench.head().await);
    let database = &node.database;
    let mut earlier_reader = database.pool().begin().await.unwrap();
    earlier_reader
        .execute("SELECT FROM read_models.accounts")
        .await
        .unwrap();
    let mut projector = database.dedicated_connection().await.unwrap();
    let mut tx = projector.begin().await.unwrap();
    tx.execute("LOCK TABLE read_models.checkpoint IN ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    let rebuilding = {
        let database = database.clone();
        tokio::spawn(async move { rebuild(&database, name, &mut |_| {}).await })
    };
    until_waiting(database, FOR_CHECKPOINTS, 1).await;
    node.bench
        .submit(submission(deposit(wallet, "2.00")))
        .await
        .unwrap();
    let log = node.log().await;
    let folded = fold_page(&mut tx, name, node.ledger, from, &log[log.len() - 1..]).await;
    assert_eq!(folded.unwrap(), Some(from.next()));
    tx.commit().await.unwrap();
    // Now for the table, behind the earlier reader; the next one comes behind the rebuild.
    until_waiting(database, FOR_ACCOUNTS, 1).await;
    let reading = {
        let (queries, ledger) = (node.queries.clone(), node.ledger);
        tokio::spawn(async move {
            queries
                .account(ledger, account(system("cash"), "INR"))
                .await
        })
    };
    until_waiting(database, FOR_ACCOUNTS, 2).await;
    earlier_reader.commit().await.unwrap();
    rebuilding.await.unwrap().unwrap();
    let answer = reading.await.unwrap().unwrap();
    assert_eq!(answer.value.unwrap().balance, decimal("3.00"));
}

/// Fails by deadlock when a rebuild takes the tables before the checkpoint that verifying holds.
#[tokio::test(flavor = "multi_thread")]
async fn race_verifying_and_rebuilding_wait_for_each_other() {
    let history = History::begin().await;
    let (database, ledger) = (history.node.database.clone(), history.node.ledger);
    // Keeps the rebuild between its first table and its last.
    let mut reader = database.pool().begin().await.unwrap();
    reader
        .execute("SELECT FROM read_models.owners")
        .await
        .unwrap();
    let rebuilding = {
        let database = database.clone();
        tokio::spawn(async move { rebuild(&database, ReadModelName::Wallets, &mut |_| {}).await })
    };
    until_waiting(&database, "true", 1).await;
    let verifying = {
        let database = database.clone();
        tokio::spawn(async move { verify::verify(&database, ledger, &mut |_| {}).await })
    };
    until_waiting(&database, "true", 2).await;
    reader.commit().await.unwrap();
    rebuilding.await.unwrap().unwrap();
    verifying.await.unwrap().unwrap();
}

/// The same with nothing held, many times over.
#[tokio::test(flavor = "multi_thread")]
async fn race_verifying_goes_on_while_read_models_are_rebuilt() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let wallets = [
        node.bench.funded_wallet("10.00").await,
        node.bench.funded_wallet("10.00").await,
    ];
    let stop = Arc::new(AtomicBool::new(false));
    let transfers = keep_transferring(&node, wallets, &stop);
    let rebuilds = async {
        for _ in 0..4 {
            for name in [ReadModelName::Wallets, ReadModelName::Statements] {
                rebuild(&node.database, name, &mut |_| {}).await.unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
    };
    let verifies = async {
        while !stop.load(Ordering::Relaxed) {
            verify::verify(&node.database, node.ledger, &mut |_| {})
                .await
                .unwrap();
        }
    };
    tokio::join!(rebuilds, verifies);
    transfers.await.unwrap();
}

/// More projectors than pooled connections, all of them waiting for the swap.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_rebuild_ends_though_projectors_hold_every_pooled_connection() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let mut ledgers = vec![node.ledger];
    for number in 0..3 {
        let name: ledger_core::LedgerName = format!("other_{number}").parse().unwrap();
        let open = ledger_core::Command::OpenLedger {
            name,
            system_accounts: ledger_core::ledger::standard_system_accounts(),
        };
        node.bench
            .executors
            .submit(name, submission(open))
            .await
            .unwrap();
        ledgers.push(name);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = ledgers
        .into_iter()
        .map(|ledger| {
            let (executors, told) = (node.bench.executors.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !told.load(Ordering::Relaxed) {
                    let command = crate::harness::money(system("cash"), system("fees"), "1.00");
                    let outcome = executors.submit(ledger, submission(command)).await;
                    assert_eq!(outcome.unwrap().refusal(), None);
                }
            })
        })
        .collect();
    for _ in 0..5 {
        rebuild(&node.database, ReadModelName::Accounts, &mut |_| {})
            .await
            .unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}
