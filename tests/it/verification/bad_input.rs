//! Requests about cases that cannot be accepted, each with its code; nothing of them is left.

use serde_json::{Value, json};

use super::support::Office;
use crate::harness::node::Reply;

/// The field and the code of the only fault.
fn fault(reply: Reply) -> (String, String) {
    let reply = reply.expect(400);
    let errors = reply.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let text = |name: &str| errors[0][name].as_str().unwrap_or_default().to_owned();
    (text("pointer"), text("code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_is_checked() {
    let office = Office::open().await;
    let case = office.case_about("nina", "full").await;
    let at = |what: &str| format!("/cases/{case}/{what}");
    let open = "/cases".to_owned();
    for (path, body, pointer, code) in [
        (&open, json!({ "tier": "full" }), "/owner", "missing_field"),
        (&open, json!({ "owner": "x" }), "/tier", "missing_field"),
        (
            &open,
            json!({ "owner": " x", "tier": "full" }),
            "/owner",
            "invalid_format",
        ),
        (
            &open,
            json!({ "owner": "x", "tier": "Full" }),
            "/tier",
            "invalid_format",
        ),
        (
            &open,
            json!({ "owner": "x", "tier": "full", "id": "7" }),
            "/id",
            "invalid_format",
        ),
        (
            &open,
            json!({ "owner": "x", "tier": "full", "expires_at": "soon" }),
            "/expires_at",
            "invalid_format",
        ),
        (
            &open,
            json!({ "owner": "x", "tier": "full", "name": "Nina" }),
            "/name",
            "unknown_field",
        ),
        (
            &at("request-documents"),
            json!({}),
            "/kinds",
            "missing_field",
        ),
        (
            &at("request-documents"),
            json!({ "kinds": "passport" }),
            "/kinds",
            "wrong_type",
        ),
        (
            &at("request-documents"),
            json!({ "kinds": ["Passport of Nina"] }),
            "/kinds/0",
            "invalid_format",
        ),
        (&at("submit"), json!({}), "/providers", "missing_field"),
        (
            &at("submit"),
            json!({ "providers": ["Sum Sub"] }),
            "/providers/0",
            "invalid_format",
        ),
        (
            &at("start-review"),
            json!({ "reasons": ["she looks odd"] }),
            "/reasons/0",
            "invalid_format",
        ),
        (
            &at("start-review"),
            json!({ "comment": "odd" }),
            "/comment",
            "unknown_field",
        ),
        (
            &at("approve"),
            json!({ "tier": "" }),
            "/tier",
            "invalid_format",
        ),
        (
            &at("approve"),
            json!({ "reverify_at": 7 }),
            "/reverify_at",
            "wrong_type",
        ),
        (&at("reject"), json!({}), "/retry", "missing_field"),
        (
            &at("reject"),
            json!({ "retry": "maybe" }),
            "/retry",
            "not_allowed",
        ),
        (
            &at("reject"),
            json!({ "retry": "final", "expires_at": "2190-01-01T00:00:00Z" }),
            "/expires_at",
            "conflicting_fields",
        ),
        (
            &at("reset"),
            json!({ "reasons": "none" }),
            "/reasons",
            "wrong_type",
        ),
        (
            &at("require-reverification"),
            json!({ "expires_at": "x" }),
            "/expires_at",
            "invalid_format",
        ),
    ] {
        let refused = office.post(path, &office.meera, body.clone()).await;
        let expected = (pointer.to_owned(), code.to_owned());
        assert_eq!(fault(refused), expected, "{path} {body}");
    }
    for path in [
        "/cases?status=lost",
        "/cases?tier=Full",
        "/cases?provider=Sum%20Sub",
        "/cases?opened_from=yesterday",
        "/cases?order=oldest",
        "/cases?cursor=AAAA",
        "/cases?name=nina",
        "/cases/nina",
        "/cases/nina/timeline",
    ] {
        office.get(path, &office.meera).await.expect(400);
    }
    let left = office
        .get("/cases?owner=x", &office.meera)
        .await
        .expect(200);
    assert_eq!(left.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_case_has_a_code() {
    let office = Office::open().await;
    let case = office.case_about("nina", "full").await;
    let many = |count: usize| {
        (0..count)
            .map(|number| json!(format!("kind_{number}")))
            .collect::<Vec<Value>>()
    };
    let refused = async |what: &str, body: Value, status: u16| {
        let path = format!("/cases/{case}/{what}");
        let reply = office.post(&path, &office.meera, body).await.expect(status);
        reply.code().to_owned()
    };
    for (what, body, status, code) in [
        ("approve", json!({}), 409, "case_not_in_review"),
        (
            "reject",
            json!({ "retry": "final" }),
            409,
            "case_not_in_review",
        ),
        ("start-review", json!({}), 409, "case_nothing_to_review"),
        (
            "require-reverification",
            json!({}),
            409,
            "case_not_approved",
        ),
        ("expire", json!({}), 409, "case_not_due"),
        (
            "request-documents",
            json!({ "kinds": [] }),
            422,
            "case_out_of_range",
        ),
        (
            "request-documents",
            json!({ "kinds": many(65) }),
            422,
            "case_out_of_range",
        ),
        (
            "submit",
            json!({ "providers": [] }),
            422,
            "case_out_of_range",
        ),
        (
            "submit",
            json!({ "providers": many(9) }),
            422,
            "case_out_of_range",
        ),
    ] {
        assert_eq!(refused(what, body, status).await, code, "{what}");
    }
    office
        .act(&case, "request-documents", json!({ "kinds": ["selfie"] }))
        .await;
    assert_eq!(
        refused("submit", json!({ "providers": ["sumsub"] }), 409).await,
        "case_documents_missing"
    );
    office.receive(&case, "selfie", 1).await;
    office.act(&case, "start-review", json!({})).await;
    assert_eq!(
        refused("submit", json!({ "providers": ["sumsub"] }), 409).await,
        "case_not_collecting"
    );
    assert_eq!(
        refused("approve", json!({ "tier": "royal" }), 404).await,
        "tier_not_found"
    );
    assert_eq!(
        refused("approve", json!({ "reasons": many(33) }), 422).await,
        "case_out_of_range"
    );
    office.act(&case, "approve", json!({})).await;
    assert_eq!(
        refused("expire", json!({}), 409).await,
        "case_not_expirable"
    );
    let nobody = format!("/cases/{}/start-review", uuid::Uuid::now_v7());
    let missing = office
        .post(&nobody, &office.meera, json!({}))
        .await
        .expect(404);
    assert_eq!(missing.code(), "case_not_found");
    let nowhere = json!({ "owner": "x", "tier": "royal" });
    let missing = office
        .post("/cases", &office.meera, nowhere)
        .await
        .expect(404);
    assert_eq!(missing.code(), "tier_not_found");
    let again = json!({ "id": case, "owner": "other", "tier": "full" });
    let taken = office
        .post_under("another", "/cases", &office.meera, again)
        .await
        .expect(409);
    assert_eq!(taken.code(), "case_exists");
}
