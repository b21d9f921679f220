//! Onboardings, with the cases that they wait for: one, and lists of them.

use std::collections::HashMap;

use ledger_core::onboarding::{OnboardingStatus, OnboardingStep};
use ledger_core::{CaseId, LedgerName, OwnerId, OwnerKey, Position, TierName};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{AsOf, Page, PageRequest, Queries, QueryError, Snapshot};
use crate::read_models::ReadModelName;
use crate::read_models::onboardings::OnboardingRow;
use crate::read_models::verification::CaseRow;

pub use crate::read_models::onboardings as rows;

const USED: [ReadModelName; 2] = [ReadModelName::Onboardings, ReadModelName::Verification];
const TABLE: &str = "onboardings";

/// Which onboardings to list; all by default.
#[derive(Debug, Clone, Default)]
pub struct OnboardingFilter {
    /// That of this owner.
    pub owner: Option<OwnerId>,
    /// Those in this state.
    pub status: Option<OnboardingStatus>,
    /// Those at this step, or that ended there.
    pub step: Option<OnboardingStep>,
    /// Those that are to lead to this tier.
    pub tier: Option<TierName>,
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnboardingOrder {
    /// What was begun last.
    #[default]
    Newest,
    /// What has been in its state and step for longest.
    LongestWaiting,
}

/// The place of an onboarding in a list: by the position of the event that the order looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnboardingKey {
    /// That position.
    pub position: Position,
    /// The owner.
    pub owner: OwnerKey,
}

/// An onboarding and its case.
#[derive(Debug, Clone)]
pub struct OnboardingFound {
    /// It.
    pub row: OnboardingRow,
    /// The case, once it is there. It may have come further already, or not so far.
    pub case: Option<CaseRow>,
}

impl Queries {
    /// The onboarding of an owner.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn onboarding(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<AsOf<Option<OnboardingFound>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let mut query = select(ledger);
        query
            .push(" AND owner_key = ")
            .push_bind(owner.key().as_uuid());
        let rows = snapshot.read_onboardings(query).await?;
        let found = snapshot.with_cases(ledger, rows).await?.pop();
        Ok(snapshot.answer(found))
    }

    /// Onboardings in an order.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn onboardings(
        &self,
        ledger: LedgerName,
        filter: &OnboardingFilter,
        order: OnboardingOrder,
        page: PageRequest<OnboardingKey>,
    ) -> Result<AsOf<Page<OnboardingFound, OnboardingKey>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let mut query = select(ledger);
        narrow(&mut query, filter);
        let (column, beyond, direction) = match order {
            OnboardingOrder::Newest => ("position", "<", "DESC"),
            OnboardingOrder::LongestWaiting => ("place_position", ">", "ASC"),
        };
        if let Some(after) = page.after {
            query
                .push(format!(" AND ({column}, owner_key) {beyond} ("))
                .push_bind(after.position.value())
                .push(", ")
                .push_bind(after.owner.as_uuid())
                .push(")");
        }
        query
            .push(format!(
                " ORDER BY {column} {direction}, owner_key {direction} LIMIT "
            ))
            .push_bind(page.limit + 1);
        let rows = snapshot.read_onboardings(query).await?;
        let key = |(key, row): &(OwnerKey, OnboardingRow)| OnboardingKey {
            position: match order {
                OnboardingOrder::Newest => row.position,
                OnboardingOrder::LongestWaiting => row.place_position,
            },
            owner: *key,
        };
        let Page { items, next } = Page::cut(rows, page.limit, key);
        let items = snapshot.with_cases(ledger, items).await?;
        Ok(snapshot.answer(Page { items, next }))
    }
}

fn select(ledger: LedgerName) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT owner_key, document FROM read_models.onboardings WHERE ledger = ",
    );
    query.push_bind(ledger.as_str().to_owned());
    query
}

fn narrow(query: &mut QueryBuilder<'static, Postgres>, filter: &OnboardingFilter) {
    if let Some(owner) = &filter.owner {
        query
            .push(" AND owner_key = ")
            .push_bind(owner.key().as_uuid());
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(step) = filter.step {
        query.push(" AND step = ").push_bind(step.as_str());
    }
    if let Some(tier) = filter.tier {
        query.push(" AND tier = ").push_bind(tier.to_string());
    }
}

impl Snapshot {
    async fn read_onboardings(
        &mut self,
        mut query: QueryBuilder<'static, Postgres>,
    ) -> Result<Vec<(OwnerKey, OnboardingRow)>, QueryError> {
        let found: Vec<(Uuid, String)> = query.build_query_as().fetch_all(&mut *self.tx).await?;
        let read = |(key, text): (Uuid, String)| {
            let row = serde_json::from_str(&text).map_err(|error| QueryError::row(TABLE, error));
            Ok((OwnerKey::new(key), row?))
        };
        found.into_iter().map(read).collect()
    }

    async fn with_cases(
        &mut self,
        ledger: LedgerName,
        rows: Vec<(OwnerKey, OnboardingRow)>,
    ) -> Result<Vec<OnboardingFound>, QueryError> {
        let case_of = |row: &OnboardingRow| row.course().map(|(course, _)| course.terms.case);
        let wanted: Vec<CaseId> = rows.iter().filter_map(|(_, row)| case_of(row)).collect();
        let cases = self.cases_of(ledger, &wanted).await?;
        let cases: HashMap<CaseId, CaseRow> =
            cases.into_iter().map(|row| (row.case, row)).collect();
        let found = rows.into_iter().map(|(_, row)| {
            let case = case_of(&row).and_then(|id| cases.get(&id)).cloned();
            OnboardingFound { row, case }
        });
        Ok(found.collect())
    }
}
