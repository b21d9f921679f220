//! What owners have used, in a book that has not seen all of it.

use super::commands::recorded_at;
use super::sight::recorded;
use crate::book::{Book, EntityKey, UsageRows};
use crate::decision::decide;
use crate::event::{Position, RecordedEvent};
use crate::fixtures::*;
use crate::identifier::OwnerKey;

/// A complete book in which the owner of wallets 1 and 2 has moved something, and its log.
fn moved() -> (Book, Vec<RecordedEvent>) {
    let mut commands = super::tiers::beginning();
    for number in 1..=3 {
        let out = vec![requested(wallet(1), wallet(3), "INR", "2")];
        commands.push(super::commands::post(number, out));
    }
    let mut book = Book::complete();
    let mut log = Vec::new();
    for (step, command) in commands.iter().enumerate() {
        let events = decide(&mut book, command, recorded_at(step)).unwrap();
        log.extend(recorded(&events, recorded_at(step)));
    }
    (book, log)
}

fn asha() -> OwnerKey {
    owner("asha").key()
}

/// The rows of the read model after `count` events.
fn rows_after(log: &[RecordedEvent], count: usize) -> (UsageRows, Position) {
    let mut book = Book::complete();
    for event in &log[..count] {
        book.apply(event).unwrap();
    }
    (
        book.usage_of(asha()).cloned().unwrap_or_default(),
        book.position(),
    )
}

fn partial_after(log: &[RecordedEvent], from: usize, to: usize) -> Book {
    let whole = Book::complete();
    let position = Position::try_new(i64::try_from(from).unwrap()).unwrap();
    let mut book = Book::partial(position, None, whole.ledger().clone(), 0);
    let mut known = Book::complete();
    for event in &log[..from] {
        known.apply(event).unwrap();
    }
    book.ledger = known.ledger;
    for event in &log[from..to] {
        book.apply(event).unwrap();
    }
    book
}

/// Wherever the read model stands and wherever the book does, before or after: the same sums.
#[test]
fn what_is_loaded_and_what_is_seen_add_up_once() {
    let (whole, log) = moved();
    let expected = whole.usage_of(asha()).unwrap();
    assert!(expected.used.rows().count() > 0);
    for began in 1..log.len() {
        for read_model in began..=log.len() {
            for loaded_at in began..=log.len() {
                let mut book = partial_after(&log, began, loaded_at);
                assert!(book.lacks(EntityKey::Usage(asha())));
                let (rows, as_of) = rows_after(&log, read_model);
                book.load_usage(asha(), rows, as_of).unwrap();
                for event in &log[loaded_at..] {
                    book.apply(event).unwrap();
                }
                let place = (began, read_model, loaded_at);
                assert_eq!(book.usage_of(asha()), Some(expected), "{place:?}");
            }
        }
    }
}

#[test]
fn a_read_model_that_went_back_is_not_believed() {
    let (_, log) = moved();
    let mut book = partial_after(&log, log.len() - 2, log.len());
    let (rows, as_of) = rows_after(&log, log.len() - 3);
    assert!(book.load_usage(asha(), rows, as_of).is_err());
}
