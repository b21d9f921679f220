//! Holds and the movements that settle them: both happen or neither.

use super::*;
use crate::posting::FreezeScope;

#[test]
fn a_capture_shrinks_the_hold_and_moves_the_money_in_one_decision() {
    let mut book = started();
    apply(&mut book, &place(1, "10", Some(wallet(2))));
    assert_eq!(available(&book, 1), decimal("0"));
    let events = apply(&mut book, &capture(1, 1, Some("4")));
    let [
        Event::Hold(HoldEvent::HoldCaptured { transaction, .. }),
        Event::Transaction(moved),
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(*transaction, transaction_id(1));
    let expected = TransactionEvent::TransactionPosted {
        usage: None,
        postings: vec![posting(wallet(1), wallet(2), "INR", "4.00")],
        effective_at: at(10),
        cause: TransactionCause::Capture(hold_id(1)),
        reference: None,
        metadata: Metadata::default(),
    };
    assert_eq!(*moved, expected);
    assert_eq!(
        (available(&book, 1), available(&book, 2)),
        (decimal("6"), decimal("4"))
    );
}

#[test]
fn reserved_money_is_there_for_the_capture_and_for_nothing_else() {
    let mut book = started();
    apply(&mut book, &place(1, "10", Some(wallet(2))));
    assert_eq!(
        refuse(&mut book, &pay(1, wallet(1), wallet(3), "0.01")),
        "insufficient_funds"
    );
    assert_eq!(
        refuse(&mut book, &place(2, "0.01", None)),
        "insufficient_funds"
    );
    assert_eq!(refuse(&mut book, &close(1)), "wallet_has_holds");
    apply(&mut book, &capture(1, 1, None));
    assert_eq!(available(&book, 2), decimal("10"));
    apply(&mut book, &close(1));
}

#[test]
fn a_capture_that_cannot_move_the_money_leaves_the_hold_as_it_was() {
    for (spoil, code) in [
        (close(2), "wallet_closed"),
        (freeze(2, FreezeScope::Credits), "wallet_frozen"),
        (freeze(1, FreezeScope::Debits), "wallet_frozen"),
        (pay(1, system("cash"), wallet(3), "1"), "transaction_exists"),
    ] {
        let mut book = started();
        apply(&mut book, &place(1, "10", Some(wallet(2))));
        apply(&mut book, &spoil);
        assert_eq!(refuse(&mut book, &capture(1, 1, None)), code);
        assert_eq!(available(&book, 1), decimal("0"));
        assert!(matches!(book.hold(hold_id(1)), Hold::Active(_)));
        apply(
            &mut book,
            &Command::VoidHold {
                hold: hold_id(1),
                reason: None,
            },
        );
        assert_eq!(available(&book, 1), decimal("10"));
    }
}

#[test]
fn a_capture_to_nobody_or_to_oneself_is_refused() {
    for (destination, code) in [
        (Some(wallet(9)), "account_not_found"),
        (Some(wallet(1)), "same_source_and_destination"),
        (None, "capture_destination_missing"),
    ] {
        let mut book = started();
        apply(&mut book, &place(1, "10", destination));
        assert_eq!(refuse(&mut book, &capture(1, 1, None)), code);
    }
}

#[test]
fn what_was_captured_can_be_reverted_but_the_hold_stays_finished() {
    let mut book = started();
    apply(&mut book, &place(1, "10", Some(wallet(2))));
    apply(&mut book, &capture(1, 1, None));
    apply(&mut book, &revert(1, 2));
    assert_eq!(available(&book, 1), decimal("10"));
    assert_eq!(refuse(&mut book, &capture(1, 3, None)), "hold_not_active");
}
