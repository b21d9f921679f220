//! Asking why an account has the balance it has.

use identity::permission::Permission;
use ledger_core::{AccountId, LedgerName, Position};
use poem_openapi::OpenApi;
use projections::queries::statements::EntryKey;

use crate::context::RequestContext;
use crate::explanation::{Question, Sight};
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::QueryProblem;
use crate::reading::{Freshness, ListIdentity, Paging};
use crate::reply::Answer;
use crate::representation::answer::OneAnswer;
use crate::representation::explanation::ExplanationView;
use crate::representation::position::PositionNumber;
use crate::routes::Part;
use crate::routes::account_queries::MOVEMENTS;
use crate::routes::groups::ledger;
use crate::services::Services;

/// Which balance.
#[derive(Debug)]
pub struct ExplanationQuery {
    ledger: LedgerName,
    account: AccountId,
    position: Option<Position>,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for ExplanationQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let account = from.path("account_id", "The account.");
        let position = from.query::<PositionNumber>(
            "position",
            "The balance as it stood at this position, such as that of a statement's entry, which is then the first one told; as it stands now when absent.",
        );
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        let position = position?.map(|position| position.0);
        Ok(Self {
            ledger: ledger?,
            account: account?,
            position,
            paging: paging?,
            // The position asked for must have been folded, or the answer would miss entries.
            freshness: match position {
                Some(position) => freshness?.at_least(position),
                None => freshness?,
            },
        })
    }
}

/// Explanations.
#[derive(Clone)]
pub struct ExplanationQueries(pub Services);

#[OpenApi]
impl ExplanationQueries {
    /// Explain an account's balance: its entries, newest first, each with its transaction, what caused that, the
    /// commands they came of, who gave those under which keys, and the webhooks that led to them.
    #[oai(
        path = "/v1/ledgers/:ledger/accounts/:account_id/explanation",
        method = "get",
        operation_id = "explain_balance",
        tag = "Part::Accounts"
    )]
    async fn explain(
        &self,
        context: RequestContext,
        parameters: Parameters<ExplanationQuery>,
    ) -> Result<Answer<OneAnswer<ExplanationView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, account) = (query.ledger, query.account);
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<EntryKey>(&list)?;
        self.0.wait_for(query.freshness, ledger, &MOVEMENTS).await?;
        self.0.existing_asset(ledger, account.asset).await?;
        let question = Question {
            ledger,
            account,
            position: query.position,
            page,
            list,
        };
        let sight = self.sight(&context);
        let (position, value) = self.0.explainer.explain(question, sight).await?;
        Ok(Answer(OneAnswer {
            as_of: position.into(),
            value,
        }))
    }

    /// What the caller may see of webhooks: what the operations on webhooks would show them, no more.
    fn sight(&self, context: &RequestContext) -> Sight {
        let caller = &context.caller;
        if !caller.may_everywhere(Permission::WebhooksRead) {
            return Sight::Nothing;
        }
        let needs_two = self.0.webhook_content_needs_two;
        if needs_two || !caller.may_everywhere(Permission::WebhooksManage) {
            return Sight::Deliveries;
        }
        Sight::Content
    }
}
