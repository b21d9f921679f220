//! Each rule of the policy, one token that keeps it and one that breaks it.

use identity::jwt::{
    AcceptedType, Claims, KeySet, Policy, SignatureAlgorithm, TokenFault, unverified_issuer, verify,
};
use serde_json::{Value, json};

use super::harness::tokens::{AUDIENCE, ISSUER, Issued, NOW};

fn checked(issued: &Issued, header: &Value, claims: &Value) -> Result<Claims, TokenFault> {
    let token = issued.token(header, claims);
    verify(&token, &issued.keys, &issued.policy, NOW)
}

fn refused(issued: &Issued, header: &Value, claims: &Value) -> &'static str {
    match checked(issued, header, claims) {
        Ok(claims) => panic!("accepted {header} {claims:?}"),
        Err(fault) => fault.code(),
    }
}

fn missing(claim: &str) -> TokenFault {
    TokenFault::MissingClaim {
        claim: claim.to_owned(),
    }
}

#[test]
fn a_good_token_says_what_it_says() {
    let issued = Issued::new();
    let more = json!({
        "aud": ["other", AUDIENCE],
        "scope": "accounts:read  transfers:write",
        "acr": "two", "amr": ["pwd", "otp"], "auth_time": NOW - 5, "sid": "session",
        "nested": {"roles": ["a"]},
    });
    let claims = checked(&issued, &json!({}), &more).unwrap();
    assert_eq!(
        (claims.issuer.as_str(), claims.subject.as_str()),
        (ISSUER, "asha")
    );
    assert_eq!(claims.audiences, ["other", AUDIENCE]);
    assert_eq!(
        (claims.expires_at, claims.issued_at),
        (NOW + 300, Some(NOW))
    );
    assert_eq!(claims.token_id.as_deref(), Some("token-1"));
    assert_eq!(claims.client_id.as_deref(), Some("shop"));
    assert_eq!(
        claims.scopes().collect::<Vec<_>>(),
        ["accounts:read", "transfers:write"]
    );
    assert_eq!(claims.authentication_class.as_deref(), Some("two"));
    assert_eq!(claims.authentication_methods, ["pwd", "otp"]);
    assert_eq!(claims.authenticated_at, Some(NOW - 5));
    assert_eq!(claims.session_id.as_deref(), Some("session"));
    assert_eq!(claims.other.keys().collect::<Vec<_>>(), ["nested"]);
    assert_eq!(claims.to_object()["aud"], json!(["other", AUDIENCE]));
}

#[test]
fn the_key_decides_the_algorithm() {
    let issued = Issued::new();
    for name in [
        "none", "None", "NONE", "HS256", "HS512", "RS256", "ES256", "eddsa", "", "dir",
    ] {
        let header = json!({"alg": name});
        assert_eq!(
            refused(&issued, &header, &json!({})),
            "unsupported_algorithm",
            "{name}"
        );
    }
    // Accepted in general, but not the algorithm of this key.
    let mut lenient = Issued::new();
    lenient.policy.algorithms.push(SignatureAlgorithm::Rs256);
    assert_eq!(
        refused(&lenient, &json!({"alg": "RS256"}), &json!({})),
        "unsupported_algorithm"
    );
    // The other name of the same algorithm (RFC 9864).
    checked(&issued, &json!({"alg": "Ed25519"}), &json!({})).unwrap();
    assert_eq!(
        refused(&issued, &json!({"alg": null}), &json!({})),
        "malformed"
    );
    assert_eq!(
        refused(&issued, &json!({"alg": 1}), &json!({})),
        "malformed"
    );
    assert_eq!(
        refused(&issued, &json!({"alg": ["EdDSA"]}), &json!({})),
        "malformed"
    );
}

#[test]
fn the_key_id_is_only_looked_up() {
    let issued = Issued::new();
    for key_id in [
        "",
        "zzz",
        "../../etc/passwd",
        "' OR 1=1 --",
        "http://127.0.0.1/keys",
    ] {
        let header = json!({"kid": key_id});
        assert_eq!(
            refused(&issued, &header, &json!({})),
            "unknown_key",
            "{key_id}"
        );
    }
    assert_eq!(
        refused(&issued, &json!({"kid": 1}), &json!({})),
        "malformed"
    );
    // One key: nothing else can be meant. Two of one algorithm: nothing can.
    checked(&issued, &json!({"kid": null}), &json!({})).unwrap();
    let other = Issued::new();
    let mut both = Issued::new();
    both.signer = issued.signer.clone();
    let keys = [issued.signer.public_key(), other.signer.public_key()];
    both.keys = KeySet::try_from_public_keys(keys).unwrap();
    checked(&both, &json!({}), &json!({})).unwrap();
    assert_eq!(
        refused(&both, &json!({"kid": null}), &json!({})),
        "unknown_key"
    );
    let other_id = other.signer.public_key().key_id();
    assert_eq!(
        refused(&both, &json!({"kid": other_id}), &json!({})),
        "bad_signature"
    );
}

#[test]
fn keys_in_the_header_are_not_read() {
    let (issued, attacker) = (Issued::new(), Issued::new());
    let jwk = attacker.signer.public_key().to_jwk();
    for header in [
        json!({"jwk": jwk}),
        json!({"jku": "http://127.0.0.1:1/keys"}),
        json!({"x5u": "http://127.0.0.1:1/chain"}),
        json!({"x5c": ["AAAA"]}),
        json!({"jwk": 1, "x5t": "AAAA"}),
    ] {
        checked(&issued, &header, &json!({})).unwrap();
        let mut forged = header.clone();
        forged["kid"] = json!(issued.signer.public_key().key_id());
        let token = attacker.token(&forged, &json!({}));
        let fault = verify(&token, &issued.keys, &issued.policy, NOW).unwrap_err();
        assert_eq!(fault, TokenFault::BadSignature, "{header}");
    }
}

#[test]
fn extensions_and_nested_tokens_are_refused() {
    let issued = Issued::new();
    for critical in [
        json!(["exp"]),
        json!(["b64"]),
        json!([]),
        json!("b64"),
        json!({}),
        json!(0),
    ] {
        let header = json!({"crit": critical, "b64": false});
        assert_eq!(
            refused(&issued, &header, &json!({})),
            "critical_header",
            "{critical}"
        );
    }
    assert_eq!(
        refused(&issued, &json!({"cty": "JWT"}), &json!({})),
        "wrong_type"
    );
}

#[test]
fn the_type_is_one_that_is_accepted() {
    let mut issued = Issued::new();
    for name in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/At+Jwt",
    ] {
        checked(&issued, &json!({"typ": name}), &json!({})).unwrap();
    }
    for name in [
        "JWT",
        "at+jwt ",
        "text/at+jwt",
        "application/application/at+jwt",
        "",
        "id+jwt",
    ] {
        assert_eq!(
            refused(&issued, &json!({"typ": name}), &json!({})),
            "wrong_type",
            "{name}"
        );
    }
    assert_eq!(
        refused(&issued, &json!({"typ": null}), &json!({})),
        "wrong_type"
    );
    assert_eq!(
        refused(&issued, &json!({"typ": ["at+jwt"]}), &json!({})),
        "malformed"
    );
    issued.policy.types = vec![AcceptedType::Absent];
    checked(&issued, &json!({"typ": null}), &json!({})).unwrap();
    assert_eq!(refused(&issued, &json!({}), &json!({})), "wrong_type");
    issued.policy.types.clear();
    assert_eq!(
        refused(&issued, &json!({"typ": null}), &json!({})),
        "wrong_type"
    );
}

#[test]
fn the_issuer_is_compared_byte_by_byte() {
    let issued = Issued::new();
    for issuer in [
        "https://id.example.org/",
        "HTTPS://id.example.org",
        "http://id.example.org",
        "https://id.example.org.evil.example",
        "https://evil.example",
    ] {
        assert_eq!(
            refused(&issued, &json!({}), &json!({"iss": issuer})),
            "wrong_issuer"
        );
    }
    assert_eq!(
        refused(&issued, &json!({}), &json!({"iss": [ISSUER]})),
        "malformed"
    );
}

#[test]
fn one_of_our_audiences_is_meant() {
    let mut issued = Issued::new();
    for audience in [json!(AUDIENCE), json!([AUDIENCE]), json!(["x", AUDIENCE])] {
        checked(&issued, &json!({}), &json!({"aud": audience})).unwrap();
    }
    for audience in [
        json!("x"),
        json!(["x"]),
        json!([""]),
        json!(format!("{AUDIENCE}/")),
    ] {
        assert_eq!(
            refused(&issued, &json!({}), &json!({"aud": audience})),
            "wrong_audience"
        );
    }
    for audience in [
        json!(1),
        json!([1]),
        json!([AUDIENCE, 1]),
        json!({"a": AUDIENCE}),
    ] {
        assert_eq!(
            refused(&issued, &json!({}), &json!({"aud": audience})),
            "malformed"
        );
    }
    assert_eq!(
        refused(&issued, &json!({}), &json!({"aud": []})),
        "missing_claim"
    );
    // A policy that names nobody accepts nothing.
    issued.policy.audiences.clear();
    assert_eq!(refused(&issued, &json!({}), &json!({})), "wrong_audience");
}

#[test]
fn what_must_be_claimed_is() {
    let mut issued = Issued::new();
    for claim in ["iss", "sub", "aud", "exp", "client_id", "iat", "jti"] {
        let fault = checked(&issued, &json!({}), &json!({claim: null})).unwrap_err();
        assert_eq!(fault, missing(claim));
    }
    for claim in ["iss", "sub", "aud", "jti", "client_id"] {
        let fault = checked(&issued, &json!({}), &json!({claim: ""})).unwrap_err();
        assert_eq!(fault, missing(claim));
    }
    checked(&issued, &json!({}), &json!({"nbf": null})).unwrap();
    issued.policy.required_claims = vec!["tenant".to_owned()];
    assert_eq!(
        checked(&issued, &json!({}), &json!({})).unwrap_err(),
        missing("tenant")
    );
    checked(
        &issued,
        &json!({}),
        &json!({"tenant": 0, "jti": null, "iat": null}),
    )
    .unwrap();
    // These four are never optional.
    issued.policy.required_claims.clear();
    for claim in ["iss", "sub", "aud", "exp"] {
        let fault = checked(&issued, &json!({}), &json!({claim: null})).unwrap_err();
        assert_eq!(fault, missing(claim));
    }
}

#[test]
fn claims_are_of_their_types() {
    let issued = Issued::new();
    for claims in [
        json!({"exp": "1767225900"}),
        json!({"exp": -1}),
        json!({"exp": 1_767_225_900.5}),
        json!({"exp": 1e300}),
        json!({"exp": [NOW]}),
        json!({"exp": true}),
        json!({"nbf": "0"}),
        json!({"nbf": -1}),
        json!({"iat": 0.5}),
        json!({"iat": {}}),
        json!({"sub": 7}),
        json!({"sub": ["asha"]}),
        json!({"jti": 7}),
        json!({"scope": ["accounts:read"]}),
        json!({"amr": "pwd"}),
        json!({"auth_time": "now"}),
        json!({"sid": 1}),
    ] {
        assert_eq!(
            refused(&issued, &json!({}), &claims),
            "malformed",
            "{claims}"
        );
    }
}

/// Each boundary of the leeway to the second.
#[test]
fn clocks_may_be_a_minute_apart() {
    let issued = Issued::new();
    let code = |claims: Value| checked(&issued, &json!({}), &claims).map_err(|fault| fault.code());
    assert!(code(json!({"exp": NOW - 59})).is_ok());
    assert_eq!(code(json!({"exp": NOW - 60})).unwrap_err(), "expired");
    assert_eq!(code(json!({"exp": 0})).unwrap_err(), "expired");
    assert!(code(json!({"exp": u64::MAX})).is_ok());
    assert!(code(json!({"nbf": NOW + 60})).is_ok());
    assert_eq!(code(json!({"nbf": NOW + 61})).unwrap_err(), "not_yet_valid");
    assert_eq!(code(json!({"nbf": u64::MAX})).unwrap_err(), "not_yet_valid");
    assert!(code(json!({"iat": NOW + 60})).is_ok());
    assert_eq!(
        code(json!({"iat": NOW + 61})).unwrap_err(),
        "issued_in_the_future"
    );
    // Without leeway `exp` is the first second that is too late.
    let mut strict = Issued::new();
    strict.policy.leeway_seconds = 0;
    checked(&strict, &json!({}), &json!({"exp": NOW + 1})).unwrap();
    assert_eq!(
        refused(&strict, &json!({}), &json!({"exp": NOW})),
        "expired"
    );
    checked(&strict, &json!({}), &json!({"nbf": NOW, "iat": NOW})).unwrap();
    // The ends of time.
    for now in [0, u64::MAX] {
        let token = issued.token(&json!({}), &json!({}));
        assert!(verify(&token, &issued.keys, &issued.policy, now).is_err());
    }
}

#[test]
fn the_issuer_can_be_read_without_trust() {
    let issued = Issued::new();
    let token = issued.token(&json!({}), &json!({}));
    assert_eq!(unverified_issuer(&token).as_deref(), Ok(ISSUER));
    let without = issued.token(&json!({}), &json!({"iss": null}));
    assert_eq!(unverified_issuer(&without), Err(missing("iss")));
    let odd = issued.token(&json!({}), &json!({"iss": 7}));
    assert_eq!(unverified_issuer(&odd), Err(missing("iss")));
    assert!(unverified_issuer("a.b.c").is_err());
}

#[test]
fn no_key_accepts_nothing() {
    let issued = Issued::new();
    let token = issued.token(&json!({}), &json!({}));
    let policy = Policy::access_token(ISSUER, vec![AUDIENCE.to_owned()]);
    let fault = verify(&token, &KeySet::default(), &policy, NOW).unwrap_err();
    assert_eq!(fault, TokenFault::UnknownKey);
}
