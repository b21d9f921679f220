//! Forks of ledgers: what would have happened under other rules.

use event_store::sandbox::{Sandbox, SandboxError};
use ledger_core::{AccountId, LedgerName, Position};
use poem_openapi::OpenApi;
use sandbox::{ForkError, ForkRequest, Rules};

use super::groups::ledger;
use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::problem::{Problem, catalogue};
use crate::reading::{CursorKey, ListIdentity, Paging};
use crate::reply::{Accepted, Answer};
use crate::representation::forks::{
    CreateForkRequest, ForkBalanceList, ForkBalanceView, ForkDifferenceList, ForkDifferenceView,
    ForkList, ForkView,
};
use crate::routes::Part;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// The ledger that is forked.
#[derive(Debug)]
pub struct SourceParameter {
    ledger: LedgerName,
}

impl ParameterGroup for SourceParameter {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        Ok(Self {
            ledger: ledger(from)?,
        })
    }
}

/// Which forks.
#[derive(Debug)]
pub struct ForksQuery {
    ledger: LedgerName,
    paging: Paging,
}

impl ParameterGroup for ForksQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, paging) = (ledger(from), Paging::read(from));
        Ok(Self {
            ledger: ledger?,
            paging: paging?,
        })
    }
}

/// One fork.
#[derive(Debug)]
pub struct ForkParameter {
    ledger: LedgerName,
    fork: LedgerName,
}

impl ParameterGroup for ForkParameter {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let fork = from.path("fork", "The fork's name.");
        Ok(Self {
            ledger: ledger?,
            fork: fork?,
        })
    }
}

/// A list of one fork.
#[derive(Debug)]
pub struct ForkPageQuery {
    fork: ForkParameter,
    paging: Paging,
}

impl ParameterGroup for ForkPageQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (fork, paging) = (ForkParameter::read(from), Paging::read(from));
        Ok(Self {
            fork: fork?,
            paging: paging?,
        })
    }
}

impl CursorKey for LedgerName {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Operations on forks.
#[derive(Clone)]
pub struct ForkOperations(pub Services);

#[OpenApi]
impl ForkOperations {
    /// Fork a ledger: copy its log up to a position, and decide again under other rules what happened from there on. The
    /// reply is the fork as it is by now; it is built in the background.
    #[oai(
        path = "/v1/ledgers/:ledger/forks",
        method = "post",
        operation_id = "create_fork",
        tag = "Part::Forks"
    )]
    async fn create(
        &self,
        context: RequestContext,
        parameters: Parameters<SourceParameter>,
        request: StrictJson<CreateForkRequest>,
    ) -> Result<Accepted<ForkView>, CommandProblem> {
        let (Parameters(SourceParameter { ledger }), StrictJson(request)) = (parameters, request);
        let rules = match &request.rules {
            Some(rules) => rules.rules("/rules").map_err(Problem::invalid_request)?,
            None => Rules::default(),
        };
        let asked = ForkRequest {
            name: request.name.0,
            source: ledger,
            position: request.position.map(|position| position.0),
            until: request.until.map(|position| position.0),
            rules,
        };
        // A provider would send its webhooks there.
        if self.0.webhooks.serve(asked.name) {
            return Err(problem(ForkError::NameTaken(asked.name)).into());
        }
        let forked = self.0.forks.ask(&asked, context.caller.actor()).await;
        let forked = forked.map_err(problem)?;
        let found = self.find(ledger, forked.sandbox).await?;
        Ok(Accepted(ForkView::of(found)?))
    }

    /// List the forks of a ledger, in order of name.
    #[oai(
        path = "/v1/ledgers/:ledger/forks",
        method = "get",
        operation_id = "list_forks",
        tag = "Part::Forks"
    )]
    async fn list(
        &self,
        context: RequestContext,
        parameters: Parameters<ForksQuery>,
    ) -> Result<Answer<ForkList>, QueryProblem> {
        let Parameters(query) = parameters;
        self.0.existing_head(query.ledger).await?;
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<LedgerName>(&list)?;
        let sandboxes = self.0.forks.builder().sandboxes();
        let found = sandboxes
            .of_source(query.ledger, page.after, page.limit + 1)
            .await;
        let found = found.map_err(|error| problem(error.into()))?;
        let (found, next_cursor) = cut(found, page.limit, |last: &Sandbox| {
            list.cursor_after(&last.ledger)
        });
        let items = found.into_iter().map(ForkView::of);
        let items = items.collect::<Result<_, Problem>>()?;
        Ok(Answer(ForkList { items, next_cursor }))
    }

    /// Get a fork: how far it has come, and how much came out otherwise.
    #[oai(
        path = "/v1/ledgers/:ledger/forks/:fork",
        method = "get",
        operation_id = "get_fork",
        tag = "Part::Forks"
    )]
    async fn get(
        &self,
        parameters: Parameters<ForkParameter>,
    ) -> Result<Answer<ForkView>, QueryProblem> {
        let Parameters(ForkParameter { ledger, fork }) = parameters;
        let found = self.find(ledger, fork).await?;
        Ok(Answer(ForkView::of(found)?))
    }

    /// List the commands that came out otherwise in a fork, in the order of the source.
    #[oai(
        path = "/v1/ledgers/:ledger/forks/:fork/differences",
        method = "get",
        operation_id = "list_fork_differences",
        tag = "Part::Forks"
    )]
    async fn differences(
        &self,
        context: RequestContext,
        parameters: Parameters<ForkPageQuery>,
    ) -> Result<Answer<ForkDifferenceList>, QueryProblem> {
        let Parameters(ForkPageQuery { fork, paging }) = parameters;
        let found = self.find(fork.ledger, fork.fork).await?;
        let list = ListIdentity::of(&context.uri);
        let page = paging.request::<Position>(&list)?;
        let after = page.after.unwrap_or_default();
        let sandboxes = self.0.forks.builder().sandboxes();
        let rows = sandboxes
            .differences(found.ledger, after, page.limit + 1)
            .await;
        let rows = rows.map_err(|error| Problem::from_database(&error))?;
        let (rows, next_cursor) = cut(rows, page.limit, |last| {
            list.cursor_after(&Position::START.plus(last.source_position))
        });
        let items = rows.into_iter().map(ForkDifferenceView::of);
        let items = items.collect::<Result<_, Problem>>()?;
        Ok(Answer(ForkDifferenceList { items, next_cursor }))
    }

    /// List the accounts that stand otherwise at the end of a fork; none before it is complete.
    #[oai(
        path = "/v1/ledgers/:ledger/forks/:fork/balances",
        method = "get",
        operation_id = "list_fork_balances",
        tag = "Part::Forks"
    )]
    async fn balances(
        &self,
        context: RequestContext,
        parameters: Parameters<ForkPageQuery>,
    ) -> Result<Answer<ForkBalanceList>, QueryProblem> {
        let Parameters(ForkPageQuery { fork, paging }) = parameters;
        let found = self.find(fork.ledger, fork.fork).await?;
        let list = ListIdentity::of(&context.uri);
        let page = paging.request::<AccountId>(&list)?;
        let after = page.after.map(|account| account.to_string());
        let sandboxes = self.0.forks.builder().sandboxes();
        let rows = sandboxes
            .balances(found.ledger, &after.unwrap_or_default(), page.limit + 1)
            .await;
        let rows = rows.map_err(|error| Problem::from_database(&error))?;
        let (rows, more) = cut(rows, page.limit, |last| last.account.clone());
        let items = rows.iter().map(ForkBalanceView::of);
        let items: Vec<ForkBalanceView> = items.collect::<Result<_, Problem>>()?;
        let last = more.and_then(|account| account.parse::<AccountId>().ok());
        let next_cursor = last.map(|account| list.cursor_after(&account));
        Ok(Answer(ForkBalanceList { items, next_cursor }))
    }
}

impl ForkOperations {
    async fn find(&self, source: LedgerName, fork: LedgerName) -> Result<Sandbox, Problem> {
        let found = self.0.forks.builder().sandboxes().find(fork).await;
        let found = found.map_err(|error| problem(error.into()))?;
        let found = found.filter(|found| found.source == source);
        found.ok_or_else(|| {
            let detail = format!("the ledger {source} has no fork {fork}");
            Problem::new(catalogue::FORK_NOT_FOUND, detail)
        })
    }
}

/// The first `limit` of a page that was read with one more, and where it goes on.
fn cut<T>(
    mut found: Vec<T>,
    limit: i64,
    cursor: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(cursor);
    (found, next)
}

fn problem(error: ForkError) -> Problem {
    if let Some(code) = error.code() {
        return Problem::new(code, error.to_string()).with_context(context_of(&error));
    }
    match error {
        ForkError::Log(error) => error.into(),
        ForkError::Database(error) | ForkError::Sandbox(SandboxError::Database(error)) => {
            Problem::from_database(&error)
        }
        other => Problem::internal(&other),
    }
}

fn context_of(error: &ForkError) -> serde_json::Value {
    match error {
        ForkError::LedgerNotFound(ledger)
        | ForkError::IsSandbox(ledger)
        | ForkError::NameTaken(ledger) => serde_json::json!({ "ledger": ledger }),
        ForkError::Position {
            position,
            until,
            head,
        } => serde_json::json!({ "position": position, "until": until, "head": head }),
        ForkError::InsideCommand { position, end } => {
            serde_json::json!({ "position": position, "end": end })
        }
        ForkError::NoSuchWallet { account, .. } => serde_json::json!({ "account": account }),
        ForkError::Rules(_)
        | ForkError::Log(_)
        | ForkError::Sandbox(_)
        | ForkError::Database(_)
        | ForkError::Write(_) => serde_json::Value::Null,
    }
}
