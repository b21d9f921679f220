//! Recording, reading and finding: who may, and what is kept of it.

use identity::permission::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{EMAIL, NAME, Office, PHONE, everything};

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_what_was_recorded_last_of_each_field() {
    let office = Office::open().await;
    let asha = &office.asha.access;
    let none = office.read(asha).await;
    assert_eq!(none.expect(404).code(), "profile_not_found");
    office.record(asha, everything()).await.expect(200);
    let change = json!({ "name": "Zephyrine Q.", "removed": ["address", "name"] });
    let changed = office.record(asha, change).await.expect(200);
    let seen = office.read(asha).await.expect(200).body;
    assert_eq!(seen["status"], "known");
    assert_eq!(seen["name"], "Zephyrine Q.");
    assert_eq!(
        (&seen["email"], &seen["phone"]),
        (&json!(EMAIL), &json!(PHONE))
    );
    assert_eq!(seen.get("address"), None);
    assert_eq!(seen["position"], changed.position());
    // In its normal form, whatever was written.
    let body = json!({ "email": "Zephyrine@Example.ORG", "phone": "+91 98123-45670" });
    office.record(asha, body).await.expect(200);
    let seen = office.read(asha).await.expect(200).body;
    assert_eq!(seen["email"], "zephyrine@example.org");
    assert_eq!(seen["phone"], "+919812345670");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_answered_with_a_code_and_without_what_was_sent() {
    let office = Office::open().await;
    let asha = &office.asha.access;
    for body in [
        json!({ "name": "" }),
        json!({ "name": " Zephyrine" }),
        json!({ "name": "x".repeat(201) }),
        json!({ "email": "no address at all" }),
        json!({ "phone": "98123" }),
        json!({ "date_of_birth": "1987-02-30" }),
        json!({ "date_of_birth": "5.6.1987" }),
        json!({ "address": "x\u{0}y" }),
        json!({ "identity_number_ending": "12345" }),
        json!({ "name": NAME, "nickname": "Zeph" }),
        json!({ "removed": ["nickname"] }),
    ] {
        let refused = office.record(asha, body.clone()).await.expect(400);
        assert_eq!(refused.code(), "invalid_request", "{body}");
        assert!(!refused.body.to_string().contains("no address"), "{body}");
    }
    for body in [json!({}), json!({ "removed": ["name"] })] {
        let refused = office.record(asha, body).await.expect(422);
        assert_eq!(refused.code(), "profile_empty");
    }
    let office_of = |path: &str| office.doors.at(path);
    let elsewhere = "/v1/ledgers/nowhere/owners/somebody/profile";
    let compliance = &office.meera.access;
    let missing = office.doors.post(elsewhere, compliance, everything()).await;
    assert_eq!(missing.expect(404).code(), "ledger_not_found");
    let nobody = office_of("/owners/nobody-at-all/profile/erase");
    let body = json!({ "reason": "requested" });
    let missing = office.doors.post(&nobody, compliance, body).await;
    assert_eq!(missing.expect(404).code(), "owner_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_may_look_and_every_look_is_recorded() {
    let office = Office::open().await;
    let (asha, meera) = (&office.asha.access, &office.meera.access);
    office.record(asha, everything()).await.expect(200);
    let ravi = office.doors.customer("ravi@example.org").await;
    let strangers = office.read(&ravi.access).await;
    assert_eq!(strangers.expect(404).code(), "owner_not_found");
    let recorded = office.record(&ravi.access, everything()).await;
    assert_eq!(recorded.expect(404).code(), "owner_not_found");
    for role in [Role::Support, Role::Operator, Role::Auditor, Role::Admin] {
        let key = office.doors.node.key(&[role]).await;
        let refused = office.read(&key).await;
        assert_eq!(refused.expect(403).code(), "forbidden", "{role}");
    }
    let search = office.doors.at("/profile-searches");
    let body = json!({ "email": EMAIL });
    let refused = office.doors.post(&search, asha, body.clone()).await;
    assert_eq!(refused.expect(403).code(), "forbidden");
    office.read(meera).await.expect(200);
    office.read(asha).await.expect(200);
    office.until_found(&body, json!([office.asha.person])).await;

    let path = format!("/v1/access-records?about={}", office.asha.subject());
    let records = office
        .doors
        .get(&path, &office.doors.admin)
        .await
        .expect(200);
    let looks: Vec<&Value> = records.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["kind"] == "profile_read")
        .collect();
    let actors: Vec<&str> = looks
        .iter()
        .map(|look| look["actor"].as_str().unwrap())
        .collect();
    assert_eq!(actors, [office.asha.subject(), office.meera.subject()]);
    assert!(
        looks
            .iter()
            .all(|look| look["ledger"] == office.doors.node.ledger)
    );
    let about = office.doors.records(&office.meera.subject()).await;
    assert!(about.contains(&"profile_searched".to_owned()), "{about:?}");
    assert!(!records.body.to_string().contains(NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_by_an_address_as_long_as_it_is_theirs() {
    let office = Office::open().await;
    let asha = &office.asha.access;
    office.record(asha, everything()).await.expect(200);
    let person = json!([office.asha.person]);
    for body in [
        json!({ "email": EMAIL.to_uppercase() }),
        json!({ "phone": "+91 98123 45670" }),
    ] {
        office.until_found(&body, person.clone()).await;
    }
    assert_eq!(
        office.find(json!({ "email": "other@example.org" })).await,
        json!([])
    );
    let change = json!({ "email": "new@example.org", "removed": ["phone"] });
    office.record(asha, change).await.expect(200);
    office
        .until_found(&json!({ "email": EMAIL }), json!([]))
        .await;
    office
        .until_found(&json!({ "phone": PHONE }), json!([]))
        .await;
    office
        .until_found(&json!({ "email": "new@example.org" }), person)
        .await;
    let both = json!({ "email": EMAIL, "phone": PHONE });
    for body in [json!({}), both] {
        let path = office.doors.at("/profile-searches");
        let refused = office.doors.post(&path, &office.meera.access, body).await;
        assert_eq!(refused.expect(400).code(), "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_answered_again_until_the_person_is_erased() {
    let office = Office::open().await;
    let asha = &office.asha.access;
    let key = Uuid::new_v4();
    let first = office.under_key(key, asha, everything()).await.expect(200);
    let again = office.under_key(key, asha, everything()).await.expect(200);
    assert_eq!(again.position(), first.position());
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let other = office.under_key(key, asha, json!({ "name": "Z" })).await;
    assert_eq!(other.expect(422).code(), "idempotency_key_reused");
    office
        .erase(json!({ "reason": "requested" }))
        .await
        .expect(200);
    let service = office.doors.node.key(&[Role::Service]).await;
    let late = office.under_key(key, &service, everything()).await;
    assert_eq!(late.expect(409).code(), "profile_erased");
}

/// Whoever has the log can try all phone numbers.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_request_cannot_be_guessed() {
    let office = Office::open().await;
    let body = json!({ "phone": PHONE });
    let key = Uuid::new_v4();
    office
        .under_key(key, &office.asha.access, body)
        .await
        .expect(200);
    let text = format!("POST\0{}\0{{\"phone\":\"{PHONE}\"}}", office.path());
    let guess = identity::secret::token_hash(&text);
    let kept: Vec<Vec<u8>> = sqlx::query_scalar("SELECT request_hash FROM daybook.idempotency")
        .fetch_all(office.doors.node.node.database.pool())
        .await
        .unwrap();
    assert!(!kept.is_empty());
    assert!(!kept.contains(&guess.to_vec()));
}
