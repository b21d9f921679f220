//! Several nodes on one ledger.

use event_store::executor::ExecutorSettings;
use ledger_core::annotation::Metadata;
use ledger_core::hold::{CaptureRequest, HoldRequest, Remainder};
use ledger_core::{Command, HoldId, Holder, TransactionId};
use rust_decimal::Decimal;
use uuid::Uuid;

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

/// Fails when an entity loaded from a log that is ahead of the book is decided on before the book
/// has caught up: the hold is seen and its reservation is not.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_hold_placed_on_one_node_is_captured_and_voided_on_another() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let wallet = first.funded_wallet("100.00").await;
    second
        .submit(submission(crate::harness::deposit(wallet, "1.00")))
        .await
        .unwrap();
    for number in 0..20_u128 {
        let hold = HoldId::new(Uuid::from_u128(number + 1));
        let request = HoldRequest {
            source: Holder::Wallet(wallet),
            asset: "INR".parse().unwrap(),
            amount: Decimal::new(2_00, 2),
            destination: Some(Holder::System("cash".parse().unwrap())),
            expires_at: None,
            reference: None,
            metadata: Metadata::default(),
        };
        let placed = first
            .submit(submission(Command::PlaceHold { hold, request }))
            .await
            .unwrap();
        assert_eq!(placed.refusal(), None);
        let end = if number % 2 == 0 {
            Command::VoidHold { hold, reason: None }
        } else {
            let request = CaptureRequest {
                amount: None,
                destination: None,
                remainder: Remainder::Release,
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            };
            let transaction = TransactionId::new(Uuid::from_u128(number + 1_000));
            Command::CaptureHold {
                hold,
                transaction,
                request,
            }
        };
        let ended = second.submit(submission(end)).await.unwrap();
        assert_eq!(ended.refusal(), None);
    }
    assert_eq!(first.rupees(wallet).await, Decimal::new(81_00, 2));
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
