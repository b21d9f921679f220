//! Onboardings: beginning them, taking them up, calling them off, and asking how they stand.

use std::collections::BTreeSet;
use std::time::Duration;

use ledger_core::onboarding::{
    ContactKind, OnboardingAction, OnboardingRejection, OnboardingTerms, Reopen,
};
use ledger_core::{
    Command, LedgerName, OwnerId, OwnerKey, Position, Rejection, TierName, WalletId,
};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::onboardings::{OnboardingFilter, OnboardingKey, OnboardingOrder};
use projections::queries::{AsOf, Page};
use serde::Serialize;
use uuid::Uuid;

use crate::access::ownership::case_of_customer;
use crate::commands::{Carried, Intent};
use crate::context::{Caller, RequestContext};
use crate::idempotency::Key;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::problem::{Problem, catalogue};
use crate::reading::{CursorKey, Freshness, ListIdentity, Paging};
use crate::reply::{Answer, Created, Done};
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::onboarding::names::{
    OnboardingOrderName, OnboardingStatusName, OnboardingStepName,
};
use crate::representation::onboarding::views::OnboardingView;
use crate::representation::onboarding::{
    CancelOnboardingRequest, OnboardingChanged, StartOnboardingRequest,
};
use crate::representation::verification::requests::reason_codes;
use crate::routes::Part;
use crate::routes::groups::{LedgerCommandParameters, OwnerCommandParameters, ledger};
use crate::routes::payments::{actor_id, audience};
use crate::routes::query_groups::OwnerQuery;
use crate::services::Services;
use crate::strict_json::{OptionalJson, StrictJson};

/// What all queries read.
const USED: [ReadModelName; 2] = [ReadModelName::Onboardings, ReadModelName::Verification];

/// How long a read model may take to know what was just written.
const PATIENCE: Duration = Duration::from_secs(2);

/// Commands about onboardings.
#[derive(Clone)]
pub struct OnboardingCommands(pub Services);

#[OpenApi]
impl OnboardingCommands {
    /// Begin an onboarding: contacts are verified, the owner is verified for a tier, and a wallet is opened.
    /// Customers begin their own. Whoever has one to the same tier under way goes on with that.
    #[oai(
        path = "/v1/ledgers/:ledger/onboardings",
        method = "post",
        operation_id = "start_onboarding",
        tag = "Part::Onboarding"
    )]
    async fn start(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerCommandParameters>,
        request: StrictJson<StartOnboardingRequest>,
    ) -> Result<Created<OnboardingChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let (ledger, owner) = (parameters.ledger, request.owner.0.clone());
        let action = OnboardingAction::Start {
            terms: self.terms(&context, &request)?,
            by: actor_id(&context)?,
        };
        let command = about(&owner, action);
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(ledger, key, &request, command);
        let carried = self.0.commands.submit_one(&context, intent).await?;
        let path = percent_encoding::utf8_percent_encode(
            owner.as_str(),
            percent_encoding::NON_ALPHANUMERIC,
        );
        let location = format!("/v1/ledgers/{ledger}/onboardings/{path}");
        Ok(Created::new(&carried, location, changed(&owner, &carried)))
    }

    /// Take up an onboarding that has expired; for staff also one that was cancelled or rejected.
    #[oai(
        path = "/v1/ledgers/:ledger/onboardings/:owner/resume",
        method = "post",
        operation_id = "resume_onboarding",
        tag = "Part::Onboarding"
    )]
    async fn resume(
        &self,
        context: RequestContext,
        parameters: Parameters<OwnerCommandParameters>,
    ) -> Result<Done<OnboardingChanged>, CommandProblem> {
        let Parameters(parameters) = parameters;
        let reopen = match context.caller {
            Caller::OnlyOwn(..) => Reopen::Expired,
            Caller::Anonymous | Caller::Known(_) => Reopen::Ended,
        };
        let by = actor_id(&context)?;
        let action = OnboardingAction::Resume { reopen, by };
        self.change(&context, parameters, &(), action).await
    }

    /// Call an onboarding off. What was verified and opened stays.
    #[oai(
        path = "/v1/ledgers/:ledger/onboardings/:owner/cancel",
        method = "post",
        operation_id = "cancel_onboarding",
        tag = "Part::Onboarding"
    )]
    async fn cancel(
        &self,
        context: RequestContext,
        parameters: Parameters<OwnerCommandParameters>,
        request: OptionalJson<CancelOnboardingRequest>,
    ) -> Result<Done<OnboardingChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = OnboardingAction::Cancel {
            reasons: reason_codes(request.reasons.as_ref()),
            by: actor_id(&context)?,
        };
        self.change(&context, parameters, &request, action).await
    }
}

impl OnboardingCommands {
    /// What a request is to lead to. A customer has one case for each tier, and a wallet of an id that nobody else
    /// could have guessed and taken.
    fn terms(
        &self,
        context: &RequestContext,
        request: &StartOnboardingRequest,
    ) -> Result<OnboardingTerms, Problem> {
        let chosen = request.contacts.is_some() || request.wallet.is_some();
        if matches!(context.caller, Caller::OnlyOwn(..)) && chosen {
            let detail = "`contacts` and `wallet` are for the platform to choose";
            return Err(Problem::new(catalogue::FORBIDDEN, detail));
        }
        let contacts: Option<BTreeSet<ContactKind>> = request
            .contacts
            .as_ref()
            .map(|kinds| kinds.iter().copied().map(Into::into).collect());
        let tier = request.tier.0;
        let assets = request.assets.iter().flatten();
        Ok(OnboardingTerms {
            tier,
            case: case_of_customer(&request.owner.0, tier),
            wallet: request
                .wallet
                .as_ref()
                .map_or_else(|| WalletId::new(Uuid::now_v7()), |wallet| wallet.0),
            assets: assets.map(|asset| asset.0).collect(),
            contacts: contacts.unwrap_or_else(|| self.0.onboarding_contacts.clone()),
        })
    }

    async fn change<B: Serialize>(
        &self,
        context: &RequestContext,
        parameters: OwnerCommandParameters,
        request: &B,
        action: OnboardingAction,
    ) -> Result<Done<OnboardingChanged>, CommandProblem> {
        let owner = parameters.owner;
        let command = about(&owner, action);
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(parameters.ledger, key, request, command);
        let changed = |carried: &Carried| changed(&owner, carried);
        self.0.carry_out(context, intent, changed).await
    }
}

fn about(owner: &OwnerId, action: OnboardingAction) -> Command {
    Command::Onboarding {
        owner: owner.clone(),
        action: Box::new(action),
    }
}

fn changed(owner: &OwnerId, carried: &Carried) -> OnboardingChanged {
    OnboardingChanged {
        owner: owner.clone().into(),
        position: carried.position.into(),
        recorded_at: carried.recorded_at.into(),
    }
}

/// Which part of the list of onboardings.
#[derive(Debug)]
pub struct OnboardingListQuery {
    ledger: LedgerName,
    filter: OnboardingFilter,
    order: OnboardingOrder,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for OnboardingListQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let owner = from.query::<OwnerId>("owner", "Only that of this owner.");
        let status =
            from.query::<OnboardingStatusName>("status", "Only those that stand like this.");
        let step = from
            .query::<OnboardingStepName>("step", "Only those at this step, or that ended there.");
        let tier = from.query::<TierName>("tier", "Only those that are to lead to this tier.");
        let order =
            from.query::<OnboardingOrderName>("order", "What comes first; `newest` when absent.");
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            filter: OnboardingFilter {
                owner: owner?,
                status: status?.map(Into::into),
                step: step?.map(Into::into),
                tier: tier?,
            },
            order: order?.map(OnboardingOrder::from).unwrap_or_default(),
            paging: paging?,
            freshness: freshness?,
        })
    }
}

impl CursorKey for OnboardingKey {
    fn to_text(&self) -> String {
        format!("{}/{}", self.position, self.owner)
    }

    fn of_text(text: &str) -> Option<Self> {
        let (position, owner) = text.split_once('/')?;
        Some(Self {
            position: Position::of_text(position)?,
            owner: owner.parse::<OwnerKey>().ok()?,
        })
    }
}

/// Queries of onboardings.
#[derive(Clone)]
pub struct OnboardingQueries(pub Services);

#[OpenApi]
impl OnboardingQueries {
    /// List onboardings: newest first, or those first that have been at their step for longest.
    #[oai(
        path = "/v1/ledgers/:ledger/onboardings",
        method = "get",
        operation_id = "list_onboardings",
        tag = "Part::Onboarding"
    )]
    async fn list(
        &self,
        context: RequestContext,
        parameters: Parameters<OnboardingListQuery>,
    ) -> Result<Answer<PageAnswer<OnboardingView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<OnboardingKey>(&list)?;
        self.0
            .wait_for(query.freshness, query.ledger, &USED)
            .await?;
        let found = self
            .0
            .queries
            .onboardings(query.ledger, &query.filter, query.order, page)
            .await?;
        let AsOf { position, value } = found;
        let audience = audience(&context);
        let items = value.items.into_iter();
        let items = items.map(|found| OnboardingView::of(found, audience));
        let value = Page {
            items: items.collect::<Result<Vec<_>, _>>()?,
            next: value.next,
        };
        let found = AsOf { position, value };
        Ok(Answer(PageAnswer::mapped(found, &list, |view| view)))
    }

    /// Get the onboarding of an owner: how each step stands, and what is to be done next.
    #[oai(
        path = "/v1/ledgers/:ledger/onboardings/:owner",
        method = "get",
        operation_id = "get_onboarding",
        tag = "Part::Onboarding"
    )]
    async fn onboarding(
        &self,
        context: RequestContext,
        parameters: Parameters<OwnerQuery>,
    ) -> Result<Answer<OneAnswer<OnboardingView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, owner) = (query.ledger, query.owner);
        self.0.wait_for(query.freshness, ledger, &USED).await?;
        let mut found = self.0.queries.onboarding(ledger, &owner).await?;
        if found.value.is_none() {
            // Whoever has just begun theirs may be faster than the read model.
            let caught_up = self.0.queries.catch_up(ledger, &USED, PATIENCE);
            caught_up.await?;
            found = self.0.queries.onboarding(ledger, &owner).await?;
        }
        let AsOf { position, value } = found;
        let not_found = || Problem::from(Rejection::from(OnboardingRejection::NotFound { owner }));
        let found = value.ok_or_else(not_found)?;
        let value = OnboardingView::of(found, audience(&context))?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }
}
