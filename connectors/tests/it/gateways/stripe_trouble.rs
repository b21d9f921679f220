//! Stripe misbehaves: what the adapter makes of it, and that no intent has two effects.

use std::time::Duration;

use connectors::gateways::stripe::{StripeGateway, StripeSettings};
use connectors::gateways::{
    Advice, Attempt, CaptureMode, CheckoutLookup, CheckoutStatus, Gateway, PaymentStatus,
    PayoutMode, PayoutRequest, Reported,
};
use connectors::secret::Secret;
use connectors::simulators::{Chances, Fault, PayerChoice};

use super::stripe::listening;
use super::support::{
    STRIPE_KEY, STRIPE_SECRET, calls, capture, checkout, impatient, reference, refund, refuse,
    rupees, stripe, stripe_gateway, stripe_settings, stripe_simulator, told, word,
};

fn lost() -> [Fault; 4] {
    [
        Fault::FailAfterwards,
        Fault::BreakOff,
        Fault::Nonsense,
        Fault::Delay(Duration::from_millis(700)),
    ]
}

/// Every way in which an answer is lost, twice in a row, for everything that moves money.
#[tokio::test]
async fn a_lost_answer_does_nothing_twice() {
    for fault in lost() {
        let simulator = stripe_simulator().await;
        let mut calls = calls();
        calls.time_limit = Duration::from_millis(400);
        let gateway = StripeGateway::try_new(StripeSettings {
            calls,
            ..stripe_settings(&simulator.url(), &[STRIPE_SECRET])
        })
        .unwrap();
        let mut request = checkout("lost 1", 50_000);
        request.capture = CaptureMode::Manual;
        simulator.control().faults().arm(&fault, 2);
        let opened = gateway.create_checkout(&request).await.unwrap();
        let id = simulator
            .control()
            .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
            .unwrap();
        let id = id.parse().unwrap();
        simulator.control().faults().arm(&fault, 2);
        let taken = gateway
            .capture(&capture(&id, "lost capture", 50_000))
            .await
            .unwrap();
        assert_eq!(
            taken.status,
            Reported::Known(PaymentStatus::Captured),
            "{fault:?}"
        );
        simulator.control().faults().arm(&fault, 2);
        gateway
            .refund(&refund(&id, "lost refund", 10_000))
            .await
            .unwrap();
        simulator.control().faults().arm(&fault, 2);
        let payout = PayoutRequest {
            reference: reference("lost payout"),
            attempt: Attempt::First,
            beneficiary_id: "ba_0123456789".parse().unwrap(),
            amount: rupees(10_000),
            mode: PayoutMode::Default,
            narration: "Withdrawal".to_owned(),
            created_at: chrono::Utc::now(),
        };
        gateway.payout(&payout).await.unwrap();
        let books = simulator.control().books();
        assert_eq!(books.payments.len(), 1, "{fault:?}");
        assert_eq!(
            (books.payments[0].captured, books.payments[0].refunded),
            (50_000, 10_000)
        );
        assert_eq!(
            (books.refunds.len(), books.payouts.len()),
            (1, 1),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn errors_are_sorted_by_what_to_do() {
    let (simulator, gateway) = stripe().await;
    let limit = Fault::RateLimit {
        retry_after_seconds: Some(60),
    };
    for (fault, times, expected) in [
        (
            refuse(401, "Invalid API Key provided"),
            1,
            "gateway_credentials_refused",
        ),
        (
            refuse(403, "The provided key does not have access"),
            1,
            "gateway_credentials_refused",
        ),
        (refuse(404, "No such refund"), 1, "gateway_not_found"),
        (
            refuse(409, "There is currently another in-progress request"),
            3,
            "gateway_in_progress",
        ),
        (refuse(402, "Your card was declined."), 1, "gateway_refused"),
        (refuse(302, "Found"), 3, "gateway_nonsense"),
        (Fault::Fail, 3, "gateway_failed"),
        (Fault::Page, 3, "gateway_nonsense"),
        (Fault::BreakOff, 3, "gateway_no_answer"),
        (limit, 1, "gateway_rate_limited"),
    ] {
        let before = simulator.requests();
        // What is asked for exists, so that an answer can break off.
        let request = checkout(&format!("sorted {before}"), 50_000);
        simulator.control().faults().arm(&fault, times);
        let outcome = gateway.create_checkout(&request).await;
        assert_eq!(word(outcome), expected, "{fault:?}");
        assert_eq!(
            simulator.requests() - before,
            u64::try_from(times).unwrap(),
            "{fault:?}"
        );
    }
    let mut settings = stripe_settings(&simulator.url(), &[STRIPE_SECRET]);
    settings.api_key = Secret::new("sk_test_of_others");
    let other = StripeGateway::try_new(settings).unwrap();
    let error = other
        .create_checkout(&checkout("others", 50_000))
        .await
        .unwrap_err();
    assert_eq!(error.advice(), Advice::TellAPerson, "{}", told(&error));
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_asked() {
    let (simulator, gateway) = stripe().await;
    let money = |units, code| {
        connectors::gateways::Money::from_minor_units(
            units,
            connectors::gateways::currency(code).unwrap(),
        )
    };
    for amount in [
        money(0, "INR"),
        money(100_000_000, "INR"),
        money(295_991, "KWD"),
        money(100, "ISK"),
        money(100, "UGX"),
    ] {
        let mut request = checkout("wrong 1", 50_000);
        request.amount = amount;
        let outcome = gateway.create_checkout(&request).await;
        assert_eq!(word(outcome), "gateway_invalid_request", "{amount:?}");
    }
    for key in ["", "pk_test_0123", "sk_test_\r\nx: y", "0123"] {
        let settings = StripeSettings {
            api_key: Secret::new(key),
            ..stripe_settings(&simulator.url(), &[STRIPE_SECRET])
        };
        assert!(StripeGateway::try_new(settings).is_err(), "{key}");
    }
    let settings = stripe_settings(&simulator.url(), &["without-its-prefix"]);
    assert!(StripeGateway::try_new(settings).is_err());
    assert_eq!(simulator.requests(), 0);
    assert!(!format!("{gateway:?}").contains(STRIPE_KEY));
    assert!(!format!("{gateway:?}").contains(STRIPE_SECRET));
}

/// A bank that first says no may say yes later, on the same payment.
#[tokio::test]
async fn a_failed_payment_succeeds_late() {
    let (simulator, gateway) = stripe().await;
    simulator.control().set_chances(Chances {
        late_success: 1000,
        ..Chances::default()
    });
    let opened = gateway
        .create_checkout(&checkout("late 1", 50_000))
        .await
        .unwrap();
    let id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Fail)
        .unwrap();
    let id = id.parse().unwrap();
    let failed = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(failed.status, Reported::Known(PaymentStatus::Failed));
    simulator.control().advance(Duration::from_secs(120));
    let paid = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(paid.status, Reported::Known(PaymentStatus::Captured));
    let by_id = CheckoutLookup::Id(opened.checkout_id);
    let seen = gateway.fetch_checkout(&by_id).await.unwrap();
    assert_eq!(seen.status, Reported::Known(CheckoutStatus::Paid));
}

/// While two secrets are valid, Stripe signs with both, and either receiver understands.
#[tokio::test]
async fn a_changed_secret_loses_nothing() {
    let (simulator, gateway) = stripe().await;
    let receiver = listening(&simulator).await;
    let both = [Secret::new("whsec_next"), Secret::new(STRIPE_SECRET)];
    simulator.control().set_webhook(&receiver.url(), &both);
    let opened = gateway
        .create_checkout(&checkout("secret 1", 50_000))
        .await
        .unwrap();
    simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    simulator.webhooks_settled().await;
    let received = receiver.received().len();
    assert!(received >= 4);
    assert_eq!(receiver.facts(&gateway).len(), received);
    let next = stripe_gateway(&simulator.url(), &["whsec_next"]);
    assert_eq!(receiver.facts(&next).len(), received);
    let third = stripe_gateway(&simulator.url(), &["whsec_third"]);
    assert_eq!(receiver.facts(&third).len(), 0);
}

#[tokio::test]
async fn a_provider_that_is_slow_is_not_waited_for() {
    let simulator = stripe_simulator().await;
    let gateway = StripeGateway::try_new(StripeSettings {
        calls: impatient(),
        ..stripe_settings(&simulator.url(), &[STRIPE_SECRET])
    })
    .unwrap();
    simulator
        .control()
        .faults()
        .arm(&Fault::Delay(Duration::from_secs(60)), 1);
    let before = std::time::Instant::now();
    let mut request = checkout("slow 1", 50_000);
    let error = gateway.create_checkout(&request).await.unwrap_err();
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
    // The session that was made meanwhile is the one that is found.
    request.attempt = Attempt::Again;
    gateway.create_checkout(&request).await.unwrap();
}
