//! Savepoints: what is taken back never was, what is settled stays.

use super::commands::{beginning, recorded_at};
use super::sight::Sight;
use crate::book::Book;
use crate::command::Command;
use crate::decision::decide;
use crate::fixtures::*;
use crate::posting::FreezeScope;

fn started() -> Book {
    let mut book = Book::complete();
    for (number, command) in beginning().iter().enumerate() {
        decide(&mut book, command, recorded_at(number)).unwrap();
    }
    book.settle(book.savepoint());
    book
}

fn freeze(number: u128) -> Command {
    Command::FreezeWallet {
        wallet: wallet_id(number),
        scope: FreezeScope::All,
        reason: None,
    }
}

#[test]
fn a_book_is_speculative_until_it_is_settled() {
    let mut book = started();
    assert!(!book.is_speculative());
    decide(&mut book, &freeze(1), recorded_at(50)).unwrap();
    assert!(book.is_speculative());
    book.settle(book.savepoint());
    assert!(!book.is_speculative());
}

#[test]
fn settling_the_first_of_two_leaves_a_way_back_to_between_them() {
    let mut book = started();
    decide(&mut book, &freeze(1), recorded_at(50)).unwrap();
    let (between, seen) = (book.savepoint(), Sight::of(&book));
    decide(&mut book, &freeze(2), recorded_at(51)).unwrap();
    book.settle(between);
    assert!(book.is_speculative());
    book.take_back(between);
    assert_eq!(Sight::of(&book), seen);
    assert!(!book.is_speculative());
}

#[test]
fn what_is_settled_is_not_taken_back() {
    let mut book = started();
    let start = book.savepoint();
    decide(&mut book, &freeze(1), recorded_at(50)).unwrap();
    book.settle(book.savepoint());
    let settled = Sight::of(&book);
    decide(&mut book, &freeze(2), recorded_at(51)).unwrap();
    book.take_back(start);
    assert_eq!(Sight::of(&book), settled);
}

#[test]
fn settling_or_taking_back_twice_changes_nothing_more() {
    let mut book = started();
    let start = book.savepoint();
    decide(&mut book, &freeze(1), recorded_at(50)).unwrap();
    let end = book.savepoint();
    let seen = Sight::of(&book);
    book.settle(end);
    book.settle(end);
    book.settle(start);
    book.take_back(end);
    assert_eq!(Sight::of(&book), seen);
    decide(&mut book, &freeze(2), recorded_at(51)).unwrap();
    book.take_back(end);
    book.take_back(end);
    assert_eq!(Sight::of(&book), seen);
}

#[test]
fn a_refused_second_half_takes_its_first_half_with_it() {
    let mut book = started();
    let before = Sight::of(&book);
    // The mark on the first transaction is decided before the reverting one finds its id taken.
    let command = Command::RevertTransaction {
        transaction: transaction_id(1_001),
        reverting_transaction: transaction_id(1_002),
        effective_at: None,
        reference: None,
        metadata: crate::annotation::Metadata::default(),
    };
    let refused = decide(&mut book, &command, recorded_at(50)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("the transaction {} already exists", transaction_id(1_002))
    );
    assert_eq!(Sight::of(&book), before);
    assert!(!book.is_speculative());
}
