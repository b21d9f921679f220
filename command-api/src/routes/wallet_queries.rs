//! Asking for wallets, their balances and statements.

use futures_util::{StreamExt, TryStreamExt, stream};
use ledger_core::annotation::Reference;
use ledger_core::wallet::WalletRejection;
use ledger_core::{AssetCode, Holder, LedgerName, OwnerId, Position, Rejection, WalletId};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::AsOf;
use projections::queries::statements::StatementRequest;
use projections::queries::wallets::{WalletFilter, WalletState};

use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reading::{Freshness, ListIdentity, Paging, limit};
use crate::reply::Answer;
use crate::representation::account::{AccountView, StatementView};
use crate::representation::answer::{ListAnswer, OneAnswer, PageAnswer};
use crate::representation::views::{WalletStatusName, WalletView};
use crate::routes::Part;
use crate::routes::account_queries::Period;
use crate::routes::groups::ledger;
use crate::routes::query_groups::WalletQuery;
use crate::services::Services;

/// Statements of a wallet that are read at the same time.
const STATEMENTS_AT_A_TIME: usize = 4;

impl From<WalletStatusName> for WalletState {
    fn from(name: WalletStatusName) -> Self {
        match name {
            WalletStatusName::Open => Self::Open,
            WalletStatusName::Frozen => Self::Frozen,
            WalletStatusName::Closed => Self::Closed,
        }
    }
}

/// Which wallets.
#[derive(Debug)]
pub struct WalletsQuery {
    ledger: LedgerName,
    filter: WalletFilter,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for WalletsQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let owner = from.query::<OwnerId>("owner", "Only wallets of this owner.");
        let status = from.query::<WalletStatusName>("status", "Only wallets in this state.");
        let reference = from.query::<Reference>("reference", "Only wallets with this reference.");
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            filter: WalletFilter {
                owner: owner?,
                state: status?.map(Into::into),
                reference: reference?.map(Into::into),
            },
            paging: paging?,
            freshness: freshness?,
        })
    }
}

/// Which statement of a wallet.
#[derive(Debug)]
pub struct WalletStatementQuery {
    ledger: LedgerName,
    wallet: WalletId,
    asset: Option<AssetCode>,
    period: Period,
    limit: i64,
    freshness: Freshness,
}

impl ParameterGroup for WalletStatementQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let wallet = from.path("wallet_id", "The wallet.");
        let asset = from.query("asset", "Only the account in this asset.");
        let period = Period::read(from);
        let (limit, freshness) = (limit(from), Freshness::read(from));
        let period = period?;
        Ok(Self {
            ledger: ledger?,
            wallet: wallet?,
            asset: asset?,
            period,
            limit: limit?,
            freshness: freshness?.for_cut(period.cut()),
        })
    }
}

/// Queries of wallets.
#[derive(Clone)]
pub struct WalletQueries(pub Services);

#[OpenApi]
impl WalletQueries {
    /// List wallets, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets",
        method = "get",
        operation_id = "list_wallets",
        tag = "Part::Wallets"
    )]
    async fn wallets(
        &self,
        context: RequestContext,
        parameters: Parameters<WalletsQuery>,
    ) -> Result<Answer<PageAnswer<WalletView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<Position>(&list)?;
        self.0
            .wait_for(query.freshness, query.ledger, &[ReadModelName::Wallets])
            .await?;
        let found = self
            .0
            .queries
            .wallets(query.ledger, &query.filter, page)
            .await?;
        Ok(Answer(PageAnswer::of(found, &list)))
    }

    /// Get a wallet.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id",
        method = "get",
        operation_id = "get_wallet",
        tag = "Part::Wallets"
    )]
    async fn wallet(
        &self,
        parameters: Parameters<WalletQuery>,
    ) -> Result<Answer<OneAnswer<WalletView>>, QueryProblem> {
        let Parameters(query) = parameters;
        self.0
            .wait_for(query.freshness, query.ledger, &[ReadModelName::Wallets])
            .await?;
        let AsOf { position, value } = self.0.queries.wallet(query.ledger, query.wallet).await?;
        let value = value.ok_or_else(|| wallet_not_found(query.wallet))?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }

    /// List the balances of a wallet: its accounts that ever moved, in order of asset.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/accounts",
        method = "get",
        operation_id = "list_wallet_accounts",
        tag = "Part::Wallets"
    )]
    async fn accounts(
        &self,
        parameters: Parameters<WalletQuery>,
    ) -> Result<Answer<ListAnswer<AccountView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let used = [
            ReadModelName::Accounts,
            ReadModelName::Wallets,
            ReadModelName::Ledgers,
        ];
        self.0
            .wait_for(query.freshness, query.ledger, &used)
            .await?;
        let holder = Holder::Wallet(query.wallet);
        let accounts = self.0.queries.accounts_of(query.ledger, holder).await?;
        if accounts.value.is_empty() {
            self.check_wallet(query.ledger, query.wallet).await?;
        }
        Ok(Answer(ListAnswer::of(accounts)))
    }

    /// Get the statements of a wallet, one for each asset that ever moved.
    ///
    /// `limit` is for each of them; where one has a `next_cursor`, it goes on at
    /// `/accounts/{account_id}/statement` with the same filters and that cursor.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/statement",
        method = "get",
        operation_id = "get_wallet_statement",
        tag = "Part::Wallets"
    )]
    async fn statement(
        &self,
        parameters: Parameters<WalletStatementQuery>,
    ) -> Result<Answer<ListAnswer<StatementView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let used = [
            ReadModelName::Accounts,
            ReadModelName::Statements,
            ReadModelName::Wallets,
            ReadModelName::Ledgers,
        ];
        self.0
            .wait_for(query.freshness, query.ledger, &used)
            .await?;
        let holder = Holder::Wallet(query.wallet);
        let accounts = self.0.queries.accounts_of(query.ledger, holder).await?;
        if accounts.value.is_empty() {
            self.check_wallet(query.ledger, query.wallet).await?;
        }
        let requests: Vec<StatementRequest> = accounts
            .value
            .iter()
            .map(|row| row.account)
            .filter(|account| query.asset.is_none_or(|asset| asset == account.asset))
            .map(|account| query.period.of(account))
            .collect();
        let (services, query) = (&self.0, &query);
        let statements: Vec<(Position, StatementView)> = stream::iter(requests)
            .map(|request| async move {
                let page = Paging::first(query.limit);
                let list = query.period.list(query.ledger, request.account);
                services.statement(query.ledger, request, page, &list).await
            })
            .buffered(STATEMENTS_AT_A_TIME)
            .try_collect()
            .await?;
        let as_of = statements
            .iter()
            .map(|(position, _)| *position)
            .fold(accounts.position, Position::min);
        Ok(Answer(ListAnswer {
            as_of: as_of.into(),
            items: statements
                .into_iter()
                .map(|(_, statement)| statement)
                .collect(),
        }))
    }
}

impl WalletQueries {
    async fn check_wallet(&self, ledger: LedgerName, wallet: WalletId) -> Result<(), Problem> {
        match self.0.queries.wallet(ledger, wallet).await?.value {
            Some(_) => Ok(()),
            None => Err(wallet_not_found(wallet)),
        }
    }
}

fn wallet_not_found(wallet: WalletId) -> Problem {
    Rejection::from(WalletRejection::NotFound { wallet }).into()
}
