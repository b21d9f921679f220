//! One intent, one effect.

use event_store::executor::{IdempotencyKey, Outcome, Submission, SubmitError};
use rust_decimal::Decimal;

use crate::harness::{Bench, TestDatabase, deposit, submission, transfer};

fn keyed(mut submission: Submission, key: &str, request: u8) -> Submission {
    submission.idempotency = Some(IdempotencyKey {
        scope: "tests".to_owned(),
        key: key.to_owned(),
        request_hash: [request; 32],
    });
    submission
}

fn original(outcome: Outcome) -> Outcome {
    assert!(outcome.replayed);
    Outcome {
        replayed: false,
        ..outcome
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_gets_the_same_answer_and_has_one_effect() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    let first = bench
        .submit(keyed(submission(deposit(wallet, "7.00")), "k", 1))
        .await
        .unwrap();
    assert!(!first.replayed);
    // A retry comes with a new generated id, and gets the first one's.
    let again = bench
        .submit(keyed(submission(deposit(wallet, "7.00")), "k", 1))
        .await
        .unwrap();
    assert_eq!(original(again), first);
    // A node without the key in memory finds it in the database.
    let other = Bench::over(bench.database.clone()).await;
    let there = other
        .submit(keyed(submission(deposit(wallet, "7.00")), "k", 1))
        .await
        .unwrap();
    assert_eq!(original(there), first);
    assert_eq!(bench.rupees(wallet).await, Decimal::new(7_00, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_the_same_key_is_refused() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    bench
        .submit(keyed(submission(deposit(wallet, "7.00")), "k", 1))
        .await
        .unwrap();
    for node in [&bench, &Bench::over(bench.database.clone()).await] {
        let other = node
            .submit(keyed(submission(deposit(wallet, "8.00")), "k", 2))
            .await;
        assert_eq!(other, Err(SubmitError::IdempotencyKeyReused));
    }
    assert_eq!(bench.rupees(wallet).await, Decimal::new(7_00, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn race_the_same_key_at_the_same_time_has_one_effect() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let other = Bench::over(bench.database.clone()).await;
    let wallet = bench.wallet().await;
    let attempts = (0..40).map(|number| {
        let node = if number % 2 == 0 { &bench } else { &other };
        node.submit(keyed(submission(deposit(wallet, "7.00")), "k", 1))
    });
    let outcomes: Vec<Outcome> = futures_util::future::join_all(attempts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        outcomes.iter().filter(|outcome| !outcome.replayed).count(),
        1
    );
    assert!(
        outcomes
            .windows(2)
            .all(|pair| pair[0].commands == pair[1].commands)
    );
    assert_eq!(bench.rupees(wallet).await, Decimal::new(7_00, 2));
}

/// Fails when a refusal is given without looking the key up: the first attempt emptied the wallet,
/// so the retry breaks a rule that the first attempt did not.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_would_be_refused_now_gets_the_first_answer() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (from, to) = (bench.funded_wallet("5.00").await, bench.wallet().await);
    let pay = || keyed(submission(transfer(from, to, "5.00")), "pay", 1);
    let first = bench.submit(pay()).await.unwrap();
    let other = Bench::over(bench.database.clone()).await;
    assert_eq!(original(other.submit(pay()).await.unwrap()), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_does_not_use_the_key_up() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (from, to) = (bench.wallet().await, bench.wallet().await);
    let pay = || keyed(submission(transfer(from, to, "5.00")), "pay", 1);
    assert!(bench.submit(pay()).await.unwrap().refusal().is_some());
    bench
        .submit(submission(deposit(from, "5.00")))
        .await
        .unwrap();
    let outcome = bench.submit(pay()).await.unwrap();
    assert_eq!(outcome.refusal(), None);
    assert!(!outcome.replayed);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_different_scopes_and_ledgers_never_meet() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    bench
        .submit(keyed(submission(deposit(wallet, "1.00")), "k", 1))
        .await
        .unwrap();
    let mut elsewhere = keyed(submission(deposit(wallet, "2.00")), "k", 2);
    if let Some(key) = &mut elsewhere.idempotency {
        key.scope = "others".to_owned();
    }
    assert_eq!(bench.submit(elsewhere).await.unwrap().refusal(), None);
    assert_eq!(bench.rupees(wallet).await, Decimal::new(3_00, 2));
}
