//! What providers pay us, and where that differs from our books.

use ledger_core::settlement::{SettlementAction, SettlementRejection};
use ledger_core::{Command, Rejection};
use poem_openapi::OpenApi;
use projections::queries::AsOf;
use projections::queries::payments::rows::{BreakRow, SettlementRow};

use super::{ListOf, OutsideListQuery, USED, actor_id};
use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::reply::{Answer, Done};
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::payments::BreakStatusName;
use crate::representation::payments::settlement::{
    BreakView, ResolveBreakRequest, SettlementChanged, SettlementStatusName, SettlementView,
};
use crate::routes::Part;
use crate::routes::groups::SettlementCommandParameters;
use crate::routes::query_groups::SettlementQuery;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// Settlements.
pub struct Settlements;

impl ListOf for Settlements {
    type Status = SettlementStatusName;
    const AT_PROVIDERS: bool = true;
    const OF_WALLETS: bool = false;
    const PART_OF: Option<&'static str> = None;
}

/// Their differences.
pub struct Breaks;

impl ListOf for Breaks {
    type Status = BreakStatusName;
    const AT_PROVIDERS: bool = true;
    const OF_WALLETS: bool = false;
    const PART_OF: Option<&'static str> = Some("settlement");
}

/// Operations on settlements.
#[derive(Clone)]
pub struct SettlementOperations(pub Services);

#[OpenApi]
impl SettlementOperations {
    /// List settlements, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/settlements",
        method = "get",
        operation_id = "list_settlements",
        tag = "Part::Settlements"
    )]
    async fn settlements(
        &self,
        context: RequestContext,
        parameters: Parameters<OutsideListQuery<Settlements>>,
    ) -> Result<Answer<PageAnswer<SettlementView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let view = |row: SettlementRow| SettlementView::from(row);
        Ok(Answer(self.0.page_of(&context, query, view).await?))
    }

    /// Get a settlement.
    #[oai(
        path = "/v1/ledgers/:ledger/settlements/:settlement_id",
        method = "get",
        operation_id = "get_settlement",
        tag = "Part::Settlements"
    )]
    async fn settlement(
        &self,
        parameters: Parameters<SettlementQuery>,
    ) -> Result<Answer<OneAnswer<SettlementView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, settlement) = (query.ledger, query.settlement);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let id = settlement.as_uuid();
        let found = self.0.queries.document::<SettlementRow>(ledger, id);
        let AsOf { position, value } = found.await?;
        let value = value.ok_or_else(|| {
            Problem::from(Rejection::from(SettlementRejection::NotFound {
                settlement,
            }))
        })?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }

    /// List where settlements differ from our books, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/settlement-breaks",
        method = "get",
        operation_id = "list_settlement_breaks",
        tag = "Part::Settlements"
    )]
    async fn breaks(
        &self,
        context: RequestContext,
        parameters: Parameters<OutsideListQuery<Breaks>>,
    ) -> Result<Answer<PageAnswer<BreakView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let view = |row: BreakRow| BreakView::from(row);
        Ok(Answer(self.0.page_of(&context, query, view).await?))
    }

    /// Explain a difference.
    #[oai(
        path = "/v1/ledgers/:ledger/settlements/:settlement_id/resolve-break",
        method = "post",
        operation_id = "resolve_settlement_break",
        tag = "Part::Settlements"
    )]
    async fn resolve(
        &self,
        context: RequestContext,
        parameters: Parameters<SettlementCommandParameters>,
        request: StrictJson<ResolveBreakRequest>,
    ) -> Result<Done<SettlementChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let settlement = parameters.settlement;
        let action = SettlementAction::ResolveBreak {
            kind: request.kind.into(),
            subject: request.subject.0.clone(),
            by: actor_id(&context)?,
            resolution: request.resolution.0.clone(),
        };
        let command = Command::Settlement {
            settlement,
            action: Box::new(action),
        };
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(parameters.ledger, key, &request, command);
        let changed = |carried: &Carried| SettlementChanged {
            id: settlement.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        self.0.carry_out(&context, intent, changed).await
    }
}
