//! Instamojo misbehaves: what the adapter makes of it, and that no intent has two effects.

use std::time::Duration;

use connectors::gateways::instamojo::{InstamojoGateway, InstamojoSettings};
use connectors::gateways::{
    Advice, Attempt, CheckoutLookup, CircuitPolicy, Gateway, GatewayError, PaymentStatus, Reported,
    SettlementQuery,
};
use connectors::secret::Secret;
use connectors::simulators::{Chances, Fault, PayerChoice};
use poem::http::StatusCode;

use super::instamojo_support::{
    BOTH, By, SALT, checkout, decided, gateway, instamojo, paid, settings, told_to,
};
use super::receiver::{Receiver, verify};
use super::support::{calls, impatient, refund, refuse, rupees, told, word};

fn lost() -> Vec<Fault> {
    vec![
        Fault::FailAfterwards,
        Fault::BreakOff,
        Fault::Nonsense,
        Fault::Delay(Duration::from_millis(700)),
    ]
}

/// Every way in which an answer is lost: the request is there, and there is one.
#[tokio::test]
async fn a_lost_answer_makes_no_second_request() {
    for fault in lost() {
        let (simulator, _) = instamojo(By::Keys).await;
        let gateway = InstamojoGateway::try_new(InstamojoSettings {
            calls: impatient(),
            ..settings(&simulator.url(), By::Keys, &[SALT])
        })
        .unwrap();
        let mut request = checkout("lost 1", 25_000);
        simulator.control().faults().arm(&fault, 1);
        let found = gateway.create_checkout(&request).await.unwrap();
        request.attempt = Attempt::Again;
        assert_eq!(
            gateway.create_checkout(&request).await.unwrap(),
            found,
            "{fault:?}"
        );

        // The look-up fails as well: the caller is told to look first, and then finds it.
        let mut request = checkout("lost 2", 25_000);
        simulator.control().faults().arm(&fault, 1);
        simulator.control().faults().arm(&Fault::Fail, 1);
        let error = gateway.create_checkout(&request).await.unwrap_err();
        assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
        request.attempt = Attempt::Again;
        gateway.create_checkout(&request).await.unwrap();
        assert_eq!(simulator.requests(), 2 + 1 + 2 + 1, "{fault:?}");
    }
}

/// An order's page is told once: lost with its answer, the order is given up, and nobody can pay it.
#[tokio::test]
async fn a_lost_answer_makes_no_order_that_is_paid() {
    for fault in lost() {
        let (simulator, _) = instamojo(By::Client).await;
        let gateway = InstamojoGateway::try_new(InstamojoSettings {
            calls: impatient(),
            ..settings(&simulator.url(), By::Client, &[SALT])
        })
        .unwrap();
        let warm = checkout("warm", 25_000);
        gateway.create_checkout(&warm).await.unwrap();
        let request = checkout("lost 3", 25_000);
        simulator.control().faults().arm(&fault, 1);
        let error = gateway.create_checkout(&request).await.unwrap_err();
        assert_eq!(
            error.advice(),
            Advice::GiveUp,
            "{fault:?}: {}",
            told(&error)
        );
        let lookup = CheckoutLookup::Reference(request.reference);
        let order = gateway.fetch_checkout(&lookup).await.unwrap();
        assert!(order.payments.is_empty());
    }
}

#[tokio::test]
async fn a_lost_answer_returns_nothing_twice() {
    for by in BOTH {
        for fault in lost() {
            let (simulator, patient) = instamojo(by).await;
            simulator.allow_many_refunds(true);
            let id = paid(&simulator, &patient, "lost 4", 25_000).await;
            let gateway = InstamojoGateway::try_new(InstamojoSettings {
                calls: impatient(),
                ..settings(&simulator.url(), by, &[SALT])
            })
            .unwrap();
            gateway.fetch_payment(&id).await.unwrap();
            simulator.control().faults().arm(&fault, 1);
            let asked = refund(&id, "lost refund 1", 10_000);
            let refunded = gateway.refund(&asked).await.unwrap();
            assert_eq!(refunded.amount, rupees(10_000), "{fault:?}");

            let mut asked = refund(&id, "lost refund 2", 5_000);
            simulator.control().faults().arm(&fault, 1);
            simulator.control().faults().arm(&Fault::Fail, 1);
            let error = gateway.refund(&asked).await.unwrap_err();
            assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
            asked.attempt = Attempt::Again;
            gateway.refund(&asked).await.unwrap();
            let books = simulator.control().books();
            assert_eq!(books.refunds.len(), 2, "{by:?} {fault:?}");
            assert_eq!(books.payments[0].refunded, 15_000);
        }
    }
}

/// Two processes carry out the same job. Orders and refunds of version 2 have our name once; what is
/// refused to the second is looked for. Version 1.1 knows no names, and takes one refund for a payment.
#[tokio::test]
async fn race_for_one_refund_and_one_order() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        simulator.allow_many_refunds(by == By::Client);
        let id = paid(&simulator, &gateway, "race 1", 25_000).await;
        let asked = refund(&id, "race refund", 10_000);
        let refunders = (0..6).map(|_| gateway.refund(&asked));
        let mut ids = Vec::new();
        for refunded in futures_util::future::join_all(refunders).await {
            ids.push(refunded.unwrap().refund_id);
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "one refund for all of them");
        assert_eq!(simulator.control().books().payments[0].refunded, 10_000);
    }
    let (simulator, gateway) = instamojo(By::Client).await;
    let request = checkout("race 2", 25_000);
    let openers = (0..6).map(|_| gateway.create_checkout(&request));
    let opened = futures_util::future::join_all(openers).await;
    let opened = opened.iter().filter(|outcome| outcome.is_ok());
    assert_eq!(
        opened.count(),
        1,
        "one has the page, the others know that it is not theirs"
    );
    assert!(simulator.control().books().payments.is_empty());
}

/// What was not done is done by the next attempt, and only then.
#[tokio::test]
async fn what_was_not_done_is_done_again() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let id = paid(&simulator, &gateway, "undone", 25_000).await;
        let mut asked = refund(&id, "undone refund", 10_000);
        simulator.control().faults().arm(&Fault::Fail, 1);
        let error = gateway.refund(&asked).await.unwrap_err();
        assert_eq!(error.advice(), Advice::LookUpFirst, "nobody knows");
        assert!(simulator.control().books().refunds.is_empty());
        asked.attempt = Attempt::Again;
        gateway.refund(&asked).await.unwrap();
        assert_eq!(simulator.control().books().refunds.len(), 1);
        let limit = Fault::RateLimit {
            retry_after_seconds: None,
        };
        simulator.control().faults().arm(&limit, 2);
        let request = checkout("limited", 25_000);
        assert_eq!(word(gateway.create_checkout(&request).await), "done");
    }
}

#[tokio::test]
async fn errors_are_sorted_by_what_to_do() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let id = "MOJO0000000N00000000".parse().unwrap();
        assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_not_found");
        for (fault, expected) in [
            (refuse(404, "Not found"), "gateway_not_found"),
            (refuse(400, "Invalid"), "gateway_refused"),
            // A good status with a failure inside.
            (refuse(200, "Something went wrong"), "gateway_refused"),
            (refuse(409, "Conflict"), "gateway_refused"),
            (refuse(302, "Elsewhere"), "gateway_nonsense"),
            (refuse(502, "Bad Gateway"), "gateway_failed"),
            (Fault::Page, "gateway_nonsense"),
            (Fault::Nonsense, "gateway_nonsense"),
            (Fault::BreakOff, "gateway_no_answer"),
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
        let mut others = settings(&simulator.url(), by, &[SALT]);
        others.access = match by {
            By::Keys => connectors::gateways::instamojo::InstamojoAccess::Keys {
                api_key: Secret::new("key-of-others"),
                auth_token: Secret::new("token-of-others"),
            },
            By::Client => connectors::gateways::instamojo::InstamojoAccess::Client {
                client_id: "others".to_owned(),
                client_secret: Secret::new("secret-of-others"),
            },
        };
        let others = InstamojoGateway::try_new(others).unwrap();
        let error = others.fetch_payment(&id).await.unwrap_err();
        assert_eq!(error.advice(), Advice::TellAPerson, "{}", told(&error));
        assert!(!format!("{others:?}").contains("of-others\""), "{others:?}");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone() {
    for by in BOTH {
        let (simulator, _) = instamojo(by).await;
        let mut calls = calls();
        calls.attempts = 1;
        calls.circuit = CircuitPolicy {
            failures: 3,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_millis(400),
        };
        let gateway = InstamojoGateway::try_new(InstamojoSettings {
            calls,
            ..settings(&simulator.url(), by, &[SALT])
        })
        .unwrap();
        let id = "MOJO0000000N00000000".parse().unwrap();
        simulator.control().set_down(true);
        for _ in 0..3 {
            assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_failed");
        }
        assert_eq!(
            word(gateway.fetch_payment(&id).await),
            "gateway_circuit_open"
        );
        assert_eq!(simulator.requests(), 3);
        simulator.control().set_down(false);
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_not_found");
        let url = simulator.url();
        drop(simulator);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let gateway = super::instamojo_support::gateway(&url, by, &[SALT]);
        let error = gateway.fetch_payment(&id).await.unwrap_err();
        assert!(
            matches!(error, GatewayError::NoAnswer { .. }),
            "{}",
            told(&error)
        );
        assert_eq!(error.advice(), Advice::TryLater { after: None });
    }
}

#[tokio::test]
async fn another_amount_currency_or_word_is_told_as_it_is() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let id = paid(&simulator, &gateway, "other 1", 25_000).await;
        simulator.misreport_payment(id.as_str(), Some(2_500_000), None);
        let seen = gateway.fetch_payment(&id).await.unwrap();
        assert_eq!(seen.amount, rupees(2_500_000));
        simulator.misreport_payment(id.as_str(), None, Some("USD"));
        let seen = gateway.fetch_payment(&id).await.unwrap();
        assert_eq!(seen.amount.asset().code.as_str(), "USD");
        // Payments of two currencies are not added up.
        let lookup = CheckoutLookup::Reference(super::support::reference("other 1"));
        assert_eq!(
            word(gateway.fetch_checkout(&lookup).await),
            "gateway_nonsense"
        );
        simulator.misreport_payment(id.as_str(), None, Some("BTC"));
        assert_eq!(word(gateway.fetch_payment(&id).await), "gateway_nonsense");
        simulator.misreport_payment(id.as_str(), None, None);
        simulator.misreport_status(id.as_str(), "Vanished");
        let seen = gateway.fetch_payment(&id).await.unwrap();
        assert_eq!(seen.status, Reported::Unknown("Vanished".to_owned()));
        assert!(seen.captured.is_zero() && seen.charges.is_none());
        for (word, expected) in [
            ("Credit", PaymentStatus::Captured),
            ("Failed", PaymentStatus::Failed),
            ("Pending", PaymentStatus::AwaitingPayer),
        ] {
            simulator.misreport_status(id.as_str(), word);
            let seen = gateway.fetch_payment(&id).await.unwrap();
            assert_eq!(seen.status, Reported::Known(expected));
        }
    }
}

#[tokio::test]
async fn webhooks_misbehave_come_again_and_outlive_a_change_of_salt() {
    let (simulator, gateway) = instamojo(By::Keys).await;
    let receiver = Receiver::start().await;
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    receiver.answer(&[busy, busy, StatusCode::BAD_REQUEST]);
    let request = told_to(&receiver, "again 1", 25_000);
    decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    simulator
        .control()
        .set_webhook("http://127.0.0.1:9", &[Secret::new("the next salt")]);
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    assert_eq!(facts.len(), 4, "signed with the salt of the moment");
    assert!(facts.windows(2).all(|pair| pair[0] == pair[1]));
    simulator.control().set_chances(Chances {
        webhook_drop: 100,
        webhook_duplicate: 300,
        webhook_reorder: 300,
        webhook_wrong_signature: 300,
        ..Chances::default()
    });
    for number in 0..40 {
        let request = told_to(&receiver, &format!("chance {number}"), 25_000);
        decided(&simulator, &gateway, &request, PayerChoice::FailThenPay).await;
    }
    simulator.webhooks_settled().await;
    let received = receiver.received();
    assert_eq!(receiver.facts(&gateway).len(), 4, "the old salt alone");
    let both =
        super::instamojo_support::gateway(&simulator.url(), By::Keys, &["the next salt", SALT]);
    let forged = simulator.control().deliveries();
    let forged = forged.iter().filter(|delivery| delivery.is_forged).count();
    let refused = received.iter().filter(|one| verify(&both, one).is_err());
    assert_eq!(refused.count(), forged);
    let facts = receiver.facts(&both);
    let mut ids: Vec<&str> = facts.iter().map(|facts| facts.event_id.as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(
        forged > 0 && all > ids.len() + 3,
        "some came twice, under one name"
    );
    let events = u64::try_from(ids.len()).unwrap() + simulator.control().dropped_webhooks();
    assert_eq!(events, 1 + 40);
    receiver.answer(&[busy; 10]);
    simulator.control().set_chances(Chances::default());
    let request = told_to(&receiver, "again 2", 25_000);
    decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    simulator.webhooks_settled().await;
    assert!(simulator.is_webhook_given_up());
}

#[tokio::test]
async fn payments_that_are_left_out_come_with_the_next_payout() {
    let (simulator, gateway) = instamojo(By::Client).await;
    simulator.control().set_chances(Chances {
        settlement_left_out: 400,
        late_success: 500,
        ..Chances::default()
    });
    for number in 0..30 {
        let request = checkout(&format!("partial {number}"), 25_000);
        let choice = match number {
            0..10 => PayerChoice::Fail,
            _ => PayerChoice::Pay,
        };
        decided(&simulator, &gateway, &request, choice).await;
    }
    simulator.control().advance(Duration::from_secs(60));
    let books = simulator.control().books();
    let captured = books.payments.iter().filter(|payment| payment.captured > 0);
    let captured = captured.count();
    assert!(
        (21..30).contains(&captured),
        "some banks changed their mind: {captured}"
    );
    let day = |day| chrono::NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    simulator.control().settle(day(18)).unwrap();
    simulator.control().set_chances(Chances::default());
    simulator.control().settle(day(19)).unwrap();
    let mut counts = Vec::new();
    for number in [18, 19] {
        let query = SettlementQuery {
            day: day(number),
            page: None,
        };
        let rows = gateway.settlement_page(&query).await.unwrap().rows;
        counts.push(rows.iter().filter(|row| row.payment_id.is_some()).count());
    }
    assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
    assert_eq!(counts[0] + counts[1], captured);
}

/// The same seed, the same ids.
#[tokio::test]
async fn a_seed_makes_the_same_world() {
    let mut worlds = Vec::new();
    for _ in 0..2 {
        let (simulator, gateway) = instamojo(By::Keys).await;
        for number in 0..5 {
            paid(&simulator, &gateway, &format!("seed {number}"), 25_000).await;
        }
        worlds.push(simulator.control().books());
    }
    assert_eq!(worlds[0], worlds[1]);
}

#[test]
fn settings_are_checked() {
    let with = |access| {
        let mut settings = settings("http://127.0.0.1:9", By::Keys, &[SALT]);
        settings.access = access;
        InstamojoGateway::try_new(settings).is_ok()
    };
    use connectors::gateways::instamojo::InstamojoAccess::{Client, Keys};
    for (one, other) in [("", "x"), ("x", ""), ("x\n", "x")] {
        assert!(!with(Keys {
            api_key: Secret::new(one),
            auth_token: Secret::new(other),
        }));
    }
    for (one, other) in [("", "x"), ("x", "")] {
        assert!(!with(Client {
            client_id: one.to_owned(),
            client_secret: Secret::new(other),
        }));
    }
    let _ = gateway("http://127.0.0.1:9", By::Client, &[SALT]);
}
