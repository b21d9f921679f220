//! Transactions, as they were posted, and whether they were reverted.

use async_trait::async_trait;
use ledger_core::annotation::Reference;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::{Event, LedgerName, Position, Stream, TransactionId};
use uuid::Uuid;

use super::check_met;
use crate::copy_rows::CopyRows;
use crate::read_model::{Before, Fold, FoldError, Place, ReadModel};

/// The read model.
#[derive(Debug)]
pub struct Transactions;

const DEFINITION: &[&str] = &["CREATE TABLE {schema}.transactions (
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
    reverted_by    uuid
)"];

const INDEXES: &[&str] = &[
    // One transaction. The id comes first: it tells transactions apart at the first glance.
    "ALTER TABLE {schema}.transactions ADD PRIMARY KEY (transaction_id, ledger)",
    // Lists, newest first.
    "CREATE UNIQUE INDEX ON {schema}.transactions (ledger, position)",
    // Transactions of one reference.
    "CREATE INDEX ON {schema}.transactions (ledger, reference, position) WHERE reference IS NOT NULL",
];

const COLUMNS: &str = "{schema}.transactions (ledger, transaction_id, position, cause, cause_id, \
                       reference, metadata, postings, effective_at, recorded_at)";

const REVERT: &str = "\
UPDATE {schema}.transactions AS transaction SET reverted_by = reverted.reverted_by
FROM UNNEST($2::uuid[], $3::uuid[]) AS reverted (transaction_id, reverted_by)
WHERE transaction.ledger = $1 AND transaction.transaction_id = reverted.transaction_id
RETURNING transaction.transaction_id";

/// What events do to the transactions of a ledger.
struct Rows {
    ledger: LedgerName,
    before: Before,
    posted: CopyRows,
    reverted: Vec<Reverted>,
}

struct Reverted {
    transaction: Uuid,
    by: Uuid,
    position: Position,
}

impl Rows {
    fn post(
        &mut self,
        recorded: &RecordedEvent,
        id: TransactionId,
    ) -> Result<(), serde_json::Error> {
        let Event::Transaction(TransactionEvent::TransactionPosted {
            postings,
            effective_at,
            cause,
            reference,
            metadata,
        }) = &recorded.event
        else {
            return Ok(());
        };
        let (cause, cause_id) = cause_columns(*cause);
        self.posted
            .row(10)
            .text(self.ledger.as_str())
            .uuid(id.as_uuid())
            .bigint(recorded.position.value())
            .text(cause)
            .optional_uuid(cause_id)
            .optional_text(reference.as_ref().map(Reference::as_str))
            .json(metadata)?
            .json(postings)?
            .timestamp(effective_at.as_datetime())
            .timestamp(recorded.recorded_at.as_datetime());
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

#[async_trait]
impl ReadModel for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn version(&self) -> i32 {
        2
    }

    fn tables(&self) -> &'static [&'static str] {
        &["transactions"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn indexes(&self) -> &'static [&'static str] {
        INDEXES
    }

    fn begin(&self, ledger: LedgerName, before: Before) -> Box<dyn Fold> {
        Box::new(Rows {
            ledger,
            before,
            posted: CopyRows::default(),
            reverted: Vec::new(),
        })
    }
}

#[async_trait]
impl Fold for Rows {
    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let (Event::Transaction(event), Stream::Transaction(id)) =
            (&recorded.event, recorded.stream)
        else {
            return Ok(());
        };
        let position = recorded.position;
        match event {
            TransactionEvent::TransactionPosted { .. } => {
                self.post(recorded, id).map_err(|error| FoldError::Event {
                    position,
                    reason: error.to_string(),
                })
            }
            TransactionEvent::TransactionReverted {
                reverting_transaction,
            } => {
                self.reverted.push(Reverted {
                    transaction: id.as_uuid(),
                    by: reverting_transaction.as_uuid(),
                    position,
                });
                Ok(())
            }
        }
    }

    fn is_full(&self) -> bool {
        self.posted.is_full()
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let columns = place.sql(COLUMNS);
        let posted = &mut self.posted;
        posted.send(place.connection, &columns, self.before).await?;
        Ok(())
    }

    async fn settle(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let reverted = std::mem::take(&mut self.reverted);
        if reverted.is_empty() {
            return Ok(());
        }
        let ids = |id: fn(&Reverted) -> Uuid| reverted.iter().map(id).collect::<Vec<_>>();
        let met: Vec<Uuid> = sqlx::query_scalar(&place.sql(REVERT))
            .bind(self.ledger.as_str())
            .bind(ids(|one| one.transaction))
            .bind(ids(|one| one.by))
            .fetch_all(&mut *place.connection)
            .await?;
        let changed: Vec<_> = reverted
            .iter()
            .map(|one| (one.transaction, one.position))
            .collect();
        check_met(met, &changed)
    }
}
