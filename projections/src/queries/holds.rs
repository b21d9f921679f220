//! Holds.

use chrono::{DateTime, Utc};
use ledger_core::annotation::Metadata;
use ledger_core::hold::HoldStatus;
use ledger_core::{Asset, HoldId, Holder, LedgerName, Position, Timestamp};
use rust_decimal::Decimal;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::ledgers::{LedgerFacts, timestamp};
use super::{AsOf, Page, PageRequest, Queries, QueryError};
use crate::read_models::ReadModelName;

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// Its id.
    pub hold: HoldId,
    /// The position at which it was placed.
    pub position: Position,
    /// Whose money is reserved.
    pub source: Holder,
    /// Which asset.
    pub asset: Asset,
    /// Who receives what is captured, unless the capture names somebody else.
    pub destination: Option<Holder>,
    /// How much was reserved at first.
    pub amount: Decimal,
    /// How much was captured.
    pub captured: Decimal,
    /// How much is still reserved.
    pub remaining: Decimal,
    /// Whether it still reserves anything, and why not.
    pub status: HoldStatus,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The caller's name for it.
    pub reference: Option<String>,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Which holds to list; all by default.
#[derive(Debug, Clone, Default)]
pub struct HoldFilter {
    /// Those on this wallet or system account.
    pub source: Option<Holder>,
    /// Those in this state.
    pub status: Option<HoldStatus>,
    /// Those with this reference.
    pub reference: Option<String>,
}

#[derive(FromRow)]
struct Row {
    hold_id: Uuid,
    position: i64,
    source: String,
    asset: String,
    destination: Option<String>,
    amount: Decimal,
    captured: Decimal,
    remaining: Decimal,
    status: String,
    expires_at: Option<DateTime<Utc>>,
    reference: Option<String>,
    metadata: String,
    placed_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl Queries {
    /// One hold.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn hold(
        &self,
        ledger: LedgerName,
        hold: HoldId,
    ) -> Result<AsOf<Option<HoldRow>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Holds]).await?;
        let facts = snapshot.facts(ledger).await?;
        let row: Option<Row> =
            sqlx::query_as("SELECT * FROM read_models.holds WHERE ledger = $1 AND hold_id = $2")
                .bind(ledger.as_str())
                .bind(hold.as_uuid())
                .fetch_optional(&mut *snapshot.tx)
                .await?;
        Ok(snapshot.answer(row.map(|row| read(row, &facts)).transpose()?))
    }

    /// Holds, newest first; the key is the position.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn holds(
        &self,
        ledger: LedgerName,
        filter: &HoldFilter,
        page: PageRequest<Position>,
    ) -> Result<AsOf<Page<HoldRow, Position>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Holds]).await?;
        let facts = snapshot.facts(ledger).await?;
        let mut query =
            QueryBuilder::<Postgres>::new("SELECT * FROM read_models.holds WHERE ledger = ");
        query.push_bind(ledger.as_str().to_owned());
        if let Some(source) = filter.source {
            query.push(" AND source = ").push_bind(source.to_string());
        }
        if let Some(status) = filter.status {
            query.push(" AND status = ").push_bind(status.as_str());
        }
        if let Some(reference) = &filter.reference {
            query.push(" AND reference = ").push_bind(reference.clone());
        }
        if let Some(after) = page.after {
            query.push(" AND position < ").push_bind(after.value());
        }
        query
            .push(" ORDER BY position DESC LIMIT ")
            .push_bind(page.limit + 1);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *snapshot.tx).await?;
        let rows = rows
            .into_iter()
            .map(|row| read(row, &facts))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(snapshot.answer(Page::cut(rows, page.limit, |row| row.position)))
    }

    /// Active holds that end at or before a time, earliest first.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn due_holds(
        &self,
        ledger: LedgerName,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<HoldId>, sqlx::Error> {
        let ids: Vec<Uuid> = sqlx::query_scalar(
            "SELECT hold_id FROM read_models.holds \
             WHERE ledger = $1 AND status = 'active' AND expires_at <= $2 \
             ORDER BY expires_at LIMIT $3",
        )
        .bind(ledger.as_str())
        .bind(until.as_datetime())
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(HoldId::new).collect())
    }
}

fn read(row: Row, facts: &LedgerFacts) -> Result<HoldRow, QueryError> {
    let bad = |error: &dyn std::fmt::Display| QueryError::row("holds", error);
    let holder = |text: &str| text.parse::<Holder>().map_err(|error| bad(&error));
    let time = |time| timestamp("holds", time);
    let status = [
        HoldStatus::Active,
        HoldStatus::Captured,
        HoldStatus::Voided,
        HoldStatus::Expired,
    ]
    .into_iter()
    .find(|status| status.as_str() == row.status)
    .ok_or_else(|| bad(&row.status))?;
    Ok(HoldRow {
        hold: HoldId::new(row.hold_id),
        position: Position::try_new(row.position).unwrap_or_default(),
        source: holder(&row.source)?,
        asset: facts.asset(&row.asset)?,
        destination: row.destination.as_deref().map(holder).transpose()?,
        amount: row.amount,
        captured: row.captured,
        remaining: row.remaining,
        status,
        expires_at: row.expires_at.map(time).transpose()?,
        reference: row.reference,
        metadata: serde_json::from_str(&row.metadata).map_err(|error| bad(&error))?,
        placed_at: time(row.placed_at)?,
        ended_at: row.ended_at.map(time).transpose()?,
    })
}
