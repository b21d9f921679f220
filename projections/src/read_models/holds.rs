//! Holds, with what became of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ledger_core::annotation::Reference;
use ledger_core::event::RecordedEvent;
use ledger_core::hold::{HoldEvent, HoldStatus};
use ledger_core::{Amount, Event, HoldId, Holder, LedgerName, Position, Stream};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::check_met;
use crate::read_model::{Before, Fold, FoldError, Place, ROWS_IN_MEMORY, ReadModel};

/// The read model.
#[derive(Debug)]
pub struct Holds;

const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.holds (
    ledger      text        NOT NULL,
    hold_id     uuid        NOT NULL,
    position    bigint      NOT NULL,
    source      text        NOT NULL,
    asset       text        NOT NULL,
    destination text,
    amount      numeric     NOT NULL,
    captured    numeric     NOT NULL,
    remaining   numeric     NOT NULL,
    status      text        NOT NULL,
    expires_at  timestamptz,
    reference   text,
    -- JSON text, as in the event.
    metadata    text        NOT NULL,
    placed_at   timestamptz NOT NULL,
    ended_at    timestamptz,
    PRIMARY KEY (ledger, hold_id)
)",
    // Lists, newest first.
    "CREATE UNIQUE INDEX ON {schema}.holds (ledger, position)",
    // The holds on one wallet.
    "CREATE INDEX ON {schema}.holds (ledger, source, position)",
    // The expiry worker's question.
    "CREATE INDEX ON {schema}.holds (ledger, expires_at) \
     WHERE status = 'active' AND expires_at IS NOT NULL",
];

const PLACE: &str = "\
INSERT INTO {schema}.holds (ledger, hold_id, position, source, asset, destination, amount, captured,
                            remaining, status, expires_at, reference, metadata, placed_at)
SELECT $1, hold_id, position, source, asset, destination, amount, 0, amount, 'active', expires_at,
       reference, metadata, placed_at
FROM UNNEST($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::numeric[],
            $8::timestamptz[], $9::text[], $10::text[], $11::timestamptz[])
     AS placed (hold_id, position, source, asset, destination, amount, expires_at, reference,
                metadata, placed_at)";

const CHANGE: &str = "\
UPDATE {schema}.holds AS hold
SET captured = hold.captured + change.captured, remaining = change.remaining,
    status = change.status, ended_at = change.ended_at
FROM UNNEST($2::uuid[], $3::numeric[], $4::numeric[], $5::text[], $6::timestamptz[])
     AS change (hold_id, captured, remaining, status, ended_at)
WHERE hold.ledger = $1 AND hold.hold_id = change.hold_id
RETURNING hold.hold_id";

#[derive(Default)]
struct Placed {
    ids: Vec<Uuid>,
    positions: Vec<i64>,
    sources: Vec<String>,
    assets: Vec<String>,
    destinations: Vec<Option<String>>,
    amounts: Vec<Decimal>,
    expires_at: Vec<Option<DateTime<Utc>>>,
    references: Vec<Option<String>>,
    metadata: Vec<String>,
    placed_at: Vec<DateTime<Utc>>,
}

/// What a batch of events does to one hold after its placing.
struct Change {
    /// The first event of these.
    first: Position,
    captured: Decimal,
    remaining: Decimal,
    status: HoldStatus,
    ended_at: Option<DateTime<Utc>>,
}

impl Change {
    const fn beginning_at(first: Position) -> Self {
        Self {
            first,
            captured: Decimal::ZERO,
            remaining: Decimal::ZERO,
            status: HoldStatus::Active,
            ended_at: None,
        }
    }
}

impl Placed {
    fn fold(&mut self, recorded: &RecordedEvent, id: HoldId) -> Result<(), FoldError> {
        let Event::Hold(HoldEvent::HoldPlaced {
            source,
            asset,
            amount,
            destination,
            expires_at,
            reference,
            metadata,
            // The manager's own read model knows its holds: they have its id.
            manager: _,
            usage: _,
        }) = &recorded.event
        else {
            return Ok(());
        };
        self.ids.push(id.as_uuid());
        self.positions.push(recorded.position.value());
        self.sources.push(source.to_string());
        self.assets.push(asset.to_string());
        self.destinations
            .push(destination.as_ref().map(Holder::to_string));
        self.amounts.push(amount.value());
        self.expires_at
            .push(expires_at.map(ledger_core::Timestamp::as_datetime));
        self.references.push(reference.clone().map(Reference::into));
        self.metadata.push(
            serde_json::to_string(metadata).map_err(|error| FoldError::Event {
                position: recorded.position,
                reason: error.to_string(),
            })?,
        );
        self.placed_at.push(recorded.recorded_at.as_datetime());
        Ok(())
    }
}

fn fold_change(
    changes: &mut BTreeMap<HoldId, Change>,
    recorded: &RecordedEvent,
    id: HoldId,
    event: &HoldEvent,
) -> Result<(), FoldError> {
    let ended = Some(recorded.recorded_at.as_datetime());
    if matches!(event, HoldEvent::HoldPlaced { .. }) {
        return Ok(());
    }
    let change = changes
        .entry(id)
        .or_insert(Change::beginning_at(recorded.position));
    match event {
        HoldEvent::HoldPlaced { .. } => {}
        HoldEvent::HoldCaptured {
            amount, remaining, ..
        } => {
            let captured = change.captured.checked_add(amount.value());
            change.captured = captured.ok_or_else(|| FoldError::Event {
                position: recorded.position,
                reason: "more is captured than can be counted".to_owned(),
            })?;
            change.remaining = remaining.map_or(Decimal::ZERO, Amount::value);
            if remaining.is_none() {
                change.status = HoldStatus::Captured;
                change.ended_at = ended;
            }
        }
        HoldEvent::HoldVoided { .. } => end(change, HoldStatus::Voided, ended),
        HoldEvent::HoldExpired { .. } => end(change, HoldStatus::Expired, ended),
    }
    Ok(())
}

fn end(change: &mut Change, status: HoldStatus, ended_at: Option<DateTime<Utc>>) {
    change.remaining = Decimal::ZERO;
    change.status = status;
    change.ended_at = ended_at;
}

#[async_trait]
impl ReadModel for Holds {
    fn name(&self) -> &'static str {
        "holds"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["holds"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn begin(&self, ledger: LedgerName, _before: Before) -> Box<dyn Fold> {
        Box::new(Batch {
            ledger,
            placed: Placed::default(),
            changes: BTreeMap::new(),
        })
    }
}

/// What events do to the holds of a ledger.
struct Batch {
    ledger: LedgerName,
    placed: Placed,
    changes: BTreeMap<HoldId, Change>,
}

#[async_trait]
impl Fold for Batch {
    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        if let (Event::Hold(event), Stream::Hold(id)) = (&recorded.event, recorded.stream) {
            self.placed.fold(recorded, id)?;
            fold_change(&mut self.changes, recorded, id, event)?;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.placed.ids.len() + self.changes.len() > ROWS_IN_MEMORY
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        if !self.placed.ids.is_empty() {
            let placed = std::mem::take(&mut self.placed);
            write_placed(place, self.ledger, &placed).await?;
        }
        if !self.changes.is_empty() {
            let changes = std::mem::take(&mut self.changes);
            let first: Vec<_> = changes
                .iter()
                .map(|(id, c)| (id.as_uuid(), c.first))
                .collect();
            let met = write_changes(place, self.ledger, changes).await?;
            check_met(met, &first)?;
        }
        Ok(())
    }
}

async fn write_placed(
    place: &mut Place<'_>,
    ledger: LedgerName,
    placed: &Placed,
) -> Result<(), sqlx::Error> {
    sqlx::query(&place.sql(PLACE))
        .bind(ledger.as_str())
        .bind(&placed.ids)
        .bind(&placed.positions)
        .bind(&placed.sources)
        .bind(&placed.assets)
        .bind(&placed.destinations)
        .bind(&placed.amounts)
        .bind(&placed.expires_at)
        .bind(&placed.references)
        .bind(&placed.metadata)
        .bind(&placed.placed_at)
        .execute(&mut *place.connection)
        .await
        .map(|_| ())
}

async fn write_changes(
    place: &mut Place<'_>,
    ledger: LedgerName,
    changes: BTreeMap<HoldId, Change>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let (ids, changes): (Vec<HoldId>, Vec<Change>) = changes.into_iter().unzip();
    sqlx::query_scalar(&place.sql(CHANGE))
        .bind(ledger.as_str())
        .bind(ids.into_iter().map(HoldId::as_uuid).collect::<Vec<_>>())
        .bind(
            changes
                .iter()
                .map(|change| change.captured)
                .collect::<Vec<_>>(),
        )
        .bind(
            changes
                .iter()
                .map(|change| change.remaining)
                .collect::<Vec<_>>(),
        )
        .bind(
            changes
                .iter()
                .map(|change| change.status.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            changes
                .iter()
                .map(|change| change.ended_at)
                .collect::<Vec<_>>(),
        )
        .fetch_all(&mut *place.connection)
        .await
}
