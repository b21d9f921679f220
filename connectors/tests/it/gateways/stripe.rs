//! Stripe: the adapter against the simulator, every operation.

use std::time::Duration;

use chrono::Utc;
use connectors::gateways::{
    Attempt, CancelRequest, CaptureMode, CheckoutAction, CheckoutLookup, CheckoutStatus, Gateway,
    Observation, PaymentMethod, PaymentStatus, RefundLookup, RefundStatus, Reported,
};
use connectors::secret::Secret;
use connectors::simulators::PayerChoice;
use connectors::simulators::stripe::StripeSimulator;

use super::receiver::{Receiver, action, observations, open, submit};
use super::support::{
    STRIPE_SECRET, capture, checkout, reference, refund, rupees, stripe, told, word,
};

/// A receiver of everything that the simulator tells.
pub async fn listening(simulator: &StripeSimulator) -> Receiver {
    let receiver = Receiver::start().await;
    simulator
        .control()
        .set_webhook(&receiver.url(), &[Secret::new(STRIPE_SECRET)]);
    receiver
}

#[tokio::test]
async fn a_session_is_paid() {
    let (simulator, gateway) = stripe().await;
    let receiver = listening(&simulator).await;
    let mut request = checkout("session 1", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    assert!(matches!(&opened.action, CheckoutAction::Redirect { .. }));
    assert_eq!(
        opened.expires_at.unwrap().timestamp(),
        request.expires_at.timestamp()
    );
    request.attempt = Attempt::Again;
    assert_eq!(gateway.create_checkout(&request).await.unwrap(), opened);
    let by_id = CheckoutLookup::Id(opened.checkout_id.clone());
    let by_reference = CheckoutLookup::Reference(request.reference.clone());
    assert_eq!(
        word(gateway.fetch_checkout(&by_reference).await),
        "gateway_not_found"
    );
    let before = gateway.fetch_checkout(&by_id).await.unwrap();
    assert_eq!(before.status, Reported::Known(CheckoutStatus::Open));

    let id = opened.checkout_id.as_str();
    let failed = simulator.control().pay(id, PayerChoice::Fail).unwrap();
    let seen = gateway
        .fetch_payment(&failed.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(seen.status, Reported::Known(PaymentStatus::Failed));
    assert_eq!(
        seen.failure.unwrap().reason.as_deref(),
        Some("generic_decline")
    );
    let paid = simulator.control().pay(id, PayerChoice::Pay).unwrap();
    assert_eq!(paid, failed, "the same payment, tried again");
    let after = gateway.fetch_checkout(&by_reference).await.unwrap();
    assert_eq!(after, gateway.fetch_checkout(&by_id).await.unwrap());
    assert_eq!(after.status, Reported::Known(CheckoutStatus::Paid));
    assert_eq!(after.reference, Some(request.reference.clone()));
    let payment = &after.payments[0];
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Captured));
    assert_eq!(
        (payment.captured, payment.refunded),
        (rupees(50_000), rupees(0))
    );
    assert_eq!(payment.reference, Some(request.reference.clone()));
    assert_eq!(payment.method, Some(PaymentMethod::Card));
    assert_eq!(payment.charges.unwrap().fee.to_string(), "14.80");
    let closed = gateway.expire_checkout(&opened.checkout_id).await.unwrap();
    assert_eq!(closed.status, Reported::Known(CheckoutStatus::Paid));

    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    for kind in [
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "charge.succeeded",
    ] {
        let facts = facts.iter().find(|facts| facts.event_type == kind);
        let [Observation::Payment(told)] = observations(facts.unwrap()) else {
            panic!("{facts:?}");
        };
        assert_eq!(told.payment_id, payment.payment_id);
        assert_eq!(told.reference, Some(request.reference.clone()));
    }
    let completed = facts
        .iter()
        .find(|facts| facts.event_type == "checkout.session.completed");
    let [Observation::Checkout(told)] = observations(completed.unwrap()) else {
        panic!("{completed:?}");
    };
    assert_eq!(told.checkout_id, opened.checkout_id);
    assert_eq!(told.status, Reported::Known(CheckoutStatus::Paid));
}

#[tokio::test]
async fn a_browser_pays() {
    let (simulator, gateway) = stripe().await;
    let receiver = listening(&simulator).await;
    let request = checkout("page 1", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    let CheckoutAction::Redirect { url } = &opened.action else {
        panic!("{opened:?}");
    };
    let page = open(url.as_str()).await;
    let pay = format!("{}{}", simulator.url(), action(&page.html));
    let decided = |choice: &str| {
        [("choice", choice), ("card_number", "4242424242424242")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let turned_back = submit(&pay, &decided("abandon")).await;
    assert_eq!(
        turned_back.location.as_deref(),
        Some(request.cancel_url.as_str())
    );
    let paid = submit(&pay, &decided("pay")).await;
    let location = paid.location.unwrap();
    let session = format!("session_id={}", opened.checkout_id);
    assert!(location.ends_with(&session), "{location}");
    let by_id = CheckoutLookup::Id(opened.checkout_id);
    let seen = gateway.fetch_checkout(&by_id).await.unwrap();
    simulator.webhooks_settled().await;
    let mut seen = format!("{seen:?} {location} {:?}", simulator.control().books());
    for received in receiver.received() {
        seen.push_str(&String::from_utf8(received.body).unwrap());
    }
    assert!(seen.contains("pi_") && !seen.contains("4242424242424242"));
}

#[tokio::test]
async fn sessions_expire() {
    let (simulator, gateway) = stripe().await;
    let first = gateway
        .create_checkout(&checkout("expiry 1", 50_000))
        .await
        .unwrap();
    let closed = gateway.expire_checkout(&first.checkout_id).await.unwrap();
    assert_eq!(closed.status, Reported::Known(CheckoutStatus::Expired));
    assert_eq!(
        simulator
            .control()
            .pay(first.checkout_id.as_str(), PayerChoice::Pay),
        None
    );
    let second = gateway
        .create_checkout(&checkout("expiry 2", 50_000))
        .await
        .unwrap();
    simulator
        .control()
        .advance(Duration::from_secs(3 * 60 * 60));
    let by_id = CheckoutLookup::Id(second.checkout_id);
    let expired = gateway.fetch_checkout(&by_id).await.unwrap();
    assert_eq!(expired.status, Reported::Known(CheckoutStatus::Expired));
    // A time that Stripe does not allow becomes its own day.
    let mut request = checkout("expiry 3", 50_000);
    request.expires_at = Utc::now() + chrono::TimeDelta::days(30);
    assert!(gateway.create_checkout(&request).await.is_ok());
}

#[tokio::test]
async fn an_authorized_payment_is_captured_in_part_or_given_up() {
    let (simulator, gateway) = stripe().await;
    let mut ids = Vec::new();
    for name in ["manual 1", "manual 2"] {
        let mut request = checkout(name, 20_000);
        request.capture = CaptureMode::Manual;
        let opened = gateway.create_checkout(&request).await.unwrap();
        let id = simulator
            .control()
            .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
            .unwrap();
        ids.push(id.parse().unwrap());
    }
    let held = gateway.fetch_payment(&ids[0]).await.unwrap();
    assert_eq!(held.status, Reported::Known(PaymentStatus::Authorized));
    let too_much = gateway
        .capture(&capture(&ids[0], "capture 1", 20_001))
        .await;
    assert!(told(&too_much.unwrap_err()).contains("amount_too_large"));
    let mut request = capture(&ids[0], "capture 2", 15_000);
    let taken = gateway.capture(&request).await.unwrap();
    assert_eq!(taken.status, Reported::Known(PaymentStatus::Captured));
    assert_eq!(
        (taken.captured, taken.amount),
        (rupees(15_000), rupees(20_000))
    );
    request.attempt = Attempt::Again;
    assert_eq!(gateway.capture(&request).await.unwrap(), taken);

    let mut request = CancelRequest {
        payment_id: ids[1].clone(),
        reference: reference("cancel 1"),
        attempt: Attempt::First,
    };
    let gone = gateway.cancel_payment(&request).await.unwrap();
    assert_eq!(gone.status, Reported::Known(PaymentStatus::Expired));
    request.attempt = Attempt::Again;
    let again = gateway.cancel_payment(&request).await.unwrap();
    assert_eq!(again.status, gone.status);
    let books = simulator.control().books();
    assert_eq!(
        (books.payments[0].captured, books.payments[1].captured),
        (15_000, 0)
    );
}

#[tokio::test]
async fn refunds_in_parts_once_each() {
    let (simulator, gateway) = stripe().await;
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
    let mut request = refund(&id, "refund 1", 10_000);
    let first = gateway.refund(&request).await.unwrap();
    assert_eq!(first.status, Reported::Known(RefundStatus::Processed));
    assert_eq!(gateway.refund(&request).await.unwrap(), first);
    request.attempt = Attempt::Again;
    assert_eq!(gateway.refund(&request).await.unwrap(), first);
    let other = gateway.refund(&refund(&id, "refund 1", 10_001)).await;
    assert_eq!(word(other), "gateway_reference_reused");
    let too_much = gateway.refund(&refund(&id, "refund 2", 20_001)).await;
    assert_eq!(word(too_much), "gateway_refused");
    let partly = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(
        partly.status,
        Reported::Known(PaymentStatus::PartiallyRefunded)
    );

    simulator.control().hold_refunds(true);
    let second = gateway
        .refund(&refund(&id, "refund 3", 20_000))
        .await
        .unwrap();
    assert_eq!(second.status, Reported::Known(RefundStatus::Pending));
    let whole = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(whole.status, Reported::Known(PaymentStatus::Refunded));
    simulator
        .control()
        .process_refunds(&[second.refund_id.as_str()]);
    let lookup = RefundLookup {
        payment_id: id.clone(),
        refund_id: None,
        reference: reference("refund 3"),
    };
    let failed = gateway.fetch_refund(&lookup).await.unwrap();
    assert_eq!(failed.status, Reported::Known(RefundStatus::Failed));
    assert!(failed.failure.is_some());
    assert_eq!(simulator.control().books().payments[0].refunded, 10_000);
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    for kind in [
        "refund.created",
        "refund.updated",
        "charge.refunded",
        "refund.failed",
    ] {
        assert!(facts.iter().any(|facts| facts.event_type == kind), "{kind}");
    }
}
