//! Lists from page to page, and how much of them is shown at once.

use ledger_core::payment::{ObservedDispute, ObservedPayment, ObservedRefund, PaymentAction};
use ledger_core::{Command, PaymentId};
use serde_json::json;

use super::desk::Desk;
use crate::harness::outside;

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_in_pages_by_filters_and_by_time() {
    let desk = Desk::open().await;
    let (admin, asha) = (&desk.doors.admin, &desk.asha.access);
    let beneficiary = desk.beneficiary().await;
    let (mut deposits, mut refunds, mut disputes, mut payouts) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..5 {
        let id = desk.deposit("100.00").await;
        deposits.insert(0, id.to_string());
        let attempt = format!("pay_{number}");
        desk.hear(outside::captured(id, &attempt, "100.00")).await;
        let refund = json!({ "amount": "10" });
        let path = format!("/deposits/{id}/refunds");
        let asked = desk.post(&path, admin, refund).await;
        refunds.insert(0, asked.expect(201).id());
        let word = outside::dispute((id, &attempt), &attempt, ObservedDispute::Open, "10.00");
        let opened = desk.hear(word).await;
        let whole = desk.deposit_after(id, &opened).await;
        let dispute = whole["disputes"][0]["id"].as_str().unwrap();
        disputes.insert(0, dispute.to_owned());
        let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5",
                           "beneficiary": beneficiary });
        let asked = desk.post("/payouts", asha, body).await.expect(201);
        payouts.insert(0, asked.id());
    }
    let last = desk.post("/transactions", admin, moved(&desk)).await;
    let position = last.expect(201).position();
    let seen = format!("/deposits?min_position={position}");
    desk.get(&seen, admin).await.expect(200);
    for (list, expected) in [
        ("deposits", &deposits),
        ("refunds", &refunds),
        ("disputes", &disputes),
        ("payouts", &payouts),
    ] {
        let path = format!("/{list}");
        assert_eq!(desk.paged(&path, admin).await, *expected, "{list}");
        let own = format!("/{list}?wallet={}", desk.wallet);
        assert_eq!(desk.paged(&own, asha).await, *expected, "{list}");
    }
    let razorpay = desk.paged("/deposits?provider=razorpay", admin).await;
    let stripe = desk.paged("/deposits?provider=stripe", admin).await;
    assert_eq!(razorpay.len() + stripe.len(), deposits.len());
    let path = format!("/payouts?beneficiary={beneficiary}&status=requested");
    assert_eq!(desk.paged(&path, admin).await, payouts);
    let other = format!("/payouts?beneficiary={}", uuid::Uuid::now_v7());
    assert_eq!(desk.paged(&other, admin).await, [""; 0]);

    let second = desk.get(&format!("/deposits/{}", deposits[1]), admin).await;
    let third = desk.get(&format!("/deposits/{}", deposits[3]), admin).await;
    let time = |reply: crate::harness::node::Reply| {
        reply.expect(200).body["created_at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (second, third) = (time(second), time(third));
    for (filter, expected) in [
        (format!("from={third}"), &deposits[..4]),
        (format!("until={second}"), &deposits[2..]),
        (format!("from={third}&until={second}"), &deposits[2..4]),
        (format!("from={second}&until={third}"), &[]),
        ("from=2199-01-01T00:00:00Z".to_owned(), &[]),
        ("until=2199-01-01T00:00:00Z".to_owned(), &deposits[..]),
        ("until=2001-01-01T00:00:00Z".to_owned(), &[]),
    ] {
        let path = format!("/deposits?{filter}");
        assert_eq!(desk.paged(&path, admin).await, expected, "{filter}");
    }
}

fn moved(desk: &Desk) -> serde_json::Value {
    let holder = format!("wallet:{}", desk.wallet);
    crate::harness::node::transfer_body("system:cash", &holder, "1.00")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_with_more_refunds_than_are_shown_says_so() {
    let desk = Desk::open().await;
    let admin = &desk.doors.admin;
    let id = desk.deposit("100.00").await;
    desk.hear(outside::captured(id, "pay_1", "100.00")).await;
    let refund = outside::refund((id, "pay_1"), None, ObservedRefund::Succeeded, "1.00");
    let first = desk.hear(refund).await;
    let whole = desk.deposit_after(id, &first).await;
    assert_eq!(
        (&whole["more_refunds"], &whole["more_disputes"]),
        (&json!(false), &json!(false))
    );
    // As many rows as a hundred more refunds would make.
    sqlx::query(
        "INSERT INTO read_models.refunds (ledger, id, position, created_at, belongs_to, wallet, \
                                          provider, status, in_suspense, document) \
         SELECT ledger, gen_random_uuid(), position, created_at, belongs_to, wallet, provider, \
                status, in_suspense, document \
         FROM read_models.refunds CROSS JOIN generate_series(1, 100)",
    )
    .execute(desk.doors.node.node.database.pool())
    .await
    .unwrap();
    let whole = desk.get(&format!("/deposits/{id}"), admin).await;
    let whole = whole.expect(200).body;
    assert_eq!(whole["refunds"].as_array().unwrap().len(), 100);
    assert_eq!(whole["more_refunds"], true);
}

/// What an earlier provider said of its page, or an attempt of its failure, is not said of what came after.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_says_nothing_that_is_no_longer_true() {
    let desk = Desk::open().await;
    let wanted = "2199-01-01T00:00:00.000000Z";
    let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5",
                       "provider": "razorpay", "expires_at": wanted });
    let made = desk.post("/deposits?wait_ms=0", &desk.asha.access, body);
    let id: PaymentId = made.await.expect(201).id().parse().unwrap();
    let page = ObservedPayment::AwaitingPayer {
        expires_at: Some("2099-01-01T00:00:00Z".parse().unwrap()),
    };
    let open = desk.hear(outside::observed(id, page)).await;
    let seen = desk.deposit_after(id, &open).await;
    assert_eq!(seen["order"], "order_1");
    assert_eq!(seen["expires_at"], "2099-01-01T00:00:00.000000Z");
    let failed = ObservedPayment::Failed {
        attempt: None,
        reason: Some("no page".parse().unwrap()),
    };
    let failed = desk.hear(outside::observed(id, failed)).await;
    let seen = desk.deposit_after(id, &failed).await;
    assert_eq!(
        (&seen["status"], &seen["reason"]),
        (&json!("failed"), &json!("no page"))
    );
    let elsewhere = PaymentAction::Reroute {
        route: outside::route_to("stripe"),
    };
    let rerouted = desk.hear(outside::payment(id, elsewhere)).await;
    let seen = desk.deposit_after(id, &rerouted).await;
    assert_eq!(seen["provider"], "stripe");
    assert_eq!(seen["expires_at"], wanted);
    for stale in ["order", "reason"] {
        assert!(seen.get(stale).is_none(), "{stale}: {seen}");
    }
    let failed = desk.hear(outside::attempt_failed(id, "pay_1")).await;
    let seen = desk.deposit_after(id, &failed).await;
    assert_eq!(seen["reason"], "the bank said no");
    let paid: Command = outside::captured(id, "pay_2", "5.00");
    let paid = desk.hear(paid).await;
    let seen = desk.deposit_after(id, &paid).await;
    assert_eq!(seen["status"], "captured");
    assert!(seen.get("reason").is_none(), "{seen}");
    assert_eq!(seen["attempts"][0]["reason"], "the bank said no");
}

/// A refund that succeeded and failed afterwards stands in the statement twice, under its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_links_refunds_that_came_back() {
    let desk = Desk::open().await;
    let (admin, asha) = (&desk.doors.admin, &desk.asha.access);
    let id = desk.deposit("100.00").await;
    desk.hear(outside::captured(id, "pay_1", "100.00")).await;
    let path = format!("/deposits/{id}/refunds");
    let asked = desk.post(&path, admin, json!({ "amount": "30" })).await;
    let refund = asked.expect(201).id();
    let word = |status| {
        outside::refund(
            (id, "pay_1"),
            Some(refund.parse().unwrap()),
            status,
            "30.00",
        )
    };
    desk.hear(word(ObservedRefund::Succeeded)).await;
    let failed = desk.hear(word(ObservedRefund::Failed)).await;
    let path = format!(
        "/accounts/wallet:{}:INR/statement?min_position={}",
        desk.wallet, failed.position
    );
    let entries = desk.get(&path, asha).await.expect(200).body;
    let entries = entries["items"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert!(entries[0].get("refund").is_none(), "{entries:?}");
    for entry in &entries[1..] {
        assert_eq!(entry["refund"], refund.as_str(), "{entry}");
        assert_eq!(entry["deposit"], id.to_string());
    }
}
