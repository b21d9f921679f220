//! What the read models answer about the history.

use std::collections::BTreeMap;

use ledger_core::posting::NormalSide;
use ledger_core::transaction::TransactionCause;
use ledger_core::{AccountId, Position};
use projections::queries::PageRequest;
use projections::queries::accounts::{AccountRow, Available};
use projections::queries::transactions::{TransactionFilter, TransactionRow};
use rust_decimal::Decimal;

use super::history::{History, account, credit_sign, decimal, first_page, system, time, wallet};

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
