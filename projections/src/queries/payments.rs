//! Payments, refunds, disputes, payouts, beneficiaries, settlements, and how providers do.

use chrono::NaiveDate;
use ledger_core::ledger::PaymentPolicy;
use ledger_core::payout::PayoutStatus;
use ledger_core::{
    Asset, AssetCode, BeneficiaryId, LedgerName, PaymentId, Position, ProviderName, Timestamp,
    WalletId,
};
use rust_decimal::Decimal;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{AsOf, Page, PageRequest, Queries, QueryError, Snapshot};
use crate::read_models::ReadModelName;
use crate::read_models::payments::{
    BeneficiaryRow, BeneficiaryStatus, DisputeRow, Document, PaymentAfter, PaymentRow, RefundRow,
};

pub use crate::read_models::payments as rows;

const USED: [ReadModelName; 1] = [ReadModelName::Payments];

/// The most refunds and the most disputes that are shown with their payment.
pub const MOST_PARTS: i64 = 100;

/// Payouts in these states may still go out, or be asked about.
const IN_FLIGHT: [PayoutStatus; 5] = [
    PayoutStatus::Requested,
    PayoutStatus::AwaitingApproval,
    PayoutStatus::Approved,
    PayoutStatus::Submitted,
    PayoutStatus::Processing,
];

/// Which rows to list; all by default.
#[derive(Debug, Clone, Default)]
pub struct OutsideFilter {
    /// Those of this wallet.
    pub wallet: Option<WalletId>,
    /// Those at this provider.
    pub provider: Option<ProviderName>,
    /// Those in this state.
    pub status: Option<String>,
    /// Those of this payment, beneficiary or settlement.
    pub belongs_to: Option<Uuid>,
    /// Those whose money waits in suspense, or the others.
    pub in_suspense: Option<bool>,
    /// Those begun at this time or later.
    pub from: Option<Timestamp>,
    /// Those begun before this time.
    pub until: Option<Timestamp>,
}

/// The place of a row in a list: rows of one position are in order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutsideKey {
    /// The position of its first event.
    pub position: Position,
    /// Its id.
    pub id: Uuid,
}

/// A payment with what belongs to it, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholePayment {
    /// The payment.
    pub payment: PaymentRow,
    /// Its refunds.
    pub refunds: Parts<RefundRow>,
    /// Its disputes.
    pub disputes: Parts<DisputeRow>,
}

impl From<PaymentAfter> for WholePayment {
    fn from(after: PaymentAfter) -> Self {
        Self {
            payment: after.payment,
            refunds: Parts::oldest(after.refunds),
            disputes: Parts::oldest(after.disputes),
        }
    }
}

/// What belongs to something: the oldest, up to [`MOST_PARTS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<T> {
    /// They.
    pub items: Vec<T>,
    /// Whether there are more.
    pub more: bool,
}

impl<T> Parts<T> {
    fn oldest(mut items: Vec<T>) -> Self {
        let most = usize::try_from(MOST_PARTS).unwrap_or(usize::MAX);
        let more = items.len() > most;
        items.truncate(most);
        Self { items, more }
    }
}

/// A figure of a provider's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFigure {
    /// Which day, UTC.
    pub day: NaiveDate,
    /// Which provider.
    pub provider: ProviderName,
    /// What is counted.
    pub metric: String,
    /// Of which asset, where it has one.
    pub asset: Option<Asset>,
    /// How many.
    pub count: i64,
    /// How much.
    pub amount: Decimal,
}

/// Which days.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
}

impl Queries {
    /// One payment, payout, dispute, beneficiary or settlement.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn document<T: Document>(
        &self,
        ledger: LedgerName,
        id: Uuid,
    ) -> Result<AsOf<Option<T>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let found = snapshot.document(ledger, id).await?;
        Ok(snapshot.answer(found))
    }

    /// Payments, refunds, disputes, payouts, beneficiaries, settlements or breaks, newest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn documents<T: Document>(
        &self,
        ledger: LedgerName,
        filter: &OutsideFilter,
        page: PageRequest<OutsideKey>,
    ) -> Result<AsOf<Page<T, OutsideKey>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let mut query = select::<T>(ledger, filter);
        if let Some(after) = page.after {
            query
                .push(" AND (position, id) < (")
                .push_bind(after.position.value())
                .push(", ")
                .push_bind(after.id)
                .push(")");
        }
        query
            .push(" ORDER BY position DESC, id DESC LIMIT ")
            .push_bind(page.limit + 1);
        let rows: Vec<T> = snapshot.read(query).await?;
        let key = |row: &T| OutsideKey {
            position: row.position(),
            id: row.id(),
        };
        Ok(snapshot.answer(Page::cut(rows, page.limit, key)))
    }

    /// A payment with its refunds and disputes.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn payment(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
    ) -> Result<AsOf<Option<WholePayment>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let found: Option<PaymentRow> = snapshot.document(ledger, payment.as_uuid()).await?;
        let Some(row) = found else {
            return Ok(snapshot.answer(None));
        };
        let whole = WholePayment {
            payment: row,
            refunds: snapshot.parts_of(ledger, payment).await?,
            disputes: snapshot.parts_of(ledger, payment).await?,
        };
        Ok(snapshot.answer(Some(whole)))
    }

    /// How providers did, by day, provider and metric.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn provider_figures(
        &self,
        ledger: LedgerName,
        provider: Option<ProviderName>,
        days: Days,
    ) -> Result<AsOf<Vec<ProviderFigure>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let facts = snapshot.facts(ledger).await?;
        let rows: Vec<(NaiveDate, String, String, String, i64, String)> = sqlx::query_as(
            "SELECT day, provider, metric, asset, count, amount::text \
             FROM read_models.provider_days \
             WHERE ledger = $1 AND day BETWEEN $2 AND $3 AND ($4::text IS NULL OR provider = $4) \
               AND count <> 0 \
             ORDER BY day, provider, metric, asset",
        )
        .bind(ledger.as_str())
        .bind(days.from)
        .bind(days.to)
        .bind(provider.map(|provider| provider.to_string()))
        .fetch_all(&mut *snapshot.tx)
        .await?;
        let rows = rows
            .into_iter()
            .map(|(day, provider, metric, asset, count, amount)| {
                Ok(ProviderFigure {
                    day,
                    provider: provider
                        .parse()
                        .map_err(|error| QueryError::row("provider_days", error))?,
                    metric,
                    asset: match asset.as_str() {
                        "" => None,
                        code => Some(facts.asset(code)?),
                    },
                    count,
                    amount: QueryError::exact("provider_days", &amount)?,
                })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        Ok(snapshot.answer(rows))
    }

    /// Whether where a beneficiary's money goes is of no use any more: it was removed, and no payout to it
    /// is on its way. After a removal there can be no new one, so this does not become false again.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn is_beneficiary_over(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
    ) -> Result<AsOf<bool>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &USED).await?;
        let found: Option<BeneficiaryRow> =
            snapshot.document(ledger, beneficiary.as_uuid()).await?;
        if found.is_none_or(|row| row.status != BeneficiaryStatus::Removed) {
            return Ok(snapshot.answer(false));
        }
        let is_awaited: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM read_models.payouts \
             WHERE ledger = $1 AND belongs_to = $2 AND status = ANY($3))",
        )
        .bind(ledger.as_str())
        .bind(beneficiary.as_uuid())
        .bind(IN_FLIGHT.map(PayoutStatus::as_str).as_slice())
        .fetch_one(&mut *snapshot.tx)
        .await?;
        Ok(snapshot.answer(!is_awaited))
    }

    /// What payments and payouts of an asset may do, as the ledger's own events say; `None` when the
    /// ledger does not have the asset.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn payment_policy(
        &self,
        ledger: LedgerName,
        asset: AssetCode,
    ) -> Result<AsOf<Option<(Asset, PaymentPolicy)>>, QueryError> {
        let mut snapshot = self.snapshot(ledger, &[ReadModelName::Ledgers]).await?;
        let open = snapshot.facts(ledger).await?.open;
        let policy = open.payment_policies.get(&asset).copied();
        let found = open.assets.get(&asset);
        Ok(snapshot.answer(found.map(|asset| (asset, policy.unwrap_or_default()))))
    }
}

/// The rows of a list, without its order. Recorded time never runs backwards along positions, so a period
/// is a range of positions, in which every index has its rows.
fn select<T: Document>(
    ledger: LedgerName,
    filter: &OutsideFilter,
) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new(format!(
        "SELECT document FROM read_models.{} WHERE ledger = ",
        T::TABLE
    ));
    query.push_bind(ledger.as_str().to_owned());
    if let Some(wallet) = filter.wallet {
        query.push(" AND wallet = ").push_bind(wallet.as_uuid());
    }
    if let Some(provider) = filter.provider {
        query
            .push(" AND provider = ")
            .push_bind(provider.to_string());
    }
    if let Some(status) = &filter.status {
        query.push(" AND status = ").push_bind(status.clone());
    }
    if let Some(id) = filter.belongs_to {
        query.push(" AND belongs_to = ").push_bind(id);
    }
    match filter.in_suspense {
        Some(true) => query.push(" AND in_suspense"),
        Some(false) => query.push(" AND NOT in_suspense"),
        None => &mut query,
    };
    for (time, bound) in [
        (filter.from, " AND position >= "),
        (filter.until, " AND position < "),
    ] {
        if let Some(time) = time {
            query.push(bound);
            push_first_since::<T>(&mut query, ledger, time);
        }
    }
    query
}

/// The first position of a table at this time or later; beyond all of them when there is none.
fn push_first_since<T: Document>(
    query: &mut QueryBuilder<'static, Postgres>,
    ledger: LedgerName,
    time: Timestamp,
) {
    query
        .push(format!(
            "COALESCE((SELECT bound.position FROM read_models.{} AS bound WHERE bound.ledger = ",
            T::TABLE
        ))
        .push_bind(ledger.as_str().to_owned())
        .push(" AND bound.created_at >= ")
        .push_bind(time.as_datetime())
        .push(" ORDER BY bound.created_at, bound.position LIMIT 1), ")
        .push_bind(i64::MAX)
        .push(")");
}

impl Snapshot {
    async fn document<T: Document>(
        &mut self,
        ledger: LedgerName,
        id: Uuid,
    ) -> Result<Option<T>, QueryError> {
        let mut query = select::<T>(ledger, &OutsideFilter::default());
        query.push(" AND id = ").push_bind(id);
        Ok(self.read(query).await?.pop())
    }

    /// The refunds or disputes of a payment.
    async fn parts_of<T: Document>(
        &mut self,
        ledger: LedgerName,
        payment: PaymentId,
    ) -> Result<Parts<T>, QueryError> {
        let filter = OutsideFilter {
            belongs_to: Some(payment.as_uuid()),
            ..OutsideFilter::default()
        };
        let mut query = select::<T>(ledger, &filter);
        query
            .push(" ORDER BY position, id LIMIT ")
            .push_bind(MOST_PARTS + 1);
        Ok(Parts::oldest(self.read(query).await?))
    }

    async fn read<T: Document>(
        &mut self,
        mut query: QueryBuilder<'static, Postgres>,
    ) -> Result<Vec<T>, QueryError> {
        let documents: Vec<String> = query.build_query_scalar().fetch_all(&mut *self.tx).await?;
        documents
            .iter()
            .map(|text| {
                serde_json::from_str(text).map_err(|error| QueryError::row(T::TABLE, error))
            })
            .collect()
    }
}
