//! Statistics of owners, and activity by hour and day.

use chrono::TimeDelta;
use ledger_core::{Position, Timestamp};
use projections::queries::activity::{ActivityRow, Interval};
use rust_decimal::Decimal;

use super::history::{History, wallet};

#[tokio::test(flavor = "multi_thread")]
async fn owners_have_statistics() {
    let history = History::begin().await;
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let owned = [wallet(history.asha), wallet(history.second)];
    let asha = queries
        .owner_statistics(ledger, &"asha".parse().unwrap())
        .await
        .unwrap();
    let asha = asha.value.unwrap();
    assert_eq!((asha.wallets_opened, asha.wallets_closed), (2, 0));
    let concerns = |moved: &&super::history::Move| {
        owned.contains(&moved.source) || owned.contains(&moved.destination)
    };
    let mut positions: Vec<Position> = history
        .moves
        .iter()
        .filter(concerns)
        .map(|moved| moved.position)
        .collect();
    positions.dedup();
    assert_eq!(asha.transactions, i64::try_from(positions.len()).unwrap());
    for flow in &asha.flows {
        let code = flow.asset.code.as_str();
        let sum = |side: fn(&super::history::Move) -> ledger_core::Holder| -> Decimal {
            let moves = history.moves.iter().filter(|moved| moved.asset == code);
            moves
                .filter(|moved| owned.contains(&side(moved)))
                .map(|moved| moved.amount)
                .sum()
        };
        assert_eq!(flow.amount_in, sum(|moved| moved.destination), "{code}");
        assert_eq!(flow.amount_out, sum(|moved| moved.source), "{code}");
    }
    assert_eq!(asha.flows.len(), 3);
    let last = history.moves.iter().rfind(concerns).unwrap();
    assert_eq!(asha.last_activity_at, last.recorded_at);
    let dev = queries
        .owner_statistics(ledger, &"dev".parse().unwrap())
        .await
        .unwrap();
    let dev = dev.value.unwrap();
    assert_eq!(
        (dev.wallets_opened, dev.wallets_closed, dev.transactions),
        (1, 1, 0)
    );
    let nobody = queries
        .owner_statistics(ledger, &"nobody".parse().unwrap())
        .await;
    assert_eq!(nobody.unwrap().value, None);
}

fn metric<'a>(rows: &'a [ActivityRow], name: &str, asset: Option<&str>) -> (i64, Option<Decimal>) {
    let rows: Vec<&'a ActivityRow> = rows
        .iter()
        .filter(|row| {
            row.metric == name && row.asset.map(|asset| asset.code.to_string()).as_deref() == asset
        })
        .collect();
    // The history may run across the turn of an hour.
    let amounts = rows.iter().filter_map(|row| row.amount);
    let amount = rows
        .iter()
        .any(|row| row.amount.is_some())
        .then(|| amounts.sum());
    (rows.iter().map(|row| row.count).sum(), amount)
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_counts_by_hour_and_day() {
    let history = History::begin().await;
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    for interval in [Interval::Hour, Interval::Day] {
        let rows = queries
            .activity(ledger, interval, None, None, 1_000)
            .await
            .unwrap()
            .value;
        let mut positions: Vec<Position> = history.moves.iter().map(|one| one.position).collect();
        positions.dedup();
        let posted = i64::try_from(positions.len()).unwrap();
        assert_eq!(metric(&rows, "transactions_posted", None), (posted, None));
        assert_eq!(metric(&rows, "transactions_reverted", None), (1, None));
        assert_eq!(metric(&rows, "holds_placed", None), (4, None));
        assert_eq!(metric(&rows, "holds_captured", None), (2, None));
        assert_eq!(metric(&rows, "holds_voided", None), (1, None));
        assert_eq!(metric(&rows, "holds_expired", None), (1, None));
        assert_eq!(metric(&rows, "wallets_opened", None), (4, None));
        assert_eq!(metric(&rows, "wallets_closed", None), (1, None));
        assert_eq!(metric(&rows, "wallets_frozen", None), (2, None));
        for asset in ["INR", "USD", "MILES"] {
            let moves = history.moves.iter().filter(|moved| moved.asset == asset);
            let count = i64::try_from(moves.clone().count()).unwrap();
            let amount: Decimal = moves.map(|moved| moved.amount).sum();
            assert_eq!(metric(&rows, "volume", Some(asset)), (count, Some(amount)));
        }
    }
}

/// A day that began before the time asked for is not part of the answer, and one that begins before
/// the end is there whole.
#[tokio::test(flavor = "multi_thread")]
async fn activity_never_shows_a_part_of_a_day() {
    let history = History::begin().await;
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let whole = queries
        .activity(ledger, Interval::Day, None, None, 1_000)
        .await
        .unwrap()
        .value;
    let days: Vec<Timestamp> = whole.iter().map(|row| row.from).collect();
    let shifted = |time: Timestamp, hours| time.checked_add(TimeDelta::hours(hours)).unwrap();
    let ask = async |from, until| {
        queries
            .activity(ledger, Interval::Day, from, until, 1_000)
            .await
            .unwrap()
            .value
    };
    let (first, last) = (days[0], *days.last().unwrap());
    assert_eq!(ask(Some(first), Some(shifted(last, 1))).await, whole);
    assert_eq!(
        ask(Some(shifted(last, 0)), Some(shifted(last, 24)))
            .await
            .len(),
        whole.iter().filter(|row| row.from == last).count()
    );
    assert!(ask(Some(shifted(last, 1)), None).await.is_empty());
    assert!(ask(None, Some(first)).await.is_empty());
}
