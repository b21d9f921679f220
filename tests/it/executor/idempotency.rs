//! One intent, one effect.

use event_store::executor::{
    Atomicity, CommandOutcome, IdempotencyKey, Outcome, Submission, SubmitError,
};
use ledger_core::{AggregateType, Command, TransactionId};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::harness::{Bench, TestDatabase, deposit, submission, transfer};

fn keyed(mut submission: Submission, key: &str, request: u8) -> Submission {
    submission.idempotency = Some(IdempotencyKey::new(
        "tests".to_owned(),
        key.to_owned(),
        [request; 32],
    ));
    submission
}

/// The same with the transaction's id as its key: the transaction's stream keeps it.
fn keyed_by_id(mut submission: Submission, id: Uuid, request: u8) -> Submission {
    for command in &mut submission.commands {
        if let Command::PostTransaction { transaction, .. } = command {
            *transaction = TransactionId::new(id);
        }
    }
    submission.idempotency = Some(IdempotencyKey::of_begun(
        AggregateType::Transaction,
        id,
        "tests".to_owned(),
        [request; 32],
    ));
    submission
}

async fn rows_of_keys(bench: &Bench) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM daybook.idempotency")
        .fetch_one(bench.database.pool())
        .await
        .unwrap()
}

/// One caller was the first, and the others got its answer.
fn assert_one_first(outcomes: &[Outcome]) {
    let firsts = outcomes.iter().filter(|outcome| !outcome.replayed).count();
    assert_eq!(firsts, 1);
    let same = |pair: &[Outcome]| pair[0].commands == pair[1].commands;
    assert!(outcomes.windows(2).all(same));
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
    assert_one_first(&outcomes);
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
    let mut elsewhere = submission(deposit(wallet, "2.00"));
    elsewhere.idempotency = Some(IdempotencyKey::new(
        "others".to_owned(),
        "k".to_owned(),
        [2; 32],
    ));
    assert_eq!(bench.submit(elsewhere).await.unwrap().refusal(), None);
    assert_eq!(bench.rupees(wallet).await, Decimal::new(3_00, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_a_key_that_needs_no_row() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (wallet, id) = (bench.wallet().await, Uuid::now_v7());
    let pay = || keyed_by_id(submission(deposit(wallet, "7.00")), id, 1);
    let first = bench.submit(pay()).await.unwrap();
    assert_eq!((first.refusal(), first.replayed), (None, false));
    assert_eq!(rows_of_keys(&bench).await, 0);
    assert_eq!(original(bench.submit(pay()).await.unwrap()), first);
    // A node without it in memory finds it in the log; later events of the stream change nothing.
    let revert = Command::RevertTransaction {
        transaction: TransactionId::new(id),
        reverting_transaction: TransactionId::new(Uuid::now_v7()),
        effective_at: None,
        reference: None,
        metadata: ledger_core::annotation::Metadata::default(),
    };
    bench.submit(submission(revert)).await.unwrap();
    let other = Bench::over(bench.database.clone()).await;
    assert_eq!(original(other.submit(pay()).await.unwrap()), first);
    for node in [&bench, &other] {
        let reused = node.submit(keyed_by_id(submission(deposit(wallet, "8.00")), id, 2));
        assert_eq!(reused.await, Err(SubmitError::IdempotencyKeyReused));
    }
    assert_eq!(bench.rupees(wallet).await, Decimal::new(0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_somebody_else_has_used_is_taken_and_no_replay() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (wallet, id) = (bench.wallet().await, Uuid::now_v7());
    let mine = keyed_by_id(submission(deposit(wallet, "7.00")), id, 1);
    bench.submit(mine.clone()).await.unwrap();
    let mut theirs = mine.clone();
    theirs.idempotency = Some(IdempotencyKey::of_begun(
        AggregateType::Transaction,
        id,
        "others".to_owned(),
        [1; 32],
    ));
    let mut without_key = mine;
    without_key.idempotency = None;
    for node in [&bench, &Bench::over(bench.database.clone()).await] {
        for taken in [&theirs, &without_key] {
            let outcome = node.submit(taken.clone()).await.unwrap();
            assert_eq!(outcome.refusal().unwrap().code, "transaction_exists");
        }
    }
    assert_eq!(bench.rupees(wallet).await, Decimal::new(7_00, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn race_the_same_id_at_the_same_time_has_one_effect() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let other = Bench::over(bench.database.clone()).await;
    let (wallet, id) = (bench.wallet().await, Uuid::now_v7());
    let attempts = (0..40).map(|number| {
        let node = if number % 2 == 0 { &bench } else { &other };
        node.submit(keyed_by_id(submission(deposit(wallet, "7.00")), id, 1))
    });
    let outcomes: Vec<Outcome> = futures_util::future::join_all(attempts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_one_first(&outcomes);
    assert_eq!(bench.rupees(wallet).await, Decimal::new(7_00, 2));
}

/// Fails when a refusal is given without looking for the transaction: the first attempt emptied the
/// wallet.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_by_id_that_would_be_refused_now_gets_the_first_answer() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (from, to) = (bench.funded_wallet("5.00").await, bench.wallet().await);
    let id = Uuid::now_v7();
    let pay = || keyed_by_id(submission(transfer(from, to, "5.00")), id, 1);
    let first = bench.submit(pay()).await.unwrap();
    let other = Bench::over(bench.database.clone()).await;
    assert_eq!(original(other.submit(pay()).await.unwrap()), first);
}

/// Before streams kept keys, an id had a row like any other key.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_whose_key_has_a_row_is_answered_from_it() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (wallet, id) = (bench.wallet().await, Uuid::now_v7());
    let pay = keyed_by_id(submission(deposit(wallet, "7.00")), id, 1);
    let mut before = pay.clone();
    before.idempotency = Some(IdempotencyKey::new(
        "tests".to_owned(),
        id.to_string(),
        [1; 32],
    ));
    let first = bench.submit(before).await.unwrap();
    assert_eq!(rows_of_keys(&bench).await, 1);
    let other = Bench::over(bench.database.clone()).await;
    assert_eq!(original(other.submit(pay).await.unwrap()), first);
    let reused = keyed_by_id(submission(deposit(wallet, "8.00")), id, 2);
    assert_eq!(
        other.submit(reused).await,
        Err(SubmitError::IdempotencyKeyReused)
    );
}

/// The row of a batch's key says how many were begun, the log says what; a mixed batch is kept in full.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_gets_its_first_answer_whole() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (from, to) = (bench.funded_wallet("5.00").await, bench.wallet().await);
    for (name, count, refused) in [("few", 3, 0), ("many", 100, 0), ("mixed", 100, 7)] {
        let batch = || {
            let mut batch = submission(deposit(to, "1.00"));
            batch.atomicity = Atomicity::Independent;
            let moved = |number| if number < refused { "9999" } else { "0.01" };
            batch
                .commands
                .extend((1..count).map(|number| transfer(from, to, moved(number))));
            keyed(batch, name, 1)
        };
        let first = bench.submit(batch()).await.unwrap();
        assert_eq!(first.commands.len(), count);
        let applied = |outcome: &&CommandOutcome| matches!(outcome, CommandOutcome::Applied(_));
        let expected = count - refused.saturating_sub(1);
        assert_eq!(first.commands.iter().filter(applied).count(), expected);
        assert_eq!(original(bench.submit(batch()).await.unwrap()), first);
        let other = Bench::over(bench.database.clone()).await;
        assert_eq!(original(other.submit(batch()).await.unwrap()), first);
    }
}
