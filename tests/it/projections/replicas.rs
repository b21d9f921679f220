//! Projectors that share their work, and replicas that share a database.

use std::time::Duration;

use event_store::executor::ExecutorSettings;
use projections::checkpoint::{checkpoint, checkpoints};
use projections::runner::fold_page;
use projections::{ProjectionStatus, ReadModelName, verify};
use sqlx::Executor;

use crate::harness::{Projected, TestDatabase, deposit, submission};

const PATIENCE: Duration = Duration::from_secs(30);

fn all_but(left_out: ReadModelName) -> Vec<ReadModelName> {
    let mut names = ReadModelName::ALL.to_vec();
    names.retain(|name| *name != left_out);
    names
}

async fn until(status: &ProjectionStatus, met: impl Fn(&ProjectionStatus) -> bool) {
    let mut advanced = status.advanced();
    while !met(status) {
        advanced.changed().await.unwrap();
    }
}

/// Fails when a replica of the old version folds into tables that the new version has swapped in.
#[tokio::test(flavor = "multi_thread")]
async fn race_an_old_replica_never_folds_into_tables_of_a_new_version() {
    let test = TestDatabase::create().await;
    let mut node = Projected::stopped(test.database.clone(), ExecutorSettings::default()).await;
    node.fold_all().await;
    let before = node.bench.head().await;
    let wallet = node.bench.funded_wallet("5.00").await;
    let mut superuser = test.superuser().await;
    superuser
        .execute("UPDATE read_models.read_model SET version = 99 WHERE name = 'holds'")
        .await
        .unwrap();
    let (log, name) = (node.log().await, ReadModelName::Holds);
    let events: Vec<_> = log
        .iter()
        .filter(|event| event.position > before)
        .cloned()
        .collect();
    let mut connection = test.database.dedicated_connection().await.unwrap();
    let folded = fold_page(&mut connection, name, node.ledger, before, &events).await;
    assert_eq!(folded.unwrap(), None);
    node.start_projectors();
    let head = node
        .bench
        .submit(submission(deposit(wallet, "1.00")))
        .await
        .unwrap()
        .position;
    node.queries
        .wait_for(node.ledger, &all_but(name), head, PATIENCE)
        .await
        .unwrap();
    let at = checkpoint(&mut connection, name, node.ledger)
        .await
        .unwrap();
    assert_eq!(at, before);
    assert!(node.status.is_healthy());
}

/// Fails when read models that share a page share its fate.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_cannot_be_folded_stops_alone() {
    let test = TestDatabase::create().await;
    let mut node = Projected::stopped(test.database.clone(), ExecutorSettings::default()).await;
    let wallet = node.bench.funded_wallet("5.00").await;
    node.fold_all().await;
    let before = node.bench.head().await;
    let mut superuser = test.superuser().await;
    superuser
        .execute("DELETE FROM read_models.wallets")
        .await
        .unwrap();
    let head = node
        .bench
        .submit(submission(deposit(wallet, "1.00")))
        .await
        .unwrap()
        .position;
    node.start_projectors();
    let name = ReadModelName::Wallets;
    node.queries
        .wait_for(node.ledger, &all_but(name), head, PATIENCE)
        .await
        .unwrap();
    until(&node.status, |status| !status.is_healthy()).await;
    for ((read_model, _), status) in node.status.projectors() {
        let stopped = read_model == name;
        assert_eq!(status.failure.is_some(), stopped, "{read_model}");
        assert_eq!(
            status.position,
            if stopped { before } else { head },
            "{read_model}"
        );
    }
    let at = checkpoint(test.database.pool(), name, node.ledger)
        .await
        .unwrap();
    assert_eq!(at, before);
}

/// A read model that is behind catches up beside the others and then goes on together with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_behind_catches_up() {
    let test = TestDatabase::create().await;
    let mut node = Projected::stopped(test.database.clone(), ExecutorSettings::default()).await;
    let wallet = node.bench.funded_wallet("5.00").await;
    let (log, mut connection) = (
        node.log().await,
        test.database.dedicated_connection().await.unwrap(),
    );
    for (count, name) in ReadModelName::ALL.into_iter().enumerate().skip(1) {
        let events = &log[..log.len().min(count)];
        fold_page(
            &mut connection,
            name,
            node.ledger,
            ledger_core::Position::START,
            events,
        )
        .await
        .unwrap()
        .unwrap();
    }
    node.start_projectors();
    node.bench
        .submit(submission(deposit(wallet, "1.00")))
        .await
        .unwrap();
    node.settled().await;
    verify::verify(&test.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
}

/// Fails when a replica holds on to what it remembers after another has folded, or when nobody takes
/// over from one that has gone.
#[tokio::test(flavor = "multi_thread")]
async fn race_replicas_take_over_from_each_other() {
    let test = TestDatabase::create().await;
    let mut first = Projected::start(test.database.clone()).await;
    let mut second = Projected::start(test.database.clone()).await;
    let wallets = [first.bench.wallet().await, first.bench.wallet().await];
    for round in 0..8 {
        for wallet in wallets {
            let outcome = first
                .bench
                .submit(submission(deposit(wallet, "1.00")))
                .await
                .unwrap();
            first.reach(outcome.position).await;
        }
        if round % 2 == 0 {
            first.stop_projectors().await;
            second.start_projectors();
        } else {
            second.stop_projectors().await;
            first.start_projectors();
        }
    }
    let head = first.settled().await;
    let at = checkpoints(test.database.pool(), first.ledger)
        .await
        .unwrap();
    assert_eq!(at.len(), ReadModelName::ALL.len());
    assert!(at.values().all(|position| *position == head));
    verify::verify(&test.database, first.ledger, &mut |_| {})
        .await
        .unwrap();
}
