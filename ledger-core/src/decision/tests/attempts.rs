//! Several attempts at one payment, and money that was taken in before it was known whose it is.

use super::outside::*;
use super::*;
use crate::payment::{
    DisputePhase, ObservedDispute, ObservedPayment, ObservedRefund, PaymentStatus,
    RefundObservation, unexpected_payment_id,
};

fn second() -> crate::identifier::PaymentId {
    unexpected_payment_id(provider("razorpay"), &theirs("pay_2"))
}

fn refund_of(attempt: &str, number: u128, status: ObservedRefund, amount: &str) -> Command {
    let observation = RefundObservation {
        attempt: theirs(attempt),
        provider_refund: theirs(&format!("rfnd_{number}")),
        ..refund_seen(status, amount)
    };
    of_payment(1, observe_refund(number, observation))
}

fn dispute_of(attempt: &str, number: u128, status: ObservedDispute) -> Command {
    let observation = crate::payment::DisputeObservation {
        attempt: theirs(attempt),
        ..dispute_seen(status, DisputePhase::Chargeback, "100")
    };
    of_payment(1, observe_dispute(400 + number, observation))
}

/// Payment 1 was captured as `pay_1`, and its attempt `pay_2`, which had failed, after all.
fn paid_twice() -> Book {
    let mut book = created();
    let failed = ObservedPayment::Failed {
        attempt: Some(theirs("pay_2")),
        reason: None,
    };
    apply(&mut book, &of_payment(1, observe(200, seen(failed))));
    for (number, attempt) in [(201, "pay_1"), (202, "pay_2")] {
        let captured = observe(number, seen(captured_as(attempt, "100")));
        apply(&mut book, &of_payment(1, captured));
    }
    assert_eq!(balances(&book), ["110", "200", "0", "0", "100", "0"]);
    book
}

/// The payer gets back what was paid by mistake: that is not the wallet's loss.
#[test]
fn a_refund_of_a_second_attempt_is_taken_from_its_own_money() {
    let mut book = paid_twice();
    let refunded = refund_of("pay_2", 7, ObservedRefund::Succeeded, "100");
    assert_eq!(names(&apply(&mut book, &refunded))[0], "RefundDiscovered");
    assert_eq!(balances(&book), ["110", "100", "0", "0", "0", "0"]);
    assert_eq!(
        book.payment(second()).status(),
        Some(PaymentStatus::Refunded)
    );
    assert_eq!(
        book.payment(payment_id(1)).status(),
        Some(PaymentStatus::Captured)
    );
    apply(
        &mut book,
        &refund_of("pay_1", 8, ObservedRefund::Succeeded, "40"),
    );
    assert_eq!(balances(&book), ["70", "60", "0", "0", "0", "0"]);
}

#[test]
fn a_dispute_of_a_second_attempt_is_taken_from_its_own_money() {
    let mut book = paid_twice();
    apply(&mut book, &dispute_of("pay_2", 1, ObservedDispute::Lost));
    assert_eq!(balances(&book), ["110", "100", "0", "0", "0", "0"]);
    apply(&mut book, &dispute_of("pay_1", 2, ObservedDispute::Open));
    assert_eq!(balances(&book), ["10", "100", "0", "100", "0", "0"]);
}

/// Its capture was not heard of, so it is fetched first.
#[test]
fn a_refund_of_an_attempt_that_is_not_known_waits_for_its_money() {
    let mut book = paid();
    let early = refund_of("pay_2", 7, ObservedRefund::Succeeded, "100");
    assert_eq!(refuse(&mut book, &early), "payment_not_found");
    let captured = observe(202, seen(captured_as("pay_2", "100")));
    apply(&mut book, &of_payment(1, captured));
    apply(&mut book, &early);
    assert_eq!(balances(&book), ["110", "100", "0", "0", "0", "0"]);
}

/// What was taken in as nobody's is not taken in again when it turns out whose it was meant to be;
/// somebody gives it to them.
#[test]
fn one_capture_is_taken_in_once() {
    let mut book = created();
    let unknown = unexpected_payment_id(provider("razorpay"), &theirs("pay_9"));
    let captured = seen(captured_as("pay_9", "100"));
    let stray = PaymentAction::ObserveUnexpected {
        observation: captured.clone(),
        why: crate::payment::UnexpectedReason::UnknownPayment,
        transaction: transaction_id(210),
    };
    let stray = Command::Payment {
        payment: unknown,
        action: Box::new(stray),
    };
    apply(&mut book, &stray);
    assert_eq!(balances(&book), ["10", "100", "0", "0", "100", "0"]);
    let named = of_payment(1, observe(211, captured));
    assert_eq!(apply(&mut book, &named), []);
    // Its charge is still news.
    let with_fees = ObservedPayment::Captured {
        attempt: theirs("pay_9"),
        money: inr("100"),
        fees: Some(fees("2", "0")),
    };
    let told = of_payment(1, observe(212, seen(with_fees)));
    assert_eq!(names(&apply(&mut book, &told))[0], "PaymentFeesRecorded");
    assert_eq!(balances(&book), ["10", "98", "0", "0", "100", "0"]);
    // A refund of it is its own too, though the payment's money never arrived.
    apply(
        &mut book,
        &refund_of("pay_9", 7, ObservedRefund::Succeeded, "40"),
    );
    let credit = PaymentAction::Credit {
        wallet: wallet_id(1),
        transaction: transaction_id(213),
    };
    let credit = Command::Payment {
        payment: unknown,
        action: Box::new(credit),
    };
    apply(&mut book, &credit);
    assert_eq!(balances(&book), ["70", "58", "0", "0", "0", "0"]);
    let expire = PaymentAction::Expire { reason: None };
    apply(&mut book, &of_payment(1, expire));
}

/// Two names, one payment: the second look finds what the first needs.
#[test]
fn what_is_of_another_attempt_needs_that_attempts_payment() {
    let whole = paid_twice();
    let mut part = Book::partial(whole.position(), None, whole.ledger().clone(), 20);
    let command = refund_of("pay_2", 7, ObservedRefund::Succeeded, "100");
    let first = lacking(&mut part, &command);
    for payment in [payment_id(1), second()] {
        assert!(first.contains(&EntityKey::Payment(payment)), "{first:?}");
        let state = whole.payment(payment).clone();
        part.load_payment(payment, state, 2);
    }
    let next = lacking(&mut part, &command);
    assert!(!next.contains(&EntityKey::Holder(wallet(1))), "{next:?}");
}
