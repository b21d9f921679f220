//! PayU: the adapter against the simulator, every operation.

use std::time::Duration;

use chrono::NaiveDate;
use connectors::gateways::{
    Attempt, BankDestination, BeneficiaryRequest, CancelRequest, CaptureMode, CheckoutAction,
    CheckoutLookup, CheckoutStatus, DisputePhase, DisputeStatus, Gateway, GatewayError,
    Observation, Operation, PaymentMethod, PaymentStatus, PayoutLookup, PayoutMode, PayoutRequest,
    Provider, RefundKind, RefundLookup, RefundStatus, Reported, SettlementQuery, SettlementRowKind,
    SignatureCoverage, WebhookContent,
};
use connectors::secret::Secret;
use connectors::simulators::PayerChoice;

use super::payu_support::{decided, form, listening, paid, payu, payu_manual};
use super::receiver::observations;
use super::support::{capture, checkout, reference, refund, rupees, word};

#[tokio::test]
async fn a_form_is_paid() {
    let (simulator, gateway) = payu().await;
    let receiver = listening(&simulator).await;
    let request = checkout("form 1", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    let CheckoutAction::Form { url, fields } = &opened.action else {
        panic!("{opened:?}");
    };
    assert_eq!(url.path(), "/_payment");
    assert!(fields.contains(&("amount".to_owned(), "500.00".to_owned())));
    assert!(!format!("{opened:?} {gateway:?}").contains("salt-of-ours"));
    assert_eq!(simulator.requests(), 0, "the form goes with the browser");

    let lookup = CheckoutLookup::Reference(request.reference.clone());
    let before = gateway.fetch_checkout(&lookup).await;
    assert_eq!(word(before), "gateway_not_found", "nobody opened it");
    assert!(simulator.open(fields));
    let before = gateway.fetch_checkout(&lookup).await.unwrap();
    assert_eq!(before.status, Reported::Known(CheckoutStatus::Open));
    assert_eq!(before.provider_status, "pending/initiated");
    assert!(before.paid.is_zero());

    let id = simulator
        .control()
        .pay(request.reference.as_str(), PayerChoice::Pay);
    let after = gateway.fetch_checkout(&lookup).await.unwrap();
    let by_id = CheckoutLookup::Id(opened.checkout_id.clone());
    assert_eq!(after, gateway.fetch_checkout(&by_id).await.unwrap());
    assert_eq!(after.status, Reported::Known(CheckoutStatus::Paid));
    assert_eq!(after.paid, rupees(50_000));
    let payment = &after.payments[0];
    assert_eq!(Some(payment.payment_id.to_string()), id);
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Captured));
    assert_eq!(payment.reference, Some(request.reference.clone()));
    assert_eq!(payment.checkout_id, Some(opened.checkout_id));
    assert_eq!(payment.method, Some(PaymentMethod::Upi));
    assert!(payment.failure.is_none() && payment.created_at.is_some());
    let fetched = gateway.fetch_payment(&payment.payment_id).await.unwrap();
    assert_eq!(fetched, *payment);

    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].event_type, "payment success/captured");
    assert_eq!(facts[0].coverage, SignatureCoverage::Parts);
    let [Observation::Payment(seen)] = observations(&facts[0]) else {
        panic!("{facts:?}");
    };
    assert_eq!(seen, payment);
    assert_eq!(facts[0].occurred_at, payment.created_at);
}

#[tokio::test]
async fn one_reference_is_paid_once() {
    let (simulator, gateway) = payu().await;
    let mut request = checkout("form 2", 50_000);
    let fields = form(&gateway, &request).await;
    assert!(simulator.open(&fields));
    assert!(simulator.open(&fields), "a browser may reload");
    request.attempt = Attempt::Again;
    assert_eq!(form(&gateway, &request).await, fields);
    simulator
        .control()
        .pay(request.reference.as_str(), PayerChoice::Fail);
    assert!(!simulator.open(&fields), "not even after a failure");
    let again = simulator
        .control()
        .pay(request.reference.as_str(), PayerChoice::Pay);
    assert_eq!(again, None);
    // Whatever of a form is changed, its hash no longer fits.
    for name in [
        "amount",
        "txnid",
        "email",
        "firstname",
        "productinfo",
        "key",
    ] {
        let mut changed = form(&gateway, &checkout("form 3", 50_000)).await;
        for (field, value) in &mut changed {
            if field == name {
                value.push('1');
            }
        }
        assert!(!simulator.open(&changed), "{name}");
    }
}

#[tokio::test]
async fn payers_fail_turn_back_and_leave() {
    let (simulator, gateway) = payu().await;
    for (choice, payment_status, checkout_status) in [
        (
            PayerChoice::Fail,
            PaymentStatus::Failed,
            CheckoutStatus::Expired,
        ),
        (
            PayerChoice::Abandon,
            PaymentStatus::Expired,
            CheckoutStatus::Expired,
        ),
        (
            PayerChoice::FailThenPay,
            PaymentStatus::Captured,
            CheckoutStatus::Paid,
        ),
    ] {
        let request = checkout(&format!("{choice:?}"), 50_000);
        let id = decided(&simulator, &gateway, &request, choice).await;
        let payment = gateway.fetch_payment(&id).await.unwrap();
        assert_eq!(
            payment.status,
            Reported::Known(payment_status),
            "{choice:?}"
        );
        let lookup = CheckoutLookup::Reference(request.reference);
        let found = gateway.fetch_checkout(&lookup).await.unwrap();
        assert_eq!(found.status, Reported::Known(checkout_status), "{choice:?}");
    }
    let failed = gateway
        .fetch_checkout(&CheckoutLookup::Reference(reference("Fail")))
        .await
        .unwrap();
    let failure = failed.payments[0].failure.clone().unwrap();
    assert_eq!(failure.code, "E325");

    let request = checkout("left", 50_000);
    assert!(simulator.open(&form(&gateway, &request).await));
    simulator.control().advance(Duration::from_secs(3_600));
    let lookup = CheckoutLookup::Reference(request.reference);
    let found = gateway.fetch_checkout(&lookup).await.unwrap();
    assert_eq!(found.provider_status, "failure/dropped");
    let id = &found.payments[0].payment_id;
    assert!(simulator.pay_late(id.as_str()));
    let late = gateway.fetch_payment(id).await.unwrap();
    assert_eq!(late.status, Reported::Known(PaymentStatus::Captured));
    assert_eq!(late.captured, rupees(50_000));
}

#[tokio::test]
async fn what_is_authorized_is_taken_or_given_up() {
    let (simulator, gateway) = payu_manual().await;
    assert!(gateway.capabilities().supports(Operation::Capture));
    let mut request = checkout("auth 1", 50_000);
    request.capture = CaptureMode::Manual;
    let id = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    let found = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(found.status, Reported::Known(PaymentStatus::Authorized));
    assert!(found.captured.is_zero());

    simulator.control().hold_refunds(true);
    let mut taking = capture(&id, "capture 1", 50_000);
    let queued = gateway.capture(&taking).await.unwrap();
    assert_eq!(queued.status, Reported::Known(PaymentStatus::Authorized));
    let second = gateway.capture(&taking).await;
    assert_eq!(word(second), "gateway_in_progress");
    simulator.control().process_refunds(&[]);
    for attempt in [Attempt::First, Attempt::Again] {
        taking.attempt = attempt;
        let taken = gateway.capture(&taking).await.unwrap();
        assert_eq!(taken.status, Reported::Known(PaymentStatus::Captured));
        assert_eq!(taken.captured, rupees(50_000));
    }
    let other = gateway.capture(&capture(&id, "capture 2", 49_999)).await;
    assert_eq!(word(other), "gateway_refused", "another amount was taken");
    simulator.control().hold_refunds(false);

    request.reference = reference("auth 2");
    let id = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    let more = gateway.capture(&capture(&id, "capture 3", 50_001)).await;
    assert_eq!(word(more), "gateway_refused");
    let part = gateway
        .capture(&capture(&id, "capture 4", 20_000))
        .await
        .unwrap();
    assert_eq!(part.captured, rupees(20_000));

    request.reference = reference("auth 3");
    let id = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    let mut giving_up = CancelRequest {
        payment_id: id.clone(),
        reference: reference("cancel 1"),
        attempt: Attempt::First,
    };
    for attempt in [Attempt::First, Attempt::Again] {
        giving_up.attempt = attempt;
        let cancelled = gateway.cancel_payment(&giving_up).await.unwrap();
        assert_eq!(cancelled.status, Reported::Known(PaymentStatus::Expired));
        assert!(cancelled.refunded.is_zero(), "it was never ours");
    }
    let late = gateway.capture(&capture(&id, "capture 5", 50_000)).await;
    assert_ne!(word(late), "done");
    // The same command would refund what was taken.
    let first = CheckoutLookup::Reference(reference("auth 1"));
    let taken = gateway.fetch_checkout(&first).await.unwrap();
    giving_up.payment_id = taken.payments[0].payment_id.clone();
    giving_up.reference = reference("cancel 2");
    assert_eq!(
        word(gateway.cancel_payment(&giving_up).await),
        "gateway_refused"
    );
    let books = simulator.control().books();
    let captured: Vec<u64> = books
        .payments
        .iter()
        .map(|payment| payment.captured)
        .collect();
    assert_eq!(captured, [50_000, 20_000, 0]);
    assert!(books.payments.iter().all(|payment| payment.refunded == 0));
}

#[tokio::test]
async fn refunds_in_parts() {
    let (simulator, gateway) = payu().await;
    let receiver = listening(&simulator).await;
    let id = paid(&simulator, &gateway, "refunded", 50_000).await;
    simulator.control().hold_refunds(true);
    let mut asked = refund(&id, "refund 1", 20_000);
    let queued = gateway.refund(&asked).await.unwrap();
    assert_eq!(queued.status, Reported::Known(RefundStatus::Pending));
    assert_eq!(queued.kind, RefundKind::OfCaptured);
    assert_eq!(queued.reference, Some(asked.reference.clone()));
    let mut lookup = RefundLookup {
        payment_id: id.clone(),
        refund_id: Some(queued.refund_id.clone()),
        reference: asked.reference.clone(),
    };
    let found = gateway.fetch_refund(&lookup).await.unwrap();
    assert_eq!(found.status, Reported::Known(RefundStatus::Pending));
    simulator.control().process_refunds(&[]);
    lookup.refund_id = None;
    let found = gateway.fetch_refund(&lookup).await.unwrap();
    assert_eq!(found.refund_id, queued.refund_id);
    assert_eq!(found.status, Reported::Known(RefundStatus::Processed));
    assert_eq!(found.amount, rupees(20_000));
    assert_eq!(found.bank_reference.unwrap().len(), 23, "every digit of it");

    for attempt in [Attempt::First, Attempt::Again] {
        asked.attempt = attempt;
        let again = gateway.refund(&asked).await.unwrap();
        assert_eq!(again.refund_id, queued.refund_id);
    }
    asked.amount = rupees(20_001);
    assert_eq!(
        word(gateway.refund(&asked).await),
        "gateway_reference_reused"
    );

    let failing = gateway
        .refund(&refund(&id, "refund 2", 30_000))
        .await
        .unwrap();
    simulator
        .control()
        .process_refunds(&[failing.refund_id.as_str()]);
    lookup.refund_id = Some(failing.refund_id);
    lookup.reference = reference("refund 2");
    let failed = gateway.fetch_refund(&lookup).await.unwrap();
    assert_eq!(failed.status, Reported::Known(RefundStatus::Failed));
    let payment = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(
        payment.status,
        Reported::Known(PaymentStatus::PartiallyRefunded)
    );
    assert_eq!(payment.refunded, rupees(20_000));

    simulator.control().hold_refunds(false);
    let much = gateway.refund(&refund(&id, "refund 3", 30_001)).await;
    assert_eq!(word(much), "gateway_refused");
    gateway
        .refund(&refund(&id, "refund 4", 30_000))
        .await
        .unwrap();
    let payment = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Refunded));
    assert_eq!(
        (payment.captured, payment.refunded),
        (rupees(50_000), rupees(50_000))
    );
    lookup.reference = reference("refund 9");
    lookup.refund_id = None;
    assert_eq!(
        word(gateway.fetch_refund(&lookup).await),
        "gateway_not_found"
    );

    simulator.webhooks_settled().await;
    // A payment, three refunds, and the bank's reference for two of them.
    let facts = receiver.facts(&gateway);
    assert_eq!(facts.len(), 6);
    for told in facts
        .iter()
        .filter(|told| told.event_type.starts_with("refund"))
    {
        assert_eq!(told.coverage, SignatureCoverage::Nothing);
        let [Observation::Refund(seen)] = observations(told) else {
            panic!("{told:?}");
        };
        assert_eq!(seen.payment_id, id, "without the spaces around it");
    }
}

#[tokio::test]
async fn a_refund_of_what_was_not_taken_says_so() {
    let (simulator, gateway) = payu_manual().await;
    let mut request = checkout("auth 4", 50_000);
    request.capture = CaptureMode::Manual;
    let id = decided(&simulator, &gateway, &request, PayerChoice::Pay).await;
    let refunded = gateway
        .refund(&refund(&id, "refund 5", 50_000))
        .await
        .unwrap();
    assert_eq!(refunded.kind, RefundKind::OfUncaptured);
    let payment = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Expired));
    assert!(payment.refunded.is_zero());
}

#[tokio::test]
async fn refunds_that_are_put_off_are_found_by_their_token() {
    let (simulator, gateway) = payu().await;
    let id = paid(&simulator, &gateway, "put off", 50_000).await;
    // Noted, but the answer names nothing; it is found all the same.
    simulator.defer_refunds(true);
    simulator.control().hold_refunds(true);
    let noted = gateway
        .refund(&refund(&id, "put off 1", 10_000))
        .await
        .unwrap();
    assert_eq!(noted.status, Reported::Known(RefundStatus::Pending));
    assert_eq!(simulator.control().books().refunds.len(), 1);

    simulator.defer_refunds(false);
    simulator.refuse_same_refund(true);
    let mut same = refund(&id, "put off 2", 10_000);
    let error = gateway.refund(&same).await.unwrap_err();
    assert!(matches!(
        error,
        GatewayError::RateLimited { retry_after: Some(pause), .. } if pause == Duration::from_secs(300)
    ));
    simulator.control().advance(Duration::from_secs(300));
    same.attempt = Attempt::Again;
    assert_eq!(word(gateway.refund(&same).await), "done");
    assert_eq!(simulator.control().books().refunds.len(), 2);
}

#[tokio::test]
async fn a_day_is_settled_row_by_row() {
    let (simulator, gateway) = payu().await;
    // 11,979.88 rupees: the fee has four decimals.
    let id = paid(&simulator, &gateway, "settled 1", 1_197_988).await;
    let asked = refund(&id, "settled refund", 97_988);
    let refunded = gateway.refund(&asked).await.unwrap();
    let other = paid(&simulator, &gateway, "settled 2", 100_000).await;
    let dispute = simulator.dispute_of(other.as_str(), "Chargeback").unwrap();
    assert!(
        simulator
            .control()
            .move_dispute(&dispute, "Closed Customer Favour")
    );
    let day = NaiveDate::from_ymd_opt(2026, 11, 19).unwrap();
    // 11,697.1549 less 979.88, and 976.40 less 1,000.00.
    let owed = |books: connectors::simulators::books::Books| books.owed["INR"];
    assert_eq!(owed(simulator.control().books()), 1_069_367);
    let utr = simulator.control().settle(day).unwrap();
    assert_eq!(simulator.control().settle(day), None, "nothing is left");
    assert_eq!(owed(simulator.control().books()), 0);
    let query = SettlementQuery { day, page: None };
    let page = gateway.settlement_page(&query).await.unwrap();
    assert!(page.next.is_none());
    let told: Vec<_> = page
        .rows
        .iter()
        .map(|row| {
            (
                row.kind.clone(),
                row.entity_id.to_string(),
                row.net.to_string(),
            )
        })
        .collect();
    let known = |kind| Reported::Known(kind);
    assert_eq!(
        told,
        [
            (
                known(SettlementRowKind::Payment),
                id.to_string(),
                "11697.1549".to_owned()
            ),
            (
                known(SettlementRowKind::Refund),
                refunded.refund_id.to_string(),
                "-979.8800".to_owned()
            ),
            (
                known(SettlementRowKind::Payment),
                other.to_string(),
                "976.4000".to_owned()
            ),
            (
                known(SettlementRowKind::Chargeback),
                dispute.clone(),
                "-1000.0000".to_owned()
            ),
        ]
    );
    let first = &page.rows[0];
    assert_eq!(
        (first.fee.to_string(), first.tax.to_string()),
        ("239.5976".to_owned(), "43.1275".to_owned())
    );
    assert_eq!(first.amount.value() - first.fee - first.tax, first.net);
    assert_eq!(first.reference.as_deref(), Some("settled-1_"));
    assert_eq!(first.bank_reference.as_deref(), Some(utr.as_str()));
    assert_eq!(page.rows[1].payment_id, Some(id));
    assert_eq!(
        page.rows[1].reference.as_deref(),
        Some(asked.reference.as_str())
    );
    let empty = SettlementQuery {
        day: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
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
async fn a_report_has_pages() {
    let (simulator, gateway) = payu().await;
    for number in 0..501 {
        paid(&simulator, &gateway, &format!("page {number}"), 10_000).await;
    }
    let day = NaiveDate::from_ymd_opt(2026, 11, 19).unwrap();
    simulator.control().settle(day).unwrap();
    let mut query = SettlementQuery { day, page: None };
    let first = gateway.settlement_page(&query).await.unwrap();
    assert_eq!(first.rows.len(), 500);
    query.page = first.next;
    assert!(query.page.is_some());
    let second = gateway.settlement_page(&query).await.unwrap();
    assert_eq!((second.rows.len(), second.next), (1, None));
    let mut ids: Vec<_> = first.rows.iter().chain(&second.rows).collect();
    ids.sort_by(|one, other| one.entity_id.cmp(&other.entity_id));
    ids.dedup_by(|one, other| one.entity_id == other.entity_id);
    assert_eq!(ids.len(), 501);
}

#[tokio::test]
async fn disputes_are_told_and_not_signed() {
    let (simulator, gateway) = payu().await;
    let receiver = listening(&simulator).await;
    let id = paid(&simulator, &gateway, "disputed", 50_000).await;
    let dispute = simulator.dispute_of(id.as_str(), "RBI/BO").unwrap();
    for status in [
        "Pending Doc Review",
        "Something New",
        "Closed Customer Favour",
    ] {
        assert!(simulator.control().move_dispute(&dispute, status));
        simulator.webhooks_settled().await;
    }
    let facts = receiver.facts(&gateway);
    let disputes = facts
        .iter()
        .filter(|told| told.event_type.starts_with("dispute"));
    let mut seen = Vec::new();
    for told in disputes {
        assert_eq!(told.coverage, SignatureCoverage::Nothing);
        // No command asks about disputes, so that nothing can confirm them.
        let WebhookContent::CannotBeConfirmed(observations) = &told.content else {
            panic!("{told:?}");
        };
        let [Observation::Dispute(dispute)] = observations.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(dispute.payment_id, id);
        assert_eq!(dispute.phase, Reported::Known(DisputePhase::Chargeback));
        assert!(dispute.respond_by.is_some());
        seen.push((dispute.status.clone(), dispute.deducted.minor_units()));
    }
    assert!(seen.contains(&(Reported::Known(DisputeStatus::Open), 0)));
    assert!(seen.contains(&(Reported::Known(DisputeStatus::UnderReview), 0)));
    assert!(seen.contains(&(Reported::Unknown("Something New".to_owned()), 0)));
    assert!(seen.contains(&(Reported::Known(DisputeStatus::Lost), 50_000)));
    assert_eq!(simulator.control().books().disputes[0].deducted, 50_000);
}

#[tokio::test]
async fn what_payers_add_is_not_ours() {
    let (simulator, gateway) = payu().await;
    let receiver = listening(&simulator).await;
    simulator.set_additional_charges(1_180);
    let id = paid(&simulator, &gateway, "charged", 1_000).await;
    let payment = gateway.fetch_payment(&id).await.unwrap();
    assert_eq!(
        (payment.amount, payment.captured),
        (rupees(1_000), rupees(1_000))
    );
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let [Observation::Payment(told)] = observations(&facts[0]) else {
        panic!("{facts:?}");
    };
    assert_eq!(told.captured, rupees(1_000));
}

#[tokio::test]
async fn what_payu_has_not_is_not_asked() {
    let (simulator, gateway) = payu().await;
    assert_eq!(gateway.provider(), Provider::PayU);
    let id = "403993715530925893".parse().unwrap();
    let beneficiary = BeneficiaryRequest {
        reference: reference("nobody"),
        name: "Asha".to_owned(),
        email: None,
        phone: None,
        destination: BankDestination::Upi {
            address: Secret::new("asha@bank"),
        },
    };
    let payout = PayoutRequest {
        reference: reference("nothing"),
        attempt: Attempt::First,
        beneficiary_id: id,
        amount: rupees(100),
        mode: PayoutMode::Default,
        narration: String::new(),
        created_at: chrono::Utc::now(),
    };
    let id = &payout.beneficiary_id;
    let words = [
        word(gateway.expire_checkout(id).await),
        word(gateway.capture(&capture(id, "nothing", 100)).await),
        word(gateway.register_beneficiary(&beneficiary).await),
        word(gateway.payout(&payout).await),
        word(gateway.fetch_payout(&PayoutLookup::Id(id.clone())).await),
        word(gateway.fetch_dispute(id).await),
    ];
    assert!(
        words.iter().all(|word| *word == "gateway_unsupported"),
        "{words:?}"
    );
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn what_cannot_be_said_to_payu_is_not_sent() {
    let (simulator, gateway) = payu().await;
    let good = checkout("said", 50_000);
    let mut requests = Vec::new();
    let mut with = |change: fn(&mut connectors::gateways::CheckoutRequest)| {
        let mut request = good.clone();
        change(&mut request);
        requests.push(request);
    };
    with(|request| request.amount = rupees(0));
    with(|request| {
        let dollars = connectors::gateways::currency("USD").unwrap();
        request.amount = connectors::gateways::Money::from_minor_units(100, dollars);
    });
    with(|request| request.capture = CaptureMode::Manual);
    with(|request| request.payer.email = None);
    with(|request| request.payer.phone = None);
    with(|request| request.payer.name = "Asha|Rao".to_owned());
    with(|request| request.payer.name = String::new());
    with(|request| request.description = "a|b".to_owned());
    with(|request| request.description = "a\nb".to_owned());
    with(|request| request.description = "a".repeat(101));
    with(|request| request.payer.email = Some("a|b@example.org".parse().unwrap()));
    with(|request| request.reference = "012345678901234567890123".parse().unwrap());
    for request in requests {
        let outcome = gateway.create_checkout(&request).await;
        assert_eq!(word(outcome), "gateway_invalid_request", "{request:?}");
    }
    let id = "403993715530925893".parse().unwrap();
    let mut asked = refund(&id, "said", 0);
    assert_eq!(
        word(gateway.refund(&asked).await),
        "gateway_invalid_request"
    );
    asked.amount = rupees(100);
    asked.reference = "012345678901234567890123".parse().unwrap();
    assert_eq!(
        word(gateway.refund(&asked).await),
        "gateway_invalid_request"
    );
    assert_eq!(simulator.requests(), 0);
}
