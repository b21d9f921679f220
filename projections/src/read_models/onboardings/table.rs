//! The table: reading the onboardings that a batch concerns, and writing them back.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, OwnerKey, Stream};
use uuid::Uuid;

use super::row::OnboardingRow;
use crate::read_model::{FoldError, Place};

const NAME: &str = "onboardings";

pub(super) const TABLE: &str = "CREATE TABLE {schema}.onboardings (
    ledger         text        NOT NULL,
    -- The id of the owner's stream.
    owner_key      uuid        NOT NULL,
    -- Where it was begun, the last time.
    position       bigint      NOT NULL,
    started_at     timestamptz NOT NULL,
    owner          text        NOT NULL,
    -- Which it is to lead to.
    tier           text        NOT NULL,
    status         text        NOT NULL,
    -- Which it is at, or was at when it ended; empty when everything is done.
    step           text        NOT NULL,
    -- Of the event that brought it to its state and step.
    place_position bigint      NOT NULL,
    -- JSON text: all of it.
    document       text        NOT NULL,
    PRIMARY KEY (ledger, owner_key)
)";

const WRITE: &str = "\
INSERT INTO {schema}.onboardings (ledger, owner_key, position, started_at, owner, tier, status, step,
                                  place_position, document)
SELECT $1, owner_key, position, started_at, owner, tier, status, step, place_position, document
FROM UNNEST($2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::bigint[], $10::text[])
     AS changed (owner_key, position, started_at, owner, tier, status, step, place_position, document)
ON CONFLICT (ledger, owner_key) DO UPDATE SET position = EXCLUDED.position,
    started_at = EXCLUDED.started_at, tier = EXCLUDED.tier, status = EXCLUDED.status,
    step = EXCLUDED.step, place_position = EXCLUDED.place_position, document = EXCLUDED.document";

/// Onboardings that a batch concerns.
pub(super) struct Rows(BTreeMap<OwnerKey, OnboardingRow>);

impl Rows {
    /// Reads those that are there.
    pub(super) async fn load(
        place: &mut Place<'_>,
        ledger: LedgerName,
        events: &[RecordedEvent],
    ) -> Result<Self, FoldError> {
        let keys: BTreeSet<Uuid> = events
            .iter()
            .filter_map(|recorded| match recorded.stream {
                Stream::Onboarding(key) => Some(key.as_uuid()),
                _ => None,
            })
            .collect();
        if keys.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let found: Vec<(Uuid, String)> = sqlx::query_as(&place.sql(
            "SELECT owner_key, document FROM {schema}.onboardings \
             WHERE ledger = $1 AND owner_key = ANY($2)",
        ))
        .bind(ledger.as_str())
        .bind(keys.into_iter().collect::<Vec<_>>())
        .fetch_all(&mut *place.connection)
        .await?;
        let mut known = Self(BTreeMap::new());
        for (key, text) in found {
            let row = serde_json::from_str(&text).map_err(unreadable)?;
            known.put(OwnerKey::new(key), row);
        }
        Ok(known)
    }

    pub(super) fn get(&self, key: OwnerKey) -> Option<&OnboardingRow> {
        self.0.get(&key)
    }

    pub(super) fn put(&mut self, key: OwnerKey, row: OnboardingRow) {
        self.0.insert(key, row);
    }

    /// Writes all of them; an onboarding that is there already gets the new row.
    pub(super) async fn write(
        self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), FoldError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut columns = Columns::default();
        for (key, row) in self.0 {
            columns.add(key, &row)?;
        }
        sqlx::query(&place.sql(WRITE))
            .bind(ledger.as_str())
            .bind(columns.keys)
            .bind(columns.positions)
            .bind(columns.started_at)
            .bind(columns.owners)
            .bind(columns.tiers)
            .bind(columns.statuses)
            .bind(columns.steps)
            .bind(columns.place_positions)
            .bind(columns.documents)
            .execute(&mut *place.connection)
            .await?;
        Ok(())
    }
}

/// What lists are narrowed by, column by column.
#[derive(Default)]
struct Columns {
    keys: Vec<Uuid>,
    positions: Vec<i64>,
    started_at: Vec<DateTime<Utc>>,
    owners: Vec<String>,
    tiers: Vec<String>,
    statuses: Vec<&'static str>,
    steps: Vec<&'static str>,
    place_positions: Vec<i64>,
    documents: Vec<String>,
}

impl Columns {
    fn add(&mut self, key: OwnerKey, row: &OnboardingRow) -> Result<(), FoldError> {
        let (course, status) = row.course().ok_or_else(|| FoldError::Row {
            table: NAME,
            reason: format!("the onboarding {key} has no state"),
        })?;
        self.keys.push(key.as_uuid());
        self.positions.push(row.position.value());
        self.started_at.push(row.started_at.as_datetime());
        self.owners.push(course.owner.to_string());
        self.tiers.push(course.terms.tier.to_string());
        self.statuses.push(status.as_str());
        self.steps
            .push(row.state.step().map_or("", |step| step.as_str()));
        self.place_positions.push(row.place_position.value());
        self.documents
            .push(serde_json::to_string(row).map_err(unreadable)?);
        Ok(())
    }
}

fn unreadable(error: serde_json::Error) -> FoldError {
    FoldError::Row {
        table: NAME,
        reason: error.to_string(),
    }
}
