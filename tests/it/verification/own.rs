//! What of verification is a customer's own, and what is for whom of the staff.

use identity::permission::Role;
use serde_json::json;

use super::support::Office;

#[tokio::test(flavor = "multi_thread")]
async fn another_customers_case_does_not_exist() {
    let office = Office::open().await;
    let ravi = office.doors.customer("ravi@example.org").await;
    let case = office.own_case().await;
    let path = format!("/cases/{case}");
    let seen = office.get(&path, &ravi).await.expect(404);
    assert_eq!(seen.code(), "case_not_found");
    // The one of the owner is there at once, however far the read model is.
    office.get(&path, &office.asha).await.expect(200);
    let asha = &office.asha.person;
    for list in ["/cases".to_owned(), format!("/cases?owner={asha}")] {
        let refused = office.get(&list, &ravi).await.expect(403);
        assert_eq!(refused.code(), "forbidden", "{list}");
    }
    let list = format!("/cases?owner={}", ravi.person);
    let none = office.get(&list, &ravi).await.expect(200);
    assert_eq!(none.body["items"], json!([]));
    let about_asha = json!({ "owner": asha, "tier": "full" });
    let refused = office.post("/cases", &ravi, about_asha).await.expect(403);
    assert_eq!(refused.code(), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_choose_neither_the_id_nor_the_time_of_their_cases() {
    let office = Office::open().await;
    let owner = &office.asha.person;
    for body in [
        json!({ "owner": owner, "tier": "full", "id": uuid::Uuid::now_v7() }),
        json!({ "owner": owner, "tier": "full", "expires_at": "2190-01-01T00:00:00Z" }),
    ] {
        let refused = office.post("/cases", &office.asha, body).await.expect(403);
        assert_eq!(refused.code(), "forbidden");
    }
    // A case for each tier, each once.
    let body = |tier: &str| json!({ "owner": owner, "tier": tier });
    let full = office
        .post("/cases", &office.asha, body("full"))
        .await
        .expect(201);
    let basic = office
        .post("/cases", &office.asha, body("basic"))
        .await
        .expect(201);
    assert_ne!(full.id(), basic.id());
    let again = office.post("/cases", &office.asha, body("full")).await;
    assert_eq!(again.expect(409).code(), "case_exists");
    let nowhere = office.post("/cases", &office.asha, body("royal")).await;
    assert_eq!(nowhere.expect(404).code(), "tier_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_see_what_came_of_it_and_not_by_whom_and_why() {
    let office = Office::open().await;
    let case = office.own_case().await;
    office
        .act(&case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    office
        .act(
            &case,
            "start-review",
            json!({ "reasons": ["SUSPECT_LIST"] }),
        )
        .await;
    let rejected = office
        .act(
            &case,
            "reject",
            json!({ "retry": "allowed", "reasons": ["FRAUD_RING"] }),
        )
        .await;
    let path = format!("/cases/{case}?min_position={}", rejected.position());
    for path in [path, format!("/cases?owner={}", office.asha.person)] {
        let seen = office
            .get(&path, &office.asha)
            .await
            .expect(200)
            .body
            .to_string();
        assert!(seen.contains("retry_allowed"), "{seen}");
        for hidden in ["FRAUD_RING", "SUSPECT_LIST", "sumsub", &office.meera.person] {
            assert!(!seen.contains(hidden), "{hidden} in {seen}");
        }
        let seen = office
            .get(&path, &office.meera)
            .await
            .expect(200)
            .body
            .to_string();
        assert!(
            seen.contains("FRAUD_RING") && seen.contains("sumsub"),
            "{seen}"
        );
    }
    let timeline = format!("/cases/{case}/timeline");
    let refused = office.get(&timeline, &office.asha).await.expect(403);
    assert_eq!(refused.code(), "forbidden");
    office.get("/case-funnel", &office.asha).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_for_compliance_with_a_fresh_second_factor() {
    let office = Office::open().await;
    let case = office.own_case().await;
    office.receive(&case, "passport", 1).await;
    let reviewed = office.act(&case, "start-review", json!({})).await;
    let support = office.colleague("sven@example.org", Role::Support).await;
    let operator = office.colleague("olga@example.org", Role::Operator).await;
    let decisions = [
        ("approve", json!({})),
        ("reject", json!({ "retry": "final" })),
        ("reset", json!({})),
    ];
    let steps = [
        ("request-documents", json!({ "kinds": ["passport"] })),
        ("submit", json!({ "providers": ["sumsub"] })),
        ("start-review", json!({})),
        ("require-reverification", json!({})),
        ("expire", json!({})),
    ];
    for (what, body) in decisions.iter().chain(&steps) {
        let path = format!("/cases/{case}/{what}");
        for who in [&office.asha, &support, &operator] {
            let refused = office.post(&path, who, body.clone()).await.expect(403);
            assert_eq!(refused.code(), "forbidden", "{what}");
        }
    }
    let case_path = format!("/cases/{case}");
    office.seen(&case, &support, &reviewed).await;
    // An operator is a customer besides, who is told nothing of others' cases.
    office.get(&case_path, &operator).await.expect(404);
    let late = office.doors.customer("lata@example.org").await;
    office.doors.employ(&late, Role::Compliance).await;
    for (what, body) in decisions {
        let path = format!("/cases/{case}/{what}");
        let refused = office.post(&path, &late, body).await.expect(403);
        assert_eq!(refused.code(), "second_factor_needed", "{what}");
    }
    let timeline = format!("{case_path}/timeline");
    office.get(&timeline, &late).await.expect(200);
    let machine = office.doors.node.key(&[Role::Service]).await;
    let path = office.doors.at(&format!("{case_path}/approve"));
    let refused = office.doors.post(&path, &machine, json!({})).await;
    assert_eq!(refused.expect(403).code(), "forbidden");
}
