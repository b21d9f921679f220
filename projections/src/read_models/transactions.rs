//! Where the transactions stand in the log, and by what they are looked for.
//!
//! What a transaction says is its event, which is read from the log by its position; whether it was
//! reverted stands in its stream.

use async_trait::async_trait;
use ledger_core::annotation::Reference;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{Event, LedgerName};

use crate::copy_rows::CopyRows;
use crate::read_model::{Before, Fold, FoldError, Place, ReadModel};

/// The read model.
#[derive(Debug)]
pub struct Transactions;

const DEFINITION: &[&str] = &["CREATE TABLE {schema}.transactions (
    ledger       text        NOT NULL,
    position     bigint      NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    reference    text
)"];

const INDEXES: &[&str] = &[
    // Lists, newest first.
    "ALTER TABLE {schema}.transactions ADD PRIMARY KEY (ledger, position)",
    // Transactions of one reference.
    "CREATE INDEX ON {schema}.transactions (ledger, reference, position) WHERE reference IS NOT NULL",
];

const COLUMNS: &str =
    "{schema}.transactions (ledger, position, effective_at, recorded_at, reference)";

/// What events do to the transactions of a ledger.
struct Rows {
    ledger: LedgerName,
    before: Before,
    posted: CopyRows,
}

#[async_trait]
impl ReadModel for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn version(&self) -> i32 {
        3
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
        })
    }
}

#[async_trait]
impl Fold for Rows {
    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        if let Event::Transaction(TransactionEvent::TransactionPosted {
            effective_at,
            reference,
            ..
        }) = &recorded.event
        {
            self.posted
                .row(5)
                .text(self.ledger.as_str())
                .bigint(recorded.position.value())
                .timestamp(effective_at.as_datetime())
                .timestamp(recorded.recorded_at.as_datetime())
                .optional_text(reference.as_ref().map(Reference::as_str));
        }
        Ok(())
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
}
