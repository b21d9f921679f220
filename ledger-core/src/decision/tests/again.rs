//! What was decided is decided again alike, and nothing else is.

use super::*;
use crate::event::{EventMetadata, RecordedEvent};
use crate::posting::Posting;

/// Commands that are all accepted, and move money in every way that people ask for.
fn story() -> Vec<Command> {
    vec![
        open_ledger(),
        open_wallet(1),
        open_wallet(2),
        open_wallet(3),
        pay(100, system("cash"), wallet(1), "10"),
        pay(1, wallet(1), wallet(2), "4"),
        revert(1, 2),
        place(1, "5", Some(wallet(2))),
        capture(1, 4, Some("3")),
        place(2, "1", None),
        Command::VoidHold {
            hold: hold_id(2),
            reason: None,
        },
        pay(5, wallet(2), wallet(1), "3"),
        close(2),
    ]
}

fn log() -> Vec<RecordedEvent> {
    let mut book = Book::complete();
    let mut log = Vec::new();
    for command in story() {
        for new in decide(&mut book, &command, at(10)).unwrap() {
            log.push(RecordedEvent {
                position: new.position,
                recorded_at: at(10),
                stream: new.stream,
                sequence: new.sequence,
                event: new.event,
                metadata: EventMetadata {
                    command_id: uuid::Uuid::nil(),
                    actor: None,
                    correlation_id: None,
                    causation_id: None,
                    idempotency: None,
                },
            });
        }
    }
    log
}

/// How many events of a log are found right, and whether all of them are.
fn check(log: &[RecordedEvent]) -> (usize, bool) {
    let mut book = Book::complete();
    let mut deciding = DecidingAgain::default();
    for (index, event) in log.iter().enumerate() {
        match deciding.next(&mut book, event) {
            Ok(Again::Same | Again::Told) => {}
            Ok(Again::Other(_) | Again::Unfounded) | Err(_) => {
                assert!(!book.is_speculative());
                return (index, false);
            }
        }
    }
    (log.len(), deciding.missing().is_none())
}

#[test]
fn what_was_decided_is_decided_again() {
    let log = log();
    assert_eq!(check(&log), (log.len(), true));
}

/// Changes one event in a way that still balances; it, or what it makes impossible, is found.
#[test]
fn what_would_not_have_been_decided_is_found() {
    let original = log();
    let mut changed = 0;
    for index in 0..original.len() {
        let mut log = original.clone();
        let event = &mut log[index].event;
        let is_changed = match event {
            Event::Transaction(TransactionEvent::TransactionPosted {
                postings, cause, ..
            }) => {
                let [Posting { amount, .. }] = postings.as_mut_slice() else {
                    panic!("one posting")
                };
                *amount = crate::fixtures::amount("11.00");
                // Money from outside has no bound, but what was spent of it later has.
                *cause != TransactionCause::Request || index > 4
            }
            Event::Hold(
                HoldEvent::HoldPlaced { amount, .. } | HoldEvent::HoldCaptured { amount, .. },
            ) => {
                *amount = crate::fixtures::amount("11.00");
                true
            }
            Event::Hold(HoldEvent::HoldVoided { released, .. }) => {
                *released = crate::fixtures::amount("0.50");
                true
            }
            Event::Transaction(TransactionEvent::TransactionReverted {
                reverting_transaction,
            }) => {
                *reverting_transaction = transaction_id(77);
                true
            }
            _ => false,
        };
        if is_changed {
            changed += 1;
            let (found, right) = check(&log);
            assert!(
                !right && (found == index || found == index + 1),
                "{index}: {found}"
            );
        }
    }
    assert!(changed >= 8, "{changed}");
}

#[test]
fn a_wallet_that_holds_something_was_never_closed() {
    let mut log = log();
    let last = log.len() - 2;
    // The payment that emptied it.
    log.remove(last);
    log[last].position = crate::event::Position::START.plus(i64::try_from(last).unwrap() + 1);
    assert_eq!(check(&log), (last, false));
}
