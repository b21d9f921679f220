//! Signing in with another issuer, a real one, in a process that is configured for it.

use reqwest::Method;
use serde_json::{Value, json};

use super::configured::Served;
use super::provider::{Browser, Provider};

const RESOURCE: &str = "https://api.daybook.example";
const CALLBACK: &str = "http://127.0.0.1:1/callback";

async fn served(provider: &Provider) -> Served {
    Served::with(&format!(
        r#"
        [[auth.issuers]]
        issuer = "{}"
        audiences = ["{RESOURCE}"]
        roles = {{ claim = "groups", roles = {{ "ledger operators" = "operator", "ledger auditors" = "auditor" }} }}
        sign_in = {{ client_id = "console", client_secret = "secret of the console: %/+" }}
        "#,
        provider.issuer
    ))
    .await
}

/// A sign-in up to the browser's return: what it brings back, and what it kept.
async fn returned(served: &Served, provider: &Provider, login: &str) -> (String, String) {
    let body = json!({ "issuer": provider.issuer, "redirect_uri": CALLBACK });
    let (status, begun) = served.post("/v1/external-sign-ins", None, body).await;
    assert_eq!(status, 201, "{begun}");
    let url = begun["url"].as_str().unwrap();
    let query = Browser::new().sign_in(url, login, CALLBACK).await;
    (query, begun["binding"].as_str().unwrap().to_owned())
}

async fn finish(served: &Served, query: &str, binding: &str) -> (u16, Value) {
    let body = json!({ "query": query, "binding": binding });
    served
        .post("/v1/external-sign-ins/completion", None, body)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_another_issuer_signs_in_and_is_a_person_here() {
    let provider = Provider::start("ES256").await;
    let served = served(&provider).await;
    let (status, issuers) = served.call(Method::GET, "/v1/issuers", None, None).await;
    assert_eq!(
        (status, &issuers["items"]),
        (200, &json!([provider.issuer]))
    );
    let (query, binding) = returned(&served, &provider, "asha").await;
    let (status, session) = finish(&served, &query, &binding).await;
    assert_eq!(status, 201, "{session}");
    let access = session["access_token"].as_str().unwrap();
    let (_, me) = served.get("/v1/me", access).await;
    assert_eq!(me["roles"], json!([{ "role": "auditor" }]));
    assert!(
        me["owner"].as_str().unwrap().starts_with("external:"),
        "{me}"
    );
    let (status, _) = served.get("/v1/access-records", access).await;
    assert_eq!(status, 200, "an auditor reads the record");
    let (status, refused) = served
        .post("/v1/ledgers", Some(access), json!({ "name": "main" }))
        .await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("forbidden")));

    let refresh = json!({ "refresh_token": session["refresh_token"] });
    let (status, next) = served.post("/v1/sessions/refresh", None, refresh).await;
    assert_eq!(status, 201, "{next}");
    let next = next["access_token"].as_str().unwrap();
    let (_, me) = served.get("/v1/me", next).await;
    assert_eq!(me["roles"], json!([{ "role": "auditor" }]));

    // The second time it is the same person, who can be shut out here, by administrators.
    let (query, binding) = returned(&served, &provider, "asha").await;
    let (_, again) = finish(&served, &query, &binding).await;
    assert_eq!(again["person_id"], session["person_id"]);
    let person = session["person_id"].as_str().unwrap();
    let block = format!("/v1/people/{person}/block");
    let (status, _) = served.post(&block, Some(&served.admin), json!({})).await;
    assert_eq!(status, 204);
    let (status, _) = served.get("/v1/me", next).await;
    assert_eq!(status, 401);
    let (query, binding) = returned(&served, &provider, "asha").await;
    let (status, blocked) = finish(&served, &query, &binding).await;
    let code = blocked["code"].as_str();
    assert_eq!((status, code), (401, Some("invalid_credentials")));
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_good_once_and_in_the_browser_that_began_it() {
    let provider = Provider::start("EdDSA").await;
    let served = served(&provider).await;
    let failed = |(status, body): (u16, Value)| {
        assert_eq!(
            (status, body["code"].as_str()),
            (401, Some("external_sign_in_failed"))
        );
        body["context"]["reason"].as_str().unwrap().to_owned()
    };
    let (query, binding) = returned(&served, &provider, "asha").await;
    let (_, others) = returned(&served, &provider, "mallory").await;
    let stolen = finish(&served, &query, &others).await;
    assert_eq!(failed(stolen), "sign_in_unknown");
    // Whoever tried has spent it.
    assert_eq!(
        failed(finish(&served, &query, &binding).await),
        "sign_in_unknown"
    );

    let (query, binding) = returned(&served, &provider, "asha").await;
    let (status, session) = finish(&served, &query, &binding).await;
    assert_eq!(status, 201, "{session}");
    assert_eq!(
        failed(finish(&served, &query, &binding).await),
        "sign_in_unknown"
    );

    let (query, binding) = returned(&served, &provider, "asha").await;
    let state = query.split('&').find(|part| part.starts_with("state="));
    let refused = format!(
        "error=access_denied&iss={}&{}",
        provider.issuer,
        state.unwrap()
    );
    assert_eq!(
        failed(finish(&served, &refused, &binding).await),
        "sign_in_refused"
    );
    for query in ["", "code=1", "state=1", "state=1&state=2&code=3"] {
        let (status, _) = finish(&served, query, "x").await;
        assert!([400, 401].contains(&status), "{query}: {status}");
    }
    let unknown = json!({ "issuer": "https://other.example", "redirect_uri": CALLBACK });
    let (status, body) = served.post("/v1/external-sign-ins", None, unknown).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (404, Some("issuer_unknown"))
    );
    let insecure = json!({ "issuer": provider.issuer, "redirect_uri": "http://shop.example/" });
    let (status, body) = served.post("/v1/external-sign-ins", None, insecure).await;
    assert_eq!(
        (status, body["context"]["reason"].as_str()),
        (401, Some("sign_in_redirect_uri"))
    );
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_the_issuer_are_taken_as_they_are() {
    let provider = Provider::start("RS256").await;
    let served = served(&provider).await;
    let token = provider.machine_token(RESOURCE).await;
    let (status, me) = served.get("/v1/me", &token).await;
    assert_eq!(
        (status, &me["roles"]),
        (200, &json!([{ "role": "operator" }]))
    );
    let other = provider.machine_token("https://other.example").await;
    let (status, _) = served.get("/v1/me", &other).await;
    assert_eq!(status, 401);
    provider.stop().await;
    // An issuer that is away keeps nobody out whose keys are known, and begins no sign-in.
    let (status, _) = served.get("/v1/me", &token).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_cannot_be_reached_is_not_the_callers_fault() {
    let provider = Provider::start("RS256").await;
    let served = served(&provider).await;
    let issuer = provider.issuer.clone();
    provider.stop().await;
    let body = json!({ "issuer": issuer, "redirect_uri": CALLBACK });
    let (status, body) = served.post("/v1/external-sign-ins", None, body).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (503, Some("issuer_unavailable"))
    );
}
