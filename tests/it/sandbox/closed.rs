//! Nothing happens in a sandbox: no command is taken, nothing is signed, and it is no ledger to whoever acts.

use std::sync::Arc;

use audit::sealer::SealError;
use event_store::executor::SubmitError;
use event_store::{LogReader, LogSignal};
use ledger_core::Command;
use ledger_core::ledger::standard_system_accounts;
use projections::ReadModelName;
use sandbox::Rules;
use tokio_util::sync::CancellationToken;

use super::support::{fork, ledger, request};
use crate::audit::support::sealer;
use crate::harness::node::master_key;
use crate::harness::{Projected, TestDatabase, begin_wallet, submission};

#[tokio::test(flavor = "multi_thread")]
async fn no_command_is_taken_and_nothing_is_signed() {
    let test = TestDatabase::create().await;
    let node = Projected::start(test.database.clone()).await;
    let wallet = node.bench.funded_wallet("10.00").await;
    let pool = node.database.pool();
    let built = fork(pool, &request("closed", 2, Rules::default())).await;
    let name = ledger("closed");
    let refused = Err(SubmitError::LedgerIsSandbox { ledger: name });
    let open = Command::OpenLedger {
        name,
        system_accounts: standard_system_accounts(),
    };
    for command in [
        open,
        begin_wallet(wallet),
        crate::harness::deposit(wallet, "1.00"),
    ] {
        let outcome = node.bench.executors.submit(name, submission(command)).await;
        assert_eq!(outcome, refused);
    }
    let head = LogReader::new(pool.clone())
        .head(name)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(head.position, built.row.head);
    let sealer = sealer(&node, &Arc::new(master_key()));
    assert!(matches!(
        sealer.seal(name).await,
        Err(SealError::Sandbox(_))
    ));
    assert!(matches!(
        sealer.seal_at(name, 1).await,
        Err(SealError::Sandbox(_))
    ));
    assert!(matches!(
        sealer.rotate(name, 1).await,
        Err(SealError::Sandbox(_))
    ));
    // Its read models are there all the same.
    node.queries
        .wait_for(
            name,
            &ReadModelName::ALL,
            head.position,
            std::time::Duration::from_secs(60),
        )
        .await
        .unwrap();
    let balance = node.queries.trial_balance(name).await;
    assert!(balance.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_acts_does_not_hear_of_it() {
    let test = TestDatabase::create().await;
    let node = Projected::start(test.database.clone()).await;
    let pool = node.database.pool();
    let stop = CancellationToken::new();
    let signal = LogSignal::start(&test.database, stop.clone());
    fork(pool, &request("unheard", 1, Rules::default())).await;
    let mut all = signal.all_ledgers();
    let heard = all.wait_for(|ledgers| {
        ledgers.contains(&ledger("unheard")) && ledgers.contains(&ledger("main"))
    });
    drop(heard.await.unwrap());
    assert_eq!(*signal.ledgers().borrow(), [ledger("main")]);
    let reader = LogReader::new(pool.clone());
    let names = |heads: Vec<event_store::LedgerHead>| -> Vec<String> {
        heads.iter().map(|head| head.ledger.to_string()).collect()
    };
    assert_eq!(names(reader.ledgers().await.unwrap()), ["main"]);
    assert_eq!(
        names(reader.all_ledgers().await.unwrap()),
        ["main", "unheard"]
    );
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_keeps_what_was_written() {
    let test = TestDatabase::create().await;
    let node = Projected::start(test.database.clone()).await;
    let pool = node.database.pool();
    fork(pool, &request("kept", 1, Rules::default())).await;
    for statement in [
        "UPDATE daybook.ledger_head SET is_sandbox = false WHERE ledger = 'kept'",
        "UPDATE daybook.ledger_head SET is_sandbox = true WHERE ledger = 'main'",
        "UPDATE daybook.sandbox SET reached = 0 WHERE ledger = 'kept'",
        "UPDATE daybook.sandbox SET state = 'building' WHERE ledger = 'kept'",
        "UPDATE daybook.sandbox SET source = 'kept' WHERE ledger = 'kept'",
        "DELETE FROM daybook.sandbox",
        "DELETE FROM daybook.sandbox_difference",
        "UPDATE daybook.sandbox_balance SET account = ''",
    ] {
        let changed = sqlx::query(statement).execute(pool).await;
        assert!(changed.is_err(), "{statement}");
    }
}
