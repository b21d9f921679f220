//! Instamojo: the adapter against the simulator, every operation by both interfaces.

use chrono::NaiveDate;
use connectors::gateways::{
    Attempt, CancelRequest, CaptureMode, CheckoutLookup, CheckoutRequest, CheckoutStatus,
    FormFields, Gateway, Observation, Operation, PaymentMethod, PaymentStatus, PayoutLookup,
    Provider, RefundKind, RefundLookup, RefundStatus, Reported, SettlementQuery, SettlementRowKind,
    SignatureCoverage,
};
use connectors::simulators::{Fault, PayerChoice};
use rust_decimal::Decimal;

use super::instamojo_support::{
    BOTH, By, SALT, checkout, decided, gateway, instamojo, page, paid, told_to,
};
use super::receiver::{Receiver, action, observations, open, submit};
use super::support::{capture, reference, refund, rupees, word};

const CARD: &str = "4100280000001007";

#[tokio::test]
async fn a_checkout_is_paid() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let receiver = Receiver::start().await;
        let request = told_to(&receiver, "paid 1", 25_000);
        let opened = gateway.create_checkout(&request).await.unwrap();
        assert!(page(&opened.action).starts_with(&simulator.url()));
        let by_id = CheckoutLookup::Id(opened.checkout_id.clone());
        let by_reference = CheckoutLookup::Reference(request.reference.clone());
        let before = gateway.fetch_checkout(&by_id).await.unwrap();
        assert_eq!(before.status, Reported::Known(CheckoutStatus::Open));
        assert_eq!(before.reference, Some(request.reference.clone()));
        assert!(before.payments.is_empty() && before.paid.is_zero());

        let id = simulator
            .control()
            .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
            .unwrap();
        let after = gateway.fetch_checkout(&by_reference).await.unwrap();
        assert_eq!(after, gateway.fetch_checkout(&by_id).await.unwrap());
        assert_eq!(after.status, Reported::Known(CheckoutStatus::Paid));
        assert_eq!(after.paid, rupees(25_000));
        let payment = &after.payments[0];
        assert_eq!(payment.payment_id.as_str(), id);
        assert_eq!(payment.status, Reported::Known(PaymentStatus::Captured));
        assert_eq!(payment.captured, rupees(25_000));
        assert_eq!(payment.reference, Some(request.reference.clone()));
        assert_eq!(payment.checkout_id, Some(opened.checkout_id.clone()));
        assert_eq!(payment.method, Some(PaymentMethod::Upi));
        assert!(payment.created_at.is_some() && payment.failure.is_none());
        let charges = payment.charges.unwrap();
        assert_eq!(charges.fee.to_string(), "4.75");
        let fetched = gateway.fetch_payment(&payment.payment_id).await.unwrap();
        assert_eq!(fetched.checkout_id, Some(opened.checkout_id.clone()));
        assert_eq!(fetched.captured, payment.captured);
        // It is closed: nobody pays it twice.
        assert_eq!(
            simulator
                .control()
                .pay(opened.checkout_id.as_str(), PayerChoice::Pay),
            None
        );

        simulator.webhooks_settled().await;
        let facts = receiver.facts(&gateway);
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].coverage, SignatureCoverage::Parts);
        let [Observation::Payment(seen)] = observations(&facts[0]) else {
            panic!("{facts:?}");
        };
        assert_eq!(seen.payment_id, payment.payment_id);
        assert_eq!(seen.checkout_id, Some(opened.checkout_id));
        assert_eq!(
            (seen.captured, seen.charges),
            (payment.captured, payment.charges)
        );
    }
}

#[tokio::test]
async fn a_second_call_opens_nothing_else() {
    let (simulator, gateway) = instamojo(By::Keys).await;
    let mut request = checkout("twice 1", 25_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    for number in 0..120 {
        let other = checkout(&format!("other {number}"), 25_000);
        gateway.create_checkout(&other).await.unwrap();
    }
    request.attempt = Attempt::Again;
    assert_eq!(gateway.create_checkout(&request).await.unwrap(), opened);
    request.amount = rupees(25_001);
    let outcome = gateway.create_checkout(&request).await;
    assert_eq!(word(outcome), "gateway_reference_reused");

    // An order tells its page once. Found again without it, it is of no use, and that is certain.
    let (orders, gateway) = instamojo(By::Client).await;
    let mut request = checkout("twice 2", 25_000);
    gateway.create_checkout(&request).await.unwrap();
    for attempt in [Attempt::First, Attempt::Again] {
        request.attempt = attempt;
        let error = gateway.create_checkout(&request).await.unwrap_err();
        assert!(error.to_string().contains("page_lost"), "{error}");
    }
    request.amount = rupees(25_001);
    let outcome = gateway.create_checkout(&request).await;
    assert_eq!(word(outcome), "gateway_reference_reused");
    assert!(
        simulator.control().books().payments.is_empty()
            && orders.control().books().payments.is_empty()
    );
}

#[tokio::test]
async fn payers_fail_turn_back_and_pay_late() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let receiver = Receiver::start().await;
        simulator.tell_failures(true);
        let request = told_to(&receiver, "failed 1", 25_000);
        let (checkout_id, failed) =
            decided(&simulator, &gateway, &request, PayerChoice::Fail).await;
        let lookup = CheckoutLookup::Id(checkout_id.clone());
        let found = gateway.fetch_checkout(&lookup).await.unwrap();
        assert_eq!(
            found.status,
            Reported::Known(CheckoutStatus::Open),
            "it can be tried again"
        );
        let payment = &found.payments[0];
        assert_eq!(payment.status, Reported::Known(PaymentStatus::Failed));
        assert_eq!(payment.failure.as_ref().unwrap().code, "BANK_DECLINED");
        assert!(payment.captured.is_zero() && payment.charges.is_none());

        assert_eq!(
            simulator
                .control()
                .pay(checkout_id.as_str(), PayerChoice::Abandon),
            None
        );
        let second = simulator
            .control()
            .pay(checkout_id.as_str(), PayerChoice::Pay)
            .unwrap();
        assert!(
            simulator.pay_late(failed.as_str()),
            "and the first comes after all"
        );
        let found = gateway.fetch_checkout(&lookup).await.unwrap();
        assert_eq!(found.paid, rupees(50_000), "both are told");
        assert_eq!(found.payments.len(), 2);
        assert!(
            found
                .payments
                .iter()
                .any(|payment| payment.payment_id.as_str() == second)
        );
        simulator.webhooks_settled().await;
        let facts = receiver.facts(&gateway);
        let mut ids: Vec<_> = facts.iter().map(|told| told.event_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "a failure and two credits");
    }
}

#[tokio::test]
async fn a_payment_request_is_closed() {
    let (simulator, gateway) = instamojo(By::Keys).await;
    let request = checkout("closed 1", 25_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    for _ in 0..2 {
        let closed = gateway.expire_checkout(&opened.checkout_id).await.unwrap();
        assert_eq!(closed.status, Reported::Known(CheckoutStatus::Cancelled));
    }
    assert_eq!(
        simulator
            .control()
            .pay(opened.checkout_id.as_str(), PayerChoice::Pay),
        None
    );
    assert_eq!(open(&page(&opened.action)).await.status, 400);

    let request = checkout("closed 2", 25_000);
    let (id, _) = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    let paid = gateway.expire_checkout(&id).await.unwrap();
    assert_eq!(paid.status, Reported::Known(CheckoutStatus::Paid));
    let nobody = "0cb066f9d3764c2fab6da469d8f613ff".parse().unwrap();
    assert_eq!(
        word(gateway.expire_checkout(&nobody).await),
        "gateway_not_found"
    );
}

#[tokio::test]
async fn refunds() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let id = paid(&simulator, &gateway, "refunded 1", 25_000).await;
        simulator.control().hold_refunds(true);
        let mut asked = refund(&id, "refund 1", 10_000);
        let made = gateway.refund(&asked).await.unwrap();
        assert_eq!(made.status, Reported::Known(RefundStatus::Pending));
        assert_eq!(made.kind, RefundKind::OfCaptured);
        assert_eq!(made.reference, Some(asked.reference.clone()));
        assert_eq!(
            made.amount,
            rupees(10_000),
            "whole rupees come without decimals"
        );
        simulator.control().process_refunds(&[]);
        let mut lookup = RefundLookup {
            payment_id: id.clone(),
            refund_id: Some(made.refund_id.clone()),
            reference: asked.reference.clone(),
        };
        let found = gateway.fetch_refund(&lookup).await.unwrap();
        assert_eq!(found.status, Reported::Known(RefundStatus::Processed));
        lookup.refund_id = None;
        assert_eq!(gateway.fetch_refund(&lookup).await.unwrap(), found);
        for attempt in [Attempt::First, Attempt::Again] {
            asked.attempt = attempt;
            let again = gateway.refund(&asked).await.unwrap();
            assert_eq!(again.refund_id, made.refund_id, "{by:?}");
        }
        asked.amount = rupees(9_999);
        assert_eq!(
            word(gateway.refund(&asked).await),
            "gateway_reference_reused"
        );
        let second = gateway.refund(&refund(&id, "refund 2", 10_000)).await;
        assert_eq!(word(second), "gateway_refused", "one for each payment");
        simulator.allow_many_refunds(true);
        let much = gateway.refund(&refund(&id, "refund 3", 15_001)).await;
        assert_eq!(word(much), "gateway_refused");
        let rest = gateway
            .refund(&refund(&id, "refund 4", 15_000))
            .await
            .unwrap();
        simulator
            .control()
            .process_refunds(&[rest.refund_id.as_str()]);
        lookup.refund_id = Some(rest.refund_id);
        let failed = gateway.fetch_refund(&lookup).await.unwrap();
        assert_eq!(failed.status, Reported::Known(RefundStatus::Failed));
        lookup.refund_id = None;
        lookup.reference = reference("refund 9");
        assert_eq!(
            word(gateway.fetch_refund(&lookup).await),
            "gateway_not_found"
        );
        let books = simulator.control().books();
        assert_eq!(
            (books.refunds.len(), books.payments[0].refunded),
            (2, 10_000)
        );
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_when_it_ends() {
    let (simulator, gateway) = instamojo(By::Client).await;
    let nobody = "MOJO0000000N00000000".parse().unwrap();
    let asking = (0..8).map(|_| gateway.fetch_payment(&nobody));
    for outcome in futures_util::future::join_all(asking).await {
        assert_eq!(word(outcome), "gateway_not_found");
    }
    assert_eq!((simulator.tokens(), simulator.requests()), (1, 9));
    simulator.end_tokens();
    assert_eq!(
        word(gateway.fetch_payment(&nobody).await),
        "gateway_not_found"
    );
    assert_eq!((simulator.tokens(), simulator.requests()), (1, 12));
    // Nothing is done twice by it.
    let id = paid(&simulator, &gateway, "token 1", 25_000).await;
    simulator.end_tokens();
    assert_eq!(
        word(gateway.refund(&refund(&id, "token refund", 100)).await),
        "done"
    );
    assert_eq!(simulator.control().books().refunds.len(), 1);
    // Whoever is refused with a fresh one is refused.
    simulator.control().faults().arm(
        &Fault::Refuse {
            status: poem::http::StatusCode::UNAUTHORIZED,
            code: 0,
            message: "no".to_owned(),
        },
        1,
    );
    assert_eq!(word(gateway.fetch_payment(&id).await), "done");
}

#[tokio::test]
async fn a_day_is_settled_by_its_payments() {
    let (simulator, gateway) = instamojo(By::Client).await;
    let mut ids = Vec::new();
    for number in 0..130 {
        let name = format!("settled {number}");
        ids.push(paid(&simulator, &gateway, &name, 18_300).await);
    }
    gateway
        .refund(&refund(&ids[0], "settled refund", 8_300))
        .await
        .unwrap();
    let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    assert_eq!(simulator.control().books().owed["INR"], 2_317_270);
    let payout = simulator.control().settle(day(19)).unwrap();
    assert_eq!(simulator.control().books().owed["INR"], 0);
    paid(&simulator, &gateway, "later", 18_300).await;
    simulator.control().settle(day(20)).unwrap();
    let mut query = SettlementQuery {
        day: day(19),
        page: None,
    };
    let mut rows = Vec::new();
    let mut pages = 0;
    loop {
        let page = gateway.settlement_page(&query).await.unwrap();
        rows.extend(page.rows);
        pages += 1;
        query.page = page.next;
        if query.page.is_none() {
            break;
        }
    }
    assert_eq!((pages, rows.len()), (2, 132));
    let kind = |wanted| {
        rows.iter()
            .filter(move |row| row.kind == Reported::Known(wanted))
    };
    assert_eq!(kind(SettlementRowKind::Payment).count(), 130);
    let first = kind(SettlementRowKind::Payment).next().unwrap();
    assert_eq!(
        (first.fee.to_string(), first.net.to_string()),
        ("3.48".into(), "179.52".into())
    );
    let adjusted = kind(SettlementRowKind::Adjustment).next().unwrap();
    assert_eq!(adjusted.net.to_string(), "-83.00", "the refund");
    assert!(
        rows.iter()
            .all(|row| row.settlement_id.as_ref().unwrap().as_str() == payout)
    );
    // 130 times 183.00 without 3.48 and 0.63 tax, and the refund.
    let total: Decimal = rows.iter().map(|row| row.net).sum();
    assert_eq!(total, "23172.70".parse().unwrap());
    let empty = SettlementQuery {
        day: day(18),
        page: None,
    };
    assert!(
        gateway
            .settlement_page(&empty)
            .await
            .unwrap()
            .rows
            .is_empty()
    );
}

#[tokio::test]
async fn a_browser_pays_fails_and_turns_back() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let receiver = Receiver::start().await;
        for choice in ["pay", "fail", "fail_then_pay", "abandon"] {
            let request = told_to(&receiver, choice, 25_000);
            let opened = gateway.create_checkout(&request).await.unwrap();
            let shown = open(&page(&opened.action)).await;
            assert_eq!(shown.status, 200);
            assert!(shown.html.contains("INR 250.00"), "{}", shown.html);
            let decision: Vec<(String, String)> = [
                ("method", "card"),
                ("card_number", CARD),
                ("choice", choice),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
            let target = format!("{}{}", simulator.url(), action(&shown.html));
            let back = submit(&target, &decision).await;
            if choice == "abandon" {
                assert_eq!((back.status.as_u16(), back.location), (400, None));
                continue;
            }
            let location = back.location.unwrap();
            let (url, query) = location.split_once('?').unwrap();
            assert_eq!(url, request.return_url.as_str());
            assert!(!query.contains(CARD));
            let fields = FormFields::decode(query.as_bytes());
            let id = fields.only("payment_id").unwrap().parse().unwrap();
            let payment = gateway.fetch_payment(&id).await.unwrap();
            assert_eq!(payment.method, Some(PaymentMethod::Card));
            assert_eq!(payment.captured.is_zero(), choice == "fail");
        }
        simulator.webhooks_settled().await;
        assert_eq!(
            receiver.received().len(),
            2,
            "failures are not told unless asked for"
        );
        for webhook in receiver.received() {
            assert!(!String::from_utf8_lossy(&webhook.body).contains(CARD));
        }
        assert!(!format!("{:?}", simulator.control().books()).contains(CARD));
    }
}

#[tokio::test]
async fn what_instamojo_has_not_is_not_asked() {
    let (simulator, keys) = instamojo(By::Keys).await;
    let client = gateway(&simulator.url(), By::Client, &[SALT]);
    assert_eq!(keys.provider(), Provider::Instamojo);
    assert!(keys.capabilities().supports(Operation::ExpireCheckout));
    assert!(!keys.capabilities().supports(Operation::SettlementReport));
    assert!(client.capabilities().supports(Operation::SettlementReport));
    let id = "MOJO0000000N00000000".parse().unwrap();
    let giving_up = CancelRequest {
        payment_id: "MOJO0000000N00000000".parse().unwrap(),
        reference: reference("nothing"),
        attempt: Attempt::First,
    };
    let query = SettlementQuery {
        day: NaiveDate::from_ymd_opt(2026, 11, 19).unwrap(),
        page: None,
    };
    let words = [
        word(client.expire_checkout(&id).await),
        word(keys.settlement_page(&query).await),
        word(keys.capture(&capture(&id, "nothing", 100)).await),
        word(keys.cancel_payment(&giving_up).await),
        word(keys.fetch_payout(&PayoutLookup::Id(id.clone())).await),
        word(keys.fetch_dispute(&id).await),
    ];
    assert!(
        words.iter().all(|word| *word == "gateway_unsupported"),
        "{words:?}"
    );
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn what_cannot_be_said_to_instamojo_is_not_sent() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let good = checkout("said", 25_000);
        let mut requests = Vec::new();
        let mut with = |change: fn(&mut CheckoutRequest)| {
            let mut request = good.clone();
            change(&mut request);
            requests.push(request);
        };
        with(|request| request.amount = rupees(899));
        with(|request| request.amount = rupees(20_000_001));
        with(|request| {
            let dollars = connectors::gateways::currency("USD").unwrap();
            request.amount = connectors::gateways::Money::from_minor_units(2_500, dollars);
        });
        with(|request| request.capture = CaptureMode::Manual);
        with(|request| request.payer.email = None);
        with(|request| request.payer.phone = None);
        with(|request| request.payer.name = " ".to_owned());
        with(|request| request.payer.name = "a".repeat(101));
        with(|request| request.description = String::new());
        with(|request| request.description = "a".repeat(256));
        with(|request| {
            request.payer.email = Some(format!("{}@example.org", "a".repeat(64)).parse().unwrap());
        });
        match by {
            By::Keys => with(|request| {
                request.reference = "0123456789012345678901234567890".parse().unwrap();
            }),
            By::Client => with(|request| {
                request.return_url = "http://127.0.0.1:9/return?a=b".parse().unwrap();
            }),
        }
        for request in requests {
            let outcome = gateway.create_checkout(&request).await;
            assert_eq!(word(outcome), "gateway_invalid_request", "{request:?}");
        }
        let id = "MOJO0000000N00000000".parse().unwrap();
        let nothing = gateway.refund(&refund(&id, "said", 0)).await;
        assert_eq!(word(nothing), "gateway_invalid_request");
        assert_eq!(simulator.requests(), 0);
    }
}
