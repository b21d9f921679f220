//! Money that comes in and goes out through providers.

pub mod beneficiaries;
pub mod checkout_pages;
pub mod deposit_queries;
pub mod deposits;
pub mod disputes;
pub mod payout_queries;
pub mod payouts;
pub mod policies;
pub mod providers;
pub mod refunds;
pub mod settlements;

use std::marker::PhantomData;
use std::time::Duration;

use ledger_core::payment::PaymentStatus;
use ledger_core::{ActorId, LedgerName, ProviderName, Timestamp, WalletId};
use projections::ReadModelName;
use projections::queries::payments::rows::{Document, PaymentRow};
use projections::queries::payments::{OutsideFilter, OutsideKey};
use serde::Serialize;
use uuid::Uuid;

use crate::commands::{Carried, Intent};
use crate::context::{ANONYMOUS, Caller, RequestContext};
use crate::idempotency::KeyText;
use crate::parameters::{Incomplete, Parameter, ParameterGroup, ParameterSource};
use crate::problem::Problem;
use crate::problem::responses::CommandProblem;
use crate::reading::{Freshness, ListIdentity, Paging};
use crate::reply::Done;
use crate::representation::answer::PageAnswer;
use crate::representation::payments::Audience;
use crate::routes::groups::ledger;
use crate::services::Services;
use crate::text_formats::AnyId;

/// What all of them are read from.
const USED: [ReadModelName; 2] = [ReadModelName::Payments, ReadModelName::Ledgers];

/// How long a read model may take to know what was just written.
const PATIENCE: Duration = Duration::from_secs(2);

/// A kind of list, and what it can be narrowed by besides the time.
pub trait ListOf: Send + 'static {
    /// The states of its things.
    type Status: Parameter + Into<&'static str> + Send;
    /// Whether its things are at providers.
    const AT_PROVIDERS: bool;
    /// Whether its things are of wallets.
    const OF_WALLETS: bool;
    /// The parameter for what its things are a part of.
    const PART_OF: Option<&'static str>;
    /// Whether money of its things may wait in suspense.
    const IN_SUSPENSE: bool = false;
}

/// Which part of a list.
pub struct OutsideListQuery<L> {
    ledger: LedgerName,
    filter: OutsideFilter,
    paging: Paging,
    freshness: Freshness,
    list: PhantomData<L>,
}

impl<L: ListOf> ParameterGroup for OutsideListQuery<L> {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let wallet = asked::<WalletId>(from, L::OF_WALLETS, "wallet", "Only those of this wallet.");
        let provider = asked::<ProviderName>(
            from,
            L::AT_PROVIDERS,
            "provider",
            "Only those at this provider.",
        );
        let part_of = match L::PART_OF {
            Some(name) => from.query::<AnyId>(name, "Only those of this one."),
            None => Ok(None),
        };
        let status = from.query::<L::Status>("status", "Only those in this state.");
        let in_suspense = asked::<bool>(
            from,
            L::IN_SUSPENSE,
            "in_suspense",
            "Only those whose money waits in suspense, or only the others.",
        );
        let begun = from.query::<Timestamp>("from", "Only those begun at this time or later.");
        let until = from.query::<Timestamp>("until", "Only those begun before this time.");
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            filter: OutsideFilter {
                wallet: wallet?,
                provider: provider?,
                status: status?.map(|status| Into::<&'static str>::into(status).to_owned()),
                belongs_to: part_of?.map(|id| id.0),
                in_suspense: in_suspense?,
                from: begun?,
                until: until?,
            },
            paging: paging?,
            freshness: freshness?,
            list: PhantomData,
        })
    }
}

/// A parameter that a list may not have.
fn asked<T: Parameter>(
    from: &mut ParameterSource<'_>,
    is_there: bool,
    name: &'static str,
    description: &'static str,
) -> Result<Option<T>, Incomplete> {
    if is_there {
        from.query(name, description)
    } else {
        Ok(None)
    }
}

impl Services {
    /// A page of a list.
    ///
    /// # Errors
    /// Those of the query.
    async fn page_of<L: ListOf, T, V>(
        &self,
        context: &RequestContext,
        query: OutsideListQuery<L>,
        view: impl Fn(T) -> V,
    ) -> Result<PageAnswer<V>, Problem>
    where
        T: Document,
        V: poem_openapi::types::ParseFromJSON + poem_openapi::types::ToJSON,
    {
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request::<OutsideKey>(&list)?;
        self.wait_for(query.freshness, query.ledger, &USED).await?;
        let found = self
            .queries
            .documents::<T>(query.ledger, &query.filter, page)
            .await?;
        Ok(PageAnswer::mapped(found, &list, view))
    }

    /// Carries an intent of one command out and answers with what was done.
    ///
    /// # Errors
    /// The problem when it was refused or has no outcome.
    pub(super) async fn carry_out<B: Serialize, V>(
        &self,
        context: &RequestContext,
        intent: Intent<'_, B>,
        body: impl FnOnce(&Carried) -> V,
    ) -> Result<Done<V>, CommandProblem> {
        let carried = self.commands.submit_one(context, intent).await?;
        let body = body(&carried);
        Ok(Done::new(&carried, body))
    }

    /// Something that a command is about, as fresh as the log.
    ///
    /// # Errors
    /// Those of the query.
    async fn just_written<T: Document>(
        &self,
        ledger: LedgerName,
        id: Uuid,
    ) -> Result<Option<T>, Problem> {
        let found = self.queries.document(ledger, id).await?.value;
        if found.is_some() {
            return Ok(found);
        }
        let payments = [ReadModelName::Payments];
        self.queries.catch_up(ledger, &payments, PATIENCE).await?;
        Ok(self.queries.document(ledger, id).await?.value)
    }
}

/// Whether a payer can still pay on the page of a deposit.
fn is_payable(row: &PaymentRow) -> bool {
    matches!(
        row.state.status(),
        Some(PaymentStatus::Created | PaymentStatus::AwaitingPayer | PaymentStatus::Failed)
    )
}

/// Who gives an order, as it is recorded.
pub(super) fn actor_id(context: &RequestContext) -> Result<ActorId, Problem> {
    let actor = context.caller.actor();
    let text = actor.as_deref().unwrap_or(ANONYMOUS);
    text.parse()
        .map_err(|error: <ActorId as std::str::FromStr>::Err| Problem::internal(&error))
}

/// Whom a caller is shown things as: who reaches no further than what is theirs is a customer.
pub(super) const fn audience(context: &RequestContext) -> Audience {
    match context.caller {
        Caller::OnlyOwn(..) => Audience::Customer,
        Caller::Anonymous | Caller::Known(_) => Audience::Staff,
    }
}

/// The id of what a request begins beside its aggregate: under a key always the same, so that the reply
/// that is given again names it.
fn id_under_key(
    kind: &'static str,
    context: &RequestContext,
    about: Uuid,
    key: Option<&KeyText>,
) -> Uuid {
    match key {
        Some(key) => ledger_core::identifier::derived_id(&[
            kind,
            &about.to_string(),
            &context.caller.scope(),
            key.as_str(),
        ]),
        None => Uuid::now_v7(),
    }
}
