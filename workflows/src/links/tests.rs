//! Tests of names.

use super::*;
use ledger_core::payment::UnexpectedReason;

#[test]
fn a_reference_tells_which_attempt_it_is_of() {
    let payout = PayoutId::new(Uuid::from_u128(7));
    let other = PayoutId::new(Uuid::from_u128(8));
    for attempt in [1, 2, MOST_ATTEMPTS] {
        let reference = payout_reference(payout, attempt);
        assert_eq!(payout_attempt(payout, &reference), Some(attempt));
        assert_eq!(payout_attempt(other, &reference), None);
    }
    let foreign = Reference::of(payout.as_uuid());
    assert_eq!(payout_attempt(payout, &foreign), None);
}

/// Refunds and disputes are looked up by the attempt: they concern the money that it brought.
#[test]
fn money_that_was_not_expected_takes_the_name_of_its_attempt_over() {
    let payment = PaymentId::new(Uuid::from_u128(7));
    let failed = PaymentEvent::PaymentFailed {
        provider: "razorpay".parse().unwrap(),
        attempt: Some("pay_2".parse().unwrap()),
        reason: None,
    };
    let unexpected = PaymentEvent::UnexpectedPaymentCaptured {
        provider: "razorpay".parse().unwrap(),
        attempt: "pay_2".parse().unwrap(),
        order: None,
        asset: "INR".parse().unwrap(),
        amount: "100.00".parse().unwrap(),
        why: UnexpectedReason::PaidBefore(payment),
        fees: None,
        transaction: ledger_core::TransactionId::new(Uuid::from_u128(9)),
    };
    let precedence = |event| links_of_payment(payment, event)[0].precedence;
    assert_eq!(precedence(&failed), Precedence::First);
    assert_eq!(precedence(&unexpected), Precedence::Final);
}
