//! Tests of transactions. The rules of movement themselves are tested with postings.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;
use crate::annotation::Metadata;
use crate::fixtures::*;
use crate::posting::{PostingRejection, RequestedPosting, Side, Standings};

fn given(events: Vec<TransactionEvent>) -> AggregateTestExecutor<Transaction> {
    TestFramework::with(()).given(events)
}

fn standing() -> Standings {
    standings(&[
        (wallet(1), "INR", funded("10")),
        (wallet(2), "INR", funded("0")),
    ])
}

fn request(postings: Vec<RequestedPosting>) -> TransactionRequest {
    TransactionRequest {
        postings,
        effective_at: None,
        reference: None,
        metadata: Metadata::default(),
    }
}

fn post(request: TransactionRequest) -> TransactionCommand {
    TransactionCommand::Post {
        bounds: crate::transaction::MovementBounds::default(),
        transaction: transaction_id(1),
        request,
        cause: TransactionCause::Request,
        recorded_at: at(0),
        standings: standing(),
    }
}

fn pay(amount: &str) -> RequestedPosting {
    requested(wallet(1), wallet(2), "INR", amount)
}

fn mark() -> TransactionCommand {
    TransactionCommand::MarkReverted {
        transaction: transaction_id(1),
        reverting_transaction: transaction_id(2),
    }
}

fn posted() -> TransactionEvent {
    TransactionEvent::TransactionPosted {
        usage: None,
        postings: vec![posting(wallet(1), wallet(2), "INR", "4.00")],
        effective_at: at(0),
        cause: TransactionCause::Request,
        reference: None,
        metadata: Metadata::default(),
    }
}

fn reverted() -> TransactionEvent {
    TransactionEvent::TransactionReverted {
        reverting_transaction: transaction_id(2),
    }
}

#[test]
fn a_transaction_counts_from_its_recording_unless_it_says_otherwise() {
    given(vec![])
        .when(post(request(vec![pay("4")])))
        .then_expect_events(vec![posted()]);
    let described = TransactionCommand::Post {
        bounds: crate::transaction::MovementBounds::default(),
        transaction: transaction_id(1),
        request: TransactionRequest {
            postings: vec![pay("4")],
            effective_at: Some(at(-86_400)),
            reference: Some(reference("invoice 7")),
            metadata: metadata(&[("channel", "app")]),
        },
        cause: TransactionCause::Capture(hold_id(3)),
        recorded_at: at(0),
        standings: standing(),
    };
    let expected = TransactionEvent::TransactionPosted {
        usage: None,
        postings: vec![posting(wallet(1), wallet(2), "INR", "4.00")],
        effective_at: at(-86_400),
        cause: TransactionCause::Capture(hold_id(3)),
        reference: Some(reference("invoice 7")),
        metadata: metadata(&[("channel", "app")]),
    };
    given(vec![])
        .when(described)
        .then_expect_events(vec![expected]);
}

#[test]
fn a_transaction_is_posted_once() {
    let refused = || TransactionRejection::Exists {
        transaction: transaction_id(1),
    };
    given(vec![posted()])
        .when(post(request(vec![pay("4")])))
        .then_expect_error(refused());
    given(vec![posted(), reverted()])
        .when(post(request(vec![])))
        .then_expect_error(refused());
}

#[test]
fn postings_that_break_a_rule_refuse_the_transaction() {
    let missing = PostingRejection::AccountNotFound {
        posting: 1,
        side: Side::Destination,
        holder: wallet(9),
    };
    let postings = vec![pay("4"), requested(wallet(1), wallet(9), "INR", "1")];
    given(vec![])
        .when(post(request(postings)))
        .then_expect_error(missing.into());
    given(vec![])
        .when(post(request(vec![])))
        .then_expect_error(PostingRejection::NoPostings {}.into());
    let short = PostingRejection::InsufficientFunds {
        account: account(wallet(1), "INR"),
        available: decimal("10"),
        required: decimal("10.01"),
    };
    given(vec![])
        .when(post(request(vec![pay("10.01")])))
        .then_expect_error(short.into());
}

#[test]
fn a_transaction_is_reverted_once() {
    given(vec![posted()])
        .when(mark())
        .then_expect_events(vec![reverted()]);
    let missing = TransactionRejection::NotFound {
        transaction: transaction_id(1),
    };
    given(vec![]).when(mark()).then_expect_error(missing);
    let again = TransactionCommand::MarkReverted {
        transaction: transaction_id(1),
        reverting_transaction: transaction_id(3),
    };
    let refused = TransactionRejection::AlreadyReverted {
        transaction: transaction_id(1),
        reverting_transaction: transaction_id(2),
    };
    given(vec![posted(), reverted()])
        .when(again)
        .then_expect_error(refused);
}

/// The table of the module's documentation.
#[test]
fn every_command_in_every_state() {
    let histories = [vec![], vec![posted()], vec![posted(), reverted()]];
    let commands = [post(request(vec![pay("4")])), mark()];
    let table = [
        ["TransactionPosted", "transaction_not_found"],
        ["transaction_exists", "TransactionReverted"],
        ["transaction_exists", "transaction_already_reverted"],
    ];
    for (history, row) in histories.iter().zip(table) {
        for (command, expected) in commands.iter().zip(row) {
            let found = match outcome::<Transaction>(history, command.clone()) {
                Ok(event) => event.name(),
                Err(rejection) => rejection.code(),
            };
            assert_eq!(found, expected, "{command:?} after {history:?}");
        }
    }
}

#[test]
fn every_event_in_every_state() {
    let absent = Transaction::Absent;
    let done = absent.evolve(&posted()).unwrap();
    let undone = done.evolve(&reverted()).unwrap();
    for (state, event, name) in [
        (&absent, reverted(), "Absent"),
        (&done, posted(), "Posted"),
        (&undone, posted(), "Reverted"),
        (&undone, reverted(), "Reverted"),
    ] {
        let refused = state.evolve(&event).unwrap_err();
        assert_eq!((refused.event, refused.state), (event.name(), name));
    }
    let Transaction::Posted(state) = &done else {
        panic!("{done:?}")
    };
    assert_eq!(
        undone,
        Transaction::Reverted(state.clone(), transaction_id(2))
    );
    assert_eq!(state.effective_at, at(0));
    let turned = [requested(wallet(2), wallet(1), "INR", "4.00")];
    assert_eq!(state.reversed_postings(), turned);
}

#[test]
fn a_state_can_be_written_and_read() {
    for history in [vec![], vec![posted()], vec![posted(), reverted()]] {
        let next = |state: Transaction, event| state.evolve(event).unwrap();
        let state = history.iter().fold(Transaction::default(), next);
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Transaction>(&json).unwrap(), state);
    }
}

/// It would not learn of it: a payment that was reverted could be refunded as well.
#[test]
fn what_something_else_knows_of_is_not_reverted() {
    for (cause, managed) in [
        (TransactionCause::Request, false),
        (TransactionCause::Capture(hold_id(1)), false),
        (TransactionCause::Payment(payment_id(1)), true),
        (TransactionCause::Payout(payout_id(1)), true),
        (TransactionCause::Settlement(settlement_id(1)), true),
    ] {
        let posted = TransactionEvent::TransactionPosted {
            usage: None,
            postings: vec![posting(wallet(1), wallet(2), "INR", "1.00")],
            effective_at: at(0),
            cause,
            reference: None,
            metadata: Metadata::default(),
        };
        let mark = TransactionCommand::MarkReverted {
            transaction: transaction_id(1),
            reverting_transaction: transaction_id(2),
        };
        let refused = outcome::<Transaction>(&[posted], mark).err();
        let code = refused.map(|refused| refused.code());
        assert_eq!(code, managed.then_some("transaction_managed"), "{cause:?}");
    }
}
