//! Statements: opening balance, entries with running balance, closing balance.

mod entries;

use std::sync::LazyLock;

use ledger_core::posting::NormalSide;
use ledger_core::{
    AccountId, Asset, Holder, LedgerName, PaymentId, PayoutId, Position, RefundId, SettlementId,
    Timestamp, TransactionId,
};
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::accounts::RecordedUntil;
use super::totals::{self, Cut, Extent, Place, Sums};
use super::{AsOf, Page, PageRequest, Queries, QueryError};
use crate::read_models::ReadModelName;
use crate::read_models::statements::{account_key, runs};

use entries::entries;
pub(super) use entries::{entry, refunds_among};

/// Which time orders and bounds a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// When things count.
    Effective,
    /// When they were written.
    Recorded,
}

/// Which statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementRequest {
    /// Of which account.
    pub account: AccountId,
    /// In which order of time.
    pub axis: Axis,
    /// From this time on; from the beginning when absent.
    pub from: Option<Timestamp>,
    /// Before this time; to the end when absent.
    pub until: Option<Timestamp>,
    /// As it was known at this cut.
    pub recorded: RecordedUntil,
}

/// Where a page of a statement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementKey {
    /// Its last entry.
    pub entry: EntryKey,
    /// Where the log ended for the first page. Those that follow know no more: all of them have the same
    /// opening and closing balances, and add up to them.
    pub known: Position,
}

/// The place of an entry among those of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryKey {
    /// Its time on the axis that orders them.
    pub time: Timestamp,
    /// Its number in the account.
    pub entry_number: i64,
}

/// One side of a posting, as the account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// 1, 2, 3 … in the account, in recorded order.
    pub entry_number: i64,
    /// The transaction's position.
    pub position: Position,
    /// The transaction.
    pub transaction: TransactionId,
    /// The posting's place in it, from 0.
    pub posting: i32,
    /// Who is on the other side.
    pub counterparty: Holder,
    /// Whether the account was debited or credited.
    pub direction: NormalSide,
    /// How much.
    pub amount: Decimal,
    /// The balance after it in the statement's order, seen from the account's normal side.
    pub balance_after: Decimal,
    /// When it counts.
    pub effective_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What moved it.
    pub origin: EntryOrigin,
}

/// What of the outside moved an entry, if something did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryOrigin {
    /// Nothing of the outside: somebody asked for it.
    Inside,
    /// Something that happened to this payment.
    Payment(PaymentId),
    /// A refund of this payment: it left, or came back.
    Refund(PaymentId, RefundId),
    /// This payout.
    Payout(PayoutId),
    /// This settlement.
    Settlement(SettlementId),
}

/// A statement, or a page of one. Balances are seen from the account's normal side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// The side on which its balance grows.
    pub normal_side: NormalSide,
    /// The balance before the first entry of the period.
    pub opening_balance: Decimal,
    /// The balance after the last entry of the period.
    pub closing_balance: Decimal,
    /// The sum of the period's debits.
    pub debits: Decimal,
    /// The sum of the period's credits.
    pub credits: Decimal,
    /// The entries of this page.
    pub entries: Page<EntryRow, StatementKey>,
}

/// An entry, as stored.
#[derive(FromRow)]
struct Row {
    entry_number: i64,
    position: i64,
    posting: i32,
}

/// A statement's places on its axis, and what of the log it knows.
struct Bounds {
    axis: Axis,
    account_key: Uuid,
    from: Place,
    until: Place,
    cut: Cut,
}

impl Queries {
    /// The statement of an account, as it was known at a cut of the log; `None` when its holder does not exist.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::PositionNotReached`] when the read model is behind the first page.
    pub async fn statement(
        &self,
        ledger: LedgerName,
        request: StatementRequest,
        page: PageRequest<StatementKey>,
    ) -> Result<AsOf<Option<Statement>>, QueryError> {
        let mut snapshot = self
            .snapshot(ledger, &[ReadModelName::Statements, ReadModelName::Wallets])
            .await?;
        let reached = snapshot.position;
        let known = page.after.map_or(reached, |after| after.known);
        if known > reached {
            let position = known;
            return Err(QueryError::PositionNotReached { position, reached });
        }
        let facts = snapshot.facts(ledger).await?;
        if !facts
            .exists(&mut snapshot.tx, ledger, request.account.holder)
            .await?
        {
            return Ok(snapshot.answer(None));
        }
        let asset = facts.asset(request.account.asset.as_str())?;
        let normal_side = facts.normal_side(request.account.holder);
        let sign = |credit_balance: Decimal| match normal_side {
            NormalSide::Credit => credit_balance,
            NormalSide::Debit => -credit_balance,
        };
        let mut cut = Cut::of(&mut snapshot.tx, ledger, request.recorded).await?;
        if page.after.is_some() {
            cut = cut.and(Cut::at(&mut snapshot.tx, ledger, known).await?);
        }
        let bounds = Bounds::of(ledger, request, cut);
        let opening = bounds.totals(&mut snapshot.tx, bounds.from).await?;
        let closing = bounds.totals(&mut snapshot.tx, bounds.until).await?;
        let (begin, before) = match page.after.map(|after| after.entry) {
            None => (bounds.from, opening),
            Some(EntryKey { time, entry_number }) => {
                let begin = bounds.from.max(Place::After(time, entry_number));
                (begin, bounds.totals(&mut snapshot.tx, begin).await?)
            }
        };
        let rows = bounds.page(&mut snapshot.tx, begin, page.limit + 1).await?;
        let entries = entries(&mut snapshot.tx, ledger, request.account, rows).await?;
        let mut running = before.credit_balance();
        let mut items = Vec::with_capacity(entries.len());
        for mut entry in entries {
            running += match entry.direction {
                NormalSide::Credit => entry.amount,
                NormalSide::Debit => -entry.amount,
            };
            entry.balance_after = sign(running);
            items.push(entry);
        }
        let key = |entry: &EntryRow| StatementKey {
            entry: EntryKey {
                time: match request.axis {
                    Axis::Effective => entry.effective_at,
                    Axis::Recorded => entry.recorded_at,
                },
                entry_number: entry.entry_number,
            },
            known,
        };
        let statement = Statement {
            account: request.account,
            asset,
            normal_side,
            opening_balance: sign(opening.credit_balance()),
            closing_balance: sign(closing.credit_balance()),
            debits: closing.debits - opening.debits,
            credits: closing.credits - opening.credits,
            entries: Page::cut(items, page.limit, key),
        };
        Ok(AsOf {
            position: known,
            value: Some(statement),
        })
    }
}

/// What follows a place on the recorded axis: the first of the entries and of the dated entries.
const RECORDED_PAGE: &str = "\
SELECT entry_number, position, posting FROM (
    (SELECT recorded_at, entry_number, position, posting FROM read_models.entries
     WHERE account_key = $1 AND (recorded_at, entry_number) > ($2, $3)
       AND recorded_at < $4 AND position <= $5
     ORDER BY recorded_at, entry_number LIMIT $6)
    UNION ALL
    (SELECT recorded_at, entry_number, position, posting FROM read_models.dated_entries
     WHERE account_key = $1 AND (recorded_at, entry_number) > ($2, $3)
       AND recorded_at < $4 AND position <= $5
     ORDER BY recorded_at, entry_number LIMIT $6)) AS merged
ORDER BY recorded_at, entry_number LIMIT $6";

/// What follows a place on the effective axis: the first of the entries that count when they were
/// recorded, of each run that is known whole, and the dated entries that are known and in no such run.
static EFFECTIVE_PAGE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT entry_number, position, posting FROM (
    (SELECT recorded_at AS effective_at, entry_number, position, posting FROM read_models.entries
     WHERE account_key = $1 AND (recorded_at, entry_number) > ($2, $3)
       AND recorded_at < $4 AND position <= $5
     ORDER BY recorded_at, entry_number LIMIT $6)
    UNION ALL
    SELECT dated.* FROM (
        SELECT dated_number FROM read_models.dated_entries
        WHERE account_key = $1 AND recorded_at < $8 AND position <= $5
        ORDER BY recorded_at DESC, entry_number DESC LIMIT 1) AS last_dated
    CROSS JOIN LATERAL (
        SELECT next.* FROM ({filled}) AS filled
        CROSS JOIN LATERAL (
            SELECT effective_at, entry_number, position, posting
            FROM read_models.dated_runs AS counted
            WHERE counted.account_key = $1
              AND counted.level = filled.level AND counted.run = filled.run
              AND (effective_at, entry_number) > ($2, $3) AND effective_at < $7
            ORDER BY effective_at, entry_number LIMIT $6) AS next
        UNION ALL
        SELECT effective_at, entry_number, position, posting
        FROM read_models.dated_entries AS loose
        WHERE loose.account_key = $1
          AND loose.dated_number > {loose} AND loose.dated_number <= last_dated.dated_number
          AND (effective_at, entry_number) > ($2, $3) AND effective_at < $7) AS dated) AS merged
ORDER BY effective_at, entry_number LIMIT $6",
        filled = runs::filled("last_dated.dated_number"),
        loose = runs::loose_after("last_dated.dated_number"),
    )
});

impl Bounds {
    fn of(ledger: LedgerName, request: StatementRequest, cut: Cut) -> Self {
        let until = request.until.map_or(Place::End, Place::before);
        let from = request.from.map_or(Place::Beginning, Place::before);
        Self {
            axis: request.axis,
            account_key: account_key(ledger, &request.account),
            // A period that ends before it begins is empty.
            from: from.min(until),
            until,
            cut,
        }
    }

    async fn totals(
        &self,
        connection: &mut PgConnection,
        place: Place,
    ) -> Result<Sums, sqlx::Error> {
        let extent = match self.axis {
            Axis::Recorded => Extent::Recorded(place),
            Axis::Effective => Extent::Effective(place),
        };
        totals::totals(connection, self.account_key, extent, self.cut).await
    }

    /// The entries behind a place, in order.
    async fn page(
        &self,
        connection: &mut PgConnection,
        after: Place,
        limit: i64,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let (time, entry_number) = after.columns();
        // The period's end and the cut are in front of everything of their time.
        let (until, _) = self.until.columns();
        let (cut, _) = self.cut.place.columns();
        let statement = match self.axis {
            Axis::Recorded => RECORDED_PAGE,
            Axis::Effective => EFFECTIVE_PAGE.as_str(),
        };
        let page = sqlx::query_as(statement)
            .bind(self.account_key)
            .bind(time)
            .bind(entry_number)
            .bind(until.min(cut))
            .bind(self.cut.position.value())
            .bind(limit);
        let page = match self.axis {
            Axis::Recorded => page,
            Axis::Effective => page.bind(until).bind(cut),
        };
        page.fetch_all(connection).await
    }
}
