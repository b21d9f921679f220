//! What must be loaded before a command is decided, and before it is refused.

use super::*;
use crate::book::{AccountTotals, HolderRows};
use crate::event::Position;
use crate::fixtures;
use crate::ledger::Ledger;

fn wallet_of(number: u128) -> EntityKey {
    EntityKey::Holder(fixtures::wallet(number))
}

fn hold_of(number: u128) -> EntityKey {
    EntityKey::Hold(hold_id(number))
}

fn transaction_of(number: u128) -> EntityKey {
    EntityKey::Transaction(transaction_id(number))
}

/// A partial book with nothing but the ledger in it.
fn cold() -> Book {
    let ledger: Ledger = started().ledger().clone();
    Book::partial(Position::START, None, ledger, 1)
}

#[test]
fn each_kind_of_command_needs_what_it_concerns() {
    let needed: [&[EntityKey]; 14] = [
        &[],
        &[],
        &[],
        &[wallet_of(9)],
        &[wallet_of(1)],
        &[wallet_of(1)],
        &[wallet_of(1)],
        &[wallet_of(2)],
        &[wallet_of(1), wallet_of(2)],
        &[transaction_of(1)],
        &[wallet_of(1)],
        &[hold_of(1)],
        &[hold_of(1)],
        &[hold_of(1)],
    ];
    for (command, needed) in one_of_each().iter().zip(needed) {
        assert_eq!(lacking(&mut cold(), command), needed, "{}", command.name());
    }
}

#[test]
fn each_kind_of_command_begins_at_most_one_stream() {
    let begun = [
        None,
        None,
        None,
        Some(wallet_of(9)),
        None,
        None,
        None,
        None,
        Some(transaction_of(2)),
        Some(transaction_of(3)),
        Some(hold_of(2)),
        Some(transaction_of(4)),
        None,
        None,
    ];
    for (command, begun) in one_of_each().iter().zip(begun) {
        assert_eq!(begun_entity(command), begun, "{}", command.name());
        assert_eq!(
            lacking_to_refuse(&mut cold(), command),
            begun,
            "{}",
            command.name()
        );
        assert_eq!(lacking_to_refuse(&mut started(), command), None);
    }
}

#[test]
fn what_a_hold_or_transaction_concerns_is_known_once_it_is_loaded() {
    let mut whole = started();
    apply(&mut whole, &pay(1, wallet(1), wallet(2), "1"));
    apply(&mut whole, &place(1, "1", Some(wallet(3))));
    let mut book = cold();
    book.load_transaction(
        transaction_id(1),
        whole.transaction(transaction_id(1)).clone(),
        1,
    );
    assert_eq!(
        lacking(&mut book, &revert(1, 3)),
        [wallet_of(1), wallet_of(2)]
    );
    book.load_hold(hold_id(1), whole.hold(hold_id(1)).clone(), 1);
    assert_eq!(
        lacking(&mut book, &capture(1, 4, None)),
        [wallet_of(1), wallet_of(3)]
    );
    let mut elsewhere = capture(1, 4, None);
    if let Command::CaptureHold { request, .. } = &mut elsewhere {
        request.destination = Some(system("fees"));
    }
    let fees = EntityKey::Holder(system("fees"));
    assert_eq!(lacking(&mut book, &elsewhere), [wallet_of(1), fees]);
    let void = Command::VoidHold {
        hold: hold_id(1),
        reason: None,
    };
    assert_eq!(lacking(&mut book, &void), [wallet_of(1)]);
}

/// The first attempt took all the money; the retry must hear that it took place, not that there is
/// no money for it.
#[test]
fn the_retry_of_a_payment_that_took_place_is_not_told_that_the_funds_are_gone() {
    let payment = pay(1, wallet(1), wallet(2), "10");
    let mut whole = started();
    apply(&mut whole, &payment);
    let mut book = cold();
    for holder in [1, 2].map(fixtures::wallet) {
        let accounts = whole
            .accounts_of(holder)
            .into_iter()
            .map(|(account, standing)| {
                let (posted, pending_debits) = (standing.posted, standing.pending_debits);
                (
                    account.asset,
                    AccountTotals {
                        posted,
                        pending_debits,
                    },
                )
            });
        let rows = HolderRows {
            owner: None,
            wallet: whole.wallet(holder).clone(),
            wallet_sequence: 1,
            accounts: accounts.collect(),
        };
        book.load_holder(holder, rows, Position::START).unwrap();
    }
    assert!(lacking(&mut book, &payment).is_empty());
    assert_eq!(refuse(&mut book, &payment), "insufficient_funds");
    assert_eq!(
        lacking_to_refuse(&mut book, &payment),
        Some(transaction_of(1))
    );
    book.load_transaction(
        transaction_id(1),
        whole.transaction(transaction_id(1)).clone(),
        1,
    );
    assert_eq!(lacking_to_refuse(&mut book, &payment), None);
    assert_eq!(refuse(&mut book, &payment), "transaction_exists");
}
