//! Verification cases: one, lists of them, what happened to one, and how many come how far.

use chrono::{DateTime, Utc};
use ledger_core::event::RecordedEvent;
use ledger_core::verification::CaseStatus;
use ledger_core::{CaseId, LedgerName, OwnerId, Position, ProviderName, TierName, Timestamp};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::log::case_stream;
use super::{AsOf, Page, PageRequest, Queries, QueryError, Snapshot};
use crate::read_models::ReadModelName;
use crate::read_models::verification::CaseRow;

pub use crate::read_models::verification as rows;

const USED: [ReadModelName; 1] = [ReadModelName::Verification];
const CASES: &str = "verification_cases";
const STEPS: &str = "verification_steps";

/// A stretch of time: from its first moment, until before its last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Its first moment; the beginning of time when absent.
    pub from: Option<Timestamp>,
    /// The moment after it; the end of time when absent.
    pub until: Option<Timestamp>,
}

/// Which cases to list; all by default.
#[derive(Debug, Clone, Default)]
pub struct CaseFilter {
    /// Those about this owner.
    pub owner: Option<OwnerId>,
    /// Those in this state.
    pub status: Option<CaseStatus>,
    /// Those that grant this tier, or are to grant it.
    pub tier: Option<TierName>,
    /// Those that were handed to this provider.
    pub provider: Option<ProviderName>,
    /// Those opened then.
    pub opened: Period,
    /// Those approved or rejected then, the last time.
    pub decided: Period,
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CaseOrder {
    /// What was opened last.
    #[default]
    Newest,
    /// What has been in its state for longest.
    LongestWaiting,
}

/// The place of a case in a list: by the position of the event that the order looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseKey {
    /// That position.
    pub position: Position,
    /// The case.
    pub case: CaseId,
}

/// How many cases came to a step in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunnelStep {
    /// Those handed to this provider; all when absent.
    pub provider: Option<ProviderName>,
    /// The step, by the state that it is.
    pub step: CaseStatus,
    /// How many.
    pub cases: i64,
    /// In the middle of them, how long after the round had begun.
    pub since_begun_ms: i64,
    /// The steps they came from.
    pub from: Vec<FunnelPath>,
}

/// How many cases came from one step to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunnelPath {
    /// From which.
    pub step: CaseStatus,
    /// How many.
    pub cases: i64,
    /// In the middle of them, how long they had been there.
    pub since_step_ms: i64,
}

/// A row of the funnel's query: one of a step, or of a path to it.
type Counted = (String, String, Option<String>, i64, i64, i64);

impl Queries {
    /// One case.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn verification_case(
        &self,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<AsOf<Option<CaseRow>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let mut query = select(ledger);
        query.push(" AND id = ").push_bind(case.as_uuid());
        let found = snapshot.read_cases(query).await?.pop();
        Ok(snapshot.answer(found))
    }

    /// Cases in an order.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn verification_cases(
        &self,
        ledger: LedgerName,
        filter: &CaseFilter,
        order: CaseOrder,
        page: PageRequest<CaseKey>,
    ) -> Result<AsOf<Page<CaseRow, CaseKey>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let mut query = select(ledger);
        narrow(&mut query, ledger, filter);
        let (column, beyond, direction) = match order {
            CaseOrder::Newest => ("position", "<", "DESC"),
            CaseOrder::LongestWaiting => ("status_position", ">", "ASC"),
        };
        if let Some(after) = page.after {
            query
                .push(format!(" AND ({column}, id) {beyond} ("))
                .push_bind(after.position.value())
                .push(", ")
                .push_bind(after.case.as_uuid())
                .push(")");
        }
        query
            .push(format!(
                " ORDER BY {column} {direction}, id {direction} LIMIT "
            ))
            .push_bind(page.limit + 1);
        let rows = snapshot.read_cases(query).await?;
        let key = |row: &CaseRow| CaseKey {
            position: match order {
                CaseOrder::Newest => row.position,
                CaseOrder::LongestWaiting => row.status_position,
            },
            case: row.case,
        };
        Ok(snapshot.answer(Page::cut(rows, page.limit, key)))
    }

    /// What happened to a case, in order, as the log has it; `None` when there is no such case.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn verification_timeline(
        &self,
        ledger: LedgerName,
        case: CaseId,
        page: PageRequest<Position>,
    ) -> Result<AsOf<Option<Page<RecordedEvent, Position>>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let mut query = select(ledger);
        query.push(" AND id = ").push_bind(case.as_uuid());
        if snapshot.read_cases(query).await?.is_empty() {
            return Ok(snapshot.answer(None));
        }
        let until = snapshot.position;
        let asked = PageRequest {
            after: page.after,
            limit: page.limit + 1,
        };
        let events = case_stream(&mut snapshot.tx, ledger, case, asked, until).await?;
        let key = |event: &RecordedEvent| event.position;
        let found = Page::cut(events, page.limit, key);
        Ok(snapshot.answer(Some(found)))
    }

    /// How many cases came to each step in a period, all together and by provider.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn verification_funnel(
        &self,
        ledger: LedgerName,
        provider: Option<ProviderName>,
        period: Period,
    ) -> Result<AsOf<Vec<FunnelStep>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        // The lower of the two in the middle: a time that there was, and no fraction of a millisecond.
        let counted: Vec<Counted> = sqlx::query_as(
            "SELECT provider, step, CASE GROUPING(after) WHEN 0 THEN after END, count(*), \
                    percentile_disc(0.5) WITHIN GROUP (ORDER BY since_begun_ms), \
                    percentile_disc(0.5) WITHIN GROUP (ORDER BY since_step_ms) \
             FROM read_models.verification_steps \
             WHERE ledger = $1 AND ($2::timestamptz IS NULL OR reached_at >= $2) \
               AND ($3::timestamptz IS NULL OR reached_at < $3) \
               AND ($4::text IS NULL OR provider = $4) \
             GROUP BY GROUPING SETS ((provider, step), (provider, step, after))",
        )
        .bind(ledger.as_str())
        .bind(period.from.map(Timestamp::as_datetime))
        .bind(period.until.map(Timestamp::as_datetime))
        .bind(provider.map(|provider| provider.to_string()))
        .fetch_all(&mut *snapshot.tx)
        .await?;
        let steps = funnel(counted)?;
        Ok(snapshot.answer(steps))
    }
}

/// Puts the paths to their steps.
fn funnel(counted: Vec<Counted>) -> Result<Vec<FunnelStep>, QueryError> {
    let (mut steps, mut paths) = (Vec::new(), Vec::new());
    for (provider, step, after, cases, since_begun_ms, since_step_ms) in counted {
        let provider = match provider.as_str() {
            "" => None,
            name => Some(
                name.parse()
                    .map_err(|error| QueryError::row(STEPS, error))?,
            ),
        };
        let step = status(&step)?;
        match after.as_deref() {
            // Where a round begins, there is no step before.
            Some("") => {}
            Some(from) => {
                let path = FunnelPath {
                    step: status(from)?,
                    cases,
                    since_step_ms,
                };
                paths.push(((provider, step), path));
            }
            None => steps.push(FunnelStep {
                provider,
                step,
                cases,
                since_begun_ms,
                from: Vec::new(),
            }),
        }
    }
    for step in &mut steps {
        let key = (step.provider, step.step);
        let own = paths.iter().filter(|(to, _)| *to == key);
        step.from = own.map(|(_, path)| path.clone()).collect();
        step.from.sort_by_key(|path| rank(path.step));
    }
    steps.sort_by_key(|step| (step.provider, rank(step.step)));
    Ok(steps)
}

/// In which order steps are told.
const fn rank(step: CaseStatus) -> u8 {
    match step {
        CaseStatus::Opened => 0,
        CaseStatus::AwaitingDocuments => 1,
        CaseStatus::DocumentsReceived => 2,
        CaseStatus::Submitted => 3,
        CaseStatus::InReview => 4,
        CaseStatus::RetryAllowed => 5,
        CaseStatus::Approved => 6,
        CaseStatus::Rejected => 7,
        CaseStatus::Expired => 8,
        CaseStatus::ReverificationDue => 9,
    }
}

fn status(name: &str) -> Result<CaseStatus, QueryError> {
    let name = serde_json::Value::from(name);
    serde_json::from_value(name).map_err(|error| QueryError::row(STEPS, error))
}

fn select(ledger: LedgerName) -> QueryBuilder<'static, Postgres> {
    let mut query =
        QueryBuilder::new("SELECT document FROM read_models.verification_cases WHERE ledger = ");
    query.push_bind(ledger.as_str().to_owned());
    query
}

fn narrow(query: &mut QueryBuilder<'static, Postgres>, ledger: LedgerName, filter: &CaseFilter) {
    if let Some(owner) = &filter.owner {
        query.push(" AND owner = ").push_bind(owner.to_string());
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(tier) = filter.tier {
        query.push(" AND tier = ").push_bind(tier.to_string());
    }
    if let Some(provider) = filter.provider {
        query
            .push(" AND providers @> ARRAY[")
            .push_bind(provider.to_string())
            .push("]");
    }
    // Recorded time never runs backwards along positions, so a period is a range of positions.
    for (time, bound) in [
        (filter.opened.from, " AND position >= "),
        (filter.opened.until, " AND position < "),
    ] {
        if let Some(time) = time {
            query.push(bound);
            push_first_since(query, ledger, time);
        }
    }
    for (time, bound) in [
        (filter.decided.from, " AND decided_at >= "),
        (filter.decided.until, " AND decided_at < "),
    ] {
        if let Some(time) = time {
            query.push(bound).push_bind(time.as_datetime());
        }
    }
}

/// The first position of a case at this time or later; beyond all of them when there is none.
fn push_first_since(
    query: &mut QueryBuilder<'static, Postgres>,
    ledger: LedgerName,
    time: Timestamp,
) {
    let time: DateTime<Utc> = time.as_datetime();
    query
        .push(
            "COALESCE((SELECT bound.position FROM read_models.verification_cases AS bound \
             WHERE bound.ledger = ",
        )
        .push_bind(ledger.as_str().to_owned())
        .push(" AND bound.opened_at >= ")
        .push_bind(time)
        .push(" ORDER BY bound.opened_at, bound.position LIMIT 1), ")
        .push_bind(i64::MAX)
        .push(")");
}

impl Snapshot {
    /// Those of these cases that there are.
    pub(super) async fn cases_of(
        &mut self,
        ledger: LedgerName,
        cases: &[CaseId],
    ) -> Result<Vec<CaseRow>, QueryError> {
        let ids: Vec<Uuid> = cases.iter().map(|case| case.as_uuid()).collect();
        let mut query = select(ledger);
        query.push(" AND id = ANY(").push_bind(ids).push(")");
        self.read_cases(query).await
    }

    async fn read_cases(
        &mut self,
        mut query: QueryBuilder<'static, Postgres>,
    ) -> Result<Vec<CaseRow>, QueryError> {
        let documents: Vec<String> = query.build_query_scalar().fetch_all(&mut *self.tx).await?;
        let read = |text: &String| {
            serde_json::from_str(text).map_err(|error| QueryError::row(CASES, error))
        };
        documents.iter().map(read).collect()
    }
}
