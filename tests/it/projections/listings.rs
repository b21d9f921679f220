//! Holds and wallets, as they are listed.

use std::collections::BTreeMap;

use ledger_core::hold::HoldStatus;
use ledger_core::posting::{FreezeScope, WalletStatus};
use projections::queries::PageRequest;
use projections::queries::holds::HoldFilter;
use projections::queries::wallets::{WalletFilter, WalletState};

use super::history::{History, decimal, first_page, time, wallet};

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
