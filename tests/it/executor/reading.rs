//! Reading a log page by page, whatever PostgreSQL knows of it.

use std::time::Duration;

use event_store::log::read_raw;
use event_store::{EventPage, LogError, LogReader, StoredEvent};
use ledger_core::{LedgerName, Position};
use sqlx::Executor;
use sqlx::postgres::PgPoolOptions;
use tokio::time::timeout;

use crate::harness::{Bench, TestDatabase, deposit};

const EVENTS: i64 = 50_000;
const PAGE: i64 = 100;

/// A log that was written at once, of which no statistics were made since.
async fn imported() -> (TestDatabase, LedgerName) {
    let test = TestDatabase::create().await;
    let mut superuser = test.superuser().await;
    for statement in [
        "ALTER TABLE daybook.events SET (autovacuum_enabled = false)".to_owned(),
        "SET session_replication_role = replica".to_owned(),
        format!(
            "INSERT INTO daybook.events (ledger, position, aggregate_type, aggregate_id, sequence, \
             event_type, event_version, payload, metadata, recorded_at) \
             SELECT 'main', position, 'transaction', gen_random_uuid(), 1, 'TransactionPosted', '1', '{{}}', '{{}}', now() \
             FROM generate_series(1, {EVENTS}) AS position"
        ),
    ] {
        superuser.execute(&*statement).await.unwrap();
    }
    (test, "main".parse().unwrap())
}

fn at(position: i64) -> Position {
    Position::START.plus(position)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_what_is_on_it_and_not_what_follows() {
    let (test, ledger) = imported().await;
    let mut tx = test.database.pool().begin().await.unwrap();
    let mut before = 0;
    for after in [0, EVENTS / 2, EVENTS - PAGE] {
        let page = read_raw(&mut *tx, ledger, at(after), PAGE).await.unwrap();
        let positions: Vec<i64> = page
            .iter()
            .map(|event| event.text().unwrap().position)
            .collect();
        assert_eq!(positions, Vec::from_iter(after + 1..=after + PAGE));
        let read: i64 = sqlx::query_scalar(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables \
             WHERE relid = 'daybook.events'::regclass",
        )
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        assert!(
            read - before <= 2 * PAGE,
            "{} rows were read",
            read - before
        );
        before = read;
    }
    let end = read_raw(&mut *tx, ledger, at(EVENTS), PAGE).await.unwrap();
    assert!(end.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_page_that_is_missing_is_a_gap_and_not_the_end() {
    let (test, ledger) = imported().await;
    let mut superuser = test.superuser().await;
    superuser
        .execute("SET session_replication_role = replica")
        .await
        .unwrap();
    superuser
        .execute("DELETE FROM daybook.events WHERE position BETWEEN 2001 AND 9000")
        .await
        .unwrap();
    let log = LogReader::new(test.database.pool().clone());
    let read = log.read_raw(ledger, at(2_000), PAGE).await;
    assert!(matches!(
        read,
        Err(LogError::Gap { expected, found: 9_001, .. }) if expected == at(2_001)
    ));
    let read = log.read(ledger, at(2_000), PAGE).await;
    assert!(matches!(read, Err(LogError::Gap { found: 9_001, .. })));
    let read = log.read_page(ledger, at(2_000), at(9_001)).await.unwrap();
    let read = read.gap_free(ledger, at(2_000));
    assert!(matches!(read, Err(LogError::Gap { found: 9_001, .. })));
    // Whoever wants what is there gets it.
    let there = async |after: i64, until: i64| {
        let page = log.read_page(ledger, at(after), at(until)).await;
        positions(&page.unwrap())
    };
    assert_eq!(there(1_990, 2_050).await, Vec::from_iter(1_991..=2_000));
    assert_eq!(there(2_000, 9_050).await, Vec::from_iter(9_001..=9_050));
    assert_eq!(there(2_000, 9_000).await, [0; 0]);
}

/// Whoever is lent a connection next must not be answered with the rest of what somebody else had asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_left_or_refused_leaves_nothing_behind() {
    let (test, ledger) = imported().await;
    let only = PgPoolOptions::new().max_connections(1);
    let pool = only.connect(&test.url).await.unwrap();
    let log = LogReader::new(pool.clone());
    let until = at(EVENTS);
    let mut left = 0;
    for polls in (0..100).step_by(5) {
        let mut page = Box::pin(log.read_page(ledger, Position::START, until));
        let mut is_read = false;
        for _ in 0..polls {
            is_read = timeout(Duration::from_micros(100), &mut page).await.is_ok();
            if is_read {
                break;
            }
        }
        drop(page);
        left += usize::from(!is_read);
        let answer: i32 = sqlx::query_scalar("SELECT 1")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(answer, 1, "left after {polls}");
    }
    assert!(left > 2, "{left}");

    let mut superuser = test.superuser().await;
    for (now, then) in [("events", "hidden"), ("hidden", "events")] {
        let rename = format!("ALTER TABLE daybook.{now} RENAME TO {then}");
        superuser.execute(&*rename).await.unwrap();
        let page = log.read_page(ledger, at(5), at(9)).await;
        match then {
            "hidden" => assert!(matches!(page, Err(LogError::Database(_)))),
            _ => assert_eq!(positions(&page.unwrap()), [6, 7, 8, 9]),
        }
        let answer: i32 = sqlx::query_scalar("SELECT 2")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(answer, 2);
    }
}

fn positions(page: &EventPage) -> Vec<i64> {
    let events = page.events();
    let positions = events.map(|event| event.unwrap().position);
    positions.collect()
}

/// Whichever way events are read, they are the same.
#[tokio::test(flavor = "multi_thread")]
async fn pages_are_what_single_events_are() {
    let test = TestDatabase::create().await;
    let bench = Bench::over(test.database.clone()).await;
    let asha = bench.funded_wallet("100.00").await;
    for _ in 0..30 {
        bench.carry_out([deposit(asha, "1.00")]).await;
    }
    let log = LogReader::new(bench.database.pool().clone());
    let mut after = Position::START;
    loop {
        let events = log.read(bench.ledger, after, 7).await.unwrap();
        let page = log
            .read_page(bench.ledger, after, after.plus(7))
            .await
            .unwrap();
        let page = page.gap_free(bench.ledger, after).unwrap();
        let raw = log.read_raw(bench.ledger, after, 7).await.unwrap();
        assert_eq!(page.count().unwrap(), events.len());
        let texts: Vec<_> = page.events().map(Result::unwrap).collect();
        assert_eq!(texts, Vec::from_iter(events.iter().map(StoredEvent::text)));
        let raw: Vec<_> = raw.iter().map(|event| event.text().unwrap()).collect();
        assert_eq!(texts, raw);
        match events.last() {
            Some(last) => after = Position::try_new(last.position).unwrap(),
            None => break,
        }
    }
    assert_eq!(after, bench.head().await);
}
