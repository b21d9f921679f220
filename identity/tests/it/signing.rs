//! Our own tokens and keys.

use identity::jwt::{
    ACCESS_TOKEN_CLAIMS, KeySet, Policy, PublicKey, Signer, SignerFault, TokenFault, jwks, verify,
};
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use serde_json::{Value, json};

use super::harness::tokens::{AUDIENCE, ISSUER, NOW, claims_of, good_claims, merged, object};

fn policy() -> Policy {
    Policy::access_token(ISSUER, vec![AUDIENCE.to_owned()])
}

fn header_of(token: &str) -> jsonwebtoken::Header {
    jsonwebtoken::decode_header(token).unwrap()
}

#[test]
fn what_is_signed_is_accepted_through_the_published_keys() {
    let (signer, other) = (Signer::generate().unwrap(), Signer::generate().unwrap());
    let published = jwks(&[other.public_key().clone(), signer.public_key().clone()]);
    let keys = KeySet::try_from_json(published.to_string().as_bytes()).unwrap();
    assert_eq!(keys.len(), 2);
    let claims = claims_of(good_claims(ISSUER));
    let token = signer.sign(&claims).unwrap();
    assert_eq!(verify(&token, &keys, &policy(), NOW), Ok(claims));
    let header = header_of(&token);
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(header.kid.as_deref(), Some(signer.public_key().key_id()));
    assert_eq!(header.alg, jsonwebtoken::Algorithm::EdDSA);
}

#[test]
fn keys_survive_being_stored() {
    let signer = Signer::generate().unwrap();
    let stored = signer.to_pkcs8_der();
    let again = Signer::try_from_pkcs8_der(&stored).unwrap();
    assert_eq!(again.public_key(), signer.public_key());
    assert_eq!(again.to_pkcs8_der(), stored);
    let public = PublicKey::from_bytes(*signer.public_key().as_bytes());
    assert_eq!(&public, signer.public_key());
    let keys = KeySet::try_from_public_keys([&public]).unwrap();
    let token = again.sign(&claims_of(good_claims(ISSUER))).unwrap();
    verify(&token, &keys, &policy(), NOW).unwrap();
    // No secret is shown.
    let shown = format!("{signer:?}");
    assert!(
        !shown.contains(&format!("{:?}", &stored[20..30]).replace(['[', ']'], "")),
        "{shown}"
    );
}

#[test]
fn broken_keys_are_refused() {
    let signer = Signer::generate().unwrap();
    let stored = signer.to_pkcs8_der();
    for length in 0..stored.len() {
        assert!(
            Signer::try_from_pkcs8_der(&stored[..length]).is_err(),
            "{length}"
        );
    }
    // The public half of another key.
    let mut mixed = stored.to_vec();
    let other = Signer::generate().unwrap();
    let place = mixed.len() - 32;
    mixed[place..].copy_from_slice(other.public_key().as_bytes());
    let fault = Signer::try_from_pkcs8_der(&mixed).unwrap_err();
    assert!(matches!(fault, SignerFault::InvalidKey(_)), "{fault}");
}

#[test]
fn published_keys_hold_nothing_private() {
    let signer = Signer::generate().unwrap();
    let published = jwks(&[signer.public_key().clone()]);
    let members = object(published["keys"][0].clone());
    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!(jwks(&[]), json!({"keys": []}));
}

#[test]
fn what_would_be_refused_is_not_signed() {
    let signer = Signer::generate().unwrap();
    for &claim in ACCESS_TOKEN_CLAIMS {
        let empty = match claim {
            "aud" => json!([]),
            "exp" | "iat" => continue,
            _ => json!(""),
        };
        let mut claims = claims_of(good_claims(ISSUER));
        match claim {
            "aud" => claims.audiences.clear(),
            "iss" => claims.issuer.clear(),
            "sub" => claims.subject.clear(),
            "client_id" => claims.client_id = None,
            _ => claims.token_id = None,
        }
        let fault = signer.sign(&claims).unwrap_err();
        assert!(
            matches!(fault, SignerFault::MissingClaim { claim: found } if found == claim),
            "{empty}"
        );
    }
    let mut claims = claims_of(good_claims(ISSUER));
    claims.issued_at = None;
    assert!(signer.sign(&claims).is_err());
}

/// A member that is in the token twice would be read as either.
#[test]
fn a_claim_is_not_written_twice() {
    let signer = Signer::generate().unwrap();
    for name in ["sub", "exp", "scope", "sid"] {
        let mut claims = claims_of(good_claims(ISSUER));
        claims.other.insert(name.to_owned(), json!("admin"));
        let fault = signer.sign(&claims).unwrap_err();
        assert!(
            matches!(fault, SignerFault::RepeatedClaim { claim } if claim == name),
            "{name}"
        );
    }
}

#[test]
fn an_unknown_key_is_named_as_such() {
    let (signer, other) = (Signer::generate().unwrap(), Signer::generate().unwrap());
    let keys = KeySet::try_from_public_keys([other.public_key()]).unwrap();
    let token = signer.sign(&claims_of(good_claims(ISSUER))).unwrap();
    assert_eq!(
        verify(&token, &keys, &policy(), NOW),
        Err(TokenFault::UnknownKey)
    );
    assert!(KeySet::try_from_public_keys([other.public_key(), other.public_key()]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn claims_come_back_as_they_were(
        subject in "\\PC{1,40}",
        scope in proptest::option::of("[ -~]{0,40}"),
        methods in proptest::collection::vec("[a-z]{1,8}", 0..4),
        audiences in proptest::collection::vec("[a-z]{1,8}", 0..4),
        other in proptest::collection::btree_map("x[a-z]{1,8}", "\\PC{0,20}", 0..5),
    ) {
        let signer = Signer::generate().unwrap();
        let keys = KeySet::try_from_public_keys([signer.public_key()]).unwrap();
        let audiences: Vec<String> = audiences.into_iter().chain([AUDIENCE.to_owned()]).collect();
        let changes = json!({"sub": subject, "scope": scope, "amr": methods, "aud": audiences});
        let mut members = merged(good_claims(ISSUER), &changes);
        for (name, value) in other {
            members[name] = Value::String(value);
        }
        let claims = claims_of(members);
        let token = signer.sign(&claims).unwrap();
        prop_assert_eq!(verify(&token, &keys, &policy(), NOW), Ok(claims));
    }
}
