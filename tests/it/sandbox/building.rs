//! Building goes on after a crash, and two builders build one fork.

use event_store::sandbox::SandboxState;
use sandbox::Builder;

use super::limits::stricter;
use super::support::{Built, ask, end_of_command, fork, ledger, request};
use crate::audit::agreement::random;

/// What a fork says, but for its name.
pub async fn said(built: &Built) -> (Vec<(String, String, String)>, Vec<String>, String) {
    let name = built.row.ledger.to_string();
    let events = built.log().await.into_iter().map(|event| {
        let payload = event.payload.replace(&name, "fork");
        // The rules' own commands have ids that follow from the fork's name.
        let metadata = match event.event_type.as_str() {
            "TierSet" | "DefaultTierSet" => String::new(),
            _ => event.metadata,
        };
        (event.aggregate_id.replace(&name, "fork"), payload, metadata)
    });
    (
        events.collect(),
        built.outcomes(),
        format!("{:?}", built.balances),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn building_goes_on_where_it_was_left() {
    let audited = random(11).await;
    let pool = audited.node.database.pool();
    let third = audited.node.bench.head().await.value() / 3;
    let position = end_of_command(pool, third).await;
    let whole = fork(pool, &request("whole", position, stricter("300.00"))).await;
    assert!(whole.row.refused > 3, "{:?}", whole.outcomes());
    assert!(whole.row.fell_away > 0, "{:?}", whole.outcomes());
    let pieces = request("pieces", position, stricter("300.00"));
    ask(pool, &pieces).await.unwrap();
    // Each builder writes one stretch and is gone.
    let mut stretches = 0;
    while Builder::new(pool.clone())
        .in_stretches_of(11)
        .build_one_stretch(ledger("pieces"))
        .await
        .unwrap()
    {
        stretches += 1;
    }
    assert!(stretches > 5, "{stretches}");
    let row = Builder::new(pool.clone())
        .build(ledger("pieces"))
        .await
        .unwrap();
    assert_eq!(row.state, SandboxState::Complete);
    let pieces = Built::look(pool, row).await;
    assert_eq!(said(&pieces).await, said(&whole).await);
    // Once more changes nothing.
    let again = Builder::new(pool.clone())
        .build(ledger("pieces"))
        .await
        .unwrap();
    assert_eq!(again, pieces.row);
}

/// Without the compare-and-set of the head both would append, and every event would be there twice.
#[tokio::test(flavor = "multi_thread")]
async fn race_two_builders_write_one_fork() {
    let audited = random(5).await;
    let pool = audited.node.database.pool();
    let half = audited.node.bench.head().await.value() / 2;
    let position = end_of_command(pool, half).await;
    let raced = request("raced", position, stricter("300.00"));
    ask(pool, &raced).await.unwrap();
    let builder = || Builder::new(pool.clone()).in_stretches_of(20);
    let (one, other) = (builder(), builder());
    let (one, other) = tokio::join!(one.build(ledger("raced")), other.build(ledger("raced")));
    assert_eq!(one.unwrap().state, SandboxState::Complete);
    let row = other.unwrap();
    let raced = Built::look(pool, row).await;
    let alone = fork(pool, &request("alone", position, stricter("300.00"))).await;
    assert_eq!(said(&raced).await, said(&alone).await);
}
