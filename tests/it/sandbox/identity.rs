//! Without other rules everything happens as it did.

use event_store::StoredEvent;
use sandbox::Rules;
use sqlx::PgPool;

use super::support::{fork, ledger, log_of, request};
use crate::audit::agreement::random;
use crate::projections::history::History;

/// What of an event does not name its ledger.
fn said(event: &StoredEvent) -> StoredEvent {
    let mut said = event.clone();
    if said.aggregate_type == "ledger" {
        said.aggregate_id = String::new();
    }
    if said.event_type == "LedgerOpened" {
        said.payload = said.payload.replace("same_early", "main");
        said.payload = said.payload.replace("same_late", "main");
    }
    said
}

async fn is_the_same(pool: &PgPool) {
    let source = log_of(pool, ledger("main")).await;
    let length = i64::try_from(source.len()).unwrap();
    for (name, position) in [("same_early", 1), ("same_late", length)] {
        let built = fork(pool, &request(name, position, Rules::default())).await;
        assert_eq!(built.outcomes(), Vec::<String>::new(), "from {position}");
        assert_eq!(built.balances, []);
        let log = built.log().await;
        for (ours, theirs) in log.iter().zip(&source) {
            assert_eq!(said(ours), said(theirs));
        }
        assert_eq!(log.len(), source.len());
        let counted = [
            built.row.refused,
            built.row.changed,
            built.row.fell_away,
            built.row.left_out,
        ];
        assert_eq!(counted, [0; 4]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_without_rules_is_its_source_byte_for_byte() {
    let history = History::begin().await;
    is_the_same(history.node.database.pool()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_without_rules_of_a_random_ledger_is_its_source() {
    let seed = std::env::var("DAYBOOK_SANDBOX_SEED").map_or(7, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let audited = random(seed).await;
    is_the_same(audited.node.database.pool()).await;
}
