//! Stripe: money that leaves us, and the balance: the adapter against the simulator.

use chrono::{NaiveDate, Utc};
use connectors::gateways::stripe::StripeGateway;
use connectors::gateways::{
    Attempt, DisputeStatus, Gateway, Observation, Operation, PaymentStatus, PayoutLookup,
    PayoutMode, PayoutRequest, PayoutStatus, Reported, SettlementQuery, SettlementRow,
    SettlementRowKind,
};
use connectors::simulators::PayerChoice;
use rust_decimal::Decimal;

use super::receiver::observations;
use super::stripe::listening;
use super::support::{checkout, reference, refund, rupees, stripe, word};

#[tokio::test]
async fn a_dispute_takes_the_money_at_once() {
    let (simulator, gateway) = stripe().await;
    let receiver = listening(&simulator).await;
    let opened = gateway
        .create_checkout(&checkout("dispute 1", 30_000))
        .await
        .unwrap();
    let id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    let dispute = simulator.control().dispute(&id).unwrap();
    let dispute_id = dispute.parse().unwrap();
    let open = gateway.fetch_dispute(&dispute_id).await.unwrap();
    assert_eq!(open.status, Reported::Known(DisputeStatus::Open));
    assert_eq!(open.deducted, rupees(30_000));
    assert_eq!(open.payment_id.as_str(), id);
    let payment = gateway.fetch_payment(&id.parse().unwrap()).await.unwrap();
    assert_eq!(payment.status, Reported::Known(PaymentStatus::Disputed));
    assert!(simulator.control().move_dispute(&dispute, "won"));
    let won = gateway.fetch_dispute(&dispute_id).await.unwrap();
    assert_eq!(won.status, Reported::Known(DisputeStatus::Won));
    assert!(won.deducted.is_zero());
    assert_eq!(won.charges.unwrap().fee.to_string(), "15.00");
    // 300.00 less 9.00 for the payment and 15.00 for the dispute.
    assert_eq!(simulator.control().books().owed["INR"], 27_600);
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let told = facts
        .iter()
        .filter(|facts| facts.event_type.starts_with("charge.dispute."));
    assert_eq!(told.count(), 4);
}

fn payout(name: &str, beneficiary: &str) -> PayoutRequest {
    PayoutRequest {
        reference: reference(name),
        attempt: Attempt::First,
        beneficiary_id: beneficiary.parse().unwrap(),
        amount: rupees(75_000),
        mode: PayoutMode::Default,
        narration: "Withdrawal".to_owned(),
        created_at: chrono::Utc::now(),
    }
}

#[tokio::test]
async fn payouts_and_transfers_go_and_come_back() {
    let (simulator, gateway) = stripe().await;
    let receiver = listening(&simulator).await;
    simulator.set_payout_outcome(None);
    let mut request = payout("payout 1", "ba_0123456789");
    let sent = gateway.payout(&request).await.unwrap();
    assert_eq!(sent.status, Reported::Known(PayoutStatus::Pending));
    request.attempt = Attempt::Again;
    assert_eq!(gateway.payout(&request).await.unwrap(), sent);
    let by_reference = PayoutLookup::Reference {
        reference: request.reference.clone(),
        created_at: request.created_at,
    };
    let by_id = PayoutLookup::Id(sent.payout_id.clone());
    let id = sent.payout_id.as_str();
    for (status, expected) in [
        ("in_transit", PayoutStatus::Processing),
        ("paid", PayoutStatus::Paid),
        ("failed", PayoutStatus::Failed),
    ] {
        assert!(simulator.control().move_payout(id, status));
        let seen = gateway.fetch_payout(&by_reference).await.unwrap();
        assert_eq!(seen.status, Reported::Known(expected));
        assert_eq!(gateway.fetch_payout(&by_id).await.unwrap(), seen);
    }
    let second = gateway
        .payout(&payout("payout 2", "card_0123456789"))
        .await
        .unwrap();
    // Somebody stops it on the provider's own pages.
    assert!(simulator.cancel_payout(second.payout_id.as_str()));
    let by_id = PayoutLookup::Id(second.payout_id);
    let stopped = gateway.fetch_payout(&by_id).await.unwrap();
    assert_eq!(stopped.status, Reported::Known(PayoutStatus::Cancelled));

    let mut request = payout("transfer 1", "acct_0123456789");
    let sent = gateway.payout(&request).await.unwrap();
    assert_eq!(sent.status, Reported::Known(PayoutStatus::Paid));
    request.attempt = Attempt::Again;
    assert_eq!(gateway.payout(&request).await.unwrap(), sent);
    assert!(simulator.reverse_transfer(sent.payout_id.as_str()));
    let by_id = PayoutLookup::Id(sent.payout_id);
    let back = gateway.fetch_payout(&by_id).await.unwrap();
    assert_eq!(back.status, Reported::Known(PayoutStatus::Returned));
    let books = simulator.control().books();
    assert_eq!(books.payouts.len(), 3);
    assert!(
        books
            .payouts
            .iter()
            .all(|payout| !payout.is_with_beneficiary)
    );
    assert!(
        !gateway
            .capabilities()
            .supports(Operation::RegisterBeneficiary)
    );
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    for kind in [
        "payout.paid",
        "payout.failed",
        "payout.canceled",
        "transfer.reversed",
    ] {
        let told = facts.iter().find(|facts| facts.event_type == kind);
        let [Observation::Payout(_)] = observations(told.unwrap()) else {
            panic!("{told:?}");
        };
    }
}

#[tokio::test]
async fn a_report_adds_up() {
    let (simulator, gateway) = stripe().await;
    let mut last = String::new();
    for number in 0..101 {
        let request = checkout(&format!("report {number}"), 50_000);
        let opened = gateway.create_checkout(&request).await.unwrap();
        last = simulator
            .control()
            .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
            .unwrap();
    }
    gateway
        .refund(&refund(&last.parse().unwrap(), "report refund", 40_000))
        .await
        .unwrap();
    let disputed = simulator.control().dispute(&last).unwrap();
    simulator.set_payout_outcome(Some("paid"));
    gateway
        .payout(&payout("report payout", "ba_0123456789"))
        .await
        .unwrap();
    let mut rows = Vec::new();
    let mut page = None;
    // The test may run over midnight.
    for day in [
        Utc::now().date_naive(),
        Utc::now().date_naive().pred_opt().unwrap(),
    ] {
        loop {
            let query = SettlementQuery { day, page };
            let found = gateway.settlement_page(&query).await.unwrap();
            rows.extend(found.rows);
            page = found.next;
            if page.is_none() {
                break;
            }
        }
    }
    assert_eq!(rows.len(), 101 + 3);
    let of = |kind| {
        rows.iter()
            .filter(move |row| row.kind == Reported::Known(kind))
    };
    assert_eq!(of(SettlementRowKind::Payment).count(), 101);
    let payment = of(SettlementRowKind::Payment).next().unwrap();
    assert_eq!(payment.payment_id.as_ref().unwrap().as_str(), last);
    assert_eq!(
        payment.reference.as_deref(),
        Some(reference("report 100").as_str())
    );
    assert_eq!((payment.fee + payment.net).to_string(), "500.00");
    let chargeback = of(SettlementRowKind::Chargeback).next().unwrap();
    assert_eq!(chargeback.dispute_id.as_ref().unwrap().as_str(), disputed);
    assert_eq!(
        chargeback.net.to_string(),
        "-115.00",
        "with the fee of a dispute"
    );
    let payout = of(SettlementRowKind::Payout).next().unwrap();
    assert_eq!(payout.net.to_string(), "-750.00");
    for row in &rows {
        assert!(row.to_bank.is_zero(), "nothing went to our bank");
        let batch = row.settlement_id.as_ref().unwrap().as_str();
        let day = row.created_at.unwrap().date_naive();
        assert_eq!(batch, format!("utc-{day}"));
    }
}

/// A report, page by page.
async fn report(gateway: &StripeGateway, day: NaiveDate) -> Vec<SettlementRow> {
    let mut rows = Vec::new();
    let mut page = None;
    loop {
        let query = SettlementQuery { day, page };
        let found = gateway.settlement_page(&query).await.unwrap();
        rows.extend(found.rows);
        page = found.next;
        if page.is_none() {
            return rows;
        }
    }
}

fn in_sum(rows: &[SettlementRow], batch: &str) -> String {
    let ours = rows
        .iter()
        .filter(|row| row.settlement_id.as_ref().unwrap().as_str() == batch);
    let sum: Decimal = ours.map(|row| row.to_bank).sum();
    sum.to_string()
}

/// Where Stripe pays us by itself, a batch is such a payout, whole, and only once it is put together.
#[tokio::test]
async fn a_batch_is_what_our_bank_gets() {
    let (simulator, gateway) = stripe().await;
    let control = simulator.control();
    simulator.set_interval("daily");
    let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    let mut batches = Vec::new();
    for (count, on) in [(101, 18), (2, 18), (1, 19)] {
        for number in 0..count {
            let name = format!("batch {on} {count} {number}");
            let opened = gateway.create_checkout(&checkout(&name, 50_000)).await;
            let id = opened.unwrap().checkout_id;
            control.pay(id.as_str(), PayerChoice::Pay).unwrap();
        }
        if count == 2 {
            // To somebody else, so no batch of its own.
            let request = payout("batch payout", "ba_0123456789");
            gateway.payout(&request).await.unwrap();
        }
        batches.push(control.settle(day(on)).unwrap());
    }
    // 500.00 less 14.80 each.
    let rows = report(&gateway, day(18)).await;
    assert_eq!(rows.len(), 101 + 2 + 1);
    assert_eq!(in_sum(&rows, &batches[0]), "49005.20");
    assert_eq!(in_sum(&rows, &batches[1]), "220.40");
    let rows = report(&gateway, day(19)).await;
    assert_eq!(in_sum(&rows, &batches[2]), "485.20");
    assert!(report(&gateway, day(20)).await.is_empty());

    // What comes back from our bank is in the next batch, and our bank has nothing of it.
    assert!(control.move_payout(&batches[2], "failed"));
    let next = control.settle(day(20)).unwrap();
    let rows = report(&gateway, day(20)).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].kind, Reported::Known(SettlementRowKind::Settlement));
    assert_eq!(in_sum(&rows, &next), "0");

    simulator.put_together(&next, false);
    let query = SettlementQuery {
        day: day(20),
        page: None,
    };
    let early = gateway.settlement_page(&query).await;
    assert_eq!(word(early), "gateway_in_progress");
}

/// Where we are paid by hand Stripe has no batches, and a day is one.
#[tokio::test]
async fn a_batch_is_a_day_where_there_are_none() {
    let (simulator, gateway) = stripe().await;
    let control = simulator.control();
    let opened = gateway.create_checkout(&checkout("by hand", 50_000)).await;
    let id = opened.unwrap().checkout_id;
    control.pay(id.as_str(), PayerChoice::Pay).unwrap();
    simulator.set_payout_outcome(Some("paid"));
    let request = payout("by hand", "ba_0123456789");
    let request = PayoutRequest {
        amount: rupees(10_000),
        ..request
    };
    gateway.payout(&request).await.unwrap();
    let day = NaiveDate::from_ymd_opt(2026, 11, 18).unwrap();
    let paid = control.settle(day).unwrap();
    let rows = report(&gateway, day).await;
    assert_eq!(rows.len(), 1, "what happened before is of its own day");
    assert_eq!(rows[0].kind, Reported::Known(SettlementRowKind::Settlement));
    assert_eq!(rows[0].net.to_string(), "-385.20");
    assert_eq!(in_sum(&rows, "utc-2026-11-18"), "385.20");
    assert!(
        !control
            .books()
            .payouts
            .iter()
            .any(|one| one.payout_id == paid)
    );
    let odd = SettlementQuery {
        day,
        page: Some(serde_json::from_str("\"of another\"").unwrap()),
    };
    let outcome = gateway.settlement_page(&odd).await;
    assert_eq!(word(outcome), "gateway_invalid_request");
}
