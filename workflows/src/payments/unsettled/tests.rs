//! Tests of what reports should have.

use ledger_core::payment::{PaymentEvent, UnexpectedReason};
use ledger_core::{Event, TransactionId};
use uuid::Uuid;

use super::*;

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn transaction() -> TransactionId {
    TransactionId::new(Uuid::nil())
}

fn captured(provider: &str, amount: &str) -> Event {
    Event::Payment(Box::new(PaymentEvent::UnexpectedPaymentCaptured {
        provider: parsed(provider),
        attempt: parsed("pay_1"),
        order: None,
        asset: parsed("INR"),
        amount: parsed(amount),
        why: UnexpectedReason::UnknownPayment,
        fees: None,
        transaction: transaction(),
    }))
}

fn refund_id(number: u128) -> RefundId {
    RefundId::new(Uuid::from_u128(number))
}

fn refunded(number: u128, amount: &str) -> Event {
    Event::Payment(Box::new(PaymentEvent::RefundSucceeded {
        refund: refund_id(number),
        provider_refund: parsed("rfnd_1"),
        amount: parsed(amount),
        bank_reference: None,
        transaction: transaction(),
    }))
}

fn failed(number: u128) -> Event {
    Event::Payment(Box::new(PaymentEvent::RefundFailed {
        refund: refund_id(number),
        provider_refund: parsed("rfnd_1"),
        amount: parsed("5.00"),
        reason: None,
        returned: None,
        made_good: None,
    }))
}

fn missing(what: Moved) -> Expected {
    Expected {
        what,
        name: parsed("pay_1"),
        payment: PaymentId::new(Uuid::nil()),
        day: NaiveDate::MIN,
    }
}

#[test]
fn a_break_is_of_what_the_provider_still_has_or_gave_back() {
    let amount = |provider: &str, what, events: &[Event]| {
        let found = ours(parsed(provider), &missing(what), events);
        found.map(|ours| (ours.asset.to_string(), ours.amount.to_string()))
    };
    let said = |amount: &str| Some(("INR".to_owned(), amount.to_owned()));
    let events = [
        captured("razorpay", "90.00"),
        refunded(1, "5.00"),
        refunded(2, "7.00"),
    ];
    assert_eq!(amount("razorpay", Moved::Payment, &events), said("90.00"));
    let second = Moved::Refund(refund_id(2));
    assert_eq!(amount("razorpay", second, &events), said("7.00"));
    // Another provider's report has another's money.
    assert_eq!(amount("stripe", Moved::Payment, &events), None);
    assert_eq!(amount("stripe", second, &events), None);
    assert_eq!(amount("razorpay", Moved::Payment, &[]), None);
    // What failed after all is in no report, or there and back.
    let events = [
        captured("razorpay", "90.00"),
        refunded(1, "5.00"),
        failed(1),
    ];
    let first = Moved::Refund(refund_id(1));
    assert_eq!(amount("razorpay", first, &events), None);
}
