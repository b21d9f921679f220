//! What the read models answer about the history.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use ledger_core::hold::HoldStatus;
use ledger_core::posting::{FreezeScope, NormalSide, WalletStatus};
use ledger_core::transaction::TransactionCause;
use ledger_core::{AccountId, Position, Timestamp};
use projections::queries::PageRequest;
use projections::queries::accounts::{AccountRow, Available};
use projections::queries::activity::{ActivityRow, Interval};
use projections::queries::holds::HoldFilter;
use projections::queries::transactions::{TransactionFilter, TransactionRow};
use projections::queries::wallets::{WalletFilter, WalletState};
use rust_decimal::Decimal;

use super::history::{History, account, credit_sign, decimal, system, time, wallet};

const fn first_page<K>() -> PageRequest<K> {
    PageRequest {
        after: None,
        limit: 1_000,
    }
}

async fn all_accounts(history: &History) -> BTreeMap<AccountId, AccountRow> {
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let page = queries.accounts(ledger, first_page()).await.unwrap();
    assert_eq!(page.position, history.node.bench.head().await);
    let rows = page.value.items.into_iter();
    rows.map(|row| (row.account, row)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_add_up_to_the_postings() {
    let history = History::begin().await;
    let rows = all_accounts(&history).await;
    let expected = history.totals(|_| true);
    assert_eq!(
        rows.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (id, (debits, credits)) in expected {
        let row = &rows[&id];
        assert_eq!(row.totals.posted.debits.value(), debits, "{id}");
        assert_eq!(row.totals.posted.credits.value(), credits, "{id}");
        assert_eq!(
            row.balance,
            (credits - debits) * credit_sign(id.holder),
            "{id}"
        );
        let touching = history.moves.iter().filter(|moved| {
            account(moved.source, moved.asset) == id
                || account(moved.destination, moved.asset) == id
        });
        assert_eq!(
            row.entries,
            i64::try_from(touching.count()).unwrap(),
            "{id}"
        );
        let queries = &history.node.queries;
        let single = queries.account(history.node.ledger, id).await.unwrap();
        assert_eq!(single.value.as_ref(), Some(row));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_available_counts_holds_and_overdrafts() {
    let history = History::begin().await;
    let rows = all_accounts(&history).await;
    let available = |holder, asset| rows[&account(holder, asset)].available;
    let amount = |text| Available::Amount(decimal(text));
    // 1000.00 + 50.00 - 100.01 - 40.00 - 10.00, nothing reserved any more.
    assert_eq!(available(wallet(history.asha), "INR"), amount("899.99"));
    // 200.00 + 1.00, of which 25.00 are reserved.
    assert_eq!(available(wallet(history.second), "INR"), amount("176.00"));
    // -59.99, and 150.00 may be owed.
    assert_eq!(
        rows[&account(wallet(history.bela), "INR")].balance,
        Decimal::new(-59_99, 2)
    );
    assert_eq!(available(wallet(history.bela), "INR"), amount("90.01"));
    assert_eq!(available(wallet(history.asha), "USD"), Available::Unlimited);
    assert_eq!(available(wallet(history.asha), "MILES"), amount("10"));
    assert_eq!(available(system("cash"), "INR"), Available::Unlimited);
    let pending = rows[&account(wallet(history.second), "INR")]
        .totals
        .pending_debits;
    assert_eq!(pending.value(), decimal("25.00"));
    assert_eq!(
        rows[&account(system("promotions"), "MILES")].normal_side,
        NormalSide::Debit
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_in_pages() {
    let history = History::begin().await;
    let whole: Vec<AccountId> = all_accounts(&history).await.into_keys().collect();
    for limit in [1, 2, 3, 100] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { after, limit };
            let queries = &history.node.queries;
            let page = queries
                .accounts(history.node.ledger, request)
                .await
                .unwrap()
                .value;
            assert!(page.items.len() <= usize::try_from(limit).unwrap());
            seen.extend(page.items.iter().map(|row| row.account));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(seen, whole);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trial_balance_is_zero_and_names_every_asset() {
    let history = History::begin().await;
    let queries = &history.node.queries;
    let rows = queries
        .trial_balance(history.node.ledger)
        .await
        .unwrap()
        .value;
    let codes: Vec<&str> = rows.iter().map(|row| row.asset.code.as_str()).collect();
    assert_eq!(codes, ["INR", "MILES", "USD"]);
    for row in rows {
        let moved: Decimal = history
            .moves
            .iter()
            .filter(|moved| moved.asset == row.asset.code.as_str())
            .map(|moved| moved.amount)
            .sum();
        assert_eq!((row.debits, row.credits), (moved, moved));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_knows_its_assets_and_system_accounts() {
    let history = History::begin().await;
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let assets = queries.assets(ledger).await.unwrap().value;
    assert_eq!(assets.get(&"MILES".parse().unwrap()).unwrap().scale, 0);
    assert_eq!(assets.get(&"INR".parse().unwrap()).unwrap().scale, 2);
    assert!(assets.get(&"NOPE".parse().unwrap()).is_none());
    let accounts = queries.system_accounts(ledger).await.unwrap().value;
    let names: Vec<String> = accounts.iter().map(|one| one.name.to_string()).collect();
    let expected = [
        "cash",
        "fees",
        "fx",
        "gateway_clearing",
        "losses",
        "promotions",
        "suspense",
    ];
    assert_eq!(names, expected);
    let row = queries.ledger(ledger).await.unwrap();
    assert_eq!(row.head, history.node.bench.head().await);
    assert_eq!(queries.ledgers().await.unwrap(), [row]);
    assert!(queries.holder_exists(ledger, system("fees")).await.unwrap());
    assert!(
        !queries
            .holder_exists(ledger, system("taxes"))
            .await
            .unwrap()
    );
    assert!(
        queries
            .holder_exists(ledger, wallet(history.bela))
            .await
            .unwrap()
    );
}

async fn transactions(history: &History, filter: &TransactionFilter) -> Vec<TransactionRow> {
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { after, limit: 2 };
        let page = queries
            .transactions(ledger, filter, page)
            .await
            .unwrap()
            .value;
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_as_they_were_posted() {
    let history = History::begin().await;
    let rows = transactions(&history, &TransactionFilter::default()).await;
    let positions: Vec<Position> = rows.iter().map(|row| row.position).collect();
    let mut expected: Vec<Position> = history.moves.iter().map(|moved| moved.position).collect();
    expected.dedup();
    expected.reverse();
    assert_eq!(positions, expected);
    for row in &rows {
        let moves = history
            .moves
            .iter()
            .filter(|moved| moved.position == row.position);
        for (moved, posting) in moves.zip(&row.postings) {
            assert_eq!(moved.transaction, row.transaction);
            assert_eq!(
                (moved.source, moved.destination),
                (posting.source, posting.destination)
            );
            assert_eq!(moved.amount.to_string(), posting.amount.to_string());
            assert_eq!(moved.effective_at, row.effective_at);
            assert_eq!(moved.recorded_at, row.recorded_at);
        }
    }
    let find = |id| rows.iter().find(|row| row.transaction == id).unwrap();
    let multi = find(history.multi);
    assert_eq!(multi.postings.len(), 4);
    assert_eq!(multi.reference.as_deref(), Some("invoice 7"));
    assert_eq!(multi.metadata.entries()["order"], "ünïcode \"7\"");
    assert_eq!(multi.cause, TransactionCause::Request);
    assert_eq!(find(history.reverted).reverted_by, Some(history.reverting));
    let reverting = find(history.reverting);
    assert_eq!(reverting.cause, TransactionCause::Revert(history.reverted));
    assert_eq!(reverting.reverted_by, None);
    for capture in history.captures {
        assert_eq!(
            find(capture).cause,
            TransactionCause::Capture(history.holds[0])
        );
    }
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let single = queries.transaction(ledger, history.multi).await.unwrap();
    assert_eq!(single.value.as_ref(), Some(multi));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_filtered() {
    let history = History::begin().await;
    let all = transactions(&history, &TransactionFilter::default()).await;
    let middle = all[all.len() / 2].recorded_at;
    let early = time("2020-01-20T10:00:00Z");
    type Passes<'a> = Box<dyn Fn(&TransactionRow) -> bool + 'a>;
    let moves = |row: &TransactionRow, holder| {
        let mut postings = row.postings.iter();
        postings.any(|posting| posting.source == holder || posting.destination == holder)
    };
    let (bela, fx) = (wallet(history.bela), system("fx"));
    let base = TransactionFilter::default;
    let dollars = account(bela, "USD");
    let cases: Vec<(TransactionFilter, Passes<'_>)> = vec![
        (
            TransactionFilter {
                holder: Some(bela),
                ..base()
            },
            Box::new(|row| moves(row, bela)),
        ),
        (
            TransactionFilter {
                holder: Some(fx),
                ..base()
            },
            Box::new(|row| moves(row, fx)),
        ),
        (
            TransactionFilter {
                account: Some(dollars),
                ..base()
            },
            Box::new(|row| row.transaction == history.multi),
        ),
        (
            TransactionFilter {
                reference: Some("captured".to_owned()),
                ..base()
            },
            Box::new(|row| row.reference.as_deref() == Some("captured")),
        ),
        (
            TransactionFilter {
                effective_until: Some(early),
                ..base()
            },
            Box::new(|row| row.effective_at < early),
        ),
        (
            TransactionFilter {
                effective_from: Some(early),
                ..base()
            },
            Box::new(|row| row.effective_at >= early),
        ),
        (
            TransactionFilter {
                recorded_from: Some(middle),
                ..base()
            },
            Box::new(|row| row.recorded_at >= middle),
        ),
        (
            TransactionFilter {
                recorded_until: Some(middle),
                holder: Some(bela),
                ..base()
            },
            Box::new(|row| row.recorded_at < middle && moves(row, bela)),
        ),
    ];
    for (filter, passes) in cases {
        let expected: Vec<TransactionRow> = all.iter().filter(|row| passes(row)).cloned().collect();
        assert!(
            !expected.is_empty() && expected.len() < all.len(),
            "{filter:?}"
        );
        assert_eq!(
            transactions(&history, &filter).await,
            expected,
            "{filter:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_show_what_became_of_them() {
    let history = History::begin().await;
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let page = queries
        .holds(ledger, &HoldFilter::default(), first_page())
        .await
        .unwrap();
    let shown: Vec<_> = page
        .value
        .items
        .iter()
        .map(|row| {
            let amounts =
                [row.amount, row.captured, row.remaining].map(|amount| amount.to_string());
            (row.hold, row.status, amounts, row.ended_at.is_some())
        })
        .collect();
    let [captured, voided, expired, active] = history.holds;
    let amounts = |texts: [&str; 3]| texts.map(str::to_owned);
    assert_eq!(
        shown[0],
        (
            active,
            HoldStatus::Active,
            amounts(["25.00", "0", "25.00"]),
            false
        )
    );
    assert_eq!(
        shown[1],
        (
            expired,
            HoldStatus::Expired,
            amounts(["5.00", "0", "0"]),
            true
        )
    );
    assert_eq!(
        shown[2],
        (
            voided,
            HoldStatus::Voided,
            amounts(["30.00", "0", "0"]),
            true
        )
    );
    assert_eq!(
        shown[3],
        (
            captured,
            HoldStatus::Captured,
            amounts(["100.00", "50.00", "0"]),
            true
        )
    );
    let row = queries.hold(ledger, active).await.unwrap().value.unwrap();
    assert_eq!(row, page.value.items[0]);
    assert_eq!(row.reference.as_deref(), Some("rent"));
    assert_eq!(row.expires_at, Some(time("2100-01-01T00:00:00Z")));
    assert_eq!(row.source, wallet(history.second));
    let filters = [
        (
            HoldFilter {
                source: Some(wallet(history.asha)),
                ..HoldFilter::default()
            },
            vec![expired, voided, captured],
        ),
        (
            HoldFilter {
                status: Some(HoldStatus::Voided),
                ..HoldFilter::default()
            },
            vec![voided],
        ),
        (
            HoldFilter {
                reference: Some("rent".to_owned()),
                ..HoldFilter::default()
            },
            vec![active],
        ),
    ];
    for (filter, expected) in filters {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { after, limit: 1 };
            let page = queries.holds(ledger, &filter, request).await.unwrap().value;
            seen.extend(page.items.iter().map(|row| row.hold));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
    let due = |until: &'static str| queries.due_holds(ledger, time(until), 10);
    assert_eq!(due("2100-01-01T00:00:00Z").await.unwrap(), [active]);
    assert!(due("2099-12-31T23:59:59Z").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn wallets_show_their_state() {
    let history = History::begin().await;
    let (queries, ledger) = (&history.node.queries, history.node.ledger);
    let list = async |filter: WalletFilter| {
        let page = queries
            .wallets(ledger, &filter, first_page())
            .await
            .unwrap();
        let items = page.value.items.into_iter();
        items.map(|row| row.wallet).collect::<Vec<_>>()
    };
    let History {
        asha,
        bela,
        second,
        closed,
        ..
    } = &history;
    let base = WalletFilter::default;
    assert_eq!(list(base()).await, [*closed, *second, *bela, *asha]);
    let owner = Some("asha".parse().unwrap());
    assert_eq!(
        list(WalletFilter { owner, ..base() }).await,
        [*second, *asha]
    );
    let state = Some(WalletState::Frozen);
    assert_eq!(list(WalletFilter { state, ..base() }).await, [*second]);
    let state = Some(WalletState::Closed);
    assert_eq!(list(WalletFilter { state, ..base() }).await, [*closed]);
    let state = Some(WalletState::Open);
    assert_eq!(list(WalletFilter { state, ..base() }).await, [*bela, *asha]);
    let reference = Some("savings".to_owned());
    assert_eq!(
        list(WalletFilter {
            reference,
            ..base()
        })
        .await,
        [*second]
    );
    let row = async |id| queries.wallet(ledger, id).await.unwrap().value.unwrap();
    let second = row(*second).await;
    assert_eq!(second.status, WalletStatus::Frozen(FreezeScope::Credits));
    assert_eq!(second.reason.as_deref(), Some("check"));
    assert!(second.changed_at > second.opened_at);
    let closed = row(*closed).await;
    assert_eq!(
        (closed.status, closed.reason.as_deref()),
        (WalletStatus::Closed, Some("left"))
    );
    let overdrafts = |asset: &str, limit| BTreeMap::from([(asset.parse().unwrap(), limit)]);
    assert_eq!(row(*asha).await.overdrafts, overdrafts("USD", None));
    let bela = row(*bela).await;
    assert_eq!(bela.overdrafts, overdrafts("INR", Some(decimal("150.00"))));
    assert_eq!(bela.status, WalletStatus::Open);
    assert_eq!(bela.metadata.entries()["order"], "ünïcode \"7\"");
}

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
