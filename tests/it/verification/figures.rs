//! How many cases come how far.

use ledger_core::verification::Retry;
use serde_json::{Value, json};

use super::support::{Office, green, red, says};

/// How many cases came to a step: all of them, or those of a provider.
fn cases(funnel: &Value, provider: Option<&str>, step: &str) -> i64 {
    let items = funnel["items"].as_array().unwrap().iter();
    let mut found = items.filter(|item| {
        item.get("provider").and_then(Value::as_str) == provider && item["step"] == step
    });
    let item = found.next();
    assert!(
        found.next().is_none(),
        "{provider:?} {step} twice: {funnel}"
    );
    item.map_or(0, |item| item["cases"].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_funnel_counts_every_case_once_at_each_step() {
    let office = Office::open().await;
    let mut made = Vec::new();
    for number in 0..4 {
        made.push(office.case_about(&format!("owner {number}"), "full").await);
    }
    let [green_case, red_case, both, left] = &made[..] else {
        panic!("{made:?}");
    };
    office
        .act(green_case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    office
        .hear(green_case, says("sumsub", "2026-01-01T00:00:01Z", green()))
        .await;
    office
        .act(red_case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    office
        .hear(
            red_case,
            says("sumsub", "2026-01-01T00:00:01Z", red(Retry::Allowed)),
        )
        .await;
    // A second try counts no second time.
    office
        .act(red_case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    office
        .hear(
            red_case,
            says("sumsub", "2026-01-01T00:00:02Z", red(Retry::Final)),
        )
        .await;
    office
        .act(both, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    office
        .act(both, "submit", json!({ "providers": ["onfido"] }))
        .await;
    office
        .hear(both, says("sumsub", "2026-01-01T00:00:01Z", green()))
        .await;
    office
        .hear(
            both,
            says("onfido", "2026-01-01T00:00:01Z", red(Retry::Final)),
        )
        .await;
    let last = office
        .act(left, "request-documents", json!({ "kinds": ["selfie"] }))
        .await;
    let path = format!("/case-funnel?min_position={}", last.position());
    let funnel = office.get(&path, &office.meera).await.expect(200).body;
    for (step, all, sumsub, onfido) in [
        ("opened", 4, 0, 0),
        ("awaiting_documents", 1, 0, 0),
        ("submitted", 3, 3, 1),
        ("approved", 1, 1, 0),
        ("retry_allowed", 1, 1, 0),
        ("rejected", 1, 1, 0),
        ("in_review", 1, 1, 1),
        ("expired", 0, 0, 0),
    ] {
        let counted = [None, Some("sumsub"), Some("onfido")].map(|who| cases(&funnel, who, step));
        assert_eq!(counted, [all, sumsub, onfido], "{step}: {funnel}");
    }
    // The steps are in order, and each tells from where cases came to it, and in which time.
    let steps: Vec<&str> = funnel["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item.get("provider").is_none())
        .map(|item| item["step"].as_str().unwrap())
        .collect();
    let expected = [
        "opened",
        "awaiting_documents",
        "submitted",
        "in_review",
        "retry_allowed",
        "approved",
        "rejected",
    ];
    assert_eq!(steps, expected);
    let rejected = &funnel["items"][6];
    assert_eq!(
        rejected["from"][0]["step"], "submitted",
        "the latest step before: {rejected}"
    );
    for item in funnel["items"].as_array().unwrap() {
        let total = item["median_since_begun_ms"].as_i64().unwrap();
        assert!(total >= 0, "{item}");
        let paths = item["from"].as_array().unwrap();
        let came: i64 = paths
            .iter()
            .map(|path| path["cases"].as_i64().unwrap())
            .sum();
        let cases = item["cases"].as_i64().unwrap();
        assert_eq!(
            came,
            if item["step"] == "opened" { 0 } else { cases },
            "{item}"
        );
        assert!(
            paths
                .iter()
                .all(|path| (0..=600_000).contains(&path["median_ms"].as_i64().unwrap())),
            "{item}"
        );
    }

    // A case that begins anew counts anew.
    let last = office.act(green_case, "reset", json!({})).await;
    let now = format!("min_position={}", last.position());
    let funnel = office
        .get(&format!("/case-funnel?{now}"), &office.meera)
        .await
        .expect(200)
        .body;
    assert_eq!(cases(&funnel, None, "opened"), 5);
    let one = office
        .get(
            &format!("/case-funnel?provider=onfido&{now}"),
            &office.meera,
        )
        .await
        .expect(200)
        .body;
    assert_eq!(
        (
            cases(&one, Some("onfido"), "submitted"),
            cases(&one, None, "opened")
        ),
        (1, 0)
    );
    let before = office
        .get("/case-funnel?from=2020-01-01&to=2020-12-31", &office.meera)
        .await
        .expect(200);
    assert_eq!(before.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_funnel_of_a_period_that_is_none_is_refused() {
    let office = Office::open().await;
    for query in [
        "from=2026-02-01&to=2026-01-01",
        "from=2020-01-01&to=2026-01-01",
        "from=2026-1-1",
        "to=9999-12-31&from=9999-12-01",
        "provider=Sum%20Sub",
        "step=opened",
    ] {
        office
            .get(&format!("/case-funnel?{query}"), &office.meera)
            .await
            .expect(400);
    }
}
