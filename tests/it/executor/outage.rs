//! PostgreSQL dies and comes back.

use std::time::Duration;

use event_store::executor::{ExecutorSettings, IdempotencyKey, SubmitError};
use rust_decimal::Decimal;

use crate::harness::{Bench, OwnPostgres, deposit, submission};

fn impatient() -> ExecutorSettings {
    ExecutorSettings {
        patience: Duration::from_millis(300),
        ..ExecutorSettings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_commands_fail_retryably_and_the_service_recovers_by_itself() {
    let mut postgres = OwnPostgres::start().await;
    let bench = Bench::with_settings(postgres.database.clone(), impatient()).await;
    let wallet = bench.funded_wallet("1.00").await;
    postgres.server.kill().await.unwrap();
    let result = bench.submit(submission(deposit(wallet, "2.00"))).await;
    assert!(
        matches!(
            result,
            Err(SubmitError::Unavailable | SubmitError::OutcomeUnknown)
        ),
        "{result:?}"
    );
    postgres.server.restart().await.unwrap();
    let outcome = bench
        .submit(submission(deposit(wallet, "4.00")))
        .await
        .unwrap();
    assert_eq!(outcome.refusal(), None);
    let held = bench.rupees(wallet).await;
    // The failed deposit was never acknowledged, and is there whole or not at all.
    assert!(
        held == Decimal::new(5_00, 2) || held == Decimal::new(7_00, 2),
        "{held}"
    );
}

/// PostgreSQL is killed under load, again and again. Callers retry under their key until they are
/// answered; afterwards every deposit is in the log exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn race_killed_under_load_every_command_takes_effect_once() {
    const CALLERS: u64 = 16;
    const DEPOSITS: u64 = 30;
    let mut postgres = OwnPostgres::start().await;
    let bench = Bench::with_settings(postgres.database.clone(), impatient()).await;
    let wallet = bench.wallet().await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (executors, ledger) = (bench.executors.clone(), bench.ledger);
            tokio::spawn(async move {
                for number in 0..DEPOSITS {
                    loop {
                        let mut attempt = submission(deposit(wallet, "1.00"));
                        attempt.idempotency = Some(IdempotencyKey::new(
                            "tests".to_owned(),
                            format!("{caller}-{number}"),
                            [1; 32],
                        ));
                        match executors.submit(ledger, attempt).await {
                            Ok(outcome) => {
                                assert_eq!(outcome.refusal(), None);
                                break;
                            }
                            Err(SubmitError::Unavailable | SubmitError::OutcomeUnknown) => {
                                tokio::time::sleep(Duration::from_millis(20)).await;
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        postgres.server.kill().await.unwrap();
        postgres.server.restart().await.unwrap();
    }
    for caller in callers {
        caller.await.unwrap();
    }
    // A pooled connection is only tested after a pause; one used just before the kill is dead.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let expected = i64::try_from(CALLERS * DEPOSITS).unwrap();
    assert_eq!(bench.rupees(wallet).await, Decimal::new(expected * 100, 2));
}
