//! Nodes that take turns to write one ledger.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::harness::{Bench, TestDatabase, submission, transfer};

/// Every caller of both nodes is served while both are asked without a pause.
#[tokio::test(flavor = "multi_thread")]
async fn race_two_busy_nodes_serve_all_their_callers() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let (rich, other) = (first.funded_wallet("400.00").await, first.wallet().await);
    let callers = (0..16).map(|caller| {
        let node = if caller % 2 == 0 { &first } else { &second };
        async move {
            for _ in 0..25 {
                let moved = node.submit(submission(transfer(rich, other, "1.00")));
                assert_eq!(moved.await.unwrap().refusal(), None);
            }
        }
    });
    join_all(callers).await;
    assert_eq!(first.rupees(rich).await, Decimal::ZERO);
}

/// Fails when a node with nothing to write keeps its turn: the other would wait for the lease.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_nothing_to_write_passes_its_turn_on_when_asked() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let (rich, other) = (first.funded_wallet("100.00").await, first.wallet().await);
    let started = Instant::now();
    for _ in 0..20 {
        for node in [&first, &second] {
            let moved = node.submit(submission(transfer(rich, other, "1.00")));
            assert_eq!(moved.await.unwrap().refusal(), None);
        }
    }
    // Forty times the lease would be 20 seconds.
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}

/// A node that took the turn and is never heard of again loses it.
#[tokio::test(flavor = "multi_thread")]
async fn the_turn_of_a_node_that_died_is_taken_within_two_seconds() {
    let node = Bench::over(TestDatabase::create().await.database).await;
    let (rich, other) = (node.funded_wallet("1.00").await, node.wallet().await);
    let dead = Uuid::new_v4().simple();
    let news = format!("main {} {dead} {dead}", node.head().await.value());
    sqlx::query("SELECT pg_notify('daybook_log', $1)")
        .bind(&news)
        .execute(node.database.pool())
        .await
        .unwrap();
    let started = Instant::now();
    let moved = node.submit(submission(transfer(rich, other, "1.00"))).await;
    assert_eq!(moved.unwrap().refusal(), None);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

/// Whatever is said on the channels, the log stays right and commands are served.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_about_turns_harms_nobody() {
    let node = Bench::over(TestDatabase::create().await.database).await;
    let (rich, other) = (node.funded_wallet("5.00").await, node.wallet().await);
    let stranger = Uuid::new_v4().simple();
    for (channel, payload) in [
        ("daybook_log", "main".to_owned()),
        ("daybook_log", "main 99999999 x y".to_owned()),
        ("daybook_log", format!("main -5 {stranger} {stranger}")),
        ("daybook_log", format!("main 0 {stranger} {stranger} again")),
        ("daybook_turn", "main not-a-node".to_owned()),
        ("daybook_turn", format!("main {stranger}")),
        ("daybook_turn", String::new()),
    ] {
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(channel)
            .bind(payload)
            .execute(node.database.pool())
            .await
            .unwrap();
        let moved = node.submit(submission(transfer(rich, other, "0.50"))).await;
        assert_eq!(moved.unwrap().refusal(), None);
    }
    assert_eq!(node.rupees(rich).await, Decimal::new(150, 2));
}
