//! What is noted beside the log: who pays, where payouts go, and a hash of what was asked.

use std::collections::BTreeSet;

use identity::destinations::Destination;
use identity::permission::Role;
use identity::secret::token_hash;
use ledger_core::payout::ObservedPayout;
use ledger_core::{BeneficiaryId, PayoutId};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::desk::{Desk, bank_account};
use crate::harness::outside;

/// How often a race is run.
const ROUNDS: usize = 6;

impl Desk {
    /// Whose account a beneficiary is.
    pub async fn holder_of(&self, beneficiary: &str) -> Option<String> {
        let identities = self.doors.node.node.authenticator.identities();
        let id: BeneficiaryId = beneficiary.parse().unwrap();
        match identities.destination(self.ledger(), id).await.unwrap()? {
            Destination::BankAccount { holder_name, .. } => Some(holder_name),
            other => panic!("{other:?}"),
        }
    }

    /// Who pays a deposit, as whoever opens its page reads it.
    async fn payers_of(&self, payment: Uuid) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT payer_name FROM workflows.checkout WHERE payment_id = $1 \
             AND noted_by = daybook.begun_by(ledger, 'payment', payment_id)",
        )
        .bind(payment)
        .fetch_all(self.doors.node.node.database.pool())
        .await
        .unwrap()
    }
}

/// Eight ask for one deposit with eight payers: what is kept is who pays the one that was begun. If one row
/// were shared, whoever is refused would take it away from who is not, or leave his own in it.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_deposit_keeps_the_payer_it_was_begun_with() {
    let desk = Desk::open().await;
    for _ in 0..ROUNDS {
        let id = Uuid::now_v7();
        let asks = (0..8).map(|number| {
            let name = format!("Payer {number}");
            let body = json!({ "id": id, "wallet": desk.wallet, "asset": "INR", "amount": "5",
                               "payer": { "name": name } });
            let desk = &desk;
            async move {
                let reply = desk
                    .post("/deposits?wait_ms=0", &desk.asha.access, body)
                    .await;
                (name, reply)
            }
        });
        let replies = futures_util::future::join_all(asks).await;
        let begun: Vec<&String> = replies
            .iter()
            .filter(|(_, reply)| reply.status == 201)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(begun.len(), 1, "{replies:?}");
        assert_eq!(desk.payers_of(id).await, [begun[0].as_str()]);
    }
    let rows = desk.rows("workflows.checkout").await;
    assert_eq!(rows, i64::try_from(ROUNDS).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn race_a_beneficiary_keeps_the_destination_it_was_added_with() {
    let desk = Desk::open().await;
    let path = format!("/wallets/{}/beneficiaries", desk.wallet);
    for round in 0..ROUNDS {
        let asks = (0..8).map(|number| {
            let name = format!("Holder {number}");
            let mut body = bank_account();
            body["account_number"] = json!(format!("11214311215411{round}"));
            body["holder_name"] = json!(name);
            let (desk, path) = (&desk, &path);
            async move { (name, desk.post(path, &desk.asha.access, body).await) }
        });
        let replies = futures_util::future::join_all(asks).await;
        let added: Vec<_> = replies
            .iter()
            .filter(|(_, reply)| reply.status == 201)
            .collect();
        let [(name, reply)] = added.as_slice() else {
            panic!("{replies:?}");
        };
        assert_eq!(desk.holder_of(&reply.id()).await.as_ref(), Some(name));
    }
    let rows = desk.rows("identity.destination").await;
    assert_eq!(rows, i64::try_from(ROUNDS).unwrap());
}

/// A request whose outcome nobody knows has left its note, with a typing error in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_was_left_behind_backs_nobody_else_and_is_swept() {
    let desk = Desk::open().await;
    let pool = desk.doors.node.node.database.pool();
    let identities = desk.doors.node.node.authenticator.identities();
    let typing_error = Destination::BankAccount {
        holder_name: "Asha Roa".to_owned(),
        account_number: "1121431121541121".to_owned(),
        routing_code: "HDFC0000001".to_owned(),
    };
    let wallet = desk.wallet.parse().unwrap();
    let fingerprint = identities.fingerprint(desk.ledger(), &typing_error);
    let id = ledger_core::beneficiary::beneficiary_id(wallet, &fingerprint.parse().unwrap());
    let left = Uuid::now_v7();
    identities
        .keep_destination(desk.ledger(), id, left, &typing_error)
        .await
        .unwrap();
    assert_eq!(desk.holder_of(&id.to_string()).await, None);
    let payment = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO workflows.checkout (ledger, payment_id, noted_by, payer_name) \
         VALUES ($1, $2, $3, 'Asha Roa')",
    )
    .bind(desk.ledger().as_str())
    .bind(payment)
    .bind(left)
    .execute(pool)
    .await
    .unwrap();

    let path = format!("/wallets/{}/beneficiaries", desk.wallet);
    let added = desk.post(&path, &desk.asha.access, bank_account()).await;
    assert_eq!(added.expect(201).id(), id.to_string());
    let body = json!({ "id": payment, "wallet": desk.wallet, "asset": "INR", "amount": "5",
                       "payer": { "name": "Asha Rao" } });
    let made = desk.post("/deposits?wait_ms=0", &desk.asha.access, body);
    made.await.expect(201);
    assert_eq!(
        desk.holder_of(&id.to_string()).await.as_deref(),
        Some("Asha Rao")
    );
    assert_eq!(desk.payers_of(payment).await, ["Asha Rao"]);

    let forgotten = desk.forget().await;
    assert_eq!((forgotten.payers, forgotten.destinations), (1, 1));
    let again = desk.forget().await;
    assert_eq!((again.payers, again.destinations), (0, 0));
    assert_eq!(
        desk.holder_of(&id.to_string()).await.as_deref(),
        Some("Asha Rao")
    );
    assert_eq!(desk.payers_of(payment).await, ["Asha Rao"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_beneficiary_is_forgotten_when_no_payout_needs_it() {
    let desk = Desk::open().await;
    desk.fund("100.00").await;
    let (admin, asha) = (&desk.doors.admin, &desk.asha.access);
    let id = desk.beneficiary().await;
    let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5", "beneficiary": id });
    let payout = desk.post("/payouts", asha, body).await.expect(201).id();
    let payout: PayoutId = payout.parse().unwrap();
    desk.hear(outside::submit_payout(payout)).await;
    let path = format!("/wallets/{}/beneficiaries/{id}", desk.wallet);
    let removed = desk.post(&format!("{path}/remove"), asha, json!({})).await;
    let position = removed.expect(200).position();
    let seen = format!("/payouts/{payout}?min_position={position}");
    desk.get(&seen, admin).await.expect(200);
    assert_eq!(desk.forget().await.removed, 0);
    assert!(
        desk.holder_of(&id).await.is_some(),
        "a payout is on its way"
    );

    let paid = ObservedPayout::Succeeded { fees: None };
    let paid = desk.hear(outside::observed_payout(payout, paid)).await;
    let seen = format!("/payouts/{payout}?min_position={}", paid.position);
    desk.get(&seen, admin).await.expect(200);
    assert_eq!(desk.forget().await.removed, 1);
    assert_eq!(desk.holder_of(&id).await, None);
    assert_eq!(desk.rows("identity.destination").await, 0);
}

/// A removal that was noted and never made takes nothing away.
#[tokio::test(flavor = "multi_thread")]
async fn a_beneficiary_that_is_not_removed_is_kept() {
    let desk = Desk::open().await;
    let id = desk.beneficiary().await;
    let identities = desk.doors.node.node.authenticator.identities();
    let beneficiary = id.parse().unwrap();
    identities
        .note_removal(desk.ledger(), beneficiary)
        .await
        .unwrap();
    assert_eq!(desk.forget().await.removed, 0);
    assert!(desk.holder_of(&id).await.is_some());
    let noted = identities.noted_removals(None, 10).await.unwrap();
    assert_eq!(noted, [], "the note is taken back");
}

/// The page lets whoever has it pay, and tells who pays.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_shown_to_the_owner_and_to_who_begins_deposits() {
    let desk = Desk::open().await;
    let id = desk.deposit("5").await;
    let page = json!({ "kind": "form", "url": "https://pay.example/1",
                       "fields": [["email", "asha@example.org"]] });
    sqlx::query(
        "UPDATE workflows.checkout SET action = $2, page_token = 'atoken' WHERE payment_id = $1",
    )
    .bind(id.as_uuid())
    .bind(&page)
    .execute(desk.doors.node.node.database.pool())
    .await
    .unwrap();
    let path = format!("/deposits/{id}");
    for (role, is_shown) in [
        (Role::Operator, true),
        (Role::Service, true),
        (Role::Support, false),
        (Role::Compliance, false),
        (Role::Auditor, false),
    ] {
        let key = desk.doors.node.key(&[role]).await;
        let seen = desk.get(&path, &key).await.expect(200).body;
        assert_eq!(seen["status"], "created");
        let shown = seen.get("checkout_url").is_some();
        assert_eq!(shown, is_shown, "{role}");
        let is_told = seen.to_string().contains("atoken");
        assert_eq!(is_told, is_shown, "{role}");
        assert!(!seen.to_string().contains("asha@example.org"), "{role}");
    }
    let own = desk.get(&path, &desk.asha.access).await.expect(200);
    let address = own.body["checkout_url"].as_str().unwrap();
    assert!(address.ends_with("/v1/checkouts/atoken"), "{address}");
}

/// Whoever has the log can try all phone numbers; of what they find there, none may say that they are right.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_kept_for_ever_can_be_guessed_from_what_is_personal() {
    let desk = Desk::open().await;
    let guessed = |path: &str, body: &str| {
        let ledger = desk.ledger();
        // A plain SHA-256.
        let hash = token_hash(&format!("POST\0/v1/ledgers/{ledger}{path}\0{body}"));
        hex(&hash[..18])
    };
    let id = Uuid::now_v7();
    let wallet = &desk.wallet;
    // As the operation writes it down: an attacker would know, or try a few ways.
    let deposit = |head: String| {
        format!(
            r#"{{{head}"wallet":"{wallet}","asset":"INR","amount":"5","payer":{{"phone":"+919000090000"}}}}"#
        )
    };
    let of_id = deposit(format!(r#""id":"{id}","#));
    let path = "/deposits?wait_ms=0";
    let body: Value = serde_json::from_str(&of_id).unwrap();
    desk.post(path, &desk.asha.access, body).await.expect(201);
    let of_key = deposit(String::new());
    let body: Value = serde_json::from_str(&of_key).unwrap();
    desk.post_under("one", path, &desk.asha.access, body)
        .await
        .expect(201);
    let account = r#"{"kind":"bank_account","holder_name":"Asha Rao","account_number":"1121431121541121","routing_code":"HDFC0000001"}"#;
    let beneficiaries = format!("/wallets/{wallet}/beneficiaries");
    let body: Value = serde_json::from_str(account).unwrap();
    desk.post_under("two", &beneficiaries, &desk.asha.access, body)
        .await
        .expect(201);
    // What says nothing personal is hashed as ever: so the guesses are made as they should be.
    let plain = format!(r#"{{"owner":"{}"}}"#, desk.asha.person);
    let body: Value = serde_json::from_str(&plain).unwrap();
    desk.post_under("three", "/wallets", &desk.asha.access, body)
        .await
        .expect(201);

    let kept = kept_hashes(&desk).await;
    assert!(kept.contains(&guessed("/wallets", &plain)), "{kept:?}");
    for (path, body) in [
        ("/deposits", &of_id),
        ("/deposits", &of_key),
        (beneficiaries.as_str(), &account.to_owned()),
    ] {
        assert!(!kept.contains(&guessed(path, body)), "{body}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first 18 bytes of every hash of a request that the log and its keys have.
async fn kept_hashes(desk: &Desk) -> BTreeSet<String> {
    sqlx::query_scalar(
        "SELECT encode(substr(request_hash, 1, 18), 'hex') FROM daybook.idempotency \
         UNION ALL SELECT encode(substr(decode(metadata ->> 'idempotency', 'base64'), 19, 18), 'hex') \
         FROM daybook.events WHERE metadata ->> 'idempotency' IS NOT NULL",
    )
    .fetch_all(desk.doors.node.node.database.pool())
    .await
    .unwrap()
    .into_iter()
    .collect()
}

/// What became of the providers since is nothing to who asks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_answered_again_when_its_provider_is_gone() {
    let desk = Desk::open().await;
    let other = desk.doors.another_node().await;
    let body = |provider: Option<&str>| {
        let mut body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5" });
        if let Some(provider) = provider {
            body["provider"] = json!(provider);
        }
        body
    };
    let (ledger, node) = (desk.ledger(), &desk.doors.node);
    let there = |key: &'static str, body: Value| {
        let path = format!(
            "http://{}/v1/ledgers/{ledger}/deposits?wait_ms=0",
            other.address
        );
        let request = node.client.request(Method::POST, path);
        let request = request.bearer_auth(&desk.asha.access);
        node.send(request.header("idempotency-key", key).json(&body))
    };
    for (key, provider) in [("one", None), ("two", Some("stripe"))] {
        let path = "/deposits?wait_ms=0";
        let here = desk.post_under(key, path, &desk.asha.access, body(provider));
        let first = here.await.expect(201);
        let again = there(key, body(provider)).await.expect(201);
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(
            (again.id(), again.position()),
            (first.id(), first.position())
        );
    }
    let refused = there("three", body(None)).await;
    assert_eq!(refused.expect(503).code(), "payment_provider_unavailable");
    let refused = there("four", body(Some("stripe"))).await;
    assert_eq!(refused.expect(422).code(), "route_provider_not_a_candidate");
    assert_eq!(desk.rows("workflows.checkout").await, 2);
    other.stop().await;
}

/// The deposit is in the log: that its page cannot be looked for is no reason to say otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_whose_page_cannot_be_looked_for_was_begun() {
    let desk = Desk::open().await;
    let mut owner = PgConnection::connect(&desk.doors.node.database_url)
        .await
        .unwrap();
    sqlx::query("REVOKE SELECT ON workflows.checkout FROM daybook_service")
        .execute(&mut owner)
        .await
        .unwrap();
    let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "5" });
    let made = desk.post("/deposits?wait_ms=2000", &desk.asha.access, body);
    let made = made.await.expect(201);
    assert_eq!(made.body["status"], "created");
    assert!(made.body.get("checkout_url").is_none());
    owner.close().await.unwrap();
}
