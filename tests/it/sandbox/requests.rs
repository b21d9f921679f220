//! What is refused about a fork, and that asking twice makes one.

use ledger_core::money::parse_decimal;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{Holder, Position, WalletId};
use sandbox::{Builder, Fee, ForkError, Rules};
use uuid::Uuid;

use event_store::sandbox::SandboxState;

use super::limits::stricter;
use super::support::{ask, fork, ledger, request};
use crate::harness::{Bench, TestDatabase, deposit, submission, transfer};

fn code(refused: Result<bool, ForkError>) -> &'static str {
    refused.unwrap_err().code().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_forked_is_refused() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.funded_wallet("10.00").await;
    let pool = bench.database.pool();
    let head = bench.head().await.value();
    let nowhere = sandbox::ForkRequest {
        source: ledger("nowhere"),
        ..request("a", 1, Rules::default())
    };
    assert_eq!(code(ask(pool, &nowhere).await), "ledger_not_found");
    for position in [0, head + 1] {
        let beyond = request("a", position, Rules::default());
        assert_eq!(code(ask(pool, &beyond).await), "fork_position_out_of_range");
    }
    let backwards = sandbox::ForkRequest {
        until: Some(Position::START.plus(1)),
        ..request("a", 2, Rules::default())
    };
    assert_eq!(
        code(ask(pool, &backwards).await),
        "fork_position_out_of_range"
    );
    let taken = request("main", 1, Rules::default());
    assert_eq!(code(ask(pool, &taken).await), "ledger_name_taken");
    // A name that somebody has begun to open a ledger under is taken as well.
    sqlx::query("INSERT INTO daybook.ledger_head (ledger) VALUES ('begun')")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(
        code(ask(pool, &request("begun", 1, Rules::default())).await),
        "ledger_name_taken"
    );
    let asset = "INR".parse().unwrap();
    let of = |wallet| Rules {
        overdrafts: [(
            Holder::Wallet(wallet).account(asset),
            RequestedOverdraft::Unlimited,
        )]
        .into(),
        ..Rules::default()
    };
    let unknown = of(WalletId::new(Uuid::now_v7()));
    assert_eq!(
        code(ask(pool, &request("a", 1, unknown)).await),
        "wallet_not_found"
    );
    assert!(
        ask(pool, &request("known", head, of(wallet)))
            .await
            .unwrap()
    );
    for bad in bad_rules() {
        assert_eq!(
            code(ask(pool, &request("a", 1, bad)).await),
            "fork_rules_invalid"
        );
    }
    fork(pool, &request("one", 1, Rules::default())).await;
    let of_fork = sandbox::ForkRequest {
        source: ledger("one"),
        ..request("two", 1, Rules::default())
    };
    assert_eq!(code(ask(pool, &of_fork).await), "ledger_is_sandbox");
}

fn bad_rules() -> Vec<Rules> {
    let decimal = |text: &str| parse_decimal(text).unwrap();
    let fee = |percent: &str, fixed: &str| Rules {
        account_fees: [(
            "fees".parse().unwrap(),
            Fee {
                percent: decimal(percent),
                fixed: [("INR".parse().unwrap(), decimal(fixed))].into(),
                tax_percent: decimal("0"),
            },
        )]
        .into(),
        ..Rules::default()
    };
    let asset = "INR".parse().unwrap();
    let of_system = Holder::System("cash".parse().unwrap()).account(asset);
    let wallet = Holder::Wallet(WalletId::new(Uuid::nil())).account(asset);
    vec![
        fee("-1", "0"),
        fee("100.1", "0"),
        fee("0.0000001", "0"),
        fee("1", "-0.01"),
        Rules {
            overdrafts: [(of_system, RequestedOverdraft::Forbidden)].into(),
            ..Rules::default()
        },
        Rules {
            overdrafts: [(wallet, RequestedOverdraft::UpTo(decimal("-5")))].into(),
            ..Rules::default()
        },
        stricter("-3"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_not_cut_in_half() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (asha, bela) = (bench.funded_wallet("10.00").await, bench.wallet().await);
    let pool = bench.database.pool();
    let sent = transfer(asha, bela, "1.00");
    bench.carry_out([sent.clone()]).await;
    let at = bench.head().await.value();
    let ledger_core::Command::PostTransaction { transaction, .. } = sent else {
        panic!("it posts");
    };
    let revert = ledger_core::Command::RevertTransaction {
        transaction,
        reverting_transaction: ledger_core::TransactionId::new(Uuid::now_v7()),
        effective_at: None,
        reference: None,
        metadata: ledger_core::annotation::Metadata::default(),
    };
    bench.carry_out([revert]).await;
    let refused = ask(pool, &request("half", at + 1, Rules::default())).await;
    match refused.unwrap_err() {
        ForkError::InsideCommand { position, end } => {
            assert_eq!((position.value(), end.value()), (at + 1, at + 2));
        }
        other => panic!("{other}"),
    }
    let until = sandbox::ForkRequest {
        until: Some(Position::START.plus(at + 1)),
        ..request("half", at, Rules::default())
    };
    assert_eq!(code(ask(pool, &until).await), "fork_inside_command");
    let built = fork(pool, &request("whole", at, Rules::default())).await;
    assert_eq!(built.outcomes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_twice_makes_one_fork() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.funded_wallet("10.00").await;
    let pool = bench.database.pool();
    let asked = request("twice", 1, stricter("5.00"));
    assert!(ask(pool, &asked).await.unwrap());
    // The log has grown, and the request is still the same.
    drop(
        bench
            .submit(submission(deposit(wallet, "1.00")))
            .await
            .unwrap(),
    );
    assert!(!ask(pool, &asked).await.unwrap());
    let other = request("twice", 1, stricter("6.00"));
    assert_eq!(code(ask(pool, &other).await), "ledger_name_taken");
    let raced = request("raced", 1, Rules::default());
    let (one, other) = tokio::join!(ask(pool, &raced), ask(pool, &raced));
    let made = [one.unwrap(), other.unwrap()];
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_do_not_fit_the_ledger_fail_the_fork() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let pool = bench.database.pool();
    let rules = Rules {
        default_tier: Some("unheard_of".parse().unwrap()),
        ..Rules::default()
    };
    ask(pool, &request("unfit", 1, rules)).await.unwrap();
    let row = Builder::new(pool.clone())
        .build(ledger("unfit"))
        .await
        .unwrap();
    assert_eq!(row.state, SandboxState::Failed);
    assert_eq!(row.failure.unwrap().code, "tier_not_found");
    assert_eq!(row.reached, Position::START);
}
