//! Asking how cases stand, and what happened to them.

use identity::permission::Permission;
use ledger_core::verification::CaseRejection;
use ledger_core::{
    CaseId, LedgerName, OwnerId, Position, ProviderName, Rejection, Stream, TierName, Timestamp,
};
use poem_openapi::OpenApi;
use projections::queries::verification::rows::{CaseRow, case_after};
use projections::queries::verification::{CaseFilter, CaseKey, CaseOrder, Period};
use projections::queries::{AsOf, Page};

use super::USED;
use crate::context::{Caller, RequestContext};
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reading::{CursorKey, Freshness, ListIdentity, Paging};
use crate::reply::Answer;
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::verification::names::{CaseOrderName, CaseStatusName};
use crate::representation::verification::timeline::CaseEventView;
use crate::representation::verification::views::{CaseEntryView, CaseView};
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::routes::payments::audience;
use crate::routes::query_groups::CaseQuery;
use crate::services::Services;
use crate::standing::At;

/// Which part of the list of cases.
#[derive(Debug)]
pub struct CaseListQuery {
    ledger: LedgerName,
    filter: CaseFilter,
    order: CaseOrder,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for CaseListQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let owner = from.query::<OwnerId>("owner", "Only those about this owner.");
        let status = from.query::<CaseStatusName>("status", "Only those in this state.");
        let tier = from.query::<TierName>(
            "tier",
            "Only those that grant this tier, or were opened for it.",
        );
        let provider =
            from.query::<ProviderName>("provider", "Only those handed to this provider.");
        let opened_from =
            from.query::<Timestamp>("opened_from", "Only those opened at this time or later.");
        let opened_until =
            from.query::<Timestamp>("opened_until", "Only those opened before this time.");
        let decided_from = from.query::<Timestamp>(
            "decided_from",
            "Only those approved or rejected at this time or later, the last time.",
        );
        let decided_until = from.query::<Timestamp>(
            "decided_until",
            "Only those approved or rejected before this time, the last time.",
        );
        let order = from.query::<CaseOrderName>("order", "What comes first; `newest` when absent.");
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            filter: CaseFilter {
                owner: owner?,
                status: status?.map(Into::into),
                tier: tier?,
                provider: provider?,
                opened: Period {
                    from: opened_from?,
                    until: opened_until?,
                },
                decided: Period {
                    from: decided_from?,
                    until: decided_until?,
                },
            },
            order: order?.map(CaseOrder::from).unwrap_or_default(),
            paging: paging?,
            freshness: freshness?,
        })
    }
}

/// Which part of a case's history.
#[derive(Debug)]
pub struct TimelineQuery {
    ledger: LedgerName,
    case: CaseId,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for TimelineQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let case = from.path("case_id", "The case.");
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            case: case?,
            paging: paging?,
            freshness: freshness?,
        })
    }
}

impl CursorKey for CaseKey {
    fn to_text(&self) -> String {
        format!("{}/{}", self.position, self.case)
    }

    fn of_text(text: &str) -> Option<Self> {
        let (position, case) = text.split_once('/')?;
        Some(Self {
            position: Position::of_text(position)?,
            case: case.parse().ok()?,
        })
    }
}

fn not_found(case: CaseId) -> Problem {
    Rejection::from(CaseRejection::NotFound { case }).into()
}

/// Whether the caller is the person, or hands cases over. Whoever has a way in acts as the person.
fn has_use_for_entries(context: &RequestContext, ledger: LedgerName) -> bool {
    match &context.caller {
        Caller::OnlyOwn(..) => true,
        caller @ (Caller::Anonymous | Caller::Known(_)) => {
            caller.may_with_all(Permission::CasesManage, ledger)
        }
    }
}

impl Services {
    async fn entries(
        &self,
        ledger: LedgerName,
        row: &CaseRow,
    ) -> Result<Vec<CaseEntryView>, Problem> {
        let Some((open, status)) = row.open() else {
            return Ok(Vec::new());
        };
        let entries = self.checks.entries(ledger, row.case, open, status).await?;
        Ok(entries.into_iter().filter_map(CaseEntryView::of).collect())
    }
}

/// Queries of cases.
#[derive(Clone)]
pub struct CaseQueries(pub Services);

#[OpenApi]
impl CaseQueries {
    /// List cases: newest first, or those first that have been in their state for longest.
    #[oai(
        path = "/v1/ledgers/:ledger/cases",
        method = "get",
        operation_id = "list_cases",
        tag = "Part::Verification"
    )]
    async fn list(
        &self,
        context: RequestContext,
        parameters: Parameters<CaseListQuery>,
    ) -> Result<Answer<PageAnswer<CaseView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<CaseKey>(&list)?;
        self.0
            .wait_for(query.freshness, query.ledger, &USED)
            .await?;
        let found = self
            .0
            .queries
            .verification_cases(query.ledger, &query.filter, query.order, page)
            .await?;
        let AsOf { position, value } = found;
        let audience = audience(&context);
        let items = value.items.into_iter();
        let items = items.map(|row| CaseView::of(row, audience));
        let value = Page {
            items: items.collect::<Result<Vec<_>, _>>()?,
            next: value.next,
        };
        let found = AsOf { position, value };
        Ok(Answer(PageAnswer::mapped(found, &list, |view| view)))
    }

    /// Get a case, now or as it stood: what counts at `effective_at`, as it was known at `recorded_at` or
    /// `position`. What a provider found counts when it came about, by the provider's clock.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id",
        method = "get",
        operation_id = "get_case",
        tag = "Part::Verification"
    )]
    async fn case(
        &self,
        context: RequestContext,
        parameters: Parameters<At<CaseQuery>>,
    ) -> Result<Answer<OneAnswer<CaseView>>, QueryProblem> {
        let Parameters(At { of: query, axes }) = parameters;
        let (ledger, case) = (query.ledger, query.case);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let AsOf { position, value } = if axes.is_now() {
            self.0.queries.verification_case(ledger, case).await?
        } else {
            let stream = Stream::VerificationCase(case);
            let (position, events) = self.0.events_that_count(ledger, stream, axes).await?;
            let value = case_after(&events).map_err(|error| Problem::internal(&error))?;
            AsOf { position, value }
        };
        let row = value.ok_or_else(|| not_found(case))?;
        let entries = match axes.is_now() && has_use_for_entries(&context, ledger) {
            true => self.0.entries(ledger, &row).await?,
            false => Vec::new(),
        };
        let mut value = CaseView::of(row, audience(&context))?;
        value.entries = entries;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }

    /// List what happened to a case, in order: who did what, and what providers said.
    #[oai(
        path = "/v1/ledgers/:ledger/cases/:case_id/timeline",
        method = "get",
        operation_id = "get_case_timeline",
        tag = "Part::Verification"
    )]
    async fn timeline(
        &self,
        context: RequestContext,
        parameters: Parameters<TimelineQuery>,
    ) -> Result<Answer<PageAnswer<CaseEventView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, case) = (query.ledger, query.case);
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<Position>(&list)?;
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let found = self.0.queries.verification_timeline(ledger, case, page);
        let AsOf { position, value } = found.await?;
        let Page { items, next } = value.ok_or_else(|| not_found(case))?;
        let items = items.iter().map(CaseEventView::of);
        let value = Page {
            items: items.collect::<Result<Vec<_>, _>>()?,
            next,
        };
        let found = AsOf { position, value };
        Ok(Answer(PageAnswer::mapped(found, &list, |view| view)))
    }
}
