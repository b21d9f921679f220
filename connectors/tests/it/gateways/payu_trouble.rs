//! PayU misbehaves: what the adapter makes of it, and that no intent has two effects.

use std::time::Duration;

use connectors::gateways::payu::{PayUGateway, PayUSettings};
use connectors::gateways::{
    Advice, Attempt, Availability, CancelRequest, CaptureMode, CheckoutLookup, CheckoutStatus,
    CircuitPolicy, Gateway, GatewayError, Operation, PaymentStatus, Reported, SettlementQuery,
};
use connectors::simulators::{Chances, Fault, PayerChoice};
use poem::http::StatusCode;

use super::payu_support::{SALT, decided, listening, paid, payu, payu_manual, settings};
use super::receiver::verify;
use super::support::{calls, capture, checkout, impatient, reference, refund, rupees, told, word};

fn lost() -> Vec<Fault> {
    vec![
        Fault::FailAfterwards,
        Fault::BreakOff,
        Fault::Nonsense,
        Fault::Page,
        Fault::Fail,
    ]
}

#[tokio::test]
async fn a_lost_answer_returns_nothing_twice() {
    for fault in lost() {
        let (simulator, gateway) = payu().await;
        let id = paid(&simulator, &gateway, "lost 1", 50_000).await;
        for faults in [1, 2] {
            simulator.control().faults().arm(&fault, faults);
            let name = format!("lost refund {faults}");
            let refunded = gateway.refund(&refund(&id, &name, 10_000)).await.unwrap();
            assert_eq!(refunded.amount, rupees(10_000), "{fault:?}");
        }
        let books = simulator.control().books();
        assert_eq!(books.refunds.len(), 2, "{fault:?}");
        assert_eq!(books.payments[0].refunded, 20_000, "{fault:?}");
    }
}

/// One attempt only, so that nothing is repeated by itself: the caller is told to look first.
#[tokio::test]
async fn an_answer_that_is_late_is_looked_for() {
    for fault in [
        Fault::FailAfterwards,
        Fault::BreakOff,
        Fault::Nonsense,
        Fault::Delay(Duration::from_millis(700)),
    ] {
        let (simulator, patient) = payu().await;
        let id = paid(&simulator, &patient, "late 1", 50_000).await;
        let gateway = PayUGateway::try_new(PayUSettings {
            calls: impatient(),
            ..settings(&simulator.url(), &[SALT])
        })
        .unwrap();
        let mut asked = refund(&id, "late refund", 10_000);
        simulator.control().faults().arm(&fault, 1);
        let error = gateway.refund(&asked).await.unwrap_err();
        assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
        asked.attempt = Attempt::Again;
        let before = simulator.requests();
        gateway.refund(&asked).await.unwrap();
        assert_eq!(simulator.requests() - before, 1, "found by looking");
        assert_eq!(simulator.control().books().refunds.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_takes_and_gives_up_nothing_twice() {
    for fault in lost() {
        let (simulator, gateway) = payu_manual().await;
        let mut request = checkout("lost 2", 50_000);
        request.capture = CaptureMode::Manual;
        let id = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
        simulator.control().faults().arm(&fault, 1);
        let taken = gateway.capture(&capture(&id, "lost capture", 50_000)).await;
        let taken = taken.unwrap();
        assert_eq!(
            taken.status,
            Reported::Known(PaymentStatus::Captured),
            "{fault:?}"
        );

        request.reference = reference("lost 3");
        let id = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
        let giving_up = CancelRequest {
            payment_id: id,
            reference: reference("lost cancel"),
            attempt: Attempt::First,
        };
        simulator.control().faults().arm(&fault, 1);
        let cancelled = gateway.cancel_payment(&giving_up).await.unwrap();
        assert_eq!(
            cancelled.status,
            Reported::Known(PaymentStatus::Expired),
            "{fault:?}"
        );
        let books = simulator.control().books();
        assert_eq!(books.payments[0].captured, 50_000);
        assert_eq!(books.payments[1].captured, 0);
        assert_eq!(books.refunds.len(), 1, "{fault:?}");
    }
}

/// Two processes carry out the same job. Without the look for a used token the second would fail, and
/// with tokens of its own it would return the money twice.
#[tokio::test]
async fn race_for_one_refund_and_one_capture() {
    let (simulator, gateway) = payu_manual().await;
    let mut request = checkout("race 2", 50_000);
    request.capture = CaptureMode::Manual;
    let id = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    let taking = capture(&id, "race capture 2", 50_000);
    let takers = (0..6).map(|_| gateway.capture(&taking));
    for taken in futures_util::future::join_all(takers).await {
        assert_eq!(taken.unwrap().captured, rupees(50_000));
    }
    let asked = refund(&id, "race refund", 20_000);
    let refunders = (0..6).map(|_| gateway.refund(&asked));
    let mut ids = Vec::new();
    for refunded in futures_util::future::join_all(refunders).await {
        ids.push(refunded.unwrap().refund_id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one refund for all of them");
    let books = simulator.control().books();
    assert_eq!(books.payments[0].captured, 50_000);
    assert_eq!(books.payments[0].refunded, 20_000);
}

/// Captured between our look and our call: what was meant to be given up is refunded, and that is said.
#[tokio::test]
async fn a_cancellation_that_became_a_refund_is_not_told_as_one() {
    let (simulator, gateway) = payu_manual().await;
    let mut request = checkout("race 1", 50_000);
    request.capture = CaptureMode::Manual;
    let id = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    gateway
        .capture(&capture(&id, "race capture", 50_000))
        .await
        .unwrap();
    simulator.misreport_status(id.as_str(), "success", "auth");
    let giving_up = CancelRequest {
        payment_id: id.clone(),
        reference: reference("race cancel"),
        attempt: Attempt::First,
    };
    assert_eq!(
        word(gateway.cancel_payment(&giving_up).await),
        "gateway_nonsense"
    );
}

#[tokio::test]
async fn errors_are_sorted_by_what_to_do() {
    let (simulator, gateway) = payu().await;
    let id = "403993715530925893".parse().unwrap();
    let request = refund(&id, "sorted", 100);
    for (text, expected) in [
        ("Requests limit reached", "gateway_rate_limited"),
        (
            r#"{"status":0,"msg":"Requests limit reached"}"#,
            "gateway_rate_limited",
        ),
        ("Invalid Hash.", "gateway_credentials_refused"),
        (
            r#"{"status":"0","msg":"Invalid Hash."}"#,
            "gateway_credentials_refused",
        ),
        (
            r#"{"status":0,"msg":"Parameter missing"}"#,
            "gateway_refused",
        ),
        (r#"{"status":0,"msg":"token is empty"}"#, "gateway_refused"),
        (
            r#"{"status":0,"msg":"transaction not exists"}"#,
            "gateway_not_found",
        ),
        (
            r#"{"status":0,"msg":"no","error_code":116}"#,
            "gateway_not_found",
        ),
        (
            r#"{"status":0,"msg":"no","error_code":"117"}"#,
            "gateway_refused",
        ),
        (
            r#"{"status":0,"msg":"no","error_code":225}"#,
            "gateway_refused",
        ),
        (
            r#"{"status":0,"msg":"no","error_code":120}"#,
            "gateway_in_progress",
        ),
        (
            r#"{"status":0,"msg":"no","error_code":226}"#,
            "gateway_in_progress",
        ),
        (
            r#"{"status":0,"msg":"Refund request failed"}"#,
            "gateway_failed",
        ),
        (r#"{"status":7,"msg":"what"}"#, "gateway_nonsense"),
        (r#"{"status":1,"#, "gateway_nonsense"),
        ("Technical error", "gateway_nonsense"),
        ("", "gateway_nonsense"),
        ("[]", "gateway_nonsense"),
        ("null", "gateway_nonsense"),
    ] {
        // As often as the adapter asks; what is refused is looked for afterwards.
        let times = match expected {
            "gateway_nonsense" | "gateway_rate_limited" => 3,
            _ => 1,
        };
        simulator.answer_text(text, times);
        assert_eq!(word(gateway.refund(&request).await), expected, "{text}");
        simulator.forget_texts();
    }
    for (fault, expected) in [
        (Fault::Page, "gateway_nonsense"),
        (Fault::Nonsense, "gateway_nonsense"),
        (Fault::BreakOff, "gateway_no_answer"),
        (Fault::Fail, "gateway_failed"),
        (
            Fault::Refuse {
                status: StatusCode::FORBIDDEN,
                code: 0,
                message: "no".to_owned(),
            },
            "gateway_credentials_refused",
        ),
        (
            Fault::RateLimit {
                retry_after_seconds: Some(60),
            },
            "gateway_rate_limited",
        ),
    ] {
        simulator.control().faults().arm(&fault, 3);
        assert_eq!(
            word(gateway.fetch_payment(&id).await),
            expected,
            "{fault:?}"
        );
        while simulator.control().faults().armed() > 0 {
            let _ = gateway.fetch_payment(&id).await;
        }
    }
    let other = super::payu_support::gateway(&simulator.url(), &["salt-of-others"]);
    let error = other.fetch_payment(&id).await.unwrap_err();
    assert_eq!(error.advice(), Advice::TellAPerson, "{}", told(&error));
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone() {
    let (simulator, _) = payu().await;
    let mut calls = calls();
    calls.attempts = 1;
    calls.circuit = CircuitPolicy {
        failures: 3,
        first_wait: Duration::from_millis(200),
        longest_wait: Duration::from_millis(400),
    };
    let gateway = PayUGateway::try_new(PayUSettings {
        calls,
        ..settings(&simulator.url(), &[SALT])
    })
    .unwrap();
    let id = "403993715530925893".parse().unwrap();
    simulator.control().set_down(true);
    for _ in 0..3 {
        assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_failed");
    }
    for _ in 0..3 {
        assert_eq!(
            word(gateway.fetch_payment(&id).await),
            "gateway_circuit_open"
        );
    }
    assert_eq!(simulator.requests(), 3);
    let refunding = gateway.availability(Operation::Refund);
    assert_eq!(
        refunding,
        Availability::Available,
        "each operation by itself"
    );
    // The form needs no call, so people can go on paying.
    assert_eq!(
        word(gateway.create_checkout(&checkout("down", 50_000)).await),
        "done"
    );
    simulator.control().set_down(false);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_not_found");

    let url = simulator.url();
    drop(simulator);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let gateway = super::payu_support::gateway(&url, &[SALT]);
    let error = gateway.fetch_payment(&id).await.unwrap_err();
    assert!(
        matches!(error, GatewayError::NoAnswer { .. }),
        "{}",
        told(&error)
    );
    assert_eq!(error.advice(), Advice::TryLater { after: None });
}

/// Every pair of documented words, and some that nobody documents.
#[tokio::test]
async fn every_status_has_a_meaning() {
    let (simulator, gateway) = payu().await;
    let id = paid(&simulator, &gateway, "words", 50_000).await;
    let unmapped = [
        "captured",
        "auth",
        "failed",
        "bounced",
        "dropped",
        "userCancelled",
        "autoRefund",
        "initiated",
        "in progress",
        "pending",
    ];
    let mut seen = Vec::new();
    for status in ["success", "failure", "pending"] {
        for unmapped in unmapped {
            simulator.misreport_status(id.as_str(), status, unmapped);
            let payment = gateway.fetch_payment(&id).await.unwrap();
            assert_eq!(payment.provider_status, format!("{status}/{unmapped}"));
            let known = *payment.status.known().unwrap();
            let is_captured = known == PaymentStatus::Captured;
            assert_eq!(
                payment.captured.is_zero(),
                !is_captured,
                "{status}/{unmapped}"
            );
            seen.push((status, unmapped, known));
        }
    }
    let meaning = |status, unmapped| {
        let mut found = seen
            .iter()
            .filter(|(one, other, _)| (*one, *other) == (status, unmapped));
        found.next().unwrap().2
    };
    let captured = seen
        .iter()
        .filter(|(_, _, known)| *known == PaymentStatus::Captured);
    assert_eq!(captured.count(), 1, "one pair of words means money");
    assert_eq!(meaning("success", "captured"), PaymentStatus::Captured);
    assert_eq!(meaning("success", "auth"), PaymentStatus::Authorized);
    assert_eq!(meaning("failure", "failed"), PaymentStatus::Failed);
    assert_eq!(meaning("failure", "userCancelled"), PaymentStatus::Expired);
    assert_eq!(meaning("failure", "captured"), PaymentStatus::AwaitingPayer);
    for (status, unmapped) in [("success", "vanished"), ("odd", "captured"), ("", "")] {
        simulator.misreport_status(id.as_str(), status, unmapped);
        let payment = gateway.fetch_payment(&id).await.unwrap();
        let told = format!("{status}/{unmapped}");
        assert_eq!(payment.status, Reported::Unknown(told));
        assert!(payment.captured.is_zero());
        let lookup = CheckoutLookup::Reference(reference("words"));
        let found = gateway.fetch_checkout(&lookup).await.unwrap();
        assert!(matches!(found.status, Reported::Unknown(_)));
    }
    simulator.misreport_status(id.as_str(), "SUCCESS", "Captured");
    let lookup = CheckoutLookup::Reference(reference("words"));
    let found = gateway.fetch_checkout(&lookup).await.unwrap();
    assert_eq!(found.status, Reported::Known(CheckoutStatus::Paid));
}

#[tokio::test]
async fn another_amount_is_told_as_it_is() {
    let (simulator, gateway) = payu().await;
    let id = paid(&simulator, &gateway, "other 1", 50_000).await;
    simulator.misreport_amount(id.as_str(), 5_000_000);
    let seen = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(seen.amount, rupees(5_000_000));
    // The one transaction may come under its name.
    let body = format!(
        r#"{{"status":1,"transaction_details":{{"{id}":{{"mihpayid":"{id}","txnid":"t","amt":"1.00","status":"pending","unmappedstatus":"pending"}}}}}}"#
    );
    simulator.answer_text(&body, 1);
    let seen = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(seen.amount, rupees(100));
    simulator.answer_text(r#"{"status":1,"transaction_details":{}}"#, 1);
    assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_not_found");
    // Finer than a paisa, negative, or no amount.
    for amount in ["500.001", "-500.00", "1e3", "five", "", "1,000.00"] {
        let body = format!(
            r#"{{"status":1,"transaction_details":{{"mihpayid":"{id}","txnid":"t","transaction_amount":"{amount}","amt":"{amount}","status":"pending","unmappedstatus":"pending"}}}}"#
        );
        simulator.answer_text(&body, 3);
        assert_eq!(
            word(gateway.fetch_payment(&id).await),
            "gateway_nonsense",
            "{amount}"
        );
    }
    let body = r#"{"status":1,"transaction_details":{"mihpayid":"1","amt":"1.00","status":"success","unmappedstatus":"captured"}}"#;
    simulator.answer_text(body, 3);
    assert_eq!(
        word(gateway.fetch_payment(&id).await),
        "gateway_nonsense",
        "of another"
    );
}

#[tokio::test]
async fn webhooks_come_again_until_they_are_taken() {
    let (simulator, gateway) = payu().await;
    let receiver = listening(&simulator).await;
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    receiver.answer(&[busy, busy, StatusCode::BAD_REQUEST]);
    paid(&simulator, &gateway, "again 1", 50_000).await;
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    assert_eq!(facts.len(), 4);
    assert!(
        facts.windows(2).all(|pair| pair[0] == pair[1]),
        "the same every time"
    );
    receiver.answer(&[busy; 10]);
    paid(&simulator, &gateway, "again 2", 50_000).await;
    simulator.webhooks_settled().await;
    assert!(simulator.is_webhook_given_up());
}

#[tokio::test]
async fn webhooks_misbehave_by_chance() {
    let (simulator, gateway) = payu().await;
    let receiver = listening(&simulator).await;
    simulator.control().set_chances(Chances {
        webhook_drop: 100,
        webhook_duplicate: 300,
        webhook_reorder: 300,
        webhook_wrong_signature: 300,
        ..Chances::default()
    });
    for number in 0..40 {
        let request = checkout(&format!("chance {number}"), 50_000);
        decided(&simulator, &gateway, &request, PayerChoice::FailThenPay).await;
    }
    simulator.webhooks_settled().await;
    let deliveries = simulator.control().deliveries();
    let forged = deliveries
        .iter()
        .filter(|delivery| delivery.is_forged)
        .count();
    let received = receiver.received();
    let refused = received.iter().filter(|one| verify(&gateway, one).is_err());
    assert_eq!(refused.count(), forged);
    assert!(forged > 0 && simulator.control().dropped_webhooks() > 0);
    let facts = receiver.facts(&gateway);
    let mut ids: Vec<&str> = facts.iter().map(|facts| facts.event_id.as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(all > ids.len(), "some came twice, under one name");
    let events = u64::try_from(ids.len()).unwrap() + simulator.control().dropped_webhooks();
    assert_eq!(events, 2 * 40);
}

#[tokio::test]
async fn banks_change_their_mind_by_chance() {
    let (simulator, gateway) = payu().await;
    simulator.control().set_chances(Chances {
        late_success: 500,
        ..Chances::default()
    });
    for number in 0..20 {
        let request = checkout(&format!("mind {number}"), 50_000);
        decided(&simulator, &gateway, &request, PayerChoice::Fail).await;
    }
    assert!(
        simulator
            .control()
            .books()
            .payments
            .iter()
            .all(|payment| payment.captured == 0)
    );
    simulator.control().advance(Duration::from_secs(60));
    let books = simulator.control().books();
    let captured = books.payments.iter().filter(|payment| payment.captured > 0);
    assert!((1..20).contains(&captured.count()));
}

#[tokio::test]
async fn rows_that_are_left_out_come_with_the_next_settlement() {
    let (simulator, gateway) = payu().await;
    for number in 0..30 {
        paid(&simulator, &gateway, &format!("partial {number}"), 50_000).await;
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
        let (simulator, gateway) = payu().await;
        for number in 0..5 {
            paid(&simulator, &gateway, &format!("seed {number}"), 50_000).await;
        }
        worlds.push(simulator.control().books());
    }
    assert_eq!(worlds[0], worlds[1]);
}
