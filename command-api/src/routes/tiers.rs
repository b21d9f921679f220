//! Tiers of a ledger: what the owners in them may do, and how much.

use ledger_core::ledger::LedgerRejection;
use ledger_core::{Command, LedgerName, Rejection, TierName};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::AsOf;

use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::reply::{Answer, Done};
use crate::representation::answer::{ListAnswer, OneAnswer};
use crate::representation::tiers::requests::{SetDefaultTierRequest, SetTierRequest};
use crate::representation::tiers::{TierSet, TierView};
use crate::routes::Part;
use crate::routes::groups::{LedgerCommandParameters, TierCommandParameters};
use crate::routes::query_groups::{LedgerQuery, TierQuery};
use crate::services::Services;
use crate::strict_json::StrictJson;

/// What tiers are read from.
const USED: [ReadModelName; 1] = [ReadModelName::Ledgers];

/// Operations on tiers.
#[derive(Clone)]
pub struct TierOperations(pub Services);

#[OpenApi]
impl TierOperations {
    /// List the tiers of a ledger, in order of name.
    #[oai(
        path = "/v1/ledgers/:ledger/tiers",
        method = "get",
        operation_id = "list_tiers",
        tag = "Part::Limits"
    )]
    async fn list(
        &self,
        parameters: Parameters<LedgerQuery>,
    ) -> Result<Answer<ListAnswer<TierView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let ledger = query.ledger;
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let found = self.0.queries.tiers(ledger).await?;
        Ok(Answer(ListAnswer::of(found)))
    }

    /// Get what the owners in a tier may do, and how much.
    #[oai(
        path = "/v1/ledgers/:ledger/tiers/:tier",
        method = "get",
        operation_id = "get_tier",
        tag = "Part::Limits"
    )]
    async fn get(
        &self,
        parameters: Parameters<TierQuery>,
    ) -> Result<Answer<OneAnswer<TierView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, tier) = (query.ledger, query.tier);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let AsOf { position, value } = self.0.queries.tiers(ledger).await?;
        let value = value.into_iter().find(|known| known.name == tier);
        let value = value.ok_or_else(|| {
            Problem::from(Rejection::from(LedgerRejection::TierNotFound { tier }))
        })?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }

    /// Say what the owners in a tier may do from now on, and how much; what was counted stays.
    #[oai(
        path = "/v1/ledgers/:ledger/tiers/:tier",
        method = "put",
        operation_id = "set_tier",
        tag = "Part::Limits"
    )]
    async fn set(
        &self,
        context: RequestContext,
        parameters: Parameters<TierCommandParameters>,
        request: StrictJson<SetTierRequest>,
    ) -> Result<Done<TierSet>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let tier = parameters.tier;
        let rules = request.requested().map_err(Problem::invalid_request)?;
        let rules = Box::new(rules);
        let command = Command::SetTier { tier, rules };
        let key = Key::from_header(parameters.key);
        let asked = Asked {
            ledger: parameters.ledger,
            tier,
            key,
            command,
        };
        self.carry_out(&context, asked, &request).await
    }

    /// Say whose tier it is from now on to whom none was granted.
    #[oai(
        path = "/v1/ledgers/:ledger/default-tier",
        method = "put",
        operation_id = "set_default_tier",
        tag = "Part::Limits"
    )]
    async fn set_default(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<SetDefaultTierRequest>,
    ) -> Result<Done<TierSet>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let tier = request.tier.0;
        let asked = Asked {
            ledger: parameters.ledger,
            tier,
            key: Key::from_header(parameters.key),
            command: Command::SetDefaultTier { tier },
        };
        self.carry_out(&context, asked, &request).await
    }
}

/// What is asked about a tier.
struct Asked {
    ledger: LedgerName,
    tier: TierName,
    key: Key,
    command: Command,
}

impl TierOperations {
    async fn carry_out<B: serde::Serialize>(
        &self,
        context: &RequestContext,
        asked: Asked,
        request: &B,
    ) -> Result<Done<TierSet>, CommandProblem> {
        let tier = asked.tier;
        let intent = Intent::of_one(asked.ledger, asked.key, request, asked.command);
        let set = |carried: &Carried| TierSet {
            name: tier.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        self.0.carry_out(context, intent, set).await
    }
}
