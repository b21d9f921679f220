//! Payouts: the second factor, the second person, and where money may go.

use event_store::executor::Outcome;
use identity::permission::Role;
use ledger_core::PayoutId;
use ledger_core::payout::ObservedPayout;
use serde_json::{Value, json};

use super::desk::{Desk, bank_account, wallet_of};
use crate::harness::outside;

#[tokio::test(flavor = "multi_thread")]
async fn payouts_and_beneficiaries_ask_for_a_fresh_second_factor() {
    let desk = Desk::open().await;
    let ravi = desk.doors.customer("ravi@example.org").await;
    let wallet = wallet_of(&desk.doors, &ravi).await;
    let path = format!("/wallets/{wallet}/beneficiaries");
    let refused = desk.post(&path, &ravi.access, bank_account()).await;
    assert_eq!(refused.expect(403).code(), "second_factor_needed");
    let body = json!({ "wallet": wallet, "asset": "INR", "amount": "1",
                       "beneficiary": uuid::Uuid::now_v7() });
    let refused = desk.post("/payouts", &ravi.access, body).await;
    assert_eq!(refused.expect(403).code(), "second_factor_needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_knows_of_a_beneficiary_is_not_enough_to_pay_it() {
    let desk = Desk::open().await;
    desk.fund("100.00").await;
    let path = format!("/wallets/{}/beneficiaries", desk.wallet);
    let added = desk.post(&path, &desk.asha.access, bank_account()).await;
    let added = added.expect(201);
    let mut same = bank_account();
    same["routing_code"] = json!("hdfc0000001");
    let again = desk.post(&path, &desk.asha.access, same).await;
    assert_eq!(again.expect(409).code(), "beneficiary_exists");
    let position = added.position();
    let listed = desk
        .get(
            &format!("{path}?min_position={position}"),
            &desk.asha.access,
        )
        .await
        .expect(200);
    let shown = &listed.body["items"][0];
    assert_eq!(shown["ending"], "1121");
    assert_eq!(shown["institution"], "HDFC0000001");
    assert_eq!(shown["status"], "added");
    let events = desk.get("/events?after=0", &desk.doors.admin).await;
    for text in [events.expect(200).body.to_string(), listed.body.to_string()] {
        assert!(!text.contains("1121431121541121") && !text.contains("Asha Rao"));
    }
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM identity.destination")
        .fetch_one(desk.doors.node.node.database.pool())
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("1121431121541121"));
    let identities = desk.doors.node.node.authenticator.identities();
    let id = added.id().parse().unwrap();
    let kept = identities.destination(desk.ledger(), id).await.unwrap();
    assert!(matches!(
        kept,
        Some(identity::destinations::Destination::BankAccount { account_number, .. })
            if account_number == "1121431121541121"
    ));

    let payout = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "1",
                         "beneficiary": added.id() });
    let ravi = desk.colleague("ravi@example.org", Role::Operator).await;
    sqlx::query("UPDATE identity.session SET second_factor_at = NULL WHERE id = $1::uuid")
        .bind(&ravi.session)
        .execute(desk.doors.node.node.database.pool())
        .await
        .unwrap();
    let verify = format!("{path}/{}/verify", added.id());
    let tired = desk.post(&verify, &ravi.access, json!({ "method": "me" }));
    assert_eq!(tired.await.expect(403).code(), "second_factor_needed");
    let early = desk
        .post("/payouts", &desk.asha.access, payout.clone())
        .await;
    assert_eq!(early.expect(409).code(), "beneficiary_not_verified");
    desk.beneficiary_again(&added.id()).await;
    desk.post("/payouts", &desk.asha.access, payout.clone())
        .await
        .expect(201);
    let remove = format!("{path}/{}/remove", added.id());
    desk.post(&remove, &desk.asha.access, json!({}))
        .await
        .expect(200);
    let late = desk.post("/payouts", &desk.asha.access, payout).await;
    assert_eq!(late.expect(409).code(), "beneficiary_not_verified");
}

/// Nobody gets a sealed account number into the database by a command that is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_beneficiary_that_is_refused_is_forgotten() {
    let desk = Desk::open().await;
    let admin = &desk.doors.admin;
    let close = format!("/wallets/{}/close", desk.wallet);
    desk.post(&close, admin, json!({})).await.expect(200);
    let path = format!("/wallets/{}/beneficiaries", desk.wallet);
    let refused = desk.post(&path, &desk.asha.access, bank_account()).await;
    assert_eq!(refused.expect(409).code(), "wallet_closed");
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.destination")
        .fetch_one(desk.doors.node.node.database.pool())
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn above_an_amount_a_second_person_decides() {
    let desk = Desk::open().await;
    let admin = desk.doors.admin.clone();
    desk.fund("1000.00").await;
    let policy = json!({ "chargeback_overdraft": "forbidden", "payout_approval_above": "100" });
    let set = desk.put("/payment-policies/INR", &admin, policy).await;
    let position = set.expect(200).position();
    let path = format!("/payment-policies/INR?min_position={position}");
    let policy = desk.get(&path, &admin).await.expect(200).body;
    assert_eq!(policy["payout_approval_above"], "100.00");
    assert_eq!(policy["chargeback_overdraft"], "forbidden");

    let beneficiary = desk.beneficiary().await;
    let ask = |amount: &str, who: &str| {
        let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": amount,
                           "beneficiary": beneficiary });
        let who = who.to_owned();
        let desk = &desk;
        async move { desk.post("/payouts", &who, body).await.expect(201) }
    };
    let status = |id: String, position: i64| {
        let path = format!("/payouts/{id}?min_position={position}");
        let desk = &desk;
        async move { desk.get(&path, &desk.asha.access).await.expect(200).body }
    };
    let small = ask("100", &desk.asha.access).await;
    let seen = status(small.id(), small.position()).await;
    assert_eq!(seen["status"], "requested");

    let vera = desk.colleague("vera@example.org", Role::Operator).await;
    let own = ask("100.01", &vera.access).await;
    let own = format!("/payouts/{}/decision", own.id());
    for decision in ["approve", "decline"] {
        let refused = desk
            .post(&own, &vera.access, json!({ "decision": decision }))
            .await;
        let code = "payout_approver_is_requester";
        assert_eq!(refused.expect(403).code(), code, "{decision}");
    }
    let machine = desk
        .post(&own, &admin, json!({ "decision": "approve" }))
        .await;
    assert_eq!(machine.expect(403).code(), "approver_not_a_person");
    let tired = desk.doors.customer("tara@example.org").await;
    desk.doors.employ(&tired, Role::Operator).await;
    let refused = desk
        .post(&own, &tired.access, json!({ "decision": "approve" }))
        .await;
    assert_eq!(refused.expect(403).code(), "second_factor_needed");

    let large = ask("200", &desk.asha.access).await;
    let seen = status(large.id(), large.position()).await;
    assert_eq!(seen["status"], "awaiting_approval");
    assert_eq!(seen["approval_above"], "100.00");
    let decision = format!("/payouts/{}/decision", large.id());
    let approved = desk
        .post(&decision, &vera.access, json!({ "decision": "approve" }))
        .await
        .expect(200);
    let seen = status(large.id(), approved.position()).await;
    assert_eq!(seen["status"], "approved");
    assert_eq!(seen["decided_by"], vera.subject());
    let twice = desk
        .post(&decision, &vera.access, json!({ "decision": "decline" }))
        .await;
    assert_eq!(twice.expect(409).code(), "payout_not_awaiting_approval");

    let other = ask("300", &desk.asha.access).await;
    let decision = format!("/payouts/{}/decision", other.id());
    let body = json!({ "decision": "decline", "reason": "ask me first" });
    let declined = desk.post(&decision, &vera.access, body).await.expect(200);
    let seen = status(other.id(), declined.position()).await;
    assert_eq!(
        (&seen["status"], &seen["reason"]),
        (&json!("declined"), &json!("ask me first"))
    );
}

/// Behind a key stands who made it, and behind a key that makes keys as well.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_the_second_person_for_a_machine_of_their_own() {
    let desk = Desk::open().await;
    let admin = desk.doors.admin.clone();
    desk.fund("1000.00").await;
    let policy = json!({ "chargeback_overdraft": "forbidden", "payout_approval_above": "1" });
    desk.put("/payment-policies/INR", &admin, policy)
        .await
        .expect(200);
    let beneficiary = desk.beneficiary().await;
    let mallory = desk.colleague("mallory@example.org", Role::Admin).await;
    let vera = desk.colleague("vera@example.org", Role::Operator).await;
    let make = |role: &'static str, by: String| {
        let body = json!({ "kind": "api_key", "name": "shop", "roles": [{ "role": role }] });
        let doors = &desk.doors;
        async move {
            let made = doors.post("/v1/machines", &by, body).await.expect(201);
            made.body["secret"].as_str().unwrap().to_owned()
        }
    };
    let own = make("service", mallory.access.clone()).await;
    let maker = make("admin", mallory.access.clone()).await;
    let of_maker = make("service", maker).await;
    for key in [own, of_maker] {
        let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "200",
                           "beneficiary": beneficiary });
        let asked = desk.post("/payouts", &key, body).await.expect(201);
        let path = format!("/payouts/{}/decision", asked.id());
        for decision in ["approve", "decline"] {
            let body = json!({ "decision": decision });
            let refused = desk.post(&path, &mallory.access, body).await;
            let code = "payout_approver_is_requester";
            assert_eq!(refused.expect(403).code(), code, "{decision}");
        }
        let body = json!({ "decision": "approve" });
        desk.post(&path, &vera.access, body).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_is_paid_and_comes_back_or_is_called_off() {
    let desk = Desk::open().await;
    desk.fund("100.00").await;
    let beneficiary = desk.beneficiary().await;
    let ask = |key: &'static str, amount: &'static str| {
        let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": amount,
                           "beneficiary": beneficiary });
        desk.post_under(key, "/payouts", &desk.asha.access, body)
    };
    let first = ask("one", "40").await.expect(201);
    let again = ask("one", "40.00").await.expect(201);
    assert_eq!(first.id(), again.id());
    let poor = ask("two", "61").await;
    assert_eq!(poor.expect(422).code(), "insufficient_funds");

    let id: PayoutId = first.id().parse().unwrap();
    let submitted = desk.hear(outside::submit_payout(id)).await;
    let as_submitted = desk.payout_after(id, &submitted).await;
    let late = desk
        .post(
            &format!("/payouts/{id}/cancel"),
            &desk.asha.access,
            json!({}),
        )
        .await;
    assert_eq!(late.expect(409).code(), "payout_submitted");
    let paid = ObservedPayout::Succeeded { fees: None };
    let paid = desk.hear(outside::observed_payout(id, paid)).await;
    assert_eq!(desk.balance_after(&paid).await, "60.00");
    let as_paid = desk.payout_after(id, &paid).await;
    let back = outside::observed_payout(id, ObservedPayout::Returned);
    let back = desk.hear(back).await;
    assert_eq!(desk.balance_after(&back).await, "100.00");
    let seen = desk.payout_after(id, &back).await;
    for (outcome, then) in [
        (&submitted, &as_submitted),
        (&paid, &as_paid),
        (&back, &seen),
    ] {
        desk.payout_was(id, outcome, then).await;
    }
    for (query, status, code) in [
        ("position=1", 404, "payout_not_found"),
        ("effective_at=2000-01-01T00:00:00Z", 404, "payout_not_found"),
        ("position=999999", 409, "position_unknown"),
    ] {
        let path = format!("/payouts/{id}?{query}");
        let refused = desk.get(&path, &desk.asha.access).await.expect(status);
        assert_eq!(refused.code(), code, "{query}");
    }
    assert_eq!(seen["status"], "returned");
    assert_eq!(seen["attempts"][0]["route"]["provider"], "razorpay");
    assert!(seen["return_transaction"].is_string());
    let path = format!(
        "/accounts/wallet:{}:INR/statement?min_position={}",
        desk.wallet, back.position
    );
    let entries = desk.get(&path, &desk.asha.access).await.expect(200).body;
    for entry in [&entries["items"][1], &entries["items"][2]] {
        assert_eq!(entry["payout"], id.to_string(), "{entry}");
    }

    let second = ask("three", "100").await.expect(201);
    let path = format!("/payouts/{}/cancel", second.id());
    let why = json!({ "reason": "changed my mind" });
    let cancelled = desk.post(&path, &desk.asha.access, why).await;
    let position = cancelled.expect(200).position();
    let path = format!(
        "/payouts?wallet={}&status=cancelled&min_position={position}",
        desk.wallet
    );
    let listed = desk.get(&path, &desk.asha.access).await.expect(200);
    assert_eq!(listed.body["items"][0]["reason"], "changed my mind");
}

impl Desk {
    /// A payout as the administrator sees it, no less fresh than an outcome.
    async fn payout_after(&self, id: PayoutId, outcome: &Outcome) -> Value {
        let path = format!("/payouts/{id}?min_position={}", outcome.position);
        self.get(&path, &self.doors.admin).await.expect(200).body
    }

    /// What is told of a payout as it stood after an outcome is what was told then, whichever way it is asked for.
    async fn payout_was(&self, id: PayoutId, outcome: &Outcome, then: &Value) {
        for query in [
            format!("position={}", outcome.position),
            format!("recorded_at={}", outcome.recorded_at),
            format!("effective_at={}", outcome.recorded_at),
        ] {
            let path = format!("/payouts/{id}?{query}");
            let mut told = self.get(&path, &self.doors.admin).await.expect(200).body;
            told["as_of"] = then["as_of"].clone();
            assert_eq!(&told, then, "{query}");
        }
    }

    /// Verifies a beneficiary that was added.
    async fn beneficiary_again(&self, id: &str) {
        let path = format!("/wallets/{}/beneficiaries/{id}/verify", self.wallet);
        let how = json!({ "method": "name match" });
        let admin = &self.doors.admin;
        self.post(&path, admin, how).await.expect(200);
    }
}

/// People mistype names, and a provider keeps the name that it was told.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_beneficiary_is_added_again_and_verified_anew() {
    let desk = Desk::open().await;
    desk.fund("100.00").await;
    let (admin, asha) = (&desk.doors.admin, &desk.asha.access);
    let path = format!("/wallets/{}/beneficiaries", desk.wallet);
    let mut mistyped = bank_account();
    mistyped["holder_name"] = json!("Asha Roa");
    let first = desk
        .post_under("first", &path, asha, mistyped.clone())
        .await;
    let first = first.expect(201).id();
    let verify = |id: &str| format!("{path}/{id}/verify");
    let remove = |id: &str| format!("{path}/{id}/remove");
    let how = json!({ "method": "penny drop" });
    desk.post(&verify(&first), admin, how.clone())
        .await
        .expect(200);
    let corrected = bank_account();
    let early = desk.post(&path, asha, corrected.clone()).await;
    assert_eq!(early.expect(409).code(), "beneficiary_exists");
    let reason = json!({ "reason": "the name is wrong" });
    desk.post(&remove(&first), asha, reason).await.expect(200);

    // Two at once add it once.
    let adding = (0..2).map(|_| desk.post(&path, asha, corrected.clone()));
    let mut added = futures_util::future::join_all(adding).await;
    added.sort_by_key(|reply| reply.status);
    let refused = added.pop().unwrap().expect(409);
    assert_eq!(refused.code(), "beneficiary_exists");
    let second = added.pop().unwrap().expect(201).id();
    assert_ne!(second, first);
    assert_eq!(desk.holder_of(&second).await.as_deref(), Some("Asha Rao"));

    let payout = |id: &str| {
        json!({ "wallet": desk.wallet, "asset": "INR", "amount": "1",
                                    "beneficiary": id })
    };
    for id in [&first, &second] {
        let early = desk.post("/payouts", asha, payout(id)).await;
        assert_eq!(early.expect(409).code(), "beneficiary_not_verified");
    }
    // Somebody else has to look at it, as at the first.
    let own = desk.post(&verify(&second), asha, how.clone()).await;
    assert!([403, 409].contains(&own.status), "{own:?}");
    let late = desk.post(&verify(&first), admin, how.clone()).await;
    assert_eq!(late.expect(409).code(), "beneficiary_removed");
    desk.post(&verify(&second), admin, how).await.expect(200);
    desk.post("/payouts", asha, payout(&second))
        .await
        .expect(201);
    // What was answered before is answered the same.
    let repeated = desk.post_under("first", &path, asha, mistyped).await;
    assert_eq!(repeated.expect(201).id(), first);
    assert_eq!(desk.holder_of(&second).await.as_deref(), Some("Asha Rao"));
    // And once more.
    desk.post(&remove(&second), asha, json!({}))
        .await
        .expect(200);
    let third = desk.post(&path, asha, corrected).await.expect(201).id();
    assert!(third != first && third != second);
}
