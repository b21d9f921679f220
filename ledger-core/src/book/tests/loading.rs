//! A partial book: each way in which loading and forgetting could lose or double money.

use super::sight::recorded;
use crate::annotation::Metadata;
use crate::book::{
    AccountTotals, Book, BookError, EntityKey, HolderRows, LoadError, NewEvent, StaleLoad,
};
use crate::decision::{DecisionError, decide, lacking};
use crate::event::{Event, Position, RecordedEvent, Stream};
use crate::fixtures::*;
use crate::hold::{Hold, HoldEvent};
use crate::identifier::AccountId;
use crate::ledger::{Ledger, LedgerEvent, standard_system_accounts};
use crate::posting::{FreezeScope, Posting, Standing};
use crate::transaction::{Transaction, TransactionCause, TransactionEvent, TransactionRequest};
use crate::wallet::{Wallet, WalletEvent};

fn position(value: i64) -> Position {
    Position::try_new(value).unwrap()
}

fn open_ledger() -> Ledger {
    let opened = LedgerEvent::LedgerOpened {
        name: parsed("main"),
        system_accounts: standard_system_accounts(),
    };
    Ledger::Absent.evolve(&opened).unwrap()
}

fn open_wallet() -> Wallet {
    let opened = WalletEvent::WalletOpened {
        owner: owner("alice"),
        overdraft: [].into(),
        reference: None,
        metadata: Metadata::default(),
    };
    Wallet::Absent.evolve(&opened).unwrap()
}

/// A partial book at position 10.
fn partial() -> Book {
    let mut book = Book::partial(position(10), Some(at(10)), open_ledger(), 1);
    book.advance_tick();
    book
}

fn rows(credits: &str) -> HolderRows {
    let posted = totals("0", credits);
    let account = AccountTotals {
        posted,
        ..AccountTotals::default()
    };
    HolderRows {
        owner: None,
        wallet: open_wallet(),
        wallet_sequence: 1,
        accounts: vec![(asset_code("INR"), account)],
    }
}

fn posted(postings: Vec<Posting>) -> TransactionEvent {
    TransactionEvent::TransactionPosted {
        usage: None,
        postings,
        effective_at: at(0),
        cause: TransactionCause::Request,
        reference: None,
        metadata: Metadata::default(),
    }
}

/// An event at this position that credits wallet 1 with 1.00 INR from cash.
fn credit(place: i64) -> RecordedEvent {
    let event = posted(vec![posting(system("cash"), wallet(1), "INR", "1.00")]);
    let new = NewEvent {
        position: position(place),
        stream: Stream::Transaction(transaction_id(place.unsigned_abs().into())),
        sequence: 1,
        event: Event::Transaction(event),
    };
    recorded(&[new], at(place)).remove(0)
}

/// The event at this position that freezes wallet 1, the second of its stream.
fn freezing(place: i64) -> RecordedEvent {
    let new = NewEvent {
        position: position(place),
        stream: Stream::Wallet(wallet_id(1)),
        sequence: 2,
        event: Event::Wallet(frozen()),
    };
    recorded(&[new], at(place)).remove(0)
}

const fn frozen() -> WalletEvent {
    WalletEvent::WalletFrozen {
        scope: FreezeScope::All,
        reason: None,
    }
}

/// As the stream has the wallet after it was frozen.
fn frozen_rows() -> HolderRows {
    let rows = rows("7.00");
    HolderRows {
        wallet: rows.wallet.evolve(&frozen()).unwrap(),
        wallet_sequence: 2,
        ..rows
    }
}

fn alice() -> AccountId {
    account(wallet(1), "INR")
}

fn credits(book: &Book) -> String {
    let standing: Standing = book.standing(alice()).unwrap();
    standing.posted.credits.to_string()
}

#[test]
fn what_happened_since_the_rows_were_true_is_added_once() {
    let mut book = partial();
    for place in 11..=14 {
        book.apply(&credit(place)).unwrap();
    }
    assert_eq!(book.standing(alice()), None);
    // The rows are true at 12: 11 and 12 are in them, 13 and 14 are not.
    book.load_holder(wallet(1), rows("7.00"), position(12))
        .unwrap();
    assert_eq!(credits(&book), "9.00");
    book.apply(&credit(15)).unwrap();
    assert_eq!(credits(&book), "10.00");
}

#[test]
fn rows_ahead_of_the_book_are_not_added_to_twice() {
    let mut book = partial();
    book.load_holder(wallet(1), rows("7.00"), position(12))
        .unwrap();
    for place in 11..=13 {
        book.apply(&credit(place)).unwrap();
    }
    assert_eq!(credits(&book), "8.00");
}

#[test]
fn a_holder_that_is_loaded_again_keeps_what_happened_since() {
    let mut book = partial();
    book.load_holder(wallet(1), rows("7.00"), position(10))
        .unwrap();
    book.apply(&credit(11)).unwrap();
    book.load_holder(wallet(1), rows("7.00"), position(10))
        .unwrap();
    assert_eq!(credits(&book), "8.00");
}

#[test]
fn a_hold_or_transaction_that_is_loaded_again_does_not_go_back() {
    let mut book = partial();
    let hold = HoldEvent::HoldPlaced {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        amount: amount("1.00"),
        destination: None,
        expires_at: None,
        reference: None,
        metadata: Metadata::default(),
        manager: None,
    };
    let active = Hold::Absent.evolve(&hold).unwrap();
    book.load_hold(hold_id(1), Hold::Voided, 2);
    book.load_hold(hold_id(1), active, 1);
    assert_eq!(book.hold(hold_id(1)), &Hold::Voided);
    let state = Transaction::Absent.evolve(&posted(vec![])).unwrap();
    let mark = TransactionEvent::TransactionReverted {
        reverting_transaction: transaction_id(2),
    };
    let reverted = state.evolve(&mark).unwrap();
    book.load_transaction(transaction_id(1), reverted.clone(), 2);
    book.load_transaction(transaction_id(1), state, 1);
    assert_eq!(book.transaction(transaction_id(1)), &reverted);
}

/// A wallet as the read model had it before it was frozen must not be taken for the frozen one.
#[test]
fn a_wallet_that_changed_since_the_rows_were_true_is_known_to_have() {
    let mut book = partial();
    let changed = |book: &Book, place| book.wallet_changed_after(wallet(1), position(place));
    assert!(!changed(&book, 10));
    book.apply(&freezing(11)).unwrap();
    book.apply(&credit(12)).unwrap();
    assert!(changed(&book, 10) && !changed(&book, 11));
    book.evict(0, position(10), position(12));
    assert!(changed(&book, 10));
    book.load_holder(wallet(1), frozen_rows(), position(10))
        .unwrap();
    assert_eq!(credits(&book), "8.00");
}

/// It would be loaded again as the read model has it, without what happened to the wallet.
#[test]
fn a_wallet_that_changed_since_the_rows_were_true_is_not_forgotten() {
    let (mut behind, mut ahead) = (partial(), partial());
    behind.apply(&freezing(11)).unwrap();
    for book in [&mut behind, &mut ahead] {
        book.load_holder(wallet(1), frozen_rows(), position(10))
            .unwrap();
    }
    // Its stream was ahead of this book.
    ahead.apply(&freezing(11)).unwrap();
    for mut book in [behind, ahead] {
        book.advance_tick();
        book.evict(0, position(10), position(11));
        assert!(!book.lacks(EntityKey::Holder(wallet(1))));
        book.advance_tick();
        book.evict(0, position(11), position(11));
        assert!(book.lacks(EntityKey::Holder(wallet(1))));
    }
}

#[test]
fn rows_behind_what_was_forgotten_are_refused() {
    let mut book = partial();
    book.apply(&credit(11)).unwrap();
    book.evict(0, position(11), position(11));
    let stale = book
        .load_holder(wallet(1), rows("7.00"), position(10))
        .unwrap_err();
    let expected = StaleLoad {
        as_of: position(10),
        clean_through: position(11),
    };
    assert_eq!(stale, LoadError::Stale(expected));
    book.load_holder(wallet(1), rows("8.00"), position(11))
        .unwrap();
    assert_eq!(credits(&book), "8.00");
}

/// Rows that were true at 12 hold events which rows true at 11 do not; forgetting the holder on
/// the word of a checkpoint at 11 would let it be loaded without them.
#[test]
fn a_holder_is_not_forgotten_on_an_older_checkpoint_than_it_was_loaded_at() {
    let mut book = partial();
    for place in 11..=12 {
        book.apply(&credit(place)).unwrap();
    }
    book.load_holder(wallet(1), rows("7.00"), position(12))
        .unwrap();
    book.advance_tick();
    book.advance_tick();
    book.evict(0, position(11), position(12));
    if book.lacks(EntityKey::Holder(wallet(1))) {
        let loaded = book.load_holder(wallet(1), rows("6.00"), position(11));
        assert!(loaded.is_err(), "7.00 became {}", credits(&book));
    }
}

#[test]
fn what_is_used_now_is_not_forgotten_from_the_first_round_on() {
    let mut book = Book::partial(position(10), Some(at(10)), open_ledger(), 1);
    book.load_holder(wallet(1), rows("7.00"), position(10))
        .unwrap();
    book.load_hold(hold_id(1), Hold::Voided, 2);
    book.evict(0, position(10), position(10));
    assert_eq!(book.entities(), 2);
    book.advance_tick();
    book.evict(5, position(10), position(10));
    assert_eq!(book.entities(), 2);
    book.evict(0, position(10), position(10));
    assert_eq!(book.entities(), 0);
}

#[test]
fn what_the_read_model_or_the_log_does_not_have_yet_is_not_forgotten() {
    let mut book = partial();
    book.load_holder(wallet(1), rows("7.00"), position(10))
        .unwrap();
    book.load_holder(system("cash"), HolderRows::default(), position(10))
        .unwrap();
    book.apply(&credit(11)).unwrap();
    let used_long_ago = book.entities();
    book.advance_tick();
    book.evict(0, position(10), position(10));
    assert_eq!((used_long_ago, book.entities()), (3, 3));
    book.evict(0, position(10), position(11));
    assert_eq!(book.entities(), 2);
    book.evict(0, position(11), position(11));
    assert_eq!(book.entities(), 0);
}

fn pay(number: u128) -> crate::command::Command {
    let request = TransactionRequest {
        postings: vec![requested(wallet(1), system("cash"), "INR", "1")],
        effective_at: None,
        reference: None,
        metadata: Metadata::default(),
    };
    crate::command::Command::PostTransaction {
        transaction: transaction_id(number),
        request,
    }
}

/// Without the accounts there is nothing to take a change back from: it would stay in the waiting
/// list and be added when the holder is loaded.
#[test]
fn a_decision_on_what_was_not_loaded_is_a_fault_and_leaves_nothing() {
    let mut book = partial();
    let keys = lacking(&mut book, &pay(1));
    assert_eq!(
        keys,
        [
            EntityKey::Holder(wallet(1)),
            EntityKey::Holder(system("cash"))
        ]
    );
    book.load_holder(wallet(1), rows("7.00"), position(10))
        .unwrap();
    assert_eq!(
        lacking(&mut book, &pay(1)),
        [EntityKey::Holder(system("cash"))]
    );
    let fault = decide(&mut book, &pay(1), at(11)).unwrap_err();
    let expected = BookError::NotLoaded {
        position: position(11),
        holder: system("cash"),
    };
    assert_eq!(fault, DecisionError::Book(expected));
    book.load_holder(system("cash"), HolderRows::default(), position(10))
        .unwrap();
    let cash = book.standing(account(system("cash"), "INR")).unwrap();
    assert_eq!(cash.posted, totals("0", "0"));
    assert_eq!(book.standing(alice()).unwrap().posted, totals("0", "7.00"));
    assert!(lacking(&mut book, &pay(1)).is_empty());
    assert!(decide(&mut book, &pay(1), at(11)).is_ok());
}

#[test]
fn a_complete_book_lacks_nothing() {
    let mut book = Book::complete();
    for key in [
        EntityKey::Holder(wallet(1)),
        EntityKey::Hold(hold_id(1)),
        EntityKey::Transaction(transaction_id(1)),
    ] {
        assert!(!book.lacks(key));
    }
}

/// Streams are read at the head. When another node has just written, what was loaded is ahead of
/// the accounts here: a decision then may meet a contradiction that goes away with catching up, so
/// whoever loads folds the events up to the head before deciding.
#[test]
fn what_is_loaded_ahead_of_the_book_is_decided_after_catching_up() {
    let placed = HoldEvent::HoldPlaced {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        amount: amount("1.00"),
        destination: None,
        expires_at: None,
        reference: None,
        metadata: Metadata::default(),
        manager: None,
    };
    let mut book = partial();
    book.load_hold(hold_id(1), Hold::Absent.evolve(&placed).unwrap(), 1);
    book.load_holder(wallet(1), rows("7.00"), position(10))
        .unwrap();
    let void = crate::command::Command::VoidHold {
        hold: hold_id(1),
        reason: None,
    };
    let early = decide(&mut book, &void, at(11)).unwrap_err();
    assert!(matches!(
        early,
        DecisionError::Book(BookError::Totals { .. })
    ));
    let elsewhere = NewEvent {
        position: position(11),
        stream: Stream::Hold(hold_id(1)),
        sequence: 1,
        event: Event::Hold(placed),
    };
    book.apply(&recorded(&[elsewhere], at(11))[0]).unwrap();
    assert_eq!(decide(&mut book, &void, at(12)).unwrap().len(), 1);
}
