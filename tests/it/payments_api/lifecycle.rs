//! A deposit from its beginning to its disputes, and the same request twice.

use ledger_core::RefundId;
use ledger_core::payment::{ObservedDispute, ObservedRefund};
use serde_json::{Value, json};

use super::desk::Desk;
use crate::harness::outside;

/// The entries of the wallet's statement, with what moved each.
async fn statement(desk: &Desk, position: i64) -> Vec<Value> {
    let path = format!(
        "/accounts/wallet:{}:INR/statement?min_position={position}",
        desk.wallet
    );
    let statement = desk.get(&path, &desk.asha.access).await.expect(200);
    statement.body["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_paid_refunded_and_disputed() {
    let desk = Desk::open().await;
    let id = desk.deposit("100.00").await;
    let begun = desk
        .get(&format!("/deposits/{id}"), &desk.asha.access)
        .await;
    let begun = begun.expect(200).body;
    assert_eq!(
        (&begun["status"], &begun["amount"]),
        (&json!("created"), &json!("100.00"))
    );
    assert_eq!(begun["provider"], "razorpay");
    assert!(begun.get("routes").is_none(), "{begun}");

    desk.hear(outside::attempt_failed(id, "pay_1")).await;
    let captured = desk.hear(outside::captured(id, "pay_2", "100.00")).await;
    assert_eq!(desk.balance_after(&captured).await, "100.00");
    let paid = desk.deposit_after(id, &captured).await;
    assert_eq!(paid["status"], "captured");
    assert_eq!(paid["routes"][0]["provider"], "razorpay");
    assert_eq!(paid["fees"], json!({ "fee": "2.00", "tax": "0.36" }));
    assert_eq!(paid["attempts"][0]["status"], "failed");
    assert_eq!(paid["attempts"][0]["reason"], "the bank said no");
    assert_eq!(paid["attempts"][1]["status"], "captured");
    assert_eq!(paid["refundable"], "100.00");

    let refunds = format!("/deposits/{id}/refunds");
    let asked = json!({ "amount": "30.00", "reason": "too much" });
    let forbidden = desk.post(&refunds, &desk.asha.access, asked.clone()).await;
    assert_eq!(forbidden.expect(403).code(), "forbidden");
    let refund = desk.post(&refunds, &desk.doors.admin, asked).await;
    let refund: RefundId = refund.expect(201).id().parse().unwrap();
    let too_much = json!({ "amount": "70.01" });
    let refused = desk.post(&refunds, &desk.doors.admin, too_much).await;
    assert_eq!(refused.expect(422).code(), "refund_exceeds_payment");
    let word = |status| outside::refund((id, "pay_2"), Some(refund), status, "30.00");
    desk.hear(word(ObservedRefund::Pending)).await;
    let refunded = desk.hear(word(ObservedRefund::Succeeded)).await;
    assert_eq!(desk.balance_after(&refunded).await, "70.00");
    let elsewhere = outside::refund((id, "pay_2"), None, ObservedRefund::Succeeded, "20.00");
    let discovered = desk.hear(elsewhere).await;
    let seen = desk.deposit_after(id, &discovered).await;
    assert_eq!(seen["status"], "partially_refunded");
    assert_eq!(
        (&seen["refunded"], &seen["refundable"]),
        (&json!("50.00"), &json!("50.00"))
    );
    let origins: Vec<&Value> = seen["refunds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refund| &refund["origin"])
        .collect();
    assert_eq!(origins, ["requested", "discovered"]);

    let word = |status| outside::dispute((id, "pay_2"), "disp_1", status, "50.00");
    let opened = desk.hear(word(ObservedDispute::Open)).await;
    assert_eq!(desk.balance_after(&opened).await, "0.00");
    let lost = desk.hear(word(ObservedDispute::Lost)).await;
    let seen = desk.deposit_after(id, &lost).await;
    assert_eq!(seen["status"], "disputed");
    let dispute = &seen["disputes"][0];
    assert_eq!(dispute["status"], "lost");
    assert_eq!(dispute["taken_from_holder"], "50.00");
    let path = format!("/disputes/{}", dispute["id"].as_str().unwrap());
    let alone = desk.get(&path, &desk.asha.access).await.expect(200);
    assert_eq!(alone.body["reference"], "disp_1");

    let entries = statement(&desk, lost.position.value()).await;
    let id = id.to_string();
    assert_eq!(entries.len(), 4, "{entries:?}");
    assert!(
        entries.iter().all(|entry| entry["deposit"] == id),
        "{entries:?}"
    );
    assert_eq!(entries[1]["refund"], refund.to_string());
    assert_eq!(
        entries[2]["refund"], seen["refunds"][1]["id"],
        "a refund that was made at the provider"
    );
    for other in [&entries[0], &entries[3]] {
        assert!(other.get("refund").is_none(), "{other}");
    }

    let days = desk
        .get("/provider-days", &desk.doors.admin)
        .await
        .expect(200);
    let day = &days.body["items"][0];
    assert_eq!(day["deposit_success_rate"], "1.0000");
    let figure = |metric: &str| {
        let figures = day["figures"].as_array().unwrap().iter();
        let found = figures.clone().find(|figure| figure["metric"] == metric);
        found.cloned().unwrap_or_default()
    };
    assert_eq!(figure("payments_captured")["amount"], "100.00");
    assert_eq!(figure("refunds_succeeded")["count"], 2);
    assert_eq!(figure("disputes_lost")["amount"], "50.00");
}

/// Whoever opens the checkout writes the page down; both answers show it.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_on_which_a_deposit_is_paid_is_shown_as_soon_as_it_is_there() {
    let desk = Desk::open().await;
    let id = uuid::Uuid::now_v7();
    let body = json!({ "id": id, "wallet": desk.wallet, "asset": "INR", "amount": "5",
                       "payer": { "name": "Asha Rao", "email": "asha@example.org" },
                       "method": "upi", "country": "IN",
                       "return_url": "https://example.org/back" });
    let path = "/deposits?wait_ms=10000";
    let pool = desk.doors.node.node.database.pool().clone();
    let opening = async {
        let open = "UPDATE workflows.checkout SET action = $2 \
                    WHERE payment_id = $1 AND payer_email = 'asha@example.org' \
                      AND method = 'upi' AND return_url = 'https://example.org/back'";
        let page = json!({ "kind": "redirect", "url": "https://pay.example/1" });
        loop {
            let opened = sqlx::query(open).bind(id).bind(&page).execute(&pool).await;
            if opened.unwrap().rows_affected() > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let (made, ()) = tokio::join!(desk.post(path, &desk.asha.access, body.clone()), opening);
    let made = made.expect(201);
    assert_eq!(made.body["checkout_url"], "https://pay.example/1");
    assert_eq!(made.body["status"], "awaiting_payer");
    let shown = desk
        .get(&format!("/deposits/{id}"), &desk.asha.access)
        .await
        .expect(200);
    assert_eq!(shown.body["checkout_url"], "https://pay.example/1");

    let form = json!({ "kind": "form", "url": "https://pay.example/2",
                       "fields": [["key", "k1"], ["hash", "h1"]] });
    sqlx::query("UPDATE workflows.checkout SET action = $2, page_token = $3 WHERE payment_id = $1")
        .bind(id)
        .bind(&form)
        .bind("a-token-of-this-test")
        .execute(&pool)
        .await
        .unwrap();
    let again = desk.post(path, &desk.asha.access, body).await.expect(201);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.body["id"], json!(id));
    let address = again.body["checkout_url"].as_str().unwrap();
    assert_eq!(
        address,
        desk.doors.node.url("/v1/checkouts/a-token-of-this-test")
    );
    let events = desk.get("/events?after=0", &desk.doors.admin).await;
    let log = events.expect(200).body.to_string();
    for personal in [
        "asha@example.org",
        "Asha Rao",
        "pay.example",
        "example.org/back",
        "a-token-of-this-test",
    ] {
        assert!(!log.contains(personal), "{personal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_under_the_same_key_is_one_deposit_and_one_refund() {
    let desk = Desk::open().await;
    let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "100" });
    let path = "/deposits?wait_ms=0";
    let send = |amount: &str| {
        let mut body = body.clone();
        body["amount"] = json!(amount);
        desk.post_under("one", path, &desk.asha.access, body)
    };
    let (first, second) = (
        send("100").await.expect(201),
        send("100.00").await.expect(201),
    );
    assert_eq!(first.id(), second.id());
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(
        send("101").await.expect(422).code(),
        "idempotency_key_reused"
    );
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM workflows.checkout")
        .fetch_one(desk.doors.node.node.database.pool())
        .await
        .unwrap();
    assert_eq!(
        rows, 1,
        "what was noted for a request that came again is taken back"
    );

    let id: ledger_core::PaymentId = first.id().parse().unwrap();
    let open = "UPDATE workflows.checkout SET action = $2 WHERE payment_id = $1";
    let page = json!({ "kind": "redirect", "url": "https://pay.example/1" });
    sqlx::query(open)
        .bind(id.as_uuid())
        .bind(&page)
        .execute(desk.doors.node.node.database.pool())
        .await
        .unwrap();
    let open = send("100").await.expect(201);
    assert_eq!(open.body["checkout_url"], "https://pay.example/1");
    let paid = desk.hear(outside::captured(id, "pay_1", "100.00")).await;
    desk.deposit_after(id, &paid).await;
    let paid = send("100").await.expect(201);
    assert_eq!(paid.headers["idempotent-replayed"], "true");
    assert_eq!((paid.id(), paid.position()), (first.id(), first.position()));
    assert_eq!(paid.body["status"], "captured");
    assert!(
        paid.body.get("checkout_url").is_none(),
        "nobody pays twice: {:?}",
        paid.body
    );
    let refunds = format!("/deposits/{id}/refunds");
    let refund = || {
        let body = json!({ "amount": "60" });
        desk.post_under("two", &refunds, &desk.doors.admin, body)
    };
    let (first, second) = (refund().await.expect(201), refund().await.expect(201));
    assert_eq!(first.id(), second.id());
    assert_eq!(second.headers["idempotent-replayed"], "true");
    let position = first.position();
    let path = format!("/refunds?deposit={id}&min_position={position}");
    let listed = desk.get(&path, &desk.doors.admin).await.expect(200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_is_refused_leaves_nothing() {
    let desk = Desk::open().await;
    let past = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5",
                       "expires_at": "2020-01-01T00:00:00Z" });
    let path = "/deposits?wait_ms=0";
    let refused = desk.post(path, &desk.asha.access, past).await;
    assert_eq!(refused.expect(422).code(), "payment_expiry_passed");
    let other = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5",
                        "provider": "payu" });
    let refused = desk.post(path, &desk.asha.access, other).await;
    assert_eq!(refused.expect(422).code(), "route_provider_not_a_candidate");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM workflows.checkout")
        .fetch_one(desk.doors.node.node.database.pool())
        .await
        .unwrap();
    assert_eq!(rows, 0);
    let named = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5",
                        "provider": "stripe" });
    let made = desk.post(path, &desk.asha.access, named).await.expect(201);
    let path = format!("/deposits/{}/expire", made.id());
    let ended = desk.post(&path, &desk.asha.access, json!({})).await;
    let position = ended.expect(200).position();
    let path = format!(
        "/deposits?wallet={}&status=expired&provider=stripe&min_position={position}",
        desk.wallet
    );
    let listed = desk.get(&path, &desk.asha.access).await.expect(200);
    assert_eq!(listed.body["items"][0]["id"], made.body["id"]);
    let path = format!("{path}&from=2199-01-01T00:00:00Z");
    let later = desk.get(&path, &desk.asha.access).await.expect(200);
    assert_eq!(later.body["items"], json!([]));
}
