//! Asking for transactions.

use ledger_core::annotation::Reference;
use ledger_core::transaction::TransactionRejection;
use ledger_core::{AccountId, Holder, LedgerName, Position, Rejection, Timestamp};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::AsOf;
use projections::queries::transactions::TransactionFilter;

use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reading::{Freshness, ListIdentity, Paging};
use crate::reply::Answer;
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::representation::views::TransactionView;
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::routes::query_groups::TransactionQuery;
use crate::services::Services;

/// Which transactions.
#[derive(Debug)]
pub struct TransactionsQuery {
    ledger: LedgerName,
    filter: TransactionFilter,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for TransactionsQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let holder = from.query::<Holder>(
            "holder",
            "Only transactions that moved this wallet or system account.",
        );
        let account =
            from.query::<AccountId>("account", "Only transactions that moved this account.");
        let reference =
            from.query::<Reference>("reference", "Only transactions with this reference.");
        let effective_from = from.query::<Timestamp>(
            "effective_from",
            "Only those that count at or after this time.",
        );
        let effective_until =
            from.query::<Timestamp>("effective_until", "Only those that count before this time.");
        let recorded_from = from.query::<Timestamp>(
            "recorded_from",
            "Only those recorded at or after this time.",
        );
        let recorded_until =
            from.query::<Timestamp>("recorded_until", "Only those recorded before this time.");
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            filter: TransactionFilter {
                holder: holder?,
                account: account?,
                reference: reference?.map(Into::into),
                effective_from: effective_from?,
                effective_until: effective_until?,
                recorded_from: recorded_from?,
                recorded_until: recorded_until?,
            },
            paging: paging?,
            freshness: freshness?,
        })
    }
}

/// Queries of transactions.
#[derive(Clone)]
pub struct TransactionQueries(pub Services);

#[OpenApi]
impl TransactionQueries {
    /// List transactions, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/transactions",
        method = "get",
        operation_id = "list_transactions",
        tag = "Part::Transactions"
    )]
    async fn transactions(
        &self,
        context: RequestContext,
        parameters: Parameters<TransactionsQuery>,
    ) -> Result<Answer<PageAnswer<TransactionView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<Position>(&list)?;
        let used = [ReadModelName::Transactions, ReadModelName::Statements];
        self.0
            .wait_for(query.freshness, query.ledger, &used)
            .await?;
        let found = self
            .0
            .queries
            .transactions(query.ledger, &query.filter, page)
            .await?;
        Ok(Answer(PageAnswer::of(found, &list)))
    }

    /// Get a transaction.
    #[oai(
        path = "/v1/ledgers/:ledger/transactions/:transaction_id",
        method = "get",
        operation_id = "get_transaction",
        tag = "Part::Transactions"
    )]
    async fn transaction(
        &self,
        parameters: Parameters<TransactionQuery>,
    ) -> Result<Answer<OneAnswer<TransactionView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, transaction) = (query.ledger, query.transaction);
        self.0
            .wait_for(query.freshness, ledger, &[ReadModelName::Transactions])
            .await?;
        let AsOf { position, value } = self.0.queries.transaction(ledger, transaction).await?;
        let value = value.ok_or_else(|| {
            Problem::from(Rejection::from(TransactionRejection::NotFound {
                transaction,
            }))
        })?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }
}
