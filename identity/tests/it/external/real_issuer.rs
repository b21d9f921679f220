//! Against `oidc-provider`: discovery, access tokens, key rotation, an outage, and a whole sign-in.

use std::collections::BTreeMap;
use std::sync::Arc;

use identity::external::{CallbackParameters, IssuerSettings, RoleMapping, SignInSettings};

use super::local_issuer::client_of;
use super::provider::{Browser, Provider};
use crate::harness::clock::SetClock;

const RESOURCE: &str = "https://api.daybook.example";
const CALLBACK: &str = "http://127.0.0.1:1/callback";

fn settings(provider: &Provider) -> IssuerSettings {
    let roles = [
        ("ledger operators", "operator"),
        ("ledger auditors", "auditor"),
    ];
    let mapping = RoleMapping {
        claim: "groups".to_owned(),
        roles: roles
            .map(|(value, role)| (value.to_owned(), role.to_owned()))
            .into(),
    };
    IssuerSettings {
        sign_in: Some(SignInSettings {
            client_id: "console".to_owned(),
            client_secret: Some("secret of the console: %/+".to_owned().into()),
            scopes: Vec::new(),
        }),
        ..IssuerSettings::new(provider.issuer.as_str(), vec![RESOURCE.to_owned()], mapping)
    }
}

#[tokio::test]
async fn access_tokens_of_every_kind_of_key_are_accepted() {
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] {
        let provider = Provider::start(algorithm).await;
        let client = client_of(settings(&provider), &SetClock::now());
        let token = provider.machine_token(RESOURCE).await;
        let identity = client.verify_access_token(&token).await;
        let identity = identity.unwrap_or_else(|fault| panic!("{algorithm}: {fault:?}"));
        assert_eq!(identity.issuer, provider.issuer);
        assert_eq!(identity.subject, "machine");
        assert_eq!(identity.claims.client_id.as_deref(), Some("machine"));
        assert_eq!(
            identity.claims.scopes().collect::<Vec<_>>(),
            ["accounts:read"]
        );
        assert_eq!(identity.roles, ["operator".to_owned()].into());
        // The same signature under other claims.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let other = provider.machine_token("https://other.example").await;
        let other_claims = other.split('.').nth(1).unwrap();
        let mixed = format!("{header}.{other_claims}.{signature}");
        let fault = client.verify_access_token(&mixed).await.unwrap_err();
        assert_eq!(fault.code(), "bad_signature", "{algorithm}");
        let fault = client.verify_access_token(&other).await.unwrap_err();
        assert_eq!(fault.code(), "wrong_audience", "{algorithm}");
        provider.stop().await;
    }
}

#[tokio::test]
async fn rotated_keys_are_picked_up_and_an_outage_is_survived() {
    let clock = SetClock::now();
    let mut provider = Provider::start("ES256").await;
    let client = client_of(settings(&provider), &clock);
    let first = provider.machine_token(RESOURCE).await;
    client.verify_access_token(&first).await.unwrap();
    provider.rotate().await;
    let second = provider.machine_token(RESOURCE).await;
    let fault = client.verify_access_token(&second).await.unwrap_err();
    assert_eq!(fault.code(), "unknown_key");
    clock.age(30);
    client.verify_access_token(&second).await.unwrap();
    // The key before is still published.
    client.verify_access_token(&first).await.unwrap();
    assert_eq!(provider.times_keys_were_asked_for().await, 2);
    // Down, and the keys are old: they are good for a while.
    let port = provider.port();
    provider.stop().await;
    clock.age(2 * 60 * 60);
    client.verify_access_token(&first).await.unwrap();
    client.verify_access_token(&second).await.unwrap();
    // Back with keys of its own, under ids of before: nothing of the old ones is accepted.
    let provider = Provider::start_at("ES256", port).await;
    clock.age(30);
    let fault = client.verify_access_token(&first).await.unwrap_err();
    assert_eq!(fault.code(), "bad_signature");
    let third = provider.machine_token(RESOURCE).await;
    client.verify_access_token(&third).await.unwrap();
    provider.stop().await;
}

#[tokio::test]
async fn a_person_signs_in() {
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let provider = Provider::start(algorithm).await;
        let client = Arc::new(client_of(settings(&provider), &SetClock::now()));
        let start = client
            .begin_sign_in(&provider.issuer, CALLBACK)
            .await
            .unwrap();
        let query = Browser::new()
            .sign_in(start.url.as_str(), "asha", CALLBACK)
            .await;
        let pairs: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        // oidc-provider follows RFC 9207.
        assert_eq!(pairs["iss"], provider.issuer);
        let callback = CallbackParameters::try_from_query(&query).unwrap();
        assert_eq!(callback.state(), Some(start.pending.state()));
        let finished = client
            .finish_sign_in(start.pending.clone(), callback.clone())
            .await;
        let identity = finished.unwrap_or_else(|fault| panic!("{algorithm}: {fault:?}"));
        assert_eq!(
            (identity.subject.as_str(), &identity.issuer),
            ("asha", &provider.issuer)
        );
        assert_eq!(identity.roles, ["auditor".to_owned()].into());
        // The code is spent.
        let again = client
            .finish_sign_in(start.pending, callback)
            .await
            .unwrap_err();
        assert_eq!(again.code(), "sign_in_code_refused");
        provider.stop().await;
    }
}

/// A code that was stolen from one sign-in is worth nothing in another: the verifier differs.
#[tokio::test]
async fn a_stolen_code_is_refused_by_the_issuer() {
    let provider = Provider::start("ES256").await;
    let client = client_of(settings(&provider), &SetClock::now());
    let victim = client
        .begin_sign_in(&provider.issuer, CALLBACK)
        .await
        .unwrap();
    let attacker = client
        .begin_sign_in(&provider.issuer, CALLBACK)
        .await
        .unwrap();
    let query = Browser::new()
        .sign_in(victim.url.as_str(), "asha", CALLBACK)
        .await;
    let forged = query.replace(victim.pending.state(), attacker.pending.state());
    let callback = CallbackParameters::try_from_query(&forged).unwrap();
    let fault = client
        .finish_sign_in(attacker.pending, callback)
        .await
        .unwrap_err();
    assert_eq!(fault.code(), "sign_in_code_refused");
    provider.stop().await;
}
