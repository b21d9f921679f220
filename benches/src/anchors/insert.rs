//! The physical limit: the same event rows into the same table, 1000 per statement, nothing else.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use event_store::{Database, LogReader};
use ledger_core::Position;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::BenchError;
use crate::measure::{Round, Scenario};
use crate::population::{Choice, Population, submission};

const ROWS: usize = 1_000;

const INSERT: &str = "\
    INSERT INTO bare_events (ledger, position, aggregate_type, aggregate_id, sequence, event_type, \
                             event_version, payload, metadata, recorded_at) \
    SELECT $1, $2 + event.ordinality, event.aggregate_type, event.aggregate_id, 1, \
           event.event_type, event.event_version, event.payload::json, event.metadata::json, now() \
    FROM UNNEST($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) \
         WITH ORDINALITY AS event (aggregate_type, aggregate_id, event_type, event_version, \
                                   payload, metadata, ordinality)";

/// Connections that insert rows as Daybook's log has them, each under a ledger's name of its own.
pub struct BareInsert {
    writers: Vec<Writer>,
}

struct Writer {
    connection: PgConnection,
    ledger: String,
    position: i64,
    payloads: Vec<String>,
    metadata: Vec<String>,
}

impl BareInsert {
    /// Takes real rows from the log as a model.
    pub async fn new(
        database: &Database,
        population: &Population,
        connections: usize,
    ) -> Result<Self, BenchError> {
        let transfers = (0..ROWS)
            .map(|_| population.transfer(Choice::Random))
            .collect();
        let outcome = population.submit(submission(transfers)).await?;
        let after = outcome.position.value() - i64::try_from(ROWS)?;
        let after = Position::try_new(after).unwrap_or_default();
        let rows = LogReader::new(database.pool().clone())
            .read(population.ledger, after, i64::try_from(ROWS)?)
            .await?;
        let mut writers = Vec::new();
        for number in 0..connections {
            writers.push(Writer {
                connection: own_connection(database).await?,
                ledger: format!("bare_{connections}_{number}"),
                position: 0,
                payloads: rows.iter().map(|row| row.payload.clone()).collect(),
                metadata: rows.iter().map(|row| row.metadata.clone()).collect(),
            });
        }
        Ok(Self { writers })
    }
}

async fn own_connection(database: &Database) -> Result<PgConnection, BenchError> {
    let mut connection = PgConnection::connect_with(&database.pool().connect_options()).await?;
    connection
        .execute("CREATE TABLE IF NOT EXISTS bare_events (LIKE daybook.events INCLUDING ALL)")
        .await?;
    Ok(connection)
}

impl Writer {
    async fn insert_until(&mut self, until: Instant) -> Result<u64, BenchError> {
        let mut rows = 0;
        let count = self.payloads.len();
        while Instant::now() < until {
            let ids: Vec<String> = (0..count).map(|_| Uuid::now_v7().to_string()).collect();
            sqlx::query(INSERT)
                .bind(&self.ledger)
                .bind(self.position)
                .bind(vec!["transaction"; count])
                .bind(ids)
                .bind(vec!["TransactionPosted"; count])
                .bind(vec!["1.0"; count])
                .bind(&self.payloads)
                .bind(&self.metadata)
                .execute(&mut self.connection)
                .await?;
            self.position += i64::try_from(count)?;
            rows += u64::try_from(count)?;
        }
        Ok(rows)
    }
}

#[async_trait]
impl Scenario for BareInsert {
    fn name(&self) -> String {
        format!("limit_insert_{}", self.writers.len())
    }

    fn unit(&self) -> &'static str {
        "rows/s"
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let started = Instant::now();
        let until = started + duration;
        let mut tasks = tokio::task::JoinSet::new();
        for mut writer in self.writers.drain(..) {
            tasks.spawn(async move {
                let rows = writer.insert_until(until).await;
                (writer, rows)
            });
        }
        let mut operations = 0;
        for (writer, rows) in tasks.join_all().await {
            operations += rows?;
            self.writers.push(writer);
        }
        Ok(Round {
            operations,
            elapsed: started.elapsed(),
            latencies: Vec::new(),
        })
    }
}
