//! Razorpay: the adapter against the simulator, every operation.

use std::time::Duration;

use chrono::Utc;
use connectors::gateways::{
    Attempt, CaptureMode, CheckoutAction, CheckoutLookup, CheckoutStatus, Gateway, Observation,
    Operation, PaymentMethod, PaymentStatus, RefundKind, RefundLookup, RefundStatus, Reported,
};
use connectors::secret::Secret;
use connectors::simulators::PayerChoice;
use connectors::simulators::razorpay::RazorpaySimulator;

use super::receiver::{Receiver, observations};
use super::support::{
    KEY_SECRET, PAYOUT_ACCOUNT, WEBHOOK_SECRET, capture, checkout, razorpay, razorpay_links,
    reference, refund, rupees, sentence, word,
};

/// A receiver of everything that the simulator tells.
pub async fn listening(simulator: &RazorpaySimulator) -> Receiver {
    let receiver = Receiver::start().await;
    simulator
        .control()
        .set_webhook(&receiver.url(), &[Secret::new(WEBHOOK_SECRET)]);
    receiver
}

#[tokio::test]
async fn an_order_is_paid() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let request = checkout("order 1", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    let CheckoutAction::Form { url, fields } = &opened.action else {
        panic!("{opened:?}");
    };
    assert!(url.path().ends_with("/v1/checkout/embedded"));
    assert!(fields.contains(&("amount".to_owned(), "50000".to_owned())));
    assert!(!format!("{opened:?}").contains("Asha"));

    let by_id = CheckoutLookup::Id(opened.checkout_id.clone());
    let by_reference = CheckoutLookup::Reference(request.reference.clone());
    let before = gateway.fetch_checkout(&by_id).await.unwrap();
    assert_eq!(before.status, Reported::Known(CheckoutStatus::Open));
    assert!(before.payments.is_empty());

    let paid = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    let after = gateway.fetch_checkout(&by_reference).await.unwrap();
    assert_eq!(after, gateway.fetch_checkout(&by_id).await.unwrap());
    assert_eq!(after.status, Reported::Known(CheckoutStatus::Paid));
    assert_eq!(after.reference, Some(request.reference.clone()));
    assert_eq!(after.paid, rupees(50_000));
    let payment = &after.payments[0];
    assert_eq!(payment.payment_id.as_str(), paid);
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Captured));
    assert_eq!(payment.captured, rupees(50_000));
    assert_eq!(payment.reference, Some(request.reference));
    assert_eq!(payment.checkout_id, Some(opened.checkout_id));
    assert_eq!(payment.method, Some(PaymentMethod::Upi));
    let charges = payment.charges.unwrap();
    // Two percent are 10.00, the tax on them 1.80.
    assert_eq!(
        (charges.fee.to_string(), charges.tax.to_string()),
        ("10.00".into(), "1.80".into())
    );
    let fetched = gateway.fetch_payment(&payment.payment_id).await.unwrap();
    assert_eq!(fetched, *payment);

    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let mut kinds: Vec<&str> = facts
        .iter()
        .map(|facts| facts.event_type.as_str())
        .collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["order.paid", "payment.authorized", "payment.captured"]
    );
    for facts in &facts {
        let [Observation::Payment(seen)] = observations(facts) else {
            panic!("{facts:?}");
        };
        assert_eq!(seen.payment_id, payment.payment_id);
        assert!(facts.occurred_at.is_some());
    }
}

#[tokio::test]
async fn a_second_call_opens_the_same_order() {
    let (simulator, gateway) = razorpay().await;
    let mut request = checkout("order 2", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    // The receipt is used, so even a call that thinks itself the first finds what is there.
    let second = gateway.create_checkout(&request).await.unwrap();
    request.attempt = Attempt::Again;
    let third = gateway.create_checkout(&request).await.unwrap();
    assert_eq!((&opened, &opened), (&second, &third));
    assert_eq!(simulator.requests(), 4, "one, two with the look-up, one");
    request.amount = rupees(50_001);
    let other = gateway.create_checkout(&request).await;
    assert_eq!(word(other), "gateway_reference_reused");
}

#[tokio::test]
async fn a_payment_link_is_paid_expires_and_is_cancelled() {
    let (simulator, gateway) = razorpay_links().await;
    let receiver = listening(&simulator).await;
    assert!(!gateway.capabilities().supports(Operation::Capture));
    let request = checkout("link 1", 12_345);
    let opened = gateway.create_checkout(&request).await.unwrap();
    assert!(matches!(&opened.action, CheckoutAction::Redirect { .. }));
    assert!(opened.expires_at.is_some());
    let again = gateway.create_checkout(&request).await.unwrap();
    assert_eq!(again, opened);

    let id = opened.checkout_id.as_str();
    simulator.control().pay(id, PayerChoice::Fail).unwrap();
    let paid = simulator.control().pay(id, PayerChoice::Pay).unwrap();
    let by_reference = CheckoutLookup::Reference(request.reference.clone());
    let seen = gateway.fetch_checkout(&by_reference).await.unwrap();
    assert_eq!(seen.status, Reported::Known(CheckoutStatus::Paid));
    let states: Vec<_> = seen
        .payments
        .iter()
        .map(|payment| &payment.status)
        .collect();
    let (failed, captured) = (PaymentStatus::Failed, PaymentStatus::Captured);
    assert_eq!(
        states,
        [&Reported::Known(failed), &Reported::Known(captured)]
    );
    assert_eq!(seen.payments[1].payment_id.as_str(), paid);
    let failure = seen.payments[0].failure.as_ref().unwrap();
    assert_eq!(failure.reason.as_deref(), Some("payment_failed"));
    // Paid already: closing it tells so.
    let closed = gateway.expire_checkout(&opened.checkout_id).await.unwrap();
    assert_eq!(closed.status, Reported::Known(CheckoutStatus::Paid));

    let second = gateway
        .create_checkout(&checkout("link 2", 100))
        .await
        .unwrap();
    let closed = gateway.expire_checkout(&second.checkout_id).await.unwrap();
    assert_eq!(closed.status, Reported::Known(CheckoutStatus::Cancelled));
    assert_eq!(
        simulator
            .control()
            .pay(second.checkout_id.as_str(), PayerChoice::Pay),
        None
    );

    let third = gateway
        .create_checkout(&checkout("link 3", 100))
        .await
        .unwrap();
    simulator
        .control()
        .advance(Duration::from_secs(3 * 60 * 60));
    let lookup = CheckoutLookup::Id(third.checkout_id);
    let expired = gateway.fetch_checkout(&lookup).await.unwrap();
    assert_eq!(expired.status, Reported::Known(CheckoutStatus::Expired));

    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let of_link = facts
        .iter()
        .find(|facts| facts.event_type == "payment_link.paid");
    let [Observation::Checkout(told)] = observations(of_link.unwrap()) else {
        panic!("{of_link:?}");
    };
    assert_eq!(told.checkout_id, opened.checkout_id);
    assert_eq!(told.reference, Some(request.reference));
    assert_eq!(told.payments[0].payment_id.as_str(), paid);
    for kind in [
        "payment_link.cancelled",
        "payment_link.expired",
        "payment.failed",
    ] {
        assert!(facts.iter().any(|facts| facts.event_type == kind), "{kind}");
    }
}

#[tokio::test]
async fn an_authorized_payment_is_captured_once() {
    let (simulator, gateway) = razorpay().await;
    let mut request = checkout("manual 1", 20_000);
    request.capture = CaptureMode::Manual;
    let opened = gateway.create_checkout(&request).await.unwrap();
    let id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    let id = id.parse().unwrap();
    let held = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(held.status, Reported::Known(PaymentStatus::Authorized));
    assert!(held.captured.is_zero() && held.charges.is_none());

    let other = gateway.capture(&capture(&id, "capture 1", 19_999)).await;
    assert!(sentence(other).contains("must be equal to the amount authorized"));
    let mut request = capture(&id, "capture 1", 20_000);
    let taken = gateway.capture(&request).await.unwrap();
    assert_eq!(taken.status, Reported::Known(PaymentStatus::Captured));
    let again = gateway.capture(&request).await.unwrap();
    request.attempt = Attempt::Again;
    assert_eq!(gateway.capture(&request).await.unwrap(), again);
    assert_eq!(simulator.control().books().payments[0].captured, 20_000);
}

/// What was never ours is no refund of ours.
#[tokio::test]
async fn an_authorization_that_nobody_takes_goes_back() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let mut request = checkout("manual 2", 20_000);
    request.capture = CaptureMode::Manual;
    let opened = gateway.create_checkout(&request).await.unwrap();
    let id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    simulator
        .control()
        .advance(Duration::from_secs(6 * 24 * 60 * 60));
    let id = id.parse().unwrap();
    let gone = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(gone.status, Reported::Known(PaymentStatus::Expired));
    assert!(gone.captured.is_zero());
    assert_eq!(simulator.control().books().payments[0].captured, 0);

    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let refunded = facts
        .iter()
        .find(|facts| facts.event_type == "refund.processed");
    let [Observation::Refund(refund), Observation::Payment(payment)] =
        observations(refunded.unwrap())
    else {
        panic!("{refunded:?}");
    };
    assert_eq!(refund.kind, RefundKind::OfUncaptured);
    assert_eq!(refund.reference, None);
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Expired));
}

#[tokio::test]
async fn a_failed_payment_is_captured_after_all() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let opened = gateway
        .create_checkout(&checkout("late 1", 20_000))
        .await
        .unwrap();
    let id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Fail)
        .unwrap();
    let payment_id = id.parse().unwrap();
    let failed = gateway.fetch_payment(&payment_id).await.unwrap();
    assert_eq!(failed.status, Reported::Known(PaymentStatus::Failed));
    assert!(simulator.authorize_late(&id));
    let captured = gateway.fetch_payment(&payment_id).await.unwrap();
    assert_eq!(captured.status, Reported::Known(PaymentStatus::Captured));
    assert_eq!(captured.failure, None);
    assert!(!simulator.authorize_late(&id));
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    for kind in ["payment.failed", "payment.authorized", "payment.captured"] {
        assert!(facts.iter().any(|facts| facts.event_type == kind), "{kind}");
    }
}

#[tokio::test]
async fn refunds_in_parts_once_each() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let opened = gateway
        .create_checkout(&checkout("refunds 1", 30_000))
        .await
        .unwrap();
    let id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    let id = id.parse().unwrap();
    let first = gateway
        .refund(&refund(&id, "refund 1", 10_000))
        .await
        .unwrap();
    assert_eq!(first.status, Reported::Known(RefundStatus::Processed));
    assert_eq!(first.kind, RefundKind::OfCaptured);
    assert!(first.bank_reference.is_some());
    let again = gateway
        .refund(&refund(&id, "refund 1", 10_000))
        .await
        .unwrap();
    assert_eq!(again, first);
    let other = gateway.refund(&refund(&id, "refund 1", 10_001)).await;
    assert_eq!(word(other), "gateway_reference_reused");
    let partly = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(
        partly.status,
        Reported::Known(PaymentStatus::PartiallyRefunded)
    );
    assert_eq!(partly.refunded, rupees(10_000));
    let too_much = gateway.refund(&refund(&id, "refund 2", 20_001)).await;
    assert!(sentence(too_much).contains("greater than amount captured"));

    simulator.control().hold_refunds(true);
    let second = gateway
        .refund(&refund(&id, "refund 3", 20_000))
        .await
        .unwrap();
    assert_eq!(second.status, Reported::Known(RefundStatus::Pending));
    let lookup = RefundLookup {
        payment_id: id.clone(),
        refund_id: None,
        reference: reference("refund 3"),
    };
    assert_eq!(gateway.fetch_refund(&lookup).await.unwrap(), second);
    let whole = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(whole.status, Reported::Known(PaymentStatus::Refunded));
    simulator
        .control()
        .process_refunds(&[second.refund_id.as_str()]);
    let lookup = RefundLookup {
        refund_id: Some(second.refund_id),
        ..lookup
    };
    let failed = gateway.fetch_refund(&lookup).await.unwrap();
    assert_eq!(failed.status, Reported::Known(RefundStatus::Failed));
    let partly = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(
        partly.status,
        Reported::Known(PaymentStatus::PartiallyRefunded)
    );
    assert_eq!(simulator.control().books().payments[0].refunded, 10_000);
    let unknown = RefundLookup {
        refund_id: None,
        reference: reference("nobody"),
        ..lookup
    };
    assert_eq!(
        word(gateway.fetch_refund(&unknown).await),
        "gateway_not_found"
    );

    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let failed = facts
        .iter()
        .find(|facts| facts.event_type == "refund.failed");
    let [Observation::Refund(told), _] = observations(failed.unwrap()) else {
        panic!("{failed:?}");
    };
    assert_eq!(told.kind, RefundKind::OfCaptured);
    assert_eq!(told.reference, Some(reference("refund 3")));
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_asked() {
    let (simulator, gateway) = razorpay().await;
    let mut wrong = Vec::new();
    let good = checkout("wrong 1", 50_000);
    let mut request = good.clone();
    request.amount = rupees(99);
    wrong.push(request);
    let mut request = good.clone();
    request.description = String::new();
    wrong.push(request);
    let mut request = good.clone();
    request.reference = "x".repeat(37).parse().unwrap();
    wrong.push(request);
    for request in &wrong {
        let outcome = gateway.create_checkout(request).await;
        assert_eq!(word(outcome), "gateway_invalid_request");
    }
    let cancel = connectors::gateways::CancelRequest {
        payment_id: "pay_00000000000000".parse().unwrap(),
        reference: reference("cancel 1"),
        attempt: Attempt::First,
    };
    assert_eq!(
        word(gateway.cancel_payment(&cancel).await),
        "gateway_unsupported"
    );
    let order = "order_0000000000000".parse().unwrap();
    assert_eq!(
        word(gateway.expire_checkout(&order).await),
        "gateway_unsupported"
    );
    assert_eq!(simulator.requests(), 0);
    for secret in [KEY_SECRET, PAYOUT_ACCOUNT, WEBHOOK_SECRET] {
        assert!(!format!("{gateway:?}").contains(secret));
    }
    let unknown = CheckoutLookup::Reference(reference("nobody"));
    assert_eq!(
        word(gateway.fetch_checkout(&unknown).await),
        "gateway_not_found"
    );
    let unknown = "pay_00000000000000".parse().unwrap();
    assert_eq!(
        word(gateway.fetch_payment(&unknown).await),
        "gateway_not_found"
    );
    assert!(good.expires_at > Utc::now());
}
