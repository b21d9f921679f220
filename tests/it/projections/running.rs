//! Projectors that run, stop and wait; readers that wait for them.

use std::time::Duration;

use event_store::LogReader;
use event_store::executor::ExecutorSettings;
use futures_util::FutureExt;
use ledger_core::ledger::standard_system_accounts;
use ledger_core::{Command, LedgerName, Position};
use projections::checkpoint::checkpoint;
use projections::queries::QueryError;
use projections::{ReadModelName, verify};

use sqlx::{Connection, Executor, Row};

use super::history::system;
use crate::harness::{OwnPostgres, Projected, TestDatabase, deposit, money, submission};

const SOON: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_position_ends_when_it_is_reached() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let wallet = node.bench.wallet().await;
    for number in 1..=20 {
        let outcome = node
            .bench
            .submit(submission(deposit(wallet, "1.00")))
            .await
            .unwrap();
        node.reach(outcome.position).await;
        let accounts = node
            .queries
            .accounts_of(node.ledger, ledger_core::Holder::Wallet(wallet))
            .await
            .unwrap();
        assert!(accounts.position >= outcome.position);
        assert_eq!(accounts.value[0].entries, number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_with_a_reason_when_the_position_is_not_reached() {
    let test = TestDatabase::create().await;
    let node = Projected::stopped(test.database.clone(), ExecutorSettings::default()).await;
    let wait = async |ledger, position| {
        let used = [ReadModelName::Accounts, ReadModelName::Holds];
        node.queries.wait_for(ledger, &used, position, SOON).await
    };
    let head = node.bench.head().await;
    let late = wait(node.ledger, head).await.unwrap_err();
    assert!(
        matches!(late, QueryError::PositionNotReached { position, reached: Position::START } if position == head),
        "{late}"
    );
    let beyond = wait(node.ledger, head.next()).await.unwrap_err();
    assert!(
        matches!(beyond, QueryError::PositionUnknown { position, head: known } if position == head.next() && known == head),
        "{beyond}"
    );
    let nowhere: LedgerName = "nowhere".parse().unwrap();
    let unknown = wait(nowhere, Position::START).await.unwrap_err();
    assert!(matches!(unknown, QueryError::LedgerNotFound { ledger } if ledger == nowhere));
    wait(node.ledger, Position::START).await.unwrap();
    node.fold_all().await;
    wait(node.ledger, head).await.unwrap();
}

async fn open_other(node: &Projected) -> LedgerName {
    let other: LedgerName = "other".parse().unwrap();
    let open = Command::OpenLedger {
        name: other,
        system_accounts: standard_system_accounts(),
    };
    node.bench
        .executors
        .submit(other, submission(open))
        .await
        .unwrap();
    other
}

async fn insert_unreadable_event(test: &TestDatabase, ledger: LedgerName) {
    let mut superuser = test.superuser().await;
    sqlx::query(
        "WITH head AS (UPDATE daybook.ledger_head SET position = position + 1 WHERE ledger = $1 \
                       RETURNING position, recorded_at) \
         INSERT INTO daybook.events (ledger, position, aggregate_type, aggregate_id, sequence, \
             event_type, event_version, payload, metadata, recorded_at) \
         SELECT $1, position, 'wallet', gen_random_uuid()::text, 1, 'WalletPainted', '1', \
             '{\"WalletPainted\":{}}', '{}', recorded_at FROM head",
    )
    .bind(ledger.as_str())
    .execute(&mut superuser)
    .await
    .unwrap();
}

/// Nothing is skipped: the read models of that ledger stay in front of the event, whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_stops_the_projectors_of_its_ledger() {
    let test = TestDatabase::create().await;
    let mut node = Projected::stopped(test.database.clone(), ExecutorSettings::default()).await;
    let other = open_other(&node).await;
    node.bench.funded_wallet("5.00").await;
    let last_good = node.bench.head().await;
    insert_unreadable_event(&test, node.ledger).await;
    node.start_projectors();
    let mut advanced = node.status.advanced();
    let failures = |status: &projections::ProjectionStatus| {
        let projectors = status.projectors();
        projectors
            .values()
            .filter(|one| one.failure.is_some())
            .count()
    };
    while failures(&node.status) < ReadModelName::ALL.len() {
        advanced.changed().await.unwrap();
    }
    assert!(!node.status.is_healthy());
    for ((name, ledger), status) in node.status.projectors() {
        if ledger != node.ledger {
            assert_eq!(status.failure, None);
            continue;
        }
        let failure = status.failure.unwrap();
        let named = format!("position {} cannot be decoded", last_good.next());
        assert!(
            failure.contains(&named) && failure.contains("WalletPainted"),
            "{failure}"
        );
        assert_eq!(status.position, last_good, "{name}");
        let at = checkpoint(node.database.pool(), name, ledger)
            .await
            .unwrap();
        assert_eq!(at, last_good, "{name}");
    }
    let command = money(system("cash"), system("fees"), "1.00");
    let outcome = node
        .bench
        .executors
        .submit(other, submission(command))
        .await
        .unwrap();
    node.queries
        .wait_for(
            other,
            &ReadModelName::ALL,
            outcome.position,
            Duration::from_secs(30),
        )
        .await
        .unwrap();
}

/// A caller may go away at any moment: an HTTP client, a projector that is stopped. Fails when it goes
/// while its `BEGIN` is under way and the pool hands the open database transaction to the next, who
/// then reads a snapshot of the past and may not write.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_caller_that_goes_away_leaves_no_open_transaction_to_the_next() {
    let test = TestDatabase::create().await;
    let database = event_store::Database::connect(&test.url, 1).await.unwrap();
    let alone = async || -> bool {
        // As plain text: then one statement is one transaction and both begin together.
        let statement = "SELECT now() = statement_timestamp()";
        let row = database.pool().fetch_one(statement).await.unwrap();
        row.get(0)
    };
    assert!(alone().await);
    let mut cut_off = 0;
    while cut_off < 3 {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let mut connection = database.pool().acquire().await.unwrap();
        // On a busy machine the answer may be there at once.
        if connection.begin_with(begin).now_or_never().is_none() {
            cut_off += 1;
        }
        drop(connection);
        assert!(alone().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ledgers_that_appear_later_are_folded_too() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let other = open_other(&node).await;
    node.queries
        .wait_for(
            other,
            &ReadModelName::ALL,
            Position::START.next(),
            Duration::from_secs(30),
        )
        .await
        .unwrap();
    assert_eq!(
        node.queries
            .system_accounts(other)
            .await
            .unwrap()
            .value
            .len(),
        6
    );
    assert_eq!(
        node.queries
            .accounts_of(other, system("cash"))
            .await
            .unwrap()
            .value,
        []
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn projectors_outlive_a_postgres_that_dies() {
    let mut postgres = OwnPostgres::start().await;
    let mut node = Projected::start(postgres.database.clone()).await;
    let wallet = node.bench.funded_wallet("1.00").await;
    node.settled().await;
    for _ in 0..2 {
        postgres.server.kill().await.unwrap();
        postgres.server.restart().await.unwrap();
        let outcome = loop {
            let result = node.bench.submit(submission(deposit(wallet, "1.00"))).await;
            if let Ok(outcome) = result {
                break outcome;
            }
        };
        loop {
            let patience = Duration::from_secs(30);
            let reached = node
                .queries
                .wait_for(node.ledger, &ReadModelName::ALL, outcome.position, patience)
                .await;
            match reached {
                Ok(()) => break,
                Err(QueryError::Database(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(node.status.is_healthy());
    verify::verify(&node.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
    node.stop_projectors().await;
    let reader = LogReader::new(node.database.pool().clone());
    assert!(reader.head(node.ledger).await.unwrap().is_some());
}

/// Stopped projectors leave no database transaction behind and go on from where they were.
#[tokio::test(flavor = "multi_thread")]
async fn projectors_can_be_stopped_at_any_moment() {
    let mut node = Projected::start(TestDatabase::create().await.database).await;
    let wallet = node.bench.wallet().await;
    for _ in 0..30 {
        node.bench
            .submit(submission(deposit(wallet, "1.00")))
            .await
            .unwrap();
        node.stop_projectors().await;
        node.start_projectors();
    }
    node.settled().await;
    verify::verify(&node.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
}
