//! Reverting: a new transaction and a mark on the old one, both or neither.

use super::*;
use crate::posting::FreezeScope;

#[test]
fn a_revert_marks_the_old_transaction_and_posts_the_new_one() {
    let mut book = started();
    apply(&mut book, &pay(1, wallet(1), wallet(2), "4"));
    let events = apply(&mut book, &revert(1, 2));
    let mark = TransactionEvent::TransactionReverted {
        reverting_transaction: transaction_id(2),
    };
    let turned = TransactionEvent::TransactionPosted {
        usage: None,
        postings: vec![posting(wallet(2), wallet(1), "INR", "4.00")],
        effective_at: at(-1_000),
        cause: TransactionCause::Revert(transaction_id(1)),
        reference: Some(reference("mistake")),
        metadata: metadata(&[("ticket", "7")]),
    };
    assert_eq!(
        events,
        [Event::Transaction(mark), Event::Transaction(turned)]
    );
    assert_eq!(
        (available(&book, 1), available(&book, 2)),
        (decimal("10"), decimal("0"))
    );
}

#[test]
fn a_transaction_is_reverted_once_and_its_revert_may_be_reverted_too() {
    let mut book = started();
    apply(&mut book, &pay(1, wallet(1), wallet(2), "4"));
    apply(&mut book, &revert(1, 2));
    assert_eq!(
        refuse(&mut book, &revert(1, 3)),
        "transaction_already_reverted"
    );
    apply(&mut book, &revert(2, 3));
    assert_eq!(available(&book, 2), decimal("4"));
    assert_eq!(
        refuse(&mut book, &revert(1, 4)),
        "transaction_already_reverted"
    );
}

#[test]
fn a_revert_that_cannot_be_posted_leaves_no_mark() {
    let mut book = started();
    apply(&mut book, &pay(1, wallet(1), wallet(2), "4"));
    assert_eq!(refuse(&mut book, &revert(9, 10)), "transaction_not_found");
    assert_eq!(refuse(&mut book, &revert(1, 1)), "transaction_exists");
    assert_eq!(refuse(&mut book, &revert(1, 100)), "transaction_exists");
    apply(&mut book, &freeze(2, FreezeScope::Debits));
    assert_eq!(refuse(&mut book, &revert(1, 2)), "wallet_frozen");
    apply(
        &mut book,
        &Command::UnfreezeWallet {
            wallet: wallet_id(2),
            reason: None,
        },
    );
    apply(&mut book, &pay(3, wallet(2), wallet(3), "1"));
    assert_eq!(refuse(&mut book, &revert(1, 2)), "insufficient_funds");
    apply(&mut book, &pay(4, wallet(2), wallet(3), "3"));
    apply(&mut book, &close(2));
    assert_eq!(refuse(&mut book, &revert(1, 2)), "wallet_closed");
    assert!(matches!(
        book.transaction(transaction_id(1)),
        Transaction::Posted(_)
    ));
}
