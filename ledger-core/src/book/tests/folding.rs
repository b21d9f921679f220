//! A book folds the one log there is and refuses any other.

use std::error::Error;

use super::sight::{Sight, recorded};
use crate::annotation::Metadata;
use crate::book::{Book, BookError, NewEvent};
use crate::event::{Event, Position, RecordedEvent, Sequence, Stream};
use crate::fixtures::*;
use crate::hold::HoldEvent;
use crate::ledger::{LedgerEvent, standard_system_accounts};
use crate::posting::{HolderStanding, NormalSide, Overdraft, Posting, WalletStatus};
use crate::transaction::{TransactionCause, TransactionEvent};
use crate::wallet::WalletEvent;

fn position(value: i64) -> Position {
    Position::try_new(value).unwrap()
}

fn event(place: i64, stream: Stream, sequence: Sequence, event: Event) -> RecordedEvent {
    let new = NewEvent {
        position: position(place),
        stream,
        sequence,
        event,
    };
    recorded(&[new], at(place)).remove(0)
}

fn ledger_opened(name: &str) -> Event {
    Event::Ledger(LedgerEvent::LedgerOpened {
        name: parsed(name),
        system_accounts: standard_system_accounts(),
    })
}

fn wallet_opened() -> Event {
    Event::Wallet(WalletEvent::WalletOpened {
        owner: owner("alice"),
        overdraft: [].into(),
        reference: None,
        metadata: Metadata::default(),
    })
}

fn posted(postings: Vec<Posting>) -> Event {
    Event::Transaction(TransactionEvent::TransactionPosted {
        usage: None,
        postings,
        effective_at: at(0),
        cause: TransactionCause::Request,
        reference: None,
        metadata: Metadata::default(),
    })
}

fn expired(released: &str) -> Event {
    Event::Hold(HoldEvent::HoldExpired {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        released: amount(released),
    })
}

fn ledger() -> Stream {
    Stream::Ledger(parsed("main"))
}

fn first_wallet() -> Stream {
    Stream::Wallet(wallet_id(1))
}

/// The ledger is open, wallet 1 has 5.00 INR from cash.
fn started() -> Book {
    let mut book = Book::complete();
    let funding = posted(vec![posting(system("cash"), wallet(1), "INR", "5.00")]);
    for event in [
        event(1, ledger(), 1, ledger_opened("main")),
        event(2, first_wallet(), 1, wallet_opened()),
        event(3, Stream::Transaction(transaction_id(1)), 1, funding),
    ] {
        book.apply(&event).unwrap();
    }
    book
}

#[test]
fn accounts_stand_as_their_events_say() {
    let book = started();
    assert_eq!(
        (book.position(), book.recorded_at()),
        (position(3), Some(at(3)))
    );
    let alice = book.standing(account(wallet(1), "INR")).unwrap();
    assert_eq!(alice, funded("5.00"));
    let cash = book.standing(account(system("cash"), "INR")).unwrap();
    assert_eq!(cash.posted, totals("5.00", "0"));
    assert_eq!(
        cash.holder,
        HolderStanding::System {
            normal_side: NormalSide::Debit
        }
    );
    assert_eq!(cash.balance().unwrap().value(), decimal("5.00"));
    assert_eq!(alice.balance().unwrap().value(), decimal("5.00"));
    let balance = |holder, asset| book.credit_balance(account(holder, asset));
    assert_eq!(
        balance(system("cash"), "INR").unwrap().value(),
        decimal("-5.00")
    );
    assert_eq!(balance(wallet(1), "USD").unwrap().value(), decimal("0"));
    assert_eq!(balance(wallet(2), "INR"), None);
    assert_eq!(book.standing(account(system("nobody"), "INR")), None);
    assert_eq!(
        book.accounts_of(wallet(1)),
        [(account(wallet(1), "INR"), alice)]
    );
    assert_eq!(book.accounts_of(wallet(2)), []);
}

#[test]
fn standings_hold_what_exists_of_what_was_asked() {
    let book = started();
    let codes = ["INR", "XXX", "INR", "JPY"].map(asset_code);
    let asked = [
        account(wallet(1), "INR"),
        account(wallet(9), "INR"),
        account(system("fees"), "JPY"),
        account(wallet(1), "INR"),
    ];
    let standings = book.standings(codes, asked);
    assert_eq!(
        standings.asset(&asset_code("INR")),
        Some(standard_asset("INR"))
    );
    assert_eq!(standings.asset(&asset_code("XXX")), None);
    assert_eq!(standings.account(&asked[0]), Some(&funded("5.00")));
    assert_eq!(standings.account(&asked[1]), None);
    assert!(standings.account(&asked[2]).is_some());
}

/// The rejection of a close names the first account; which that is must not depend on the order
/// in which a cache happened to load or touch them.
#[test]
fn the_accounts_of_a_holder_come_in_order() {
    let mut book = started();
    for (place, asset, text) in [
        (4_i64, "JPY", "1"),
        (5, "BTC", "1.00000000"),
        (6, "USD", "1.00"),
    ] {
        let stream = Stream::Transaction(transaction_id(place.unsigned_abs().into()));
        let funding = posted(vec![posting(system("cash"), wallet(1), asset, text)]);
        book.apply(&event(place, stream, 1, funding)).unwrap();
    }
    let accounts = book.accounts_of(wallet(1)).into_iter();
    let assets: Vec<String> = accounts
        .map(|(account, _)| account.asset.to_string())
        .collect();
    assert_eq!(assets, ["BTC", "INR", "JPY", "USD"]);
}

#[test]
fn a_position_that_is_not_the_next_is_refused() {
    for place in [0, 1, 3, 5, 100] {
        let refused = started().apply(&event(place, first_wallet(), 2, wallet_opened()));
        let expected = BookError::OutOfOrder {
            last: position(3),
            found: position(place),
        };
        assert_eq!(refused, Err(expected));
    }
}

#[test]
fn a_gap_in_a_stream_is_refused() {
    let closed = Event::Wallet(WalletEvent::WalletClosed { reason: None });
    let refused = started()
        .apply(&event(4, first_wallet(), 3, closed.clone()))
        .unwrap_err();
    let expected = BookError::SequenceGap {
        position: position(4),
        stream: first_wallet(),
        last: 1,
        found: 3,
    };
    assert_eq!(refused, expected);
    for (stream, sequence, other) in [
        (Stream::Hold(hold_id(1)), 2, expired("1.00")),
        (Stream::Wallet(wallet_id(2)), 2, closed),
        (ledger(), 3, ledger_opened("main")),
        (Stream::Transaction(transaction_id(2)), 2, posted(vec![])),
    ] {
        let refused = started().apply(&event(4, stream, sequence, other));
        let fault = refused.unwrap_err();
        assert!(
            matches!(
                fault,
                BookError::SequenceGap { .. } | BookError::Totals { .. }
            ),
            "{fault}"
        );
    }
}

#[test]
fn an_event_that_cannot_follow_is_refused_with_its_cause() {
    let refused = started()
        .apply(&event(4, first_wallet(), 2, wallet_opened()))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("position 4, {}", first_wallet())
    );
    let cause = refused.source().unwrap().to_string();
    assert_eq!(cause, "WalletOpened cannot follow in the state Open");
}

#[test]
fn an_event_in_a_stream_of_another_kind_is_refused() {
    let streams = [
        ledger(),
        first_wallet(),
        Stream::Transaction(transaction_id(1)),
        Stream::Hold(hold_id(1)),
    ];
    let events = [
        ledger_opened("main"),
        wallet_opened(),
        posted(vec![]),
        expired("1.00"),
    ];
    for (index, stream) in streams.into_iter().enumerate() {
        for (other, content) in events.iter().enumerate() {
            let refused = started().apply(&event(4, stream, 2, content.clone()));
            let wrong = matches!(refused, Err(BookError::WrongStream { .. }));
            assert_eq!(wrong, index != other, "{stream} {content:?}");
        }
    }
}

#[test]
fn a_stream_of_another_ledger_is_refused() {
    let mut book = Book::complete();
    let misnamed = event(1, ledger(), 1, ledger_opened("other"));
    assert!(matches!(
        book.apply(&misnamed),
        Err(BookError::WrongStream { .. })
    ));
    let account = crate::ledger::SystemAccount {
        name: parsed("extra"),
        normal_side: NormalSide::Credit,
    };
    let opened = Event::Ledger(LedgerEvent::SystemAccountOpened { account });
    let other = event(4, Stream::Ledger(parsed("other")), 2, opened);
    assert!(matches!(
        started().apply(&other),
        Err(BookError::WrongStream { .. })
    ));
}

#[test]
fn totals_that_cannot_be_kept_are_refused() {
    let full = posted(vec![posting(
        system("cash"),
        wallet(1),
        "INR",
        "792281625142643375935439503.35",
    )]);
    let stream = Stream::Transaction(transaction_id(2));
    let refused = started().apply(&event(4, stream, 1, full)).unwrap_err();
    let overflown = account(system("cash"), "INR");
    assert_eq!(
        refused,
        BookError::Totals {
            position: position(4),
            account: overflown
        }
    );
    // Giving back more than was reserved.
    let refused = started().apply(&event(4, Stream::Hold(hold_id(1)), 1, expired("0.01")));
    let reserved = account(wallet(1), "INR");
    assert_eq!(
        refused,
        Err(BookError::Totals {
            position: position(4),
            account: reserved
        })
    );
}

#[test]
fn a_wallets_state_and_overdraft_show_in_its_standing() {
    let mut book = started();
    let overdraft = Overdraft::UpTo(amount("3.00"));
    let changes = [
        WalletEvent::WalletOverdraftSet {
            asset: asset_code("INR"),
            overdraft,
        },
        WalletEvent::WalletFrozen {
            scope: crate::posting::FreezeScope::Debits,
            reason: None,
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let number = i64::try_from(number).unwrap();
        book.apply(&event(
            4 + number,
            first_wallet(),
            2 + number,
            Event::Wallet(change),
        ))
        .unwrap();
    }
    let status = WalletStatus::Frozen(crate::posting::FreezeScope::Debits);
    let holder = |asset| book.standing(account(wallet(1), asset)).unwrap().holder;
    assert_eq!(holder("INR"), HolderStanding::Wallet { status, overdraft });
    let overdraft = Overdraft::Forbidden;
    assert_eq!(holder("USD"), HolderStanding::Wallet { status, overdraft });
}

#[test]
fn an_empty_book_says_nothing() {
    let book = Book::default();
    assert_eq!(Sight::of(&book), Sight::of(&Book::complete()));
    assert_eq!(book.position(), Position::START);
    assert!(book.open_ledger().is_none());
    assert_eq!(book.trial_balance().unwrap().first_difference(), None);
}
