//! What one executor decides, and what the log shows of it.

use event_store::LogReader;
use event_store::executor::{Atomicity, CommandOutcome, SubmitError};
use ledger_core::{Command, LedgerName, Position, TransactionId};
use rust_decimal::Decimal;

use crate::harness::{Bench, TestDatabase, deposit, submission, transfer};

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_command_is_in_the_log_at_the_position_it_names() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    let outcome = bench
        .submit(submission(deposit(wallet, "250.00")))
        .await
        .unwrap();

    let reader = LogReader::new(bench.database.pool().clone());
    let before = Position::START.plus(outcome.position.value() - 1);
    let events = reader.read(bench.ledger, before, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event_type, "TransactionPosted");
    assert_eq!(events[0].decode().unwrap().recorded_at, outcome.recorded_at);
    assert_eq!(bench.rupees(wallet).await, Decimal::new(250_00, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_leaves_no_event() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (poor, other) = (bench.funded_wallet("10.00").await, bench.wallet().await);
    let head = bench.head().await;
    let outcome = bench
        .submit(submission(transfer(poor, other, "10.01")))
        .await
        .unwrap();
    let refusal = outcome.refusal().unwrap();
    assert_eq!(refusal.code, "insufficient_funds");
    assert_eq!(refusal.context["available"], "10.00");
    assert_eq!(bench.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_ledger_is_named() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    let ledger: LedgerName = "nowhere".parse().unwrap();
    let result = bench
        .executors
        .submit(ledger, submission(deposit(wallet, "1.00")))
        .await;
    assert_eq!(result, Err(SubmitError::LedgerNotFound { ledger }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_opens_once() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let again = Command::OpenLedger {
        name: bench.ledger,
        system_accounts: Vec::new(),
    };
    let outcome = bench.submit(submission(again)).await.unwrap();
    assert_eq!(outcome.refusal().unwrap().code, "ledger_exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_or_nothing_refuses_all_and_names_the_culprit() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (a, b) = (bench.funded_wallet("5.00").await, bench.wallet().await);
    let head = bench.head().await;
    let mut all = submission(transfer(a, b, "3.00"));
    all.commands.push(transfer(a, b, "3.00"));
    let outcome = bench.submit(all).await.unwrap();
    assert_eq!(outcome.commands[0], CommandOutcome::NotApplied);
    assert_eq!(outcome.refusal().unwrap().code, "insufficient_funds");
    assert_eq!(bench.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn independent_commands_stand_alone() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (a, b) = (bench.funded_wallet("5.00").await, bench.wallet().await);
    let mut each = submission(transfer(a, b, "3.00"));
    each.commands.push(transfer(a, b, "3.00"));
    each.commands.push(transfer(a, b, "2.00"));
    each.atomicity = Atomicity::Independent;
    let outcome = bench.submit(each).await.unwrap();
    assert!(matches!(outcome.commands[0], CommandOutcome::Applied(_)));
    assert!(matches!(outcome.commands[1], CommandOutcome::Refused(_)));
    assert!(matches!(outcome.commands[2], CommandOutcome::Applied(_)));
    assert_eq!(bench.rupees(b).await, Decimal::new(5_00, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_and_leaves_nothing() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (a, b) = (bench.funded_wallet("5.00").await, bench.wallet().await);
    let head = bench.head().await;
    let mut dry = submission(transfer(a, b, "3.00"));
    dry.atomicity = Atomicity::DryRun;
    let tried = bench.submit(dry).await.unwrap();
    // Not one more: whoever reads on from there would ask for a position that is not in the log.
    assert_eq!((tried.refusal(), tried.position), (None, head));
    let mut dry = submission(transfer(a, b, "6.00"));
    dry.atomicity = Atomicity::DryRun;
    let refused = bench.submit(dry).await.unwrap();
    assert_eq!(refused.refusal().unwrap().code, "insufficient_funds");
    assert_eq!(refused.position, head);
    assert_eq!(bench.head().await, head);
    assert_eq!(bench.rupees(a).await, Decimal::new(5_00, 2));
}

/// Fails without looking taken ids up after the stream's key refused the append.
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_transaction_id_is_refused_and_harms_nobody_else() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    let first = deposit(wallet, "1.00");
    bench.submit(submission(first.clone())).await.unwrap();
    // Another node does not have the transaction in memory and meets the key.
    let other = Bench::over(bench.database.clone()).await;
    let (taken, fresh) = tokio::join!(
        other.submit(submission(first)),
        other.submit(submission(deposit(wallet, "2.00")))
    );
    assert_eq!(taken.unwrap().refusal().unwrap().code, "transaction_exists");
    assert_eq!(fresh.unwrap().refusal(), None);
    assert_eq!(other.rupees(wallet).await, Decimal::new(3_00, 2));
}

/// Fails when a refusal is given without looking at the stream: the payment took place and emptied
/// the wallet, its answer was lost, and the client asks again under its own id.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_by_id_of_a_payment_that_took_place_is_told_so() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (from, to) = (bench.funded_wallet("5.00").await, bench.wallet().await);
    let pay = transfer(from, to, "5.00");
    bench.submit(submission(pay.clone())).await.unwrap();
    for node in [&bench, &Bench::over(bench.database.clone()).await] {
        let again = node.submit(submission(pay.clone())).await.unwrap();
        assert_eq!(again.refusal().unwrap().code, "transaction_exists");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_reverted_once_even_by_a_node_that_has_forgotten_it() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    let outcome = bench
        .submit(submission(deposit(wallet, "9.00")))
        .await
        .unwrap();
    let CommandOutcome::Applied(applied) = &outcome.commands[0] else {
        panic!("applied")
    };
    let revert = |id: u128| Command::RevertTransaction {
        transaction: TransactionId::new(applied.created.unwrap()),
        reverting_transaction: TransactionId::new(uuid::Uuid::from_u128(id)),
        effective_at: None,
        reference: None,
        metadata: ledger_core::annotation::Metadata::default(),
    };
    let other = Bench::over(bench.database.clone()).await;
    assert_eq!(
        other.submit(submission(revert(1))).await.unwrap().refusal(),
        None
    );
    let again = bench.submit(submission(revert(2))).await.unwrap();
    assert_eq!(
        again.refusal().unwrap().code,
        "transaction_already_reverted"
    );
    assert_eq!(bench.rupees(wallet).await, Decimal::ZERO);
}

/// Many callers, one hot account: nothing is lost, nothing is overdrawn.
#[tokio::test(flavor = "multi_thread")]
async fn race_transfers_from_one_wallet_never_overdraw_it() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (rich, other) = (bench.funded_wallet("100.00").await, bench.wallet().await);
    let attempts = (0..150).map(|_| bench.submit(submission(transfer(rich, other, "1.00"))));
    let outcomes = futures_util::future::join_all(attempts).await;
    let accepted = outcomes
        .iter()
        .filter(|outcome| outcome.as_ref().unwrap().refusal().is_none())
        .count();
    assert_eq!(accepted, 100);
    assert_eq!(bench.rupees(rich).await, Decimal::ZERO);
    assert_eq!(bench.rupees(other).await, Decimal::new(100_00, 2));
}

/// A statement that PostgreSQL refuses is split until only the culprit fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_postgres_refuses_fails_alone() {
    let database = TestDatabase::create().await;
    let bench = Bench::over(database.database.clone()).await;
    let wallet = bench.wallet().await;
    let mut superuser = database.superuser().await;
    sqlx::query(
        "ALTER TABLE daybook.events ADD CONSTRAINT tests_refuse_thirteen \
         CHECK (payload::text NOT LIKE '%13.13%') NOT VALID",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    let amounts = ["1.00", "2.00", "13.13", "3.00", "4.00"];
    let results = futures_util::future::join_all(
        amounts.map(|amount| bench.submit(submission(deposit(wallet, amount)))),
    )
    .await;
    for (amount, result) in amounts.iter().zip(results) {
        match *amount {
            "13.13" => assert_eq!(result, Err(SubmitError::Fault)),
            _ => assert_eq!(result.unwrap().refusal(), None),
        }
    }
    assert_eq!(bench.rupees(wallet).await, Decimal::new(10_00, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_time_never_runs_backwards() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    let deposits = (0..50).map(|_| bench.submit(submission(deposit(wallet, "1.00"))));
    futures_util::future::join_all(deposits).await;
    let backwards: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT recorded_at, lag(recorded_at) OVER (ORDER BY position) AS before \
         FROM daybook.events) AS event WHERE recorded_at < before",
    )
    .fetch_one(bench.database.pool())
    .await
    .unwrap();
    assert_eq!(backwards, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_answers_everything_that_was_taken() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    let executors = bench.executors.clone();
    let ledger = bench.ledger;
    let taken: Vec<_> = (0..50)
        .map(|_| {
            let executors = executors.clone();
            tokio::spawn(async move {
                executors
                    .submit(ledger, submission(deposit(wallet, "1.00")))
                    .await
            })
        })
        .collect();
    executors.stop().await;
    let mut accepted = 0_i64;
    for result in taken {
        match result.await.unwrap() {
            Ok(outcome) => {
                assert_eq!(outcome.refusal(), None);
                accepted += 1;
            }
            Err(error) => assert_eq!(error, SubmitError::Stopping),
        }
    }
    if accepted > 0 {
        assert_eq!(bench.rupees(wallet).await, Decimal::new(accepted * 100, 2));
    }
}
