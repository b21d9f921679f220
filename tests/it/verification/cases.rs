//! What customers and compliance do about a case, and what comes of it.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use ledger_core::verification::Retry;
use serde_json::{Value, json};

use super::support::{Office, green, red, says};

#[tokio::test(flavor = "multi_thread")]
async fn staff_verify_a_customer_from_the_first_step_to_the_last() {
    let office = Office::open().await;
    let case = office.own_case().await;
    let body = json!({ "kinds": ["passport", "selfie"], "expires_at": "2150-01-01T00:00:00Z" });
    let asked = office.act(&case, "request-documents", body).await;
    let seen = office.seen(&case, &office.asha, &asked).await;
    assert_eq!(seen["status"], "awaiting_documents");
    assert_eq!(seen["requested"], json!(["passport", "selfie"]));
    assert_eq!(seen["due_at"], "2150-01-01T00:00:00.000000Z");
    office.receive(&case, "passport", 1).await;
    office.receive(&case, "selfie", 2).await;
    let begun = office
        .act(&case, "start-review", json!({ "reasons": ["SECOND_LOOK"] }))
        .await;
    let seen = office.seen(&case, &office.meera, &begun).await;
    assert_eq!(
        (&seen["status"], &seen["review_cause"]),
        (&json!("in_review"), &json!("requested"))
    );
    let kinds: Vec<&Value> = seen["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|known| &known["kind"])
        .collect();
    assert_eq!(kinds, ["passport", "selfie"]);
    let body = json!({ "tier": "basic", "reverify_at": "2150-01-01T00:00:00Z", "reasons": ["LOOKS_RIGHT"] });
    let approved = office.act(&case, "approve", body).await;
    let seen = office.seen(&case, &office.meera, &approved).await;
    assert_eq!(
        (&seen["status"], &seen["tier"], &seen["granted"]),
        (&json!("approved"), &json!("full"), &json!("basic"))
    );
    let decision = &seen["decision"];
    assert_eq!(decision["outcome"], "approved");
    assert_eq!(decision["by"], json!(office.meera.subject()));
    assert_eq!(decision["reasons"], json!(["LOOKS_RIGHT"]));
    let grants = office.grants(&office.asha.person, &approved).await;
    assert_eq!(
        grants,
        json!([{ "tier": "basic", "source": "case", "case": case }])
    );

    let due = office.act(&case, "require-reverification", json!({})).await;
    let seen = office.seen(&case, &office.asha, &due).await;
    assert_eq!(
        (&seen["status"], &seen["granted"]),
        (&json!("reverification_due"), &json!("basic"))
    );
    assert!(
        seen["due_at"].is_string(),
        "an approval does not stay due for ever: {seen}"
    );
    let reset = office
        .act(&case, "reset", json!({ "reasons": ["WRONG_PERSON"] }))
        .await;
    let seen = office.seen(&case, &office.asha, &reset).await;
    assert_eq!(
        (&seen["status"], &seen["attempt"]),
        (&json!("opened"), &json!(2))
    );
    assert_eq!(seen.get("granted"), None);
    assert_eq!(office.grants(&office.asha.person, &reset).await, json!([]));
}

/// A verdict came about before it was heard, and before the case was handed over as far as the log knew.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_and_a_tier_are_told_as_they_stood_on_both_axes() {
    let office = Office::open().await;
    let case = office.own_case().await;
    let submitted = office
        .act(&case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    let seen = office.seen(&case, &office.meera, &submitted).await;
    let opened_at: DateTime<Utc> = seen["opened_at"].as_str().unwrap().parse().unwrap();
    let after_opening = |micros: i64| {
        let time = opened_at + TimeDelta::microseconds(micros);
        time.to_rfc3339_opts(SecondsFormat::Micros, true)
    };
    let (before, opened, found) = (after_opening(-1), after_opening(0), after_opening(1));
    let heard = office.hear(&case, says("sumsub", &found, green())).await;
    let (submitted, heard) = (submitted.position(), heard.position);
    for (axes, status) in [
        (format!("position={heard}"), Some("approved")),
        (format!("position={submitted}"), Some("submitted")),
        (format!("recorded_at={opened}"), Some("opened")),
        (format!("effective_at={opened}"), Some("opened")),
        (format!("effective_at={found}"), Some("approved")),
        (
            format!("effective_at={found}&position={submitted}"),
            Some("opened"),
        ),
        (format!("effective_at={before}"), None),
    ] {
        let told = office
            .get(&format!("/cases/{case}?{axes}"), &office.meera)
            .await;
        match status {
            Some(status) => {
                let told = told.expect(200).body;
                assert_eq!(told["status"], status, "{axes}: {told}");
            }
            None => assert_eq!(told.expect(404).code(), "case_not_found", "{axes}"),
        }
    }
    let granted = json!([{ "tier": "full", "source": "case", "case": case }]);
    for (axes, grants) in [
        (format!("position={heard}"), &granted),
        (format!("position={submitted}"), &json!([])),
        // The grant counts when it was recorded, whenever the verdict came about.
        (format!("effective_at={found}"), &json!([])),
        ("effective_at=2190-01-01T00:00:00Z".to_owned(), &granted),
    ] {
        let path = format!("/owners/{}/tier?{axes}", office.asha.person);
        for who in [&office.asha, &office.meera] {
            let told = office.get(&path, who).await.expect(200).body;
            assert_eq!(&told["grants"], grants, "{axes}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_leaves_another_try_or_nothing() {
    let office = Office::open().await;
    let case = office.own_case().await;
    office.receive(&case, "passport", 1).await;
    office.act(&case, "start-review", json!({})).await;
    let rejected = office
        .act(
            &case,
            "reject",
            json!({ "retry": "allowed", "reasons": ["BLURRED"] }),
        )
        .await;
    let seen = office.seen(&case, &office.asha, &rejected).await;
    assert_eq!(
        (&seen["status"], &seen["decision"]["retry"]),
        (&json!("retry_allowed"), &json!("allowed"))
    );
    assert!(
        seen["due_at"].is_string(),
        "a try does not stay open for ever: {seen}"
    );
    office.receive(&case, "passport", 2).await;
    let begun = office.act(&case, "start-review", json!({})).await;
    let seen = office.seen(&case, &office.meera, &begun).await;
    assert_eq!(
        seen["documents"].as_array().unwrap().len(),
        1,
        "of this attempt alone: {seen}"
    );
    let rejected = office
        .act(&case, "reject", json!({ "retry": "final" }))
        .await;
    let seen = office.seen(&case, &office.asha, &rejected).await;
    assert_eq!(seen["status"], "rejected");
    // There is no other case to try with.
    let again = json!({ "owner": office.asha.person, "tier": "full" });
    let refused = office.post("/cases", &office.asha, again).await.expect(409);
    assert_eq!(refused.code(), "case_exists");
    assert_eq!(refused.body["context"]["case"], json!(case));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_waits_for_all_providers_and_goes_to_staff_when_they_disagree() {
    let office = Office::open().await;
    let case = office.own_case().await;
    let sent = office
        .act(
            &case,
            "submit",
            json!({ "providers": ["sumsub", "onfido"] }),
        )
        .await;
    let seen = office.seen(&case, &office.meera, &sent).await;
    let names: Vec<&Value> = seen["providers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|known| &known["provider"])
        .collect();
    assert_eq!(
        (&seen["status"], names),
        (
            &json!("submitted"),
            vec![&json!("onfido"), &json!("sumsub")]
        )
    );
    office
        .hear(&case, says("sumsub", "2026-01-01T00:00:01Z", green()))
        .await;
    let heard = office
        .hear(
            &case,
            says("onfido", "2026-01-01T00:00:02Z", red(Retry::Final)),
        )
        .await;
    let path = format!("/cases/{case}?min_position={}", heard.position);
    let seen = office.get(&path, &office.meera).await.expect(200).body;
    assert_eq!(
        (&seen["status"], &seen["review_cause"]),
        (&json!("in_review"), &json!("disagreement"))
    );
    assert_eq!(seen["providers"][0]["reasons"], json!(["SELFIE_MISMATCH"]));
    assert_eq!(
        (&seen["providers"][0]["says"], &seen["providers"][1]["says"]),
        (&json!("rejected"), &json!("approved"))
    );
    let approved = office.act(&case, "approve", json!({})).await;
    let grants = office.grants(&office.asha.person, &approved).await;
    assert_eq!(
        grants,
        json!([{ "tier": "full", "source": "case", "case": case }])
    );
    let seen = office.seen(&case, &office.meera, &approved).await;
    assert_eq!(
        seen["providers"][0]["stands"], false,
        "it was overruled: {seen}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_under_the_same_key_gets_the_same_reply() {
    let office = Office::open().await;
    let body = json!({ "owner": "somebody", "tier": "full" });
    let first = office
        .post_under("k1", "/cases", &office.meera, body.clone())
        .await
        .expect(201);
    let again = office
        .post_under("k1", "/cases", &office.meera, body)
        .await
        .expect(201);
    assert_eq!(
        (first.id(), first.position()),
        (again.id(), again.position())
    );
    assert!(again.headers.contains_key("idempotent-replayed"));
    let other = json!({ "owner": "somebody else", "tier": "full" });
    let refused = office
        .post_under("k1", "/cases", &office.meera, other)
        .await;
    assert_eq!(refused.expect(422).code(), "idempotency_key_reused");
    // The id of what is created is a key as well.
    let named = json!({ "id": uuid::Uuid::now_v7(), "owner": "somebody", "tier": "full" });
    let first = office
        .post("/cases", &office.meera, named.clone())
        .await
        .expect(201);
    let again = office
        .post("/cases", &office.meera, named)
        .await
        .expect(201);
    assert_eq!(first.position(), again.position());
    let case = first.id();
    office.receive(&case, "passport", 1).await;
    office.act(&case, "start-review", json!({})).await;
    let path = format!("/cases/{case}/approve");
    let first = office
        .post_under("k2", &path, &office.meera, json!({}))
        .await
        .expect(200);
    let again = office
        .post_under("k2", &path, &office.meera, json!({}))
        .await
        .expect(200);
    assert_eq!(first.position(), again.position());
}

/// Without one order of decisions, several of them would be told that theirs counted.
#[tokio::test(flavor = "multi_thread")]
async fn race_of_those_who_decide_one_decision_counts() {
    let office = Office::open().await;
    let case = office.own_case().await;
    office.receive(&case, "passport", 1).await;
    office.act(&case, "start-review", json!({})).await;
    let (approve, reject) = (
        format!("/cases/{case}/approve"),
        format!("/cases/{case}/reject"),
    );
    let asked = (0..8).map(|number| {
        let (path, body) = if number % 2 == 0 {
            (&approve, json!({}))
        } else {
            (&reject, json!({ "retry": "final" }))
        };
        office.post(path, &office.meera, body)
    });
    let replies = futures_util::future::join_all(asked).await;
    let counted = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(counted, 1);
    let refused = replies
        .iter()
        .filter(|reply| reply.code() == "case_not_in_review");
    assert_eq!(refused.count(), 7);
}
