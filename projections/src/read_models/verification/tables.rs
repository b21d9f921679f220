//! The tables: reading the cases that a batch concerns, and writing them back.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::event::RecordedEvent;
use ledger_core::{CaseId, LedgerName, Stream};
use uuid::Uuid;

use super::case::CaseRow;
use crate::read_model::{FoldError, Place};

const TABLE: &str = "verification_cases";

pub(super) const CASES: &str = "CREATE TABLE {schema}.verification_cases (
    ledger          text        NOT NULL,
    id              uuid        NOT NULL,
    -- Of its first event.
    position        bigint      NOT NULL,
    opened_at       timestamptz NOT NULL,
    owner           text        NOT NULL,
    -- Which it grants, or else is to grant.
    tier            text        NOT NULL,
    status          text        NOT NULL,
    -- Of the event that brought it there.
    status_position bigint      NOT NULL,
    -- Those that it was handed to.
    providers       text[]      NOT NULL,
    -- When it was approved or rejected last.
    decided_at      timestamptz,
    -- JSON text: all of it.
    document        text        NOT NULL,
    PRIMARY KEY (ledger, id)
)";

pub(super) const STEPS: &str = "CREATE TABLE {schema}.verification_steps (
    ledger         text        NOT NULL,
    case_id        uuid        NOT NULL,
    -- Since it was opened, reset, or was to be verified again: 1, 2, 3 ...
    round          integer     NOT NULL,
    step           text        NOT NULL,
    -- Empty for the case itself.
    provider       text        NOT NULL,
    -- The step before; empty where the round begins.
    after          text        NOT NULL,
    reached_at     timestamptz NOT NULL,
    since_begun_ms bigint      NOT NULL,
    since_step_ms  bigint      NOT NULL,
    PRIMARY KEY (ledger, case_id, round, step, provider)
)";

const WRITE: &str = "\
INSERT INTO {schema}.verification_cases (ledger, id, position, opened_at, owner, tier, status,
                                         status_position, providers, decided_at, document)
SELECT $1, id, position, opened_at, owner, tier, status, status_position,
       string_to_array(providers, ','), decided_at, document
FROM UNNEST($2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
            $8::bigint[], $9::text[], $10::timestamptz[], $11::text[])
     AS changed (id, position, opened_at, owner, tier, status, status_position, providers,
                 decided_at, document)
ON CONFLICT (ledger, id) DO UPDATE SET tier = EXCLUDED.tier, status = EXCLUDED.status,
    status_position = EXCLUDED.status_position, providers = EXCLUDED.providers,
    decided_at = EXCLUDED.decided_at, document = EXCLUDED.document";

/// Cases that a batch concerns.
pub(super) struct Cases(BTreeMap<CaseId, CaseRow>);

impl Cases {
    /// Reads those that are there.
    pub(super) async fn load(
        place: &mut Place<'_>,
        ledger: LedgerName,
        events: &[RecordedEvent],
    ) -> Result<Self, FoldError> {
        let ids: BTreeSet<Uuid> = events
            .iter()
            .filter_map(|recorded| match recorded.stream {
                Stream::VerificationCase(id) => Some(id.as_uuid()),
                _ => None,
            })
            .collect();
        if ids.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let found: Vec<String> = sqlx::query_scalar(&place.sql(
            "SELECT document FROM {schema}.verification_cases WHERE ledger = $1 AND id = ANY($2)",
        ))
        .bind(ledger.as_str())
        .bind(ids.into_iter().collect::<Vec<_>>())
        .fetch_all(&mut *place.connection)
        .await?;
        let mut known = Self(BTreeMap::new());
        for text in found {
            known.put(serde_json::from_str(&text).map_err(unreadable)?);
        }
        Ok(known)
    }

    pub(super) fn get(&self, id: CaseId) -> Option<&CaseRow> {
        self.0.get(&id)
    }

    pub(super) fn put(&mut self, row: CaseRow) {
        self.0.insert(row.case, row);
    }

    /// Writes all of them; a case that is there already gets the new row.
    pub(super) async fn write(
        self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), FoldError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let rows = self.0.values().map(Written::of);
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let all = rows.iter();
        sqlx::query(&place.sql(WRITE))
            .bind(ledger.as_str())
            .bind(
                all.clone()
                    .map(|row| row.case.case.as_uuid())
                    .collect::<Vec<_>>(),
            )
            .bind(
                all.clone()
                    .map(|row| row.case.position.value())
                    .collect::<Vec<_>>(),
            )
            .bind(
                all.clone()
                    .map(|row| row.case.opened_at.as_datetime())
                    .collect::<Vec<_>>(),
            )
            .bind(
                all.clone()
                    .map(|row| row.owner.as_str())
                    .collect::<Vec<_>>(),
            )
            .bind(all.clone().map(|row| row.tier.as_str()).collect::<Vec<_>>())
            .bind(all.clone().map(|row| row.status).collect::<Vec<_>>())
            .bind(
                all.clone()
                    .map(|row| row.case.status_position.value())
                    .collect::<Vec<_>>(),
            )
            .bind(
                all.clone()
                    .map(|row| row.providers.as_str())
                    .collect::<Vec<_>>(),
            )
            .bind(
                all.clone()
                    .map(|row| row.case.decision.as_ref().map(|made| made.at.as_datetime()))
                    .collect::<Vec<_>>(),
            )
            .bind(all.map(|row| row.document.as_str()).collect::<Vec<_>>())
            .execute(&mut *place.connection)
            .await?;
        Ok(())
    }
}

/// A case and what lists are narrowed by.
struct Written<'r> {
    case: &'r CaseRow,
    owner: String,
    tier: String,
    status: &'static str,
    /// With commas between them, which no name has: arrays of arrays must be of one length.
    providers: String,
    document: String,
}

impl<'r> Written<'r> {
    fn of(case: &'r CaseRow) -> Result<Self, FoldError> {
        let absent = || FoldError::Row {
            table: TABLE,
            reason: format!("the case {} has no state", case.case),
        };
        let (open, status) = case.open().ok_or_else(absent)?;
        let tier = case.tier().ok_or_else(absent)?;
        let names: Vec<String> = open.providers.keys().map(ToString::to_string).collect();
        Ok(Self {
            case,
            owner: open.owner.to_string(),
            tier: tier.to_string(),
            status: status.as_str(),
            providers: names.join(","),
            document: serde_json::to_string(case).map_err(unreadable)?,
        })
    }
}

fn unreadable(error: serde_json::Error) -> FoldError {
    FoldError::Row {
        table: TABLE,
        reason: error.to_string(),
    }
}
