//! Asking for accounts: balances now and at other times, and statements.

use ledger_core::posting::{PostingRejection, Side};
use ledger_core::transaction::TransactionRejection;
use ledger_core::{AccountId, Holder, LedgerName, Position, Rejection, Timestamp};
use poem_openapi::OpenApi;
use projections::ReadModelName;
use projections::queries::accounts::RecordedUntil;
use projections::queries::statements::{Axis, StatementKey, StatementRequest};
use projections::queries::{AsOf, PageRequest};

use crate::choice::choice;
use crate::context::RequestContext;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reading::{Freshness, ListIdentity, Paging, effective_at, recorded_until};
use crate::reply::Answer;
use crate::representation::account::{AccountView, BalanceView, StatementView};
use crate::representation::answer::{OneAnswer, PageAnswer};
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::routes::query_groups::{AccountQuery, LedgerPageQuery};
use crate::services::Services;

choice!(
    /// Which time orders and bounds a statement.
    AxisName {
        /// When things count.
        Effective => "effective",
        /// When they were written.
        Recorded => "recorded",
    }
);

/// Which stretch of an account, on which axis, as known when.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    axis: Axis,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    recorded: RecordedUntil,
}

impl Period {
    /// Asks for the parameters.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn read(source: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let axis = source.query::<AxisName>(
            "axis",
            "Order and bound by when things count (`effective`) or when they were written (`recorded`); `effective` when absent.",
        );
        let from = source.query("from", "From this time on; from the beginning when absent.");
        let until = source.query("until", "Before this time; to the end when absent.");
        let recorded = recorded_until(source);
        Ok(Self {
            axis: match axis? {
                Some(AxisName::Recorded) => Axis::Recorded,
                Some(AxisName::Effective) | None => Axis::Effective,
            },
            from: from?,
            until: until?,
            recorded: recorded?,
        })
    }

    /// As of which cut of the log it is told.
    #[must_use]
    pub const fn cut(self) -> RecordedUntil {
        self.recorded
    }

    /// The statement of an account over this stretch.
    #[must_use]
    pub const fn of(self, account: AccountId) -> StatementRequest {
        StatementRequest {
            account,
            axis: self.axis,
            from: self.from,
            until: self.until,
            recorded: self.recorded,
        }
    }

    /// The list of the entries of an account over this stretch, however it is asked for.
    #[must_use]
    pub fn list(self, ledger: LedgerName, account: AccountId) -> ListIdentity {
        let Self {
            axis,
            from,
            until,
            recorded,
        } = self;
        ListIdentity::named(&format!(
            "statement {ledger} {account} {axis:?} {from:?} {until:?} {recorded:?}"
        ))
    }
}

/// Which statement of an account.
#[derive(Debug)]
pub struct StatementQuery {
    ledger: LedgerName,
    account: AccountId,
    period: Period,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for StatementQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let account = from.path("account_id", "The account.");
        let period = Period::read(from);
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        let period = period?;
        Ok(Self {
            ledger: ledger?,
            account: account?,
            period,
            paging: paging?,
            freshness: freshness?.for_cut(period.cut()),
        })
    }
}

/// Which balance, at which time, as known when.
#[derive(Debug)]
pub struct BalanceQuery {
    ledger: LedgerName,
    account: AccountId,
    effective_at: Option<Timestamp>,
    recorded: RecordedUntil,
    freshness: Freshness,
}

impl ParameterGroup for BalanceQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let account = from.path("account_id", "The account.");
        let effective_at = effective_at(from);
        let recorded = recorded_until(from);
        let freshness = Freshness::read(from);
        let recorded = recorded?;
        Ok(Self {
            ledger: ledger?,
            account: account?,
            effective_at: effective_at?,
            recorded,
            freshness: freshness?.for_cut(recorded),
        })
    }
}

/// What statements and balances are read from.
pub(super) const MOVEMENTS: [ReadModelName; 3] = [
    ReadModelName::Statements,
    ReadModelName::Wallets,
    ReadModelName::Ledgers,
];

/// What standing accounts are read from.
const STANDINGS: [ReadModelName; 3] = [
    ReadModelName::Accounts,
    ReadModelName::Wallets,
    ReadModelName::Ledgers,
];

/// Queries of accounts.
#[derive(Clone)]
pub struct AccountQueries(pub Services);

#[OpenApi]
impl AccountQueries {
    /// List all accounts that ever moved, in order of holder and asset.
    #[oai(
        path = "/v1/ledgers/:ledger/accounts",
        method = "get",
        operation_id = "list_accounts",
        tag = "Part::Accounts"
    )]
    async fn accounts(
        &self,
        context: RequestContext,
        parameters: Parameters<LedgerPageQuery>,
    ) -> Result<Answer<PageAnswer<AccountView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<AccountId>(&list)?;
        self.0
            .wait_for(query.freshness, query.ledger, &STANDINGS)
            .await?;
        let found = self.0.queries.accounts(query.ledger, page).await?;
        Ok(Answer(PageAnswer::of(found, &list)))
    }

    /// Get an account with its balance. An account of an existing wallet or system account that
    /// never moved is there, with zeros.
    #[oai(
        path = "/v1/ledgers/:ledger/accounts/:account_id",
        method = "get",
        operation_id = "get_account",
        tag = "Part::Accounts"
    )]
    async fn account(
        &self,
        parameters: Parameters<AccountQuery>,
    ) -> Result<Answer<OneAnswer<AccountView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, account) = (query.ledger, query.account);
        self.0.wait_for(query.freshness, ledger, &STANDINGS).await?;
        let AsOf { position, value } = self.0.queries.account(ledger, account).await?;
        let value = match value {
            Some(row) => row.into(),
            None => self.0.unmoved_account(ledger, account).await?,
        };
        Ok(Answer(OneAnswer {
            as_of: position.into(),
            value,
        }))
    }

    /// Get an account's balance on both axes of time: what counts at `effective_at`, as it was
    /// known at `recorded_at` or `position`.
    #[oai(
        path = "/v1/ledgers/:ledger/accounts/:account_id/balance",
        method = "get",
        operation_id = "get_balance",
        tag = "Part::Accounts"
    )]
    async fn balance(
        &self,
        parameters: Parameters<BalanceQuery>,
    ) -> Result<Answer<OneAnswer<BalanceView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, account) = (query.ledger, query.account);
        self.0.wait_for(query.freshness, ledger, &MOVEMENTS).await?;
        self.0.existing_asset(ledger, account.asset).await?;
        let AsOf { position, value } = self
            .0
            .queries
            .balance_at(ledger, account, query.effective_at, query.recorded)
            .await?;
        let value = value.ok_or_else(|| account_not_found(account.holder))?;
        Ok(Answer(OneAnswer::of(AsOf { position, value })))
    }

    /// Get an account's statement: opening balance, entries with the balance after each, closing
    /// balance; as it was known at `recorded_at` or `position`, or for the first page.
    #[oai(
        path = "/v1/ledgers/:ledger/accounts/:account_id/statement",
        method = "get",
        operation_id = "get_statement",
        tag = "Part::Accounts"
    )]
    async fn statement(
        &self,
        parameters: Parameters<StatementQuery>,
    ) -> Result<Answer<OneAnswer<StatementView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let (ledger, account) = (query.ledger, query.account);
        let list = query.period.list(ledger, account);
        let page = query.paging.request::<StatementKey>(&list)?;
        let freshness = page.after.map_or(query.freshness, |after| {
            query.freshness.at_least(after.known)
        });
        self.0.wait_for(freshness, ledger, &MOVEMENTS).await?;
        self.0.existing_asset(ledger, account.asset).await?;
        let request = query.period.of(account);
        let (position, value) = self.0.statement(ledger, request, page, &list).await?;
        Ok(Answer(OneAnswer {
            as_of: position.into(),
            value,
        }))
    }
}

impl Services {
    /// A page of a statement, and the position at which it is true.
    ///
    /// # Errors
    /// `account_not_found` when its holder does not exist.
    pub async fn statement(
        &self,
        ledger: LedgerName,
        request: StatementRequest,
        page: PageRequest<StatementKey>,
        list: &ListIdentity,
    ) -> Result<(Position, StatementView), Problem> {
        let AsOf { position, value } = self.queries.statement(ledger, request, page).await?;
        let statement = value.ok_or_else(|| account_not_found(request.account.holder))?;
        Ok((position, StatementView::of(statement, list)))
    }

    /// An account that never moved, if there can be one.
    async fn unmoved_account(
        &self,
        ledger: LedgerName,
        account: AccountId,
    ) -> Result<AccountView, Problem> {
        let asset = self.existing_asset(ledger, account.asset).await?.value;
        match account.holder {
            Holder::Wallet(wallet) => match self.queries.wallet(ledger, wallet).await?.value {
                Some(wallet) => Ok(AccountView::unmoved_of_wallet(account, asset, &wallet)),
                None => Err(account_not_found(account.holder)),
            },
            Holder::System(name) => {
                let accounts = self.queries.system_accounts(ledger).await?.value;
                match accounts.iter().find(|known| known.name == name) {
                    Some(known) => Ok(AccountView::unmoved(account, asset, known.normal_side)),
                    None => Err(account_not_found(account.holder)),
                }
            }
        }
    }
}

/// That a holder does not exist.
pub(crate) fn account_not_found(holder: Holder) -> Problem {
    let rejection = PostingRejection::AccountNotFound {
        posting: 0,
        side: Side::Source,
        holder,
    };
    let code = Rejection::from(TransactionRejection::from(rejection)).code();
    Problem::new(code, format!("{holder} does not exist"))
        .with_context(serde_json::json!({ "holder": holder }))
}
