//! Owners: the tiers that staff grant, and how much of their limits is used.

use chrono::Utc;
use ledger_core::event::effective::EffectiveState;
use ledger_core::event::state::AggregateState;
use ledger_core::ledger::Ledger;
use ledger_core::owner::{Owner, OwnerAction, TierSource};
use ledger_core::{Command, LedgerName, OwnerId, Position, Stream, Timestamp};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::AsOf;

use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::reply::{Answer, Done};
use crate::representation::answer::OneAnswer;
use crate::representation::owners::{
    GrantTierRequest, OwnerChanged, OwnerLimitsView, OwnerTierView,
};
use crate::representation::wallet::ReasonRequest;
use crate::routes::Part;
use crate::routes::groups::{OwnerCommandParameters, ledger};
use crate::routes::payments::actor_id;
use crate::routes::query_groups::OwnerQuery;
use crate::services::Services;
use crate::standing::TimeAxes;
use crate::strict_json::{OptionalJson, StrictJson};

/// Which owner's tier, and when.
#[derive(Debug)]
pub struct OwnerTierQuery {
    ledger: LedgerName,
    owner: OwnerId,
    axes: TimeAxes,
}

impl ParameterGroup for OwnerTierQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let owner = from.path("owner", "The owner.");
        let axes = TimeAxes::read(from);
        Ok(Self {
            ledger: ledger?,
            owner: owner?,
            axes: axes?,
        })
    }
}

/// Operations on owners.
#[derive(Clone)]
pub struct OwnerOperations(pub Services);

#[OpenApi]
impl OwnerOperations {
    /// Get what an owner may do, and has done of it today and this month.
    #[oai(
        path = "/v1/ledgers/:ledger/owners/:owner/limits",
        method = "get",
        operation_id = "get_owner_limits",
        tag = "Part::Limits"
    )]
    async fn limits(
        &self,
        parameters: Parameters<OwnerQuery>,
    ) -> Result<Answer<OneAnswer<OwnerLimitsView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, owner) = (query.ledger, query.owner);
        let used = [ReadModelName::Accounts];
        self.0.wait_for(query.freshness, ledger, &used).await?;
        let now = Timestamp::try_new(Utc::now()).map_err(|error| Problem::internal(&error))?;
        let found = self.0.queries.owner_limits(ledger, &owner, now).await?;
        let AsOf { position, value } = found;
        let value = value.ok_or_else(|| Problem::owner_not_found(&owner))?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }

    /// Get the tier of an owner, now or as it was: what counts at `effective_at`, as it was known at
    /// `recorded_at` or `position`. A grant counts from when it was recorded.
    #[oai(
        path = "/v1/ledgers/:ledger/owners/:owner/tier",
        method = "get",
        operation_id = "get_owner_tier",
        tag = "Part::Limits"
    )]
    async fn tier(
        &self,
        parameters: Parameters<OwnerTierQuery>,
    ) -> Result<Answer<OneAnswer<OwnerTierView>>, QueryProblem> {
        let Parameters(OwnerTierQuery {
            ledger,
            owner,
            axes,
        }) = parameters;
        let end = self.0.end_of(ledger, axes.recorded).await?;
        let known = self
            .fold(ledger, Stream::Owner(owner.key()), axes, end)
            .await?;
        let known = match known.state() {
            AggregateState::Owner(known) => (**known).clone(),
            _ => Owner::Absent,
        };
        let rules = self.fold(ledger, Stream::Ledger(ledger), axes, end).await?;
        let default_tier = match rules.state() {
            AggregateState::Ledger(known) => match &**known {
                Ledger::Open(open) => open.default_tier,
                Ledger::Absent => None,
            },
            _ => None,
        };
        Ok(Answer(OneAnswer {
            as_of: end.into(),
            value: OwnerTierView::of(owner, known, default_tier),
        }))
    }

    /// Grant an owner a tier, which is in force from now on, whatever was granted before.
    #[oai(
        path = "/v1/ledgers/:ledger/owners/:owner/tier",
        method = "put",
        operation_id = "grant_tier",
        tag = "Part::Limits"
    )]
    async fn grant(
        &self,
        context: RequestContext,
        parameters: Parameters<OwnerCommandParameters>,
        request: StrictJson<GrantTierRequest>,
    ) -> Result<Done<OwnerChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let action = OwnerAction::GrantTier {
            tier: request.tier.0,
            source: TierSource::Staff,
            by: Some(actor_id(&context)?),
            reason: request.reason.clone().map(|reason| reason.0),
        };
        self.change(&context, parameters, &request, action).await
    }

    /// Take back the tier that staff granted: what was granted before it, or the default, is in force again.
    #[oai(
        path = "/v1/ledgers/:ledger/owners/:owner/tier/withdraw",
        method = "post",
        operation_id = "withdraw_tier",
        tag = "Part::Limits"
    )]
    async fn withdraw(
        &self,
        context: RequestContext,
        parameters: Parameters<OwnerCommandParameters>,
        request: OptionalJson<ReasonRequest>,
    ) -> Result<Done<OwnerChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = OwnerAction::WithdrawTier {
            source: TierSource::Staff,
            by: Some(actor_id(&context)?),
            reason: request.reason(),
        };
        self.change(&context, parameters, &request, action).await
    }
}

impl OwnerOperations {
    async fn fold(
        &self,
        ledger: LedgerName,
        stream: Stream,
        axes: TimeAxes,
        end: Position,
    ) -> Result<EffectiveState, Problem> {
        let stream = (stream.aggregate_type(), stream.aggregate_id());
        let until = axes.effective_at;
        self.0.fold_stream(ledger, stream, until, end, |_| {}).await
    }

    async fn change<B: serde::Serialize>(
        &self,
        context: &RequestContext,
        parameters: OwnerCommandParameters,
        request: &B,
        action: OwnerAction,
    ) -> Result<Done<OwnerChanged>, CommandProblem> {
        let owner = parameters.owner;
        let command = Command::Owner {
            owner: owner.clone(),
            action: Box::new(action),
        };
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(parameters.ledger, key, request, command);
        let changed = |carried: &Carried| OwnerChanged {
            owner: owner.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        self.0.carry_out(context, intent, changed).await
    }
}
