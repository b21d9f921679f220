//! A long log written directly: what the executor would have written, without waiting for it.
//!
//! A short log is made by the executor first; its rows are then copied with other ids, position
//! after position. Ids rise with the positions, as UUIDs of version 7 do, and are the transfers'
//! idempotency keys.

use std::str::FromStr;

use event_store::Database;
use ledger_core::WalletId;
use projections::rebuild::rebuild;
use projections::{ReadModelName, runner};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::population::{Population, keyed_by_id};
use crate::{BenchError, LogSize};

/// Events written by one statement.
const AT_ONCE: i64 = 500_000;

/// The rows that are copied: positions, and the ids that stand in them.
struct Models {
    opened: i64,
    deposit: i64,
    transfer: i64,
    source: WalletId,
    destination: WalletId,
}

/// One kind of row: for each number `n`, expressions of what stands in the place of the model's.
struct Kind {
    model: i64,
    aggregate: String,
    source: String,
    destination: String,
}

/// Fills a database with a ledger of many wallets and events, and builds the accounts from them.
pub async fn fill(
    database: &Database,
    url: &str,
    size: LogSize,
) -> Result<Vec<WalletId>, BenchError> {
    runner::prepare(database).await?;
    let models = model_rows(database).await?;
    let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
    let mut connection = PgConnection::connect_with(&options).await?;
    // What is not measured need not be durable at once.
    connection.execute("SET synchronous_commit = off").await?;
    let mut writer = Writer {
        connection,
        models,
        wallets: i64::from(size.wallets),
    };
    writer.write(i64::from(size.events)).await?;
    writer
        .connection
        .execute("VACUUM ANALYZE daybook.events")
        .await?;
    rebuild(database, ReadModelName::Accounts, &mut |_| {}).await?;
    writer
        .connection
        .execute("VACUUM ANALYZE read_models.accounts")
        .await?;
    writer.connection.execute("CHECKPOINT").await?;
    writer.connection.close().await?;
    Ok((0..size.wallets).map(wallet).collect())
}

async fn model_rows(database: &Database) -> Result<Models, BenchError> {
    let population = Population::alone(database, 2).await?;
    let (source, destination) = (population.wallets[0], population.wallets[1]);
    let transfer = population.between(source, destination);
    population.submit(keyed_by_id(transfer)).await?;
    population.stop().await;
    let (opened, deposit, transfer) = sqlx::query_as(
        "SELECT MIN(position) FILTER (WHERE event_type = 'WalletOpened'), \
                MIN(position) FILTER (WHERE event_type = 'TransactionPosted'), MAX(position) \
         FROM daybook.events WHERE ledger = 'main'",
    )
    .fetch_one(database.pool())
    .await?;
    Ok(Models {
        opened,
        deposit,
        transfer,
        source,
        destination,
    })
}

struct Writer {
    connection: PgConnection,
    models: Models,
    wallets: i64,
}

impl Writer {
    /// All wallets, a deposit into each, transfers for the rest.
    async fn write(&mut self, events: i64) -> Result<(), BenchError> {
        let wallets = self.wallets;
        let transfers = (events - 2 * wallets - self.models.transfer).max(0);
        let opened = Kind {
            model: self.models.opened,
            aggregate: id("n", 0),
            source: id("n", 0),
            destination: id("n", 0),
        };
        self.write_kind(&opened, wallets).await?;
        let deposit = Kind {
            model: self.models.deposit,
            aggregate: id("base + n + 1", 1),
            // The model's deposit is into its first wallet, the source of its transfer.
            source: id("n", 0),
            destination: id("n", 0),
        };
        self.write_kind(&deposit, wallets).await?;
        // Primes that share no factor with a power of ten visit every wallet equally often.
        let source = format!("(n * 7919) % {wallets}");
        let step = format!("1 + (n * 104729) % {}", wallets - 1);
        let transfer = Kind {
            model: self.models.transfer,
            aggregate: id("base + n + 1", 1),
            source: id(&source, 0),
            destination: id(&format!("({source} + {step}) % {wallets}"), 0),
        };
        self.write_kind(&transfer, transfers).await
    }

    async fn head(&mut self) -> Result<i64, BenchError> {
        let head =
            sqlx::query_scalar("SELECT position FROM daybook.ledger_head WHERE ledger = 'main'")
                .fetch_one(&mut self.connection)
                .await?;
        Ok(head)
    }

    async fn write_kind(&mut self, kind: &Kind, count: i64) -> Result<(), BenchError> {
        let base = self.head().await?;
        let Kind {
            model,
            aggregate,
            source,
            destination,
        } = kind;
        let command = id("base + n + 1", 2);
        let statement = format!(
            "WITH head AS (
                UPDATE daybook.ledger_head SET position = $1 + $3 + 1, recorded_at = now()
                WHERE ledger = 'main'
            )
            INSERT INTO daybook.events (ledger, position, aggregate_type, aggregate_id, sequence,
                                        event_type, event_version, payload, metadata, recorded_at)
            SELECT ledger, base + n + 1, aggregate_type, {aggregate}, 1, event_type, event_version,
                   replace(replace(replace(payload::text, aggregate_id, {aggregate}),
                                   $4, {source}), $5, {destination})::json,
                   replace(metadata::text, metadata ->> 'command_id', {command})::json, now()
            FROM daybook.events, generate_series($2::bigint, $3::bigint) AS n,
                 LATERAL (SELECT $1::bigint AS base) AS start
            WHERE ledger = 'main' AND position = {model}"
        );
        for first in (0..count).step_by(usize::try_from(AT_ONCE)?) {
            let last = (first + AT_ONCE).min(count) - 1;
            sqlx::query(&statement)
                .bind(base)
                .bind(first)
                .bind(last)
                .bind(self.models.source.to_string())
                .bind(self.models.destination.to_string())
                .execute(&mut self.connection)
                .await?;
            eprintln!("  {} events written", base + last + 1);
        }
        Ok(())
    }
}

/// An expression of the id with a number, of a kind that has ids of its own.
fn id(number: &str, kind: u8) -> String {
    format!("(lpad(to_hex({number}), 8, '0') || '-000{kind}-7000-8000-000000000000')")
}

fn wallet(number: u32) -> WalletId {
    WalletId::new(Uuid::from_fields(
        number,
        0,
        0x7000,
        &[0x80, 0, 0, 0, 0, 0, 0, 0],
    ))
}
