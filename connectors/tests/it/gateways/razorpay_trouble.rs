//! Razorpay misbehaves: what the adapter makes of it, and that no intent has two effects.

use std::time::Duration;

use connectors::gateways::razorpay::{RazorpayGateway, RazorpaySettings};
use connectors::gateways::{
    Advice, Attempt, Availability, CaptureMode, CheckoutLookup, CircuitPolicy, Gateway,
    GatewayError, Operation, PaymentStatus, Reported, SettlementQuery,
};
use connectors::simulators::{Chances, Fault, PayerChoice};

use super::support::{
    KEY_SECRET, WEBHOOK_SECRET, calls, capture, checkout, impatient, razorpay, razorpay_gateway,
    razorpay_settings, razorpay_simulator, refund, refuse, rupees, told, word,
};

fn limit(retry_after_seconds: Option<u64>) -> Fault {
    Fault::RateLimit {
        retry_after_seconds,
    }
}

fn lost() -> Vec<Fault> {
    vec![
        Fault::FailAfterwards,
        Fault::BreakOff,
        Fault::Nonsense,
        Fault::Delay(Duration::from_millis(700)),
    ]
}

/// Every way in which an answer is lost: the order is there, and there is one.
#[tokio::test]
async fn a_lost_answer_makes_no_second_order() {
    for fault in lost() {
        let simulator = razorpay_simulator().await;
        let gateway = RazorpayGateway::try_new(RazorpaySettings {
            calls: impatient(),
            ..razorpay_settings(&simulator.url(), KEY_SECRET, &[WEBHOOK_SECRET])
        })
        .unwrap();
        let mut request = checkout("lost 1", 50_000);
        simulator.control().faults().arm(&fault, 1);
        let found = gateway.create_checkout(&request).await.unwrap();
        request.attempt = Attempt::Again;
        let again = gateway.create_checkout(&request).await.unwrap();
        assert_eq!(found, again, "{fault:?}");

        // The look-up fails as well: the caller is told to look first, and then finds it.
        let mut request = checkout("lost 2", 50_000);
        simulator.control().faults().arm(&fault, 1);
        simulator.control().faults().arm(&Fault::Fail, 1);
        let error = gateway.create_checkout(&request).await.unwrap_err();
        assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
        request.attempt = Attempt::Again;
        gateway.create_checkout(&request).await.unwrap();
        let orders = CheckoutLookup::Reference(request.reference);
        assert!(gateway.fetch_checkout(&orders).await.is_ok());
        assert_eq!(simulator.requests(), 2 + 1 + 2 + 1 + 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_takes_and_returns_nothing_twice() {
    for fault in lost() {
        let (simulator, gateway) = razorpay().await;
        let mut request = checkout("lost 3", 50_000);
        request.capture = CaptureMode::Manual;
        let opened = gateway.create_checkout(&request).await.unwrap();
        let id = simulator
            .control()
            .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
            .unwrap();
        let id = id.parse().unwrap();
        simulator.control().faults().arm(&fault, 1);
        let taken = gateway
            .capture(&capture(&id, "lost capture", 50_000))
            .await
            .unwrap();
        assert_eq!(
            taken.status,
            Reported::Known(PaymentStatus::Captured),
            "{fault:?}"
        );
        for faults in [1, 2] {
            simulator.control().faults().arm(&fault, faults);
            let name = format!("lost refund {faults}");
            let refunded = gateway.refund(&refund(&id, &name, 10_000)).await.unwrap();
            assert_eq!(refunded.amount, rupees(10_000), "{fault:?}");
        }
        let books = simulator.control().books();
        assert_eq!(books.payments[0].captured, 50_000);
        assert_eq!(books.payments[0].refunded, 20_000);
        assert_eq!(books.refunds.len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_not_done_is_done_again() {
    let (simulator, gateway) = razorpay().await;
    for fault in [limit(None), limit(Some(1))] {
        let name = format!("limited {fault:?}").replace(['{', '}', '(', ')', ':'], "");
        let mut request = checkout("limited", 50_000);
        request.reference = name.replace(' ', "-")[..20].parse().unwrap();
        simulator.control().faults().arm(&fault, 1);
        let _ = gateway.create_checkout(&request).await.unwrap();
    }
    simulator.control().faults().arm(&limit(Some(30)), 1);
    let error = gateway
        .create_checkout(&checkout("limited 3", 50_000))
        .await
        .unwrap_err();
    let after = Some(Duration::from_secs(30));
    assert_eq!(
        error.advice(),
        Advice::TryLater { after },
        "{}",
        told(&error)
    );

    let url = simulator.url();
    drop(simulator);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let gateway = razorpay_gateway(&url, KEY_SECRET, &["unused"]);
    let error = gateway
        .create_checkout(&checkout("gone", 50_000))
        .await
        .unwrap_err();
    assert!(matches!(error, GatewayError::NoAnswer { .. }));
    assert_eq!(
        error.advice(),
        Advice::TryLater { after: None },
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn errors_are_sorted_by_what_to_do() {
    let (simulator, gateway) = razorpay().await;
    let key = "Different request with the same idempotency key has already been processed.";
    let busy = "Another request with the same idempotency key is still in progress.";
    for (fault, times, expected) in [
        (
            refuse(400, "Authentication failed"),
            1,
            "gateway_credentials_refused",
        ),
        (
            refuse(401, "Authentication failed"),
            1,
            "gateway_credentials_refused",
        ),
        (
            refuse(400, "The id provided does not exist"),
            1,
            "gateway_not_found",
        ),
        (refuse(404, "Not Found"), 1, "gateway_not_found"),
        (
            refuse(400, "The requested URL was not found on the server."),
            1,
            "gateway_not_found",
        ),
        (refuse(400, key), 1, "gateway_reference_reused"),
        (refuse(409, key), 1, "gateway_reference_reused"),
        (refuse(409, busy), 3, "gateway_in_progress"),
        (refuse(400, "The amount is invalid"), 1, "gateway_refused"),
        (refuse(502, "Bad Gateway"), 3, "gateway_failed"),
        (Fault::Page, 3, "gateway_nonsense"),
        (Fault::Nonsense, 3, "gateway_nonsense"),
        (Fault::BreakOff, 3, "gateway_no_answer"),
        (limit(Some(60)), 1, "gateway_rate_limited"),
    ] {
        let before = simulator.requests();
        simulator.control().faults().arm(&fault, times);
        let request = refund(&"pay_00000000000000".parse().unwrap(), "sorted", 100);
        assert_eq!(word(gateway.refund(&request).await), expected, "{fault:?}");
        assert_eq!(
            simulator.requests() - before,
            u64::try_from(times).unwrap(),
            "{fault:?}"
        );
    }
    let other = razorpay_gateway(&simulator.url(), "key-of-others", &["unused"]);
    let outcome = other.create_checkout(&checkout("others", 50_000)).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.advice(), Advice::TellAPerson, "{}", told(&error));
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone() {
    let simulator = razorpay_simulator().await;
    let mut calls = calls();
    calls.attempts = 1;
    calls.circuit = CircuitPolicy {
        failures: 3,
        first_wait: Duration::from_millis(200),
        longest_wait: Duration::from_millis(400),
    };
    let gateway = RazorpayGateway::try_new(RazorpaySettings {
        calls,
        ..razorpay_settings(&simulator.url(), KEY_SECRET, &["unused"])
    })
    .unwrap();
    let id = "pay_00000000000000".parse().unwrap();
    simulator.control().set_down(true);
    for _ in 0..3 {
        assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_failed");
    }
    for _ in 0..5 {
        assert_eq!(
            word(gateway.fetch_payment(&id).await),
            "gateway_circuit_open"
        );
    }
    assert_eq!(simulator.requests(), 3);
    let fetching = gateway.availability(Operation::FetchPayment);
    assert!(matches!(fetching, Availability::Unavailable { .. }));
    let refunding = gateway.availability(Operation::Refund);
    assert_eq!(
        refunding,
        Availability::Available,
        "each operation by itself"
    );
    simulator.control().set_down(false);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_not_found");
    let fetching = gateway.availability(Operation::FetchPayment);
    assert_eq!(fetching, Availability::Available);
}

/// What a provider tells is not bent to what we expect: the caller compares and holds it back.
#[tokio::test]
async fn another_amount_or_currency_is_told_as_it_is() {
    let (simulator, gateway) = razorpay().await;
    let opened = gateway
        .create_checkout(&checkout("other 1", 50_000))
        .await
        .unwrap();
    let id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    simulator.misreport_payment(&id, Some(5_000_000), None);
    let payment_id = id.parse().unwrap();
    let seen = gateway.fetch_payment(&payment_id).await.unwrap();
    assert_eq!(seen.amount, rupees(5_000_000));
    simulator.misreport_payment(&id, None, Some("USD"));
    let seen = gateway.fetch_payment(&payment_id).await.unwrap();
    assert_eq!(seen.amount.asset().code.as_str(), "USD");
    simulator.misreport_payment(&id, None, Some("BTC"));
    let outcome = gateway.fetch_payment(&payment_id).await;
    assert_eq!(word(outcome), "gateway_nonsense");
}

#[tokio::test]
async fn rows_that_are_left_out_come_with_the_next_settlement() {
    let (simulator, gateway) = razorpay().await;
    for number in 0..30 {
        let request = checkout(&format!("partial {number}"), 50_000);
        let opened = gateway.create_checkout(&request).await.unwrap();
        simulator
            .control()
            .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
            .unwrap();
    }
    let day = |day| chrono::NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    simulator.control().set_chances(Chances {
        settlement_left_out: 400,
        ..Chances::default()
    });
    simulator.control().settle(day(18)).unwrap();
    simulator.control().set_chances(Chances::default());
    simulator.control().settle(day(19)).unwrap();
    let mut rows = Vec::new();
    for number in [18, 19] {
        let query = SettlementQuery {
            day: day(number),
            page: None,
        };
        rows.push(gateway.settlement_page(&query).await.unwrap().rows.len());
    }
    assert!(rows[0] > 0 && rows[1] > 0, "{rows:?}");
    assert_eq!(rows[0] + rows[1], 30);
}

/// The same seed, the same ids.
#[tokio::test]
async fn a_seed_makes_the_same_world() {
    let mut worlds = Vec::new();
    for _ in 0..2 {
        let (simulator, gateway) = razorpay().await;
        for number in 0..5 {
            let request = checkout(&format!("seed {number}"), 50_000);
            let opened = gateway.create_checkout(&request).await.unwrap();
            simulator
                .control()
                .pay(opened.checkout_id.as_str(), PayerChoice::Pay);
        }
        worlds.push(simulator.control().books());
    }
    assert_eq!(worlds[0], worlds[1]);
}
