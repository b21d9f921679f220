//! Stock `postgres-es` reads a Daybook ledger through its view.

use cqrs_es::persist::{PersistedEventRepository, PersistedEventStore};
use cqrs_es::{EventStore, persist::SerializedEvent};
use ledger_core::transaction::Transaction;
use ledger_core::wallet::Wallet;
use postgres_es::PostgresEventRepository;

use crate::harness::{Bench, TestDatabase, deposit, submission};

#[tokio::test(flavor = "multi_thread")]
async fn stock_postgres_es_reads_a_ledger_through_its_view() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet = bench.wallet().await;
    let deposit = deposit(wallet, "4.00");
    let outcome = bench.submit(submission(deposit)).await.unwrap();
    let event_store::executor::CommandOutcome::Applied(applied) = &outcome.commands[0] else {
        panic!("applied")
    };

    let repository = || {
        PostgresEventRepository::new(bench.database.pool().clone())
            .with_tables("ledger_events.main", "no_snapshots")
    };
    let serialized: Vec<SerializedEvent> = repository()
        .get_events::<Wallet>(&wallet.to_string())
        .await
        .unwrap();
    assert_eq!(serialized.len(), 1);
    assert_eq!(serialized[0].event_type, "WalletOpened");

    let wallets = PersistedEventStore::<_, Wallet>::new_event_store(repository());
    let context = wallets.load_aggregate(&wallet.to_string()).await.unwrap();
    assert!(matches!(context.aggregate, Wallet::Open(_)));

    let transactions = PersistedEventStore::<_, Transaction>::new_event_store(repository());
    let id = applied.created.unwrap().to_string();
    let context = transactions.load_aggregate(&id).await.unwrap();
    let Transaction::Posted(posted) = context.aggregate else {
        panic!("posted")
    };
    assert_eq!(posted.postings[0].amount.to_string(), "4.00");
    let events = transactions.load_events(&id).await.unwrap();
    assert_eq!(events[0].metadata["actor"], "tests");
}
