//! Forking a ledger, and looking at what came of it.

use event_store::sandbox::{BalanceRow, DifferenceRow, Sandbox, SandboxState};
use event_store::{LogReader, StoredEvent};
use ledger_core::book::Book;
use ledger_core::{LedgerName, Position};
use sandbox::{Builder, ForkError, ForkRequest, Rules, fork_in_tx};
use sqlx::PgPool;

/// A fork that was built to its end.
pub struct Built {
    pub row: Sandbox,
    pub differences: Vec<DifferenceRow>,
    pub balances: Vec<BalanceRow>,
    pool: PgPool,
}

pub fn ledger(name: &str) -> LedgerName {
    name.parse().unwrap()
}

/// A fork of `main` from a position on, to the end of its log.
pub fn request(name: &str, position: i64, rules: Rules) -> ForkRequest {
    ForkRequest {
        name: ledger(name),
        source: ledger("main"),
        position: Some(Position::START.plus(position)),
        until: None,
        rules,
    }
}

/// A position, or the end of the command in which it is: where there is one depends on chance.
pub async fn end_of_command(pool: &PgPool, position: i64) -> i64 {
    let log = log_of(pool, ledger("main")).await;
    let command = |position: i64| {
        let event = &log[usize::try_from(position - 1).unwrap()];
        event.decode().unwrap().metadata.command_id
    };
    let last = i64::try_from(log.len()).unwrap();
    let ends = |end: &i64| *end == last || command(*end) != command(end + 1);
    (position..=last).find(ends).unwrap()
}

/// Asks for a fork.
pub async fn ask(pool: &PgPool, request: &ForkRequest) -> Result<bool, ForkError> {
    let mut tx = pool.begin().await.unwrap();
    let forked = fork_in_tx(&mut tx, pool, request, Some("person:asker".to_owned())).await?;
    tx.commit().await.unwrap();
    Ok(forked.is_new)
}

/// Asks for a fork and builds it.
pub async fn fork(pool: &PgPool, request: &ForkRequest) -> Built {
    ask(pool, request).await.unwrap();
    let builder = Builder::new(pool.clone()).in_stretches_of(100);
    let row = builder.build(request.name).await.unwrap();
    assert_eq!(row.state, SandboxState::Complete, "{:?}", row.failure);
    Built::look(pool, row).await
}

impl Built {
    pub async fn look(pool: &PgPool, row: Sandbox) -> Self {
        let sandboxes = event_store::sandbox::Sandboxes::new(pool.clone());
        Self {
            differences: sandboxes
                .differences(row.ledger, Position::START, 100_000)
                .await
                .unwrap(),
            balances: sandboxes.balances(row.ledger, "", 100_000).await.unwrap(),
            pool: pool.clone(),
            row,
        }
    }

    /// The log of the fork.
    pub async fn log(&self) -> Vec<StoredEvent> {
        log_of(&self.pool, self.row.ledger).await
    }

    /// What came out otherwise, in short.
    pub fn outcomes(&self) -> Vec<String> {
        let told = self.differences.iter().map(|difference| {
            let what = difference
                .code
                .clone()
                .or_else(|| difference.depends_on.map(|on| format!("on {on}")))
                .unwrap_or_default();
            format!(
                "{} {} {} {what}",
                difference.source_position, difference.event_type, difference.outcome
            )
            .trim()
            .to_owned()
        });
        told.collect()
    }
}

pub async fn log_of(pool: &PgPool, ledger: LedgerName) -> Vec<StoredEvent> {
    LogReader::new(pool.clone())
        .read(ledger, Position::START, 1_000_000)
        .await
        .unwrap()
}

/// The book of a log, with every check of the fold.
pub fn book_of(log: &[StoredEvent]) -> Book {
    let mut book = Book::complete();
    for event in log {
        book.apply(&event.decode().unwrap()).unwrap();
    }
    book
}
