//! Several nodes on one ledger.

use event_store::executor::ExecutorSettings;
use rust_decimal::Decimal;

use crate::harness::{Bench, TestDatabase, submission, transfer};

/// Two nodes spend the same money at the same time: the head row lets each rupee go once.
#[tokio::test(flavor = "multi_thread")]
async fn race_two_nodes_never_spend_the_same_money_twice() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let (rich, other) = (first.funded_wallet("60.00").await, first.wallet().await);
    let attempts = (0..100).map(|number| {
        let node = if number % 2 == 0 { &first } else { &second };
        node.submit(submission(transfer(rich, other, "1.00")))
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    let accepted = outcomes
        .iter()
        .filter(|outcome| outcome.as_ref().unwrap().refusal().is_none())
        .count();
    assert_eq!(accepted, 60);
    assert_eq!(first.rupees(rich).await, Decimal::ZERO);
}

/// Fails when a refusal is given without asking whether the head has moved: the deposit was
/// acknowledged by one node before the other was asked.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_node_that_is_behind_never_refuses_what_is_covered() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let (from, to) = (first.wallet().await, first.wallet().await);
    for _ in 0..20 {
        let outcome = first
            .submit(submission(crate::harness::deposit(from, "1.00")))
            .await
            .unwrap();
        assert_eq!(outcome.refusal(), None);
        let outcome = second
            .submit(submission(transfer(from, to, "1.00")))
            .await
            .unwrap();
        assert_eq!(outcome.refusal(), None);
    }
}

/// A cache that holds almost nothing decides as one that holds everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_tiny_cache_decides_the_same() {
    let settings = ExecutorSettings {
        cached_entities: 2,
        cached_keys: 1,
        ..ExecutorSettings::default()
    };
    let bench = Bench::with_settings(TestDatabase::create().await.database, settings).await;
    let mut wallets = Vec::new();
    for _ in 0..12 {
        wallets.push(bench.funded_wallet("10.00").await);
    }
    for round in 0..3 {
        for index in 0..wallets.len() {
            let (from, to) = (wallets[index], wallets[(index + 1 + round) % wallets.len()]);
            let outcome = bench
                .submit(submission(transfer(from, to, "2.00")))
                .await
                .unwrap();
            assert_eq!(outcome.refusal(), None);
        }
    }
    for wallet in wallets {
        assert_eq!(bench.rupees(wallet).await, Decimal::new(10_00, 2));
    }
}
