//! What of the outside is a customer's own, and what does not exist for them.

use serde_json::json;

use super::desk::{Desk, bank_account, wallet_of};
use crate::harness::outside;
use ledger_core::payment::ObservedDispute;

#[tokio::test(flavor = "multi_thread")]
async fn another_customers_deposits_payouts_and_beneficiaries_do_not_exist() {
    let desk = Desk::open().await;
    let ravi = desk.doors.customer("ravi@example.org").await;
    desk.doors.step_up(&ravi).await;
    let ravis = wallet_of(&desk.doors, &ravi).await;
    let id = desk.deposit("100.00").await;
    desk.hear(outside::captured(id, "pay_1", "100.00")).await;
    let word = outside::dispute((id, "pay_1"), "disp_1", ObservedDispute::Open, "10.00");
    let disputed = desk.hear(word).await;
    let dispute = desk.deposit_after(id, &disputed).await["disputes"][0]["id"].clone();
    let dispute = dispute.as_str().unwrap().to_owned();
    let beneficiary = desk.beneficiary().await;
    let payout = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "1",
                         "beneficiary": beneficiary });
    let made = desk
        .post("/payouts", &desk.asha.access, payout.clone())
        .await;
    let made = made.expect(201).id();
    let wallet = &desk.wallet;
    let beneficiaries = format!("/wallets/{wallet}/beneficiaries");

    for (path, code) in [
        (format!("/deposits/{id}"), "payment_not_found"),
        (format!("/payouts/{made}"), "payout_not_found"),
        (format!("/disputes/{dispute}"), "dispute_not_found"),
        (beneficiaries.clone(), "wallet_not_found"),
    ] {
        let seen = desk.get(&path, &ravi.access).await;
        assert_eq!(seen.expect(404).code(), code, "{path}");
        desk.get(&path, &desk.asha.access).await.expect(200);
    }
    for list in ["deposits", "payouts", "refunds", "disputes"] {
        for path in [format!("/{list}"), format!("/{list}?wallet={wallet}")] {
            let seen = desk.get(&path, &ravi.access).await;
            assert_eq!(seen.expect(403).code(), "forbidden", "{path}");
        }
        let path = format!("/{list}?wallet={ravis}");
        let seen = desk.get(&path, &ravi.access).await.expect(200);
        assert_eq!(seen.body["items"], json!([]));
    }
    for (path, body, status) in [
        (format!("/deposits/{id}/expire"), json!({}), 404),
        (format!("/payouts/{made}/cancel"), json!({}), 404),
        (beneficiaries.clone(), bank_account(), 404),
        (
            format!("{beneficiaries}/{beneficiary}/remove"),
            json!({}),
            404,
        ),
        // Through a wallet of his own, the beneficiary is not there either.
        (
            format!("/wallets/{ravis}/beneficiaries/{beneficiary}/remove"),
            json!({}),
            404,
        ),
        ("/payouts".to_owned(), payout, 403),
        (
            "/deposits".to_owned(),
            json!({ "wallet": wallet, "asset": "INR", "amount": "1" }),
            403,
        ),
    ] {
        desk.post(&path, &ravi.access, body).await.expect(status);
    }
    let mut elsewhere = json!({ "wallet": ravis, "asset": "INR", "amount": "1" });
    elsewhere["beneficiary"] = json!(beneficiary);
    let refused = desk.post("/payouts", &ravi.access, elsewhere).await;
    assert_eq!(refused.expect(409).code(), "beneficiary_of_other_wallet");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_staff_is_for_no_customer() {
    let desk = Desk::open().await;
    let id = desk.deposit("100.00").await;
    let beneficiary = desk.beneficiary().await;
    let wallet = &desk.wallet;
    for (path, body) in [
        (
            format!("/deposits/{id}/credit"),
            json!({ "wallet": wallet }),
        ),
        (format!("/deposits/{id}/refunds"), json!({})),
        (
            format!("/wallets/{wallet}/beneficiaries/{beneficiary}/verify"),
            json!({ "method": "me" }),
        ),
        (
            format!("/payouts/{id}/decision"),
            json!({ "decision": "approve" }),
        ),
    ] {
        let refused = desk.post(&path, &desk.asha.access, body).await;
        assert_eq!(refused.expect(403).code(), "forbidden", "{path}");
    }
    for path in ["/settlements", "/settlement-breaks", "/provider-days"] {
        let refused = desk.get(path, &desk.asha.access).await;
        assert_eq!(refused.expect(403).code(), "forbidden", "{path}");
    }
    desk.get("/payment-policies/INR", &desk.asha.access)
        .await
        .expect(200);
}
