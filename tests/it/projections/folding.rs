//! Folding: exact, independent of how the log is cut, once and only once.

use std::time::Instant;

use event_store::executor::ExecutorSettings;
use ledger_core::annotation::Metadata;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionRequest;
use ledger_core::{Command, Position, TransactionId, WalletId};
use projections::checkpoint::checkpoint;
use projections::queries::PageRequest;
use projections::queries::activity::Interval;
use projections::read_model::{Tables, create_tables, drop_tables};
use projections::runner::fold_page;
use projections::{ReadModelName, rebuild, verify};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::history::{History, Line, account, decimal, posting, system, wallet};
use crate::harness::{Projected, TestDatabase, deposit, fold, rows_of, submission, transfer};

/// Tables that stay empty in a history with few dated entries (`runs` folds many), without money from outside,
/// which `payments_api` folds, without tiers, which `limits` folds, and without anybody who is verified or
/// onboarded, which the tests of these fold.
const FOLDED_ELSEWHERE: [&str; 8] = [
    "dated_runs",
    "refunds",
    "disputes",
    "payouts",
    "owner_usage",
    "verification_cases",
    "verification_steps",
    "onboardings",
];

#[tokio::test(flavor = "multi_thread")]
async fn folding_does_not_depend_on_how_the_log_is_cut() {
    let history = History::begin().await;
    let (node, log) = (&history.node, history.node.log().await);
    let mut connection = node.database.dedicated_connection().await.unwrap();
    for name in ReadModelName::ALL {
        let live = rows_of(&mut connection, name, Tables::Live).await;
        let missing = |(table, rows): &&(&str, Vec<String>)| {
            rows.is_empty() && !FOLDED_ELSEWHERE.contains(table)
        };
        assert_eq!(live.iter().find(missing), None, "{name}");
        for page in [1, 2, 7, 1_000] {
            let read_model = name.read_model();
            drop_tables(&mut connection, read_model, Tables::Next)
                .await
                .unwrap();
            create_tables(&mut connection, read_model, Tables::Next)
                .await
                .unwrap();
            fold(&mut connection, name, Tables::Next, node.ledger, &log, page).await;
            let rows = rows_of(&mut connection, name, Tables::Next).await;
            assert_eq!(rows, live, "{name} in pages of {page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_folded_before_changes_nothing() {
    let mut history = History::begin().await;
    history.node.stop_projectors().await;
    let (node, log) = (&history.node, history.node.log().await);
    let mut connection = node.database.dedicated_connection().await.unwrap();
    let (half, head) = (log.len() / 2, node.bench.head().await);
    for name in ReadModelName::ALL {
        let before = rows_of(&mut connection, name, Tables::Live).await;
        for (from, events) in [
            (Position::START, &log[..]),
            (Position::START, &log[..half]),
            (log[half - 1].position, &log[half..]),
        ] {
            let folded = fold_page(&mut connection, name, node.ledger, from, events).await;
            assert_eq!(folded.unwrap(), None, "{name}");
        }
        assert_eq!(rows_of(&mut connection, name, Tables::Live).await, before);
        let at = checkpoint(&mut connection, name, node.ledger).await;
        assert_eq!(at.unwrap(), head);
    }
}

/// Fails when the checkpoint is moved from anywhere but where the projector thought it was.
#[tokio::test(flavor = "multi_thread")]
async fn race_two_replicas_fold_every_event_once() {
    let test = TestDatabase::create().await;
    let first = Projected::start(test.database.clone()).await;
    let second = Projected::start(test.database.clone()).await;
    let wallets = [
        first.bench.funded_wallet("500.00").await,
        first.bench.funded_wallet("500.00").await,
    ];
    for round in 0..20 {
        let transfers = (0..20).map(|number| {
            let node = if number % 2 == 0 { &first } else { &second };
            let (from, to) = (wallets[number % 2], wallets[(number + 1) % 2]);
            node.bench.submit(submission(transfer(from, to, "1.00")))
        });
        for outcome in futures_util::future::join_all(transfers).await {
            assert_eq!(outcome.unwrap().refusal(), None, "{round}");
        }
    }
    first.settled().await;
    let verified = verify::verify(&test.database, first.ledger, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(verified.transactions, 402);
    assert!(first.status.is_healthy() && second.status.is_healthy());
}

async fn post(node: &Projected, line: Line) {
    let command = Command::PostTransaction {
        transaction: TransactionId::new(Uuid::now_v7()),
        request: TransactionRequest {
            postings: vec![posting(line)],
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    };
    let outcome = node.bench.submit(submission(command)).await.unwrap();
    assert_eq!(outcome.refusal(), None);
}

/// Each account's totals fit 28 digits, but what an owner or an hour adds up to need not. Fails when
/// such sums are rounded, or stop a projector for good.
#[tokio::test(flavor = "multi_thread")]
async fn sums_over_many_accounts_stay_exact_beyond_what_one_account_can_hold() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let (first, second) = (node.bench.wallet().await, node.bench.wallet().await);
    // Both wallets are asha's, so the flows of one owner add up to twice this and more.
    let large = "70000000000.000000000000000001";
    for (source, destination) in [
        (system("cash"), wallet(first)),
        (wallet(first), wallet(second)),
        (wallet(second), system("fees")),
        (system("suspense"), system("fx")),
    ] {
        post(&node, (source, destination, "ETH", large)).await;
    }
    node.settled().await;
    verify::verify(&node.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
    assert!(node.status.is_healthy(), "{:?}", node.status.projectors());
    let sum: String = sqlx::query_scalar(
        "SELECT sum(amount)::text FROM read_models.activity WHERE metric = 'volume'",
    )
    .fetch_one(node.database.pool())
    .await
    .unwrap();
    assert_eq!(sum, "280000000000.000000000000000004");
    // What cannot be kept exactly is said, and never rounded or a panic.
    let (queries, ledger) = (&node.queries, node.ledger);
    assert!(queries.trial_balance(ledger).await.is_err());
    let activity = queries
        .activity(ledger, Interval::Day, None, None, 100)
        .await;
    assert!(activity.is_err());
    let owner = "asha".parse().unwrap();
    assert!(queries.owner_statistics(ledger, &owner).await.is_err());
    rebuild::rebuild(&node.database, ReadModelName::Activity, &mut |_| {})
        .await
        .unwrap();
    verify::verify(&node.database, ledger, &mut |_| {})
        .await
        .unwrap();
}

/// PostgreSQL's numbers come back as the ones that went in, to the last of 18 decimals.
#[tokio::test(flavor = "multi_thread")]
async fn amounts_survive_postgres() {
    let test = TestDatabase::create().await;
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    let mut numbers = Vec::new();
    for scale in 0..=18 {
        for digits in 1..=28_u32 {
            let mantissa = (0..digits).fold(0_i128, |mantissa, _| {
                mantissa * 10 + i128::from(next() % 10)
            });
            numbers.push(Decimal::from_i128_with_scale(mantissa, scale));
            let nines = 10_i128.pow(digits) - 1;
            numbers.push(Decimal::from_i128_with_scale(nines, scale));
        }
        numbers.push(Decimal::from_i128_with_scale(
            Decimal::MAX.mantissa(),
            scale,
        ));
    }
    let back: Vec<Decimal> =
        sqlx::query_scalar("SELECT number FROM UNNEST($1::numeric[]) AS number")
            .bind(&numbers)
            .fetch_all(test.database.pool())
            .await
            .unwrap();
    for (number, back) in numbers.iter().zip(back) {
        assert_eq!(*number, back);
    }
}

/// A balance is shown from the right side even while the read model that knows the side lags.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_lagging_ledgers_read_model_never_turns_a_balance_round() {
    let node = Projected::stopped(
        TestDatabase::create().await.database,
        ExecutorSettings::default(),
    )
    .await;
    node.fold_all().await;
    let open = Command::OpenSystemAccount {
        name: "promotions".parse().unwrap(),
        normal_side: ledger_core::posting::NormalSide::Debit,
    };
    node.bench.submit(submission(open)).await.unwrap();
    let register = Command::RegisterAsset {
        code: "MILES".parse().unwrap(),
        scale: 0,
    };
    node.bench.submit(submission(register)).await.unwrap();
    post(&node, (system("promotions"), system("fees"), "INR", "5.00")).await;
    post(&node, (system("cash"), system("losses"), "MILES", "5")).await;
    let log = node.log().await;
    let mut connection = node.database.dedicated_connection().await.unwrap();
    for name in ReadModelName::ALL {
        if name == ReadModelName::Ledgers {
            continue;
        }
        let from = checkpoint(&mut connection, name, node.ledger)
            .await
            .unwrap();
        let events: Vec<RecordedEvent> = log
            .iter()
            .filter(|event| event.position > from)
            .cloned()
            .collect();
        fold_page(&mut connection, name, node.ledger, from, &events)
            .await
            .unwrap()
            .unwrap();
    }
    let promotions = account(system("promotions"), "INR");
    let request = PageRequest {
        after: None,
        limit: 100,
    };
    let accounts = node
        .queries
        .accounts(node.ledger, request)
        .await
        .unwrap()
        .value
        .items;
    let row = accounts
        .iter()
        .find(|row| row.account == promotions)
        .unwrap();
    assert_eq!(row.balance, decimal("5.00"));
    assert!(
        accounts
            .iter()
            .any(|row| row.account == account(system("losses"), "MILES"))
    );
    assert_eq!(
        node.queries
            .trial_balance(node.ledger)
            .await
            .unwrap()
            .value
            .len(),
        2
    );
}

/// Not a benchmark: shows that nothing is quadratic.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_transfers_are_folded_in_reasonable_time() {
    let node = Projected::stopped(
        TestDatabase::create().await.database,
        ExecutorSettings::default(),
    )
    .await;
    let mut wallets: Vec<WalletId> = Vec::new();
    for _ in 0..20 {
        wallets.push(node.bench.funded_wallet("100000.00").await);
    }
    for round in 0..20 {
        let mut batch = submission(deposit(wallets[0], "1.00"));
        batch.commands = (0..1_000)
            .map(|number| {
                transfer(
                    wallets[number % 20],
                    wallets[(number + round + 1) % 20],
                    "1.00",
                )
            })
            .filter(|command| {
                !matches!(command, Command::PostTransaction { request, .. }
                if request.postings[0].source == request.postings[0].destination)
            })
            .collect();
        let outcome = node.bench.submit(batch).await.unwrap();
        assert_eq!(outcome.refusal(), None);
    }
    let (log, mut connection) = (
        node.log().await,
        node.database.dedicated_connection().await.unwrap(),
    );
    for name in ReadModelName::ALL {
        let started = Instant::now();
        fold(
            &mut connection,
            name,
            Tables::Live,
            node.ledger,
            &log,
            2_000,
        )
        .await;
        let elapsed = started.elapsed();
        let rate = u128::try_from(log.len()).unwrap() * 1_000 / elapsed.as_millis().max(1);
        println!(
            "{name}: {} events in {} ms, {rate} events/s",
            log.len(),
            elapsed.as_millis()
        );
        assert!(elapsed.as_secs() < 60, "{name}");
    }
}
