//! Money in suspense, settlements, and where they differ from our books.

use ledger_core::PaymentId;
use ledger_core::payment::unexpected_payment_id;
use serde_json::json;
use uuid::Uuid;

use super::desk::Desk;
use crate::harness::outside;

#[tokio::test(flavor = "multi_thread")]
async fn money_in_suspense_is_credited_by_a_person_once() {
    let desk = Desk::open().await;
    let admin = desk.doors.admin.clone();
    let id = desk.deposit("100.00").await;
    let other = desk.hear(outside::captured(id, "pay_1", "90.00")).await;
    let seen = desk.deposit_after(id, &other).await;
    assert_eq!(seen["in_suspense"], true);
    assert_eq!(seen["suspense_reason"], "amount_differs");
    assert_eq!(seen["captured"]["holder"], "system:suspense");
    assert_eq!(desk.balance_after(&other).await, "0.00");

    let credit = format!("/deposits/{id}/credit");
    let body = json!({ "wallet": desk.wallet });
    let credited = desk.post(&credit, &admin, body.clone()).await.expect(200);
    let path = format!("/deposits/{id}?min_position={}", credited.position());
    let seen = desk.get(&path, &desk.asha.access).await.expect(200).body;
    assert_eq!(seen["in_suspense"], false);
    assert_eq!(
        seen["captured"]["holder"],
        format!("wallet:{}", desk.wallet)
    );
    let twice = desk.post(&credit, &admin, body).await;
    assert_eq!(twice.expect(409).code(), "payment_not_in_suspense");

    let nobodys = PaymentId::new(Uuid::now_v7());
    let unknown = desk.hear(outside::captured(nobodys, "pay_9", "5.00")).await;
    let razorpay = outside::PROVIDER.parse().unwrap();
    let id = unexpected_payment_id(razorpay, &"pay_9".parse().unwrap());
    let seen = desk.deposit_after(id, &unknown).await;
    assert_eq!(seen["suspense_reason"], "unknown_payment");
    assert!(seen.get("wallet").is_none());
    let hidden = desk
        .get(&format!("/deposits/{id}"), &desk.asha.access)
        .await;
    assert_eq!(hidden.expect(404).code(), "payment_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_is_explained_by_a_person_and_the_settlement_is_reconciled() {
    let desk = Desk::open().await;
    let admin = desk.doors.admin.clone();
    desk.hear(outside::settlement("setl_1", "500.00")).await;
    desk.hear(outside::found_break("setl_1", "pay_a")).await;
    let found = desk.hear(outside::found_break("setl_1", "pay_b")).await;
    let id = outside::settlement_of("setl_1");
    let get = |position: i64| {
        let path = format!("/settlements/{id}?min_position={position}");
        let (desk, admin) = (&desk, &admin);
        async move { desk.get(&path, admin).await.expect(200).body }
    };
    let seen = get(found.position.value()).await;
    assert_eq!(
        (&seen["status"], &seen["net"], &seen["open_breaks"]),
        (&json!("open_breaks"), &json!("500.00"), &json!(2))
    );
    let resolve = format!("/settlements/{id}/resolve-break");
    let explained = |subject: &str| {
        json!({ "kind": "unknown_here", "subject": subject,
                                            "resolution": "of the day before" })
    };
    let unknown = desk.post(&resolve, &admin, explained("pay_z")).await;
    assert_eq!(unknown.expect(404).code(), "break_not_found");
    desk.post(&resolve, &admin, explained("pay_a"))
        .await
        .expect(200);
    let path = format!("/settlement-breaks?settlement={id}&status=open");
    let last = desk
        .post(&resolve, &admin, explained("pay_b"))
        .await
        .expect(200);
    let seen = get(last.position()).await;
    assert_eq!(seen["status"], "reconciled");
    let open = desk.get(&path, &admin).await.expect(200);
    assert_eq!(open.body["items"], json!([]));
    let all = desk
        .get("/settlement-breaks?limit=1", &admin)
        .await
        .expect(200);
    assert_eq!(all.body["items"][0]["resolution"], "of the day before");
    let next = all.body["next_cursor"].as_str().unwrap();
    let path = format!("/settlement-breaks?limit=1&cursor={next}");
    let rest = desk.get(&path, &admin).await.expect(200);
    assert_eq!(rest.body["items"][0]["subject"], "pay_a");
    assert!(rest.body.get("next_cursor").is_none());
    let auditor = desk
        .doors
        .node
        .key(&[identity::permission::Role::Auditor])
        .await;
    desk.get("/settlements", &auditor).await.expect(200);
    let refused = desk.post(&resolve, &auditor, explained("pay_b")).await;
    assert_eq!(refused.expect(403).code(), "forbidden");
}
