//! Money that is in suspense, and whose it is once it is credited.

use ledger_core::PaymentId;
use ledger_core::payment::{ObservedDispute, ObservedRefund};
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Desk, wallet_of};
use crate::harness::outside;

#[tokio::test(flavor = "multi_thread")]
async fn money_that_was_credited_to_another_wallet_is_its_owners_and_nobody_elses() {
    let desk = Desk::open().await;
    let (admin, asha) = (&desk.doors.admin, &desk.asha.access);
    let ravi = desk.doors.customer("ravi@example.org").await;
    let ravis = wallet_of(&desk.doors, &ravi).await;
    let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "100",
                       "reference": "rent", "metadata": { "who": "asha" } });
    let made = desk.post("/deposits?wait_ms=0", asha, body).await;
    let id: PaymentId = made.expect(201).id().parse().unwrap();
    let other = desk.hear(outside::captured(id, "pay_1", "90.00")).await;
    desk.deposit_after(id, &other).await;
    let path = format!("/deposits/{id}");
    let seen = desk.get(&path, asha).await.expect(200).body;
    assert_eq!(seen["in_suspense"], true, "whoever asked sees it meanwhile");

    let credit = json!({ "wallet": ravis });
    let credited = desk.post(&format!("{path}/credit"), admin, credit).await;
    let position = credited.expect(200).position();
    let seen = desk
        .get(&format!("{path}?min_position={position}"), &ravi.access)
        .await
        .expect(200)
        .body;
    assert_eq!(seen["captured"]["holder"], format!("wallet:{ravis}"));
    for hers in ["wallet", "reference", "metadata", "routes"] {
        assert!(seen.get(hers).is_none(), "{hers}: {seen}");
    }
    let staff = desk.get(&path, admin).await.expect(200).body;
    assert_eq!(staff["wallet"], desk.wallet.as_str());

    let asked = json!({ "amount": "30" });
    let refund = desk.post(&format!("{path}/refunds"), admin, asked).await;
    let refund = refund.expect(201);
    let word = outside::dispute((id, "pay_1"), "disp_1", ObservedDispute::Open, "10.00");
    let disputed = desk.hear(word).await;
    let whole = desk.deposit_after(id, &disputed).await;
    let dispute = whole["disputes"][0]["id"].as_str().unwrap();

    for (list, item) in [
        ("deposits", id.to_string()),
        ("refunds", refund.id()),
        ("disputes", dispute.to_owned()),
    ] {
        let his = format!("/{list}?wallet={ravis}");
        assert_eq!(desk.listed(&his, &ravi.access).await, [item], "{list}");
        let hers = format!("/{list}?wallet={}", desk.wallet);
        assert_eq!(desk.listed(&hers, asha).await, [""; 0], "{list}");
    }
    desk.get(&format!("/disputes/{dispute}"), &ravi.access)
        .await
        .expect(200);
    for (path, code) in [
        (path, "payment_not_found"),
        (format!("/disputes/{dispute}"), "dispute_not_found"),
    ] {
        let hidden = desk.get(&path, asha).await;
        assert_eq!(hidden.expect(404).code(), code, "{path}");
    }
}

/// What was given back before the money was credited is not shown to whom the rest was credited.
#[tokio::test(flavor = "multi_thread")]
async fn refunds_are_of_whose_money_was_given_back() {
    let desk = Desk::open().await;
    let (admin, asha) = (&desk.doors.admin, &desk.asha.access);
    let ravi = desk.doors.customer("ravi@example.org").await;
    let ravis = wallet_of(&desk.doors, &ravi).await;
    let id = desk.deposit("100.00").await;
    desk.hear(outside::captured(id, "pay_1", "90.00")).await;
    let elsewhere = outside::refund((id, "pay_1"), None, ObservedRefund::Succeeded, "20.00");
    desk.hear(elsewhere).await;
    let path = format!("/deposits/{id}");
    let credit = json!({ "wallet": ravis });
    let credited = desk.post(&format!("{path}/credit"), admin, credit).await;
    let position = credited.expect(200).position();
    let path = format!("{path}?min_position={position}");
    let seen = desk.get(&path, &ravi.access).await.expect(200).body;
    assert_eq!(seen["refunds"], json!([]));
    let staff = desk.get(&path, admin).await.expect(200).body;
    assert_eq!(staff["refunds"][0]["wallet"], desk.wallet.as_str());
    let hers = format!("/refunds?wallet={}", desk.wallet);
    assert_eq!(desk.listed(&hers, asha).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_find_what_waits_in_suspense() {
    let desk = Desk::open().await;
    let (admin, asha) = (&desk.doors.admin, &desk.asha.access);
    let (paid, short, given_back) = (
        desk.deposit("100.00").await,
        desk.deposit("50.00").await,
        desk.deposit("20.00").await,
    );
    desk.hear(outside::captured(paid, "pay_1", "100.00")).await;
    desk.hear(outside::captured(short, "pay_2", "49.00")).await;
    desk.hear(outside::captured(given_back, "pay_3", "19.00"))
        .await;
    let back = outside::refund(
        (given_back, "pay_3"),
        None,
        ObservedRefund::Succeeded,
        "19.00",
    );
    desk.hear(back).await;
    let dollars = desk.deposit("10.00").await;
    let other = outside::captured_in(dollars, "pay_4", ("USD", "10.00"));
    desk.hear(other).await;
    let nobodys = PaymentId::new(Uuid::now_v7());
    let last = desk.hear(outside::captured(nobodys, "pay_5", "5.00")).await;

    let path = format!("/deposits?in_suspense=true&min_position={}", last.position);
    let found = desk.get(&path, admin).await.expect(200).body;
    let reasons: Vec<&Value> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["suspense_reason"])
        .collect();
    assert_eq!(
        reasons,
        ["unknown_payment", "asset_differs", "amount_differs"]
    );
    let seen = &found["items"][1];
    assert_eq!(
        (&seen["asset"], &seen["amount"]),
        (&json!("INR"), &json!("10.00"))
    );
    assert_eq!(seen["captured"]["asset"], "USD");
    assert_eq!(seen["captured"]["amount"], "10.00");
    assert_eq!(seen["refundable"], "10.00");
    assert_eq!(
        desk.paged("/deposits?in_suspense=true", admin).await.len(),
        3
    );
    let rest = desk.listed("/deposits?in_suspense=false", admin).await;
    assert_eq!(rest, [given_back.to_string(), paid.to_string()]);
    let hers = format!("/deposits?in_suspense=true&wallet={}", desk.wallet);
    let hers = desk.listed(&hers, asha).await;
    assert_eq!(hers, [dollars.to_string(), short.to_string()]);
    desk.get("/payouts?in_suspense=true", admin)
        .await
        .expect(400);

    // Dollars go where there can be dollars.
    let credit = json!({ "wallet": desk.wallet });
    let path = format!("/deposits/{dollars}/credit");
    let position = desk.post(&path, admin, credit).await.expect(200).position();
    let account = format!(
        "/accounts/wallet:{}:USD?min_position={position}",
        desk.wallet
    );
    let account = desk.get(&account, asha).await.expect(200);
    assert_eq!(account.body["balance"], "10.00");
}

/// A question that came to nothing goes with the money that it was about; a dispute that has taken money
/// stays with who bore it.
#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_goes_with_the_money_that_it_did_not_take() {
    let desk = Desk::open().await;
    let (admin, asha) = (&desk.doors.admin, &desk.asha.access);
    let ravi = desk.doors.customer("ravi@example.org").await;
    let ravis = wallet_of(&desk.doors, &ravi).await;
    let id = desk.deposit("100").await;
    desk.hear(outside::captured(id, "pay_1", "90.00")).await;
    let question = |status| outside::inquiry((id, "pay_1"), "disp_1", status, "90.00");
    desk.hear(question(ObservedDispute::Open)).await;
    let credit = format!("/deposits/{id}/credit");
    let credit = |wallet: &str| desk.post(&credit, admin, json!({ "wallet": wallet }));
    let early = credit(&ravis).await;
    assert_eq!(early.expect(409).code(), "payment_in_motion");
    let chargeback = |status| outside::dispute((id, "pay_1"), "disp_2", status, "20.00");
    desk.hear(chargeback(ObservedDispute::Open)).await;
    desk.hear(chargeback(ObservedDispute::Won)).await;
    let closed = desk.hear(question(ObservedDispute::Closed)).await;
    let whole = desk.deposit_after(id, &closed).await;
    let disputes = whole["disputes"].as_array().unwrap();
    let named = |phase: &str| {
        let found = disputes.iter().find(|dispute| dispute["phase"] == phase);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (asked, taken) = (named("inquiry"), named("chargeback"));
    let of = |wallet: &str| format!("/disputes?wallet={wallet}");
    let hers = desk.listed(&of(&desk.wallet), asha).await;
    assert_eq!(hers.len(), 2, "{hers:?}");

    let position = credit(&ravis).await.expect(200).position();
    let path = format!("/disputes/{asked}?min_position={position}");
    let seen = desk.get(&path, &ravi.access).await.expect(200).body;
    assert_eq!(seen["status"], "closed", "{seen}");
    assert_eq!(
        desk.listed(&of(&ravis), &ravi.access).await,
        std::slice::from_ref(&asked)
    );
    assert_eq!(desk.listed(&of(&desk.wallet), asha).await, [taken]);
    let hidden = desk.get(&format!("/disputes/{asked}"), asha).await;
    assert_eq!(hidden.expect(404).code(), "dispute_not_found");
}
