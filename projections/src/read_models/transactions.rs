//! Transactions, as they were posted, and whether they were reverted.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ledger_core::annotation::Reference;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::{Event, LedgerName, Stream};
use sqlx::PgConnection;
use uuid::Uuid;

use super::check_met;
use crate::read_model::{FoldError, ReadModel, Tables};

/// The read model.
#[derive(Debug)]
pub struct Transactions;

const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.transactions (
    ledger         text        NOT NULL,
    transaction_id uuid        NOT NULL,
    position       bigint      NOT NULL,
    cause          text        NOT NULL CHECK (cause IN ('request', 'revert', 'capture')),
    -- The transaction reverted or the hold captured.
    cause_id       uuid,
    reference      text,
    -- JSON texts, as in the event.
    metadata       text        NOT NULL,
    postings       text        NOT NULL,
    effective_at   timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    reverted_by    uuid,
    PRIMARY KEY (ledger, transaction_id)
)",
    // Lists, newest first.
    "CREATE UNIQUE INDEX ON {schema}.transactions (ledger, position)",
    // Transactions of one reference.
    "CREATE INDEX ON {schema}.transactions (ledger, reference, position) WHERE reference IS NOT NULL",
];

const WRITE: &str = "\
INSERT INTO {schema}.transactions (ledger, transaction_id, position, cause, cause_id, reference,
                                   metadata, postings, effective_at, recorded_at)
SELECT $1, posted.* FROM UNNEST($2::uuid[], $3::bigint[], $4::text[], $5::uuid[], $6::text[],
    $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[]) AS posted";

const REVERT: &str = "\
UPDATE {schema}.transactions AS transaction SET reverted_by = reverted.reverted_by
FROM UNNEST($2::uuid[], $3::uuid[]) AS reverted (transaction_id, reverted_by)
WHERE transaction.ledger = $1 AND transaction.transaction_id = reverted.transaction_id
RETURNING transaction.transaction_id";

#[derive(Default)]
struct Rows {
    ids: Vec<Uuid>,
    positions: Vec<i64>,
    causes: Vec<&'static str>,
    cause_ids: Vec<Option<Uuid>>,
    references: Vec<Option<String>>,
    metadata: Vec<String>,
    postings: Vec<String>,
    effective_at: Vec<DateTime<Utc>>,
    recorded_at: Vec<DateTime<Utc>>,
    reverted: Vec<Uuid>,
    reverted_by: Vec<Uuid>,
}

impl Rows {
    fn fold(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let (Event::Transaction(event), Stream::Transaction(id)) =
            (&recorded.event, recorded.stream)
        else {
            return Ok(());
        };
        match event {
            TransactionEvent::TransactionPosted {
                postings,
                effective_at,
                cause,
                reference,
                metadata,
            } => {
                let text = |error: serde_json::Error| FoldError::Event {
                    position: recorded.position,
                    reason: error.to_string(),
                };
                let (cause, cause_id) = cause_columns(*cause);
                self.ids.push(id.as_uuid());
                self.positions.push(recorded.position.value());
                self.causes.push(cause);
                self.cause_ids.push(cause_id);
                self.references.push(reference.clone().map(Reference::into));
                self.metadata
                    .push(serde_json::to_string(metadata).map_err(text)?);
                self.postings
                    .push(serde_json::to_string(postings).map_err(text)?);
                self.effective_at.push(effective_at.as_datetime());
                self.recorded_at.push(recorded.recorded_at.as_datetime());
            }
            TransactionEvent::TransactionReverted {
                reverting_transaction,
            } => {
                self.reverted.push(id.as_uuid());
                self.reverted_by.push(reverting_transaction.as_uuid());
            }
        }
        Ok(())
    }
}

const fn cause_columns(cause: TransactionCause) -> (&'static str, Option<Uuid>) {
    match cause {
        TransactionCause::Request => ("request", None),
        TransactionCause::Revert(transaction) => ("revert", Some(transaction.as_uuid())),
        TransactionCause::Capture(hold) => ("capture", Some(hold.as_uuid())),
    }
}

fn reverted(recorded: &RecordedEvent) -> Option<Uuid> {
    match (&recorded.event, recorded.stream) {
        (
            Event::Transaction(TransactionEvent::TransactionReverted { .. }),
            Stream::Transaction(id),
        ) => Some(id.as_uuid()),
        (_, _) => None,
    }
}

#[async_trait]
impl ReadModel for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["transactions"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    async fn fold(
        &self,
        connection: &mut PgConnection,
        tables: Tables,
        ledger: LedgerName,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        let mut rows = Rows::default();
        for event in events {
            rows.fold(event)?;
        }
        if !rows.ids.is_empty() {
            sqlx::query(&tables.sql(WRITE))
                .bind(ledger.as_str())
                .bind(&rows.ids)
                .bind(&rows.positions)
                .bind(&rows.causes)
                .bind(&rows.cause_ids)
                .bind(&rows.references)
                .bind(&rows.metadata)
                .bind(&rows.postings)
                .bind(&rows.effective_at)
                .bind(&rows.recorded_at)
                .execute(&mut *connection)
                .await?;
        }
        if !rows.reverted.is_empty() {
            let met: Vec<Uuid> = sqlx::query_scalar(&tables.sql(REVERT))
                .bind(ledger.as_str())
                .bind(&rows.reverted)
                .bind(&rows.reverted_by)
                .fetch_all(connection)
                .await?;
            check_met(met, events, reverted)?;
        }
        Ok(())
    }
}
