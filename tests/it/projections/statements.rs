//! Statements and balances on both axes of time.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use ledger_core::posting::NormalSide;
use ledger_core::{AccountId, Position, Timestamp};
use projections::queries::PageRequest;
use projections::queries::accounts::RecordedUntil;
use projections::queries::statements::{Axis, EntryRow, Statement, StatementRequest};
use rust_decimal::Decimal;

use super::history::{History, Move, account, credit_sign, decimal, system, time, wallet};
use crate::harness::Projected;

fn on_axis(moved: &Move, axis: Axis) -> Timestamp {
    match axis {
        Axis::Effective => moved.effective_at,
        Axis::Recorded => moved.recorded_at,
    }
}

fn side(moved: &Move, id: AccountId) -> Option<NormalSide> {
    if account(moved.source, moved.asset) == id {
        Some(NormalSide::Debit)
    } else if account(moved.destination, moved.asset) == id {
        Some(NormalSide::Credit)
    } else {
        None
    }
}

pub fn is_known(moved: &Move, cut: RecordedUntil) -> bool {
    match cut {
        RecordedUntil::Now => true,
        RecordedUntil::Position(position) => moved.position <= position,
        RecordedUntil::Time(time) => moved.recorded_at <= time,
    }
}

/// What the postings say the statement must be.
pub struct Expected {
    opening: Decimal,
    closing: Decimal,
    /// Position, posting, direction, amount and the balance after.
    lines: Vec<(Position, i32, NormalSide, Decimal, Decimal)>,
}

pub fn expect(moves: &[Move], request: StatementRequest) -> Expected {
    let id = request.account;
    let sign = credit_sign(id.holder);
    let mut moves: Vec<(&Move, NormalSide)> = moves
        .iter()
        .filter_map(|moved| Some((moved, side(moved, id)?)))
        .collect();
    // Stable: postings recorded first come first among those of one time.
    moves.retain(|(moved, _)| is_known(moved, request.recorded));
    moves.sort_by_key(|(moved, _)| on_axis(moved, request.axis));
    let mut balance = Decimal::ZERO;
    let mut expected = Expected {
        opening: Decimal::ZERO,
        closing: Decimal::ZERO,
        lines: Vec::new(),
    };
    for (moved, direction) in moves {
        let at = on_axis(moved, request.axis);
        if request.until.is_some_and(|until| at >= until) {
            break;
        }
        balance += match direction {
            NormalSide::Credit => moved.amount * sign,
            NormalSide::Debit => -moved.amount * sign,
        };
        expected.closing = balance;
        if request.from.is_some_and(|from| at < from) {
            expected.opening = balance;
        } else {
            let line = (
                moved.position,
                moved.posting,
                direction,
                moved.amount,
                balance,
            );
            expected.lines.push(line);
        }
    }
    expected
}

pub async fn ask(
    node: &Projected,
    request: StatementRequest,
    limit: i64,
) -> (Statement, Vec<EntryRow>) {
    let (queries, ledger) = (&node.queries, node.ledger);
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { after, limit };
        let statement = queries.statement(ledger, request, page).await.unwrap();
        let statement = statement.value.unwrap();
        entries.extend(statement.entries.items.clone());
        after = statement.entries.next;
        if after.is_none() {
            return (statement, entries);
        }
    }
}

pub fn check(statement: &Statement, entries: &[EntryRow], expected: &Expected) {
    let shown: Vec<_> = entries
        .iter()
        .map(|row| {
            (
                row.position,
                row.posting,
                row.direction,
                row.amount,
                row.balance_after,
            )
        })
        .collect();
    assert_eq!(shown, expected.lines);
    assert_eq!(statement.opening_balance, expected.opening);
    assert_eq!(statement.closing_balance, expected.closing);
    let sum = |direction| -> Decimal {
        let lines = expected.lines.iter().filter(|line| line.2 == direction);
        lines.map(|line| line.3).sum()
    };
    assert_eq!(statement.debits, sum(NormalSide::Debit));
    assert_eq!(statement.credits, sum(NormalSide::Credit));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_add_up_on_both_axes_in_every_period_and_page_size() {
    let history = History::begin().await;
    let middle = history.moves[history.moves.len() / 2].recorded_at;
    let periods = [
        (None, None),
        (
            Some(time("2020-01-20T10:00:00Z")),
            Some(time("2020-01-25T00:00:00Z")),
        ),
        (Some(time("2020-01-20T10:00:00.000001Z")), None),
        (None, Some(time("2020-01-16T00:00:00Z"))),
        (Some(middle), Some(time("2151-01-01T00:00:00Z"))),
        (None, Some(middle)),
        (Some(time("2160-01-01T00:00:00Z")), None),
    ];
    for id in history.totals(|_| true).into_keys() {
        for axis in [Axis::Effective, Axis::Recorded] {
            for (from, until) in periods {
                let request = StatementRequest {
                    account: id,
                    axis,
                    from,
                    until,
                    recorded: RecordedUntil::Now,
                };
                let expected = expect(&history.moves, request);
                for limit in [1, 2, 1_000] {
                    let (statement, entries) = ask(&history.node, request, limit).await;
                    check(&statement, &entries, &expected);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_names_the_other_side() {
    let history = History::begin().await;
    let request = StatementRequest {
        account: account(wallet(history.bela), "INR"),
        axis: Axis::Effective,
        from: None,
        until: None,
        recorded: RecordedUntil::Now,
    };
    let (statement, entries) = ask(&history.node, request, 1_000).await;
    assert_eq!(statement.normal_side, NormalSide::Credit);
    assert_eq!(entries[0].transaction, history.reverted);
    assert_eq!(entries[0].counterparty, wallet(history.asha));
    assert_eq!(entries[0].effective_at, time("2020-01-20T10:00:00Z"));
    assert_eq!(entries[1].transaction, history.reverting);
    assert_eq!(entries[1].balance_after, Decimal::ZERO);
    assert_eq!(statement.closing_balance, Decimal::new(-59_99, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_never_moved_has_an_empty_statement_and_no_wallet_has_none() {
    let history = History::begin().await;
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let ask = async |holder| {
        let request = StatementRequest {
            account: account(holder, "INR"),
            axis: Axis::Recorded,
            from: None,
            until: None,
            recorded: RecordedUntil::Now,
        };
        let page = PageRequest {
            after: None,
            limit: 10,
        };
        queries
            .statement(ledger, request, page)
            .await
            .unwrap()
            .value
    };
    let empty = ask(wallet(history.closed)).await.unwrap();
    assert!(empty.entries.items.is_empty());
    assert_eq!(empty.closing_balance, Decimal::ZERO);
    assert!(ask(system("taxes")).await.is_none());
    assert!(
        ask(wallet(ledger_core::WalletId::new(uuid::Uuid::nil())))
            .await
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_are_known_at_every_point_of_both_axes() {
    let history = History::begin().await;
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let mut effective: Vec<Option<Timestamp>> = vec![None];
    let mut recorded = vec![RecordedUntil::Now];
    for moved in &history.moves {
        let before = moved.effective_at.checked_add(TimeDelta::microseconds(-1));
        effective.extend([before, Some(moved.effective_at)]);
        recorded.push(RecordedUntil::Time(moved.recorded_at));
        recorded.push(RecordedUntil::Position(moved.position));
    }
    let id = account(wallet(history.bela), "INR");
    for effective_until in effective {
        for cut in &recorded {
            let counts = |moved: &Move| {
                is_known(moved, *cut)
                    && effective_until.is_none_or(|until| moved.effective_at <= until)
            };
            let expected = history.totals(counts).remove(&id).unwrap_or_default();
            let at = queries
                .balance_at(ledger, id, effective_until, *cut)
                .await
                .unwrap();
            let at = at.value.unwrap();
            assert_eq!((at.debits, at.credits), expected);
            assert_eq!(at.balance, expected.1 - expected.0);
            let mut sums = BTreeMap::<String, (Decimal, Decimal)>::new();
            for (account, (debits, credits)) in history.totals(counts) {
                let sum = sums.entry(account.asset.to_string()).or_default();
                *sum = (sum.0 + debits, sum.1 + credits);
            }
            let trial = queries.trial_balance_at(ledger, effective_until, *cut);
            let trial = trial.await.unwrap().value.into_iter();
            let trial: BTreeMap<_, _> = trial
                .map(|row| (row.asset.code.to_string(), (row.debits, row.credits)))
                .collect();
            assert_eq!(trial, sums);
            assert!(sums.values().all(|(debits, credits)| debits == credits));
        }
    }
    let cash = account(system("cash"), "INR");
    let at = queries.balance_at(
        ledger,
        cash,
        Some(time("2020-06-01T00:00:00Z")),
        RecordedUntil::Now,
    );
    let at = at.await.unwrap().value.unwrap();
    assert_eq!(
        (at.normal_side, at.balance),
        (NormalSide::Debit, decimal("50.00"))
    );
}
