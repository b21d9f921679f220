//! How long keys are used, and how often they are fetched.

use std::sync::Arc;

use identity::external::{ExternalFault, ExternalIdentity, ExternalIssuers};
use serde_json::json;

use super::local_issuer::{KEYS, LocalIssuer, METADATA};
use crate::harness::server::Server;
use crate::harness::tokens::Issued;

const DAY: u64 = 24 * 60 * 60;

fn code(result: Result<ExternalIdentity, ExternalFault>) -> &'static str {
    match result {
        Ok(identity) => panic!("accepted {identity:?}"),
        Err(fault) => fault.code(),
    }
}

async fn is_good(client: &ExternalIssuers, token: &str) {
    if let Err(fault) = client.verify_access_token(token).await {
        panic!("{fault:?}");
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_claims_become_roles() {
    let issuer = LocalIssuer::start().await;
    let client = issuer.client();
    assert_eq!(issuer.server.asked().len(), 0);
    let groups = json!({"groups": ["cooks", "ledger operators", "ledger auditors"]});
    let token = issuer.token_with(&groups);
    for _ in 0..3 {
        let identity = client.verify_access_token(&token).await.unwrap();
        assert_eq!(identity.issuer, issuer.name());
        assert_eq!(identity.subject, "asha");
        assert_eq!(
            identity.roles,
            ["auditor", "operator"].map(str::to_owned).into()
        );
        assert_eq!(identity.expires_at, identity.claims.expires_at);
    }
    let single = issuer.token_with(&json!({"groups": "ledger auditors"}));
    let identity = client.verify_access_token(&single).await.unwrap();
    assert_eq!(identity.roles, ["auditor".to_owned()].into());
    let none = client.verify_access_token(&issuer.token()).await.unwrap();
    assert!(none.roles.is_empty());
    assert_eq!(issuer.server.asked().len(), 2);
}

/// Without one fetch for all, a restart under load would have every request ask the issuer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn race_many_first_callers_share_one_fetch() {
    let issuer = LocalIssuer::start().await;
    let client = issuer.client();
    issuer.server.hold();
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (client, token) = (Arc::clone(&client), issuer.token());
            tokio::spawn(async move { client.verify_access_token(&token).await.unwrap() })
        })
        .collect();
    issuer.server.wait_for_requests(1).await;
    issuer.server.release();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(
        (issuer.server.count(METADATA), issuer.server.count(KEYS)),
        (1, 1)
    );
}

/// Without a task of its own for the fetch, a caller that hangs up would take the answer away from the
/// others, who may not ask again so soon.
#[tokio::test]
async fn race_a_caller_that_gives_up_takes_nothing_from_the_others() {
    let issuer = LocalIssuer::start().await;
    let client = issuer.client();
    issuer.server.hold();
    let first = {
        let (client, token) = (Arc::clone(&client), issuer.token());
        tokio::spawn(async move { client.verify_access_token(&token).await })
    };
    issuer.server.wait_for_requests(1).await;
    let second = {
        let (client, token) = (Arc::clone(&client), issuer.token());
        tokio::spawn(async move { client.verify_access_token(&token).await })
    };
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    issuer.server.release();
    second.await.unwrap().unwrap();
    assert_eq!(
        (issuer.server.count(METADATA), issuer.server.count(KEYS)),
        (1, 1)
    );
}

#[tokio::test]
async fn a_new_key_is_found_but_not_looked_for_too_often() {
    let mut issuer = LocalIssuer::start().await;
    let client = issuer.client();
    is_good(&client, &issuer.token()).await;
    let old = issuer.token();
    issuer.rotate();
    // Half a minute has not gone by since the keys were fetched.
    assert_eq!(
        code(client.verify_access_token(&issuer.token()).await),
        "unknown_key"
    );
    assert_eq!(issuer.server.count(KEYS), 1);
    issuer.clock.age(30);
    is_good(&client, &issuer.token()).await;
    assert_eq!(issuer.server.count(KEYS), 2);
    // The key before is published no more.
    assert_eq!(code(client.verify_access_token(&old).await), "unknown_key");
    assert_eq!(issuer.server.count(KEYS), 2);
    // A flood of keys that never were costs the issuer one request in half a minute.
    issuer.clock.age(30);
    let other = Issued::new();
    for number in 0..20 {
        let claims = json!({"iss": issuer.name()});
        let token = other.token(&json!({"kid": format!("{number}")}), &claims);
        assert_eq!(
            code(client.verify_access_token(&token).await),
            "unknown_key"
        );
    }
    assert_eq!(issuer.server.count(KEYS), 3);
}

/// What is refused anyway must not make us ask.
#[tokio::test]
async fn hopeless_tokens_cost_the_issuer_nothing() {
    let issuer = LocalIssuer::start().await;
    let client = issuer.client();
    let other = Issued::new();
    let claims = json!({"iss": issuer.name()});
    for (header, expected) in [
        (json!({"alg": "none"}), "unsupported_algorithm"),
        (json!({"alg": "HS256"}), "unsupported_algorithm"),
        (json!({"alg": "RS512"}), "unsupported_algorithm"),
        (json!({"typ": "JWT"}), "wrong_type"),
        (json!({"crit": ["x"]}), "critical_header"),
    ] {
        let token = other.token(&header, &claims);
        assert_eq!(code(client.verify_access_token(&token).await), expected);
    }
    let foreign = other.token(&json!({}), &json!({"iss": format!("{}/", issuer.name())}));
    assert_eq!(
        code(client.verify_access_token(&foreign).await),
        "unknown_issuer"
    );
    let nobody = other.token(&json!({}), &json!({"iss": null}));
    assert_eq!(
        code(client.verify_access_token(&nobody).await),
        "missing_claim"
    );
    assert_eq!(code(client.verify_access_token("").await), "malformed");
    assert_eq!(issuer.server.asked().len(), 0);
}

#[tokio::test]
async fn keys_are_fetched_again_when_they_are_old() {
    let issuer = LocalIssuer::start().await;
    issuer.publish_keys("cache-control: public, max-age=600\r\n");
    let client = issuer.client();
    let token = issuer.token();
    is_good(&client, &token).await;
    issuer.clock.age(599);
    is_good(&client, &token).await;
    assert_eq!(issuer.server.count(KEYS), 1);
    // The key was withdrawn: it is good no longer than its age allows.
    let withdrawn = LocalIssuer::start().await;
    let keys = identity::jwt::jwks(&[withdrawn.signer.public_key().clone()]);
    issuer.server.answer_json(KEYS, &keys, "");
    issuer.clock.age(1);
    assert_eq!(
        code(client.verify_access_token(&token).await),
        "unknown_key"
    );
    assert_eq!(issuer.server.count(KEYS), 2);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_believed_for_a_day() {
    let mut issuer = LocalIssuer::start().await;
    issuer.publish_keys("cache-control: max-age=300\r\n");
    let client = issuer.client();
    let token = issuer.token();
    is_good(&client, &token).await;
    let address = issuer.server.url.trim_start_matches("http://").to_owned();
    let metadata = issuer.metadata(&json!({}));
    let elsewhere = Server::start().await;
    drop(std::mem::replace(&mut issuer.server, elsewhere));
    // Old, then at the very end.
    issuer.clock.age(300);
    is_good(&client, &token).await;
    issuer.clock.age(DAY - 1);
    is_good(&client, &token).await;
    issuer.clock.age(1);
    let fault = client.verify_access_token(&token).await.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert_eq!(fault.code(), "issuer_unavailable");
    // It comes back, and is asked again after 5 seconds.
    issuer.server = Server::start_at(&address).await;
    issuer.server.answer_json(METADATA, &metadata, "");
    issuer.publish_keys("");
    assert_eq!(
        code(client.verify_access_token(&token).await),
        "issuer_unavailable"
    );
    issuer.clock.age(5);
    is_good(&client, &token).await;
}

#[tokio::test]
async fn an_issuer_that_was_never_there_is_asked_every_five_seconds() {
    let issuer = LocalIssuer::start().await;
    issuer.server.answer(
        METADATA,
        "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let client = issuer.client();
    for _ in 0..3 {
        let fault = client
            .verify_access_token(&issuer.token())
            .await
            .unwrap_err();
        let chain = format!("{fault:?}");
        assert!(
            fault.code() == "issuer_unavailable" && chain.contains("500"),
            "{chain}"
        );
    }
    assert_eq!(issuer.server.count(METADATA), 1);
    issuer.publish_metadata(&json!({}));
    issuer.clock.age(5);
    is_good(&client, &issuer.token()).await;
}

/// Without counting from the end of a fetch, every caller that waited for a slow failure would repeat
/// it, one after the other.
#[tokio::test]
async fn race_callers_share_a_slow_failure() {
    let issuer = LocalIssuer::start().await;
    let error = "HTTP/1.1 503 Oh\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    issuer.server.answer(METADATA, error);
    issuer.server.hold();
    let client = issuer.client();
    let callers: Vec<_> = (0..5)
        .map(|_| {
            let (client, token) = (Arc::clone(&client), issuer.token());
            tokio::spawn(async move { client.verify_access_token(&token).await })
        })
        .collect();
    issuer.server.wait_for_requests(1).await;
    issuer.clock.age(10);
    issuer.server.release();
    for caller in callers {
        assert_eq!(code(caller.await.unwrap()), "issuer_unavailable");
    }
    assert_eq!(issuer.server.count(METADATA), 1);
}

/// The clock of tokens and that of keys are two.
#[tokio::test]
async fn tokens_expire_while_keys_are_good() {
    let issuer = LocalIssuer::start().await;
    let client = issuer.client();
    is_good(&client, &issuer.token()).await;
    let short = issuer.token();
    issuer.clock.pass(1_000_060);
    let result = client.verify_access_token(&short).await;
    assert_eq!(code(result), "expired");
}
