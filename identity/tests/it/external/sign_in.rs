//! Signing in with an issuer that answers what a test decides.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::external::{
    CallbackParameters, Clock, ExternalFault, ExternalIdentity, ExternalIssuers, PendingSignIn,
    SignInFault,
};
use identity::jwt::Signer;
use identity::pkce;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::local_issuer::{CALLBACK, CLIENT, LocalIssuer, METADATA, TOKEN, client_of};
use crate::harness::tokens::merged;

struct Begun {
    client: std::sync::Arc<ExternalIssuers>,
    query: BTreeMap<String, String>,
    pending: PendingSignIn,
}

async fn begin(issuer: &LocalIssuer) -> Begun {
    let client = issuer.client();
    let start = client.begin_sign_in(issuer.name(), CALLBACK).await.unwrap();
    let (path, _) = start.url.as_str().split_once('?').unwrap();
    assert_eq!(path, format!("{}/authorize", issuer.name()));
    Begun {
        client,
        query: start.url.query_pairs().into_owned().collect(),
        pending: start.pending,
    }
}

impl Begun {
    async fn finish(&self, changes: &Value) -> Result<ExternalIdentity, ExternalFault> {
        let good = json!({"code": "the code", "state": self.query["state"]});
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in merged(good, changes).as_object().unwrap() {
            query.append_pair(name, value.as_str().unwrap());
        }
        let callback = CallbackParameters::try_from_query(&query.finish()).unwrap();
        self.client
            .finish_sign_in(self.pending.clone(), callback)
            .await
    }

    async fn refused(&self, changes: &Value) -> &'static str {
        match self.finish(changes).await {
            Ok(identity) => panic!("accepted {identity:?}"),
            Err(fault) => fault.code(),
        }
    }

    /// Answers the code with an ID token that differs from a good one.
    fn answer(&self, issuer: &LocalIssuer, signer: &Signer, header: Header, changes: &Value) {
        let now = issuer.clock.unix_seconds();
        let claims = json!({
            "iss": issuer.name(), "sub": "asha", "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": self.query["nonce"], "groups": ["ledger auditors"],
        });
        let header = Header {
            kid: Some(signer.public_key().key_id().to_owned()),
            ..header
        };
        let key = EncodingKey::from_ed_der(&signer.to_pkcs8_der());
        let token = jsonwebtoken::encode(&header, &merged(claims, changes), &key).unwrap();
        let answer = json!({
            "access_token": "an access token", "token_type": "Bearer", "id_token": token,
        });
        issuer.server.answer_json(TOKEN, &answer, "");
    }
}

fn header() -> Header {
    Header {
        typ: None,
        ..Header::new(Algorithm::EdDSA)
    }
}

#[tokio::test]
async fn the_request_asks_for_a_code_with_all_protections() {
    let issuer = LocalIssuer::start().await;
    let (one, other) = (begin(&issuer).await, begin(&issuer).await);
    assert_eq!(one.query["response_type"], "code");
    assert_eq!(one.query["client_id"], CLIENT);
    assert_eq!(one.query["redirect_uri"], CALLBACK);
    assert_eq!(one.query["scope"], "openid email");
    assert_eq!(one.query["code_challenge_method"], "S256");
    assert_eq!(one.query["state"], one.pending.state());
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(one.query[name].len(), 43, "{name}");
        assert_ne!(one.query[name], other.query[name], "{name}");
    }
    // What is kept survives being stored, and shows no secret.
    let stored = serde_json::to_string(&one.pending).unwrap();
    let again: PendingSignIn = serde_json::from_str(&stored).unwrap();
    let shown = format!("{again:?}");
    assert!(!shown.contains(&one.query["state"]) && !shown.contains(&one.query["nonce"]));
}

#[tokio::test]
async fn a_code_becomes_an_identity() {
    let issuer = LocalIssuer::start().await;
    let begun = begin(&issuer).await;
    begun.answer(&issuer, &issuer.signer, header(), &json!({}));
    let identity = begun.finish(&json!({})).await.unwrap();
    assert_eq!(
        (identity.issuer.as_str(), identity.subject.as_str()),
        (issuer.name(), "asha")
    );
    assert_eq!(identity.roles, ["auditor".to_owned()].into());
    // The code went to the token endpoint with the verifier of the challenge.
    let asked = issuer.server.asked();
    let (_, body) = asked.last().unwrap().split_once(' ').unwrap();
    let sent: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(sent["grant_type"], "authorization_code");
    assert_eq!(sent["code"], "the code");
    assert_eq!(sent["redirect_uri"], CALLBACK);
    pkce::verify(&sent["code_verifier"], &begun.query["code_challenge"]).unwrap();
    assert!(!sent.contains_key("client_secret"));
    // The other accepted type, and the issuer's name in the answer.
    let typed = Header {
        typ: Some("JWT".to_owned()),
        ..header()
    };
    begun.answer(
        &issuer,
        &issuer.signer,
        typed,
        &json!({"azp": CLIENT, "aud": [CLIENT]}),
    );
    begun.finish(&json!({"iss": issuer.name()})).await.unwrap();
}

#[tokio::test]
async fn answers_belong_to_their_sign_in() {
    let issuer = LocalIssuer::start().await;
    let (begun, other) = (begin(&issuer).await, begin(&issuer).await);
    begun.answer(&issuer, &issuer.signer, header(), &json!({}));
    let before = issuer.server.asked().len();
    for (changes, code) in [
        (json!({"state": null}), "sign_in_state_mismatch"),
        (json!({"state": ""}), "sign_in_state_mismatch"),
        (
            json!({"state": other.query["state"]}),
            "sign_in_state_mismatch",
        ),
        (
            json!({"state": other.query["state"], "error": "x"}),
            "sign_in_state_mismatch",
        ),
        (
            json!({"iss": "https://evil.example"}),
            "sign_in_issuer_mismatch",
        ),
        (json!({"iss": ""}), "sign_in_issuer_mismatch"),
        (
            json!({"iss": format!("{}/", issuer.name())}),
            "sign_in_issuer_mismatch",
        ),
        (json!({"error": "access_denied"}), "sign_in_refused"),
        (
            json!({"error": "access_denied", "code": null}),
            "sign_in_refused",
        ),
        (json!({"code": null}), "sign_in_callback_malformed"),
        (json!({"code": ""}), "sign_in_callback_malformed"),
    ] {
        assert_eq!(begun.refused(&changes).await, code, "{changes}");
    }
    issuer.clock.pass(601);
    assert_eq!(begun.refused(&json!({})).await, "sign_in_too_late");
    // No code was spent on any of them.
    assert_eq!(issuer.server.asked().len(), before);
    // The ID token of one sign-in is none of the other: here the nonces differ.
    let later = begin(&issuer).await;
    begun.answer(&issuer, &issuer.signer, header(), &json!({}));
    assert_eq!(later.refused(&json!({})).await, "sign_in_claims_refused");
}

/// RFC 9207: an issuer that promises its name in the answer must not be impersonated by one that
/// leaves it out.
#[tokio::test]
async fn a_promised_issuer_must_be_there() {
    let issuer = LocalIssuer::start().await;
    issuer.publish_metadata(&json!({"authorization_response_iss_parameter_supported": true}));
    let begun = begin(&issuer).await;
    begun.answer(&issuer, &issuer.signer, header(), &json!({}));
    assert_eq!(begun.refused(&json!({})).await, "sign_in_issuer_mismatch");
    begun.finish(&json!({"iss": issuer.name()})).await.unwrap();
}

#[tokio::test]
async fn id_tokens_are_held_to_every_rule() {
    let issuer = LocalIssuer::start().await;
    let begun = begin(&issuer).await;
    let now = issuer.clock.unix_seconds();
    for (changes, expected) in [
        (json!({"nonce": "another"}), "sign_in_claims_refused"),
        (json!({"nonce": null}), "sign_in_id_token_refused"),
        (json!({"aud": "other"}), "sign_in_id_token_refused"),
        (json!({"aud": [CLIENT, "other"]}), "sign_in_claims_refused"),
        (json!({"azp": "other"}), "sign_in_id_token_refused"),
        (
            json!({"iss": "https://evil.example"}),
            "sign_in_id_token_refused",
        ),
        (json!({"exp": now - 60}), "sign_in_id_token_refused"),
        (json!({"iat": now + 61}), "sign_in_id_token_refused"),
        (json!({"iat": null}), "sign_in_answer_malformed"),
        (
            json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
            "sign_in_claims_refused",
        ),
    ] {
        begun.answer(&issuer, &issuer.signer, header(), &changes);
        assert_eq!(begun.refused(&json!({})).await, expected, "{changes}");
    }
    let access = Header {
        typ: Some("at+jwt".to_owned()),
        ..header()
    };
    begun.answer(&issuer, &issuer.signer, access, &json!({}));
    assert_eq!(begun.refused(&json!({})).await, "sign_in_id_token_refused");
    begun.answer(&issuer, &Signer::generate().unwrap(), header(), &json!({}));
    assert_eq!(begun.refused(&json!({})).await, "sign_in_id_token_refused");
}

/// OpenID Connect Core 1.0, 3.1.3.6; with Ed25519 the hash is SHA-512.
#[tokio::test]
async fn the_access_token_belongs_to_the_id_token() {
    let issuer = LocalIssuer::start().await;
    let begun = begin(&issuer).await;
    let hash = |token: &str| URL_SAFE_NO_PAD.encode(&Sha512::digest(token.as_bytes())[..32]);
    let right = json!({"at_hash": hash("an access token")});
    begun.answer(&issuer, &issuer.signer, header(), &right);
    begun.finish(&json!({})).await.unwrap();
    let wrong = json!({"at_hash": hash("another access token")});
    begun.answer(&issuer, &issuer.signer, header(), &wrong);
    assert_eq!(begun.refused(&json!({})).await, "sign_in_claims_refused");
}

/// An ID token signed with a key that was published after we last looked.
#[tokio::test]
async fn a_new_key_is_found_while_signing_in() {
    let mut issuer = LocalIssuer::start().await;
    let begun = begin(&issuer).await;
    issuer.rotate();
    issuer.clock.pass(30);
    begun.answer(&issuer, &issuer.signer, header(), &json!({}));
    begun.finish(&json!({})).await.unwrap();
}

#[tokio::test]
async fn the_token_endpoint_may_refuse_or_fail() {
    let issuer = LocalIssuer::start().await;
    let begun = begin(&issuer).await;
    let answer = |status: &str, body: &str| {
        let length = body.len();
        issuer.server.answer(
            TOKEN,
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"),
        );
    };
    answer("400 Bad Request", r#"{"error":"invalid_grant"}"#);
    let fault = begun.finish(&json!({})).await.unwrap_err();
    let ExternalFault::SignIn(SignInFault::CodeRefused { error }) = &fault else {
        panic!("{fault:?}")
    };
    assert_eq!(error, "invalid_grant");
    assert!(!fault.is_transient());
    for (status, body) in [
        ("500 Oh", ""),
        ("502 Bad Gateway", "<html>"),
        ("200 OK", "<html>"),
        ("200 OK", "{}"),
        (
            "200 OK",
            r#"{"access_token":"hush","token_type":"Bearer","id_token":"a.b.c"}"#,
        ),
        ("302 Found", ""),
    ] {
        answer(status, body);
        let fault = begun.finish(&json!({})).await.unwrap_err();
        assert_eq!(fault.code(), "sign_in_answer_malformed", "{status} {body}");
        assert!(!format!("{fault:?}").contains("hush"));
    }
    answer("200 OK", r#"{"access_token":"a","token_type":"Bearer"}"#);
    assert_eq!(begun.refused(&json!({})).await, "sign_in_no_id_token");
    answer("200 OK", &"x".repeat(300_000));
    let fault = begun.finish(&json!({})).await.unwrap_err();
    assert_eq!(fault.code(), "sign_in_issuer_unreachable");
    assert!(fault.is_transient());
}

#[tokio::test]
async fn a_sign_in_needs_settings_and_endpoints() {
    let issuer = LocalIssuer::start().await;
    let code = async |redirect_uri: &str| {
        let begun = issuer
            .client()
            .begin_sign_in(issuer.name(), redirect_uri)
            .await;
        begun.map(drop).map_err(|fault| fault.code())
    };
    for redirect_uri in [
        "",
        "callback",
        "http://console.example.org/",
        "https://a/#b",
        "javascript:1",
    ] {
        assert_eq!(
            code(redirect_uri).await,
            Err("sign_in_redirect_uri"),
            "{redirect_uri}"
        );
    }
    assert_eq!(code("http://127.0.0.1:8080/callback").await, Ok(()));
    for changes in [
        json!({"authorization_endpoint": null}),
        json!({"token_endpoint": null}),
        json!({"code_challenge_methods_supported": ["plain"]}),
        json!({"code_challenge_methods_supported": []}),
    ] {
        issuer.publish_metadata(&changes);
        assert_eq!(
            code(CALLBACK).await,
            Err("sign_in_not_offered"),
            "{changes}"
        );
    }
    // Some issuers do not say that they support it.
    issuer.publish_metadata(&json!({"code_challenge_methods_supported": null}));
    assert_eq!(code(CALLBACK).await, Ok(()));
    let mut settings = issuer.settings();
    settings.sign_in = None;
    let client = client_of(settings, &issuer.clock);
    let fault = client
        .begin_sign_in(issuer.name(), CALLBACK)
        .await
        .unwrap_err();
    assert_eq!(fault.code(), "sign_in_not_configured");
    let fault = client
        .begin_sign_in("https://evil.example", CALLBACK)
        .await
        .unwrap_err();
    assert_eq!(fault.code(), "unknown_issuer");
    issuer.server.answer(METADATA, "");
    assert_eq!(code(CALLBACK).await, Err("issuer_unavailable"));
}

/// The secret goes where the issuer takes it.
#[tokio::test]
async fn an_issuer_may_take_the_secret_in_the_body_only() {
    let issuer = LocalIssuer::start().await;
    let methods = json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]});
    issuer.publish_metadata(&methods);
    let begun = begin(&issuer).await;
    begun.answer(&issuer, &issuer.signer, header(), &json!({}));
    begun.finish(&json!({})).await.unwrap();
    let asked = issuer.server.asked();
    assert!(asked.last().unwrap().contains("client_secret=secret"));
}
