//! Tokens that were tampered with, or never were any.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::jwt::{DEFAULT_MAX_LENGTH_BYTES, TokenFault, unverified_issuer, verify};
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use serde_json::json;

use super::harness::tokens::{Issued, NOW};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn code(issued: &Issued, token: &str) -> &'static str {
    match verify(token, &issued.keys, &issued.policy, NOW) {
        Ok(claims) => panic!("accepted {token}: {claims:?}"),
        Err(fault) => fault.code(),
    }
}

/// One token has one spelling: no single byte can be another, be missing, or be there twice. The last
/// character of each part, which carries fewer bits, included.
#[test]
fn no_byte_can_be_another() {
    let issued = Issued::new();
    let token = issued.token(&json!({}), &json!({}));
    assert!(verify(&token, &issued.keys, &issued.policy, NOW).is_ok());
    for place in 0..token.len() {
        let (before, after) = (&token[..place], &token[place + 1..]);
        let byte = token.as_bytes()[place];
        let next = ALPHABET.iter().position(|&other| other == byte);
        let next = next.map_or('A', |index| {
            char::from(ALPHABET[(index + 1) % ALPHABET.len()])
        });
        for changed in [
            format!("{before}{next}{after}"),
            format!("{before}={after}"),
            format!("{before}{after}"),
            format!("{before}{0}{0}{after}", char::from(byte)),
        ] {
            let result = verify(&changed, &issued.keys, &issued.policy, NOW);
            assert!(result.is_err(), "byte {place}: {changed}");
        }
    }
    for place in 0..token.len() {
        assert!(verify(&token[..place], &issued.keys, &issued.policy, NOW).is_err());
    }
}

/// Every last character of the signature that decodes to the same bytes with loose bits.
#[test]
fn loose_bits_are_refused() {
    let issued = Issued::new();
    let token = issued.token(&json!({}), &json!({}));
    let (rest, last) = token.split_at(token.len() - 1);
    for &other in ALPHABET {
        let changed = format!("{rest}{}", char::from(other));
        let result = verify(&changed, &issued.keys, &issued.policy, NOW);
        assert_eq!(result.is_ok(), last.as_bytes() == [other], "{changed}");
    }
}

#[test]
fn parts_are_three_and_base64url() {
    let issued = Issued::new();
    let token = issued.token(&json!({}), &json!({}));
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("three parts")
    };
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        format!("{header}.{claims}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{header}..{signature}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{header}.{claims}\n.{signature}"),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}.{signature}=="),
        format!(
            "{header}.{claims}.{}",
            signature.replace(['-', '_'], "+") + "+"
        ),
        format!("{header}.{claims}.é"),
        format!("{header}.{claims}.\0"),
        format!("Bearer {token}"),
    ] {
        assert_eq!(code(&issued, &text), "malformed", "{text}");
    }
    assert_eq!(
        code(&issued, &format!("{header}.{claims}.")),
        "bad_signature"
    );
    assert_eq!(
        code(&issued, &format!("{header}.{claims}.AAAA")),
        "bad_signature"
    );
}

#[test]
fn json_must_be_plain_objects() {
    let issued = Issued::new();
    let key_id = issued.signer.public_key().key_id();
    let header = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{key_id}"}}"#);
    for claims in [
        "",
        "null",
        "[]",
        "\"text\"",
        "1",
        "{",
        "{}x",
        r#"{"iss":"a","iss":"b"}"#,
    ] {
        assert_eq!(
            code(&issued, &issued.signed(&header, claims)),
            "malformed",
            "{claims}"
        );
    }
    let good = super::harness::tokens::good_claims("https://id.example.org").to_string();
    let twice = good.replacen('{', r#"{"sub":"admin","#, 1);
    assert_eq!(code(&issued, &issued.signed(&header, &twice)), "malformed");
    let nested_twice = good.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1);
    assert_eq!(
        code(&issued, &issued.signed(&header, &nested_twice)),
        "malformed"
    );
    for bad in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"alg":"none","alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt"}"#,
    ] {
        assert_eq!(
            code(&issued, &issued.signed(bad, &good)),
            "malformed",
            "{bad}"
        );
    }
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(2_500), "]".repeat(2_500));
    assert_eq!(code(&issued, &issued.signed(&header, &deep)), "malformed");
    let deep_header = format!(r#"{{"x":{}{}}}"#, "[".repeat(2_500), "]".repeat(2_500));
    assert_eq!(
        code(&issued, &issued.signed(&deep_header, &good)),
        "malformed"
    );
}

#[test]
fn long_tokens_are_not_looked_at() {
    let issued = Issued::new();
    let padding = |length: usize| json!({"padding": "x".repeat(length)});
    let longest = (0..)
        .map(|step| 6 * (DEFAULT_MAX_LENGTH_BYTES - 600) / 8 + step)
        .map(|length| issued.token(&json!({}), &padding(length)))
        .take_while(|token| token.len() <= DEFAULT_MAX_LENGTH_BYTES)
        .last()
        .unwrap();
    assert!(longest.len() > DEFAULT_MAX_LENGTH_BYTES - 4);
    assert!(verify(&longest, &issued.keys, &issued.policy, NOW).is_ok());
    let long = issued.token(&json!({}), &padding(DEFAULT_MAX_LENGTH_BYTES));
    assert_eq!(code(&issued, &long), "too_long");
    let huge = "A".repeat(50_000_000);
    let fault = TokenFault::TooLong {
        length_bytes: huge.len(),
        limit_bytes: DEFAULT_MAX_LENGTH_BYTES,
    };
    assert_eq!(
        verify(&huge, &issued.keys, &issued.policy, NOW),
        Err(fault.clone())
    );
    assert_eq!(unverified_issuer(&huge), Err(fault));
}

/// A token of one deployment is no token of another that has the same issuer and audience.
#[test]
fn keys_are_not_confused() {
    let (issued, other) = (Issued::new(), Issued::new());
    assert_eq!(
        code(&issued, &other.token(&json!({}), &json!({}))),
        "unknown_key"
    );
    let key_id = issued.signer.public_key().key_id();
    assert_eq!(
        code(&issued, &other.token(&json!({"kid": key_id}), &json!({}))),
        "bad_signature"
    );
    // The signature of one token under the claims of another.
    let (mine, admin) = (
        issued.token(&json!({}), &json!({})),
        issued.token(&json!({}), &json!({"sub": "admin"})),
    );
    let (claims, _) = admin.rsplit_once('.').unwrap();
    let (_, signature) = mine.rsplit_once('.').unwrap();
    assert_eq!(
        code(&issued, &format!("{claims}.{signature}")),
        "bad_signature"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in ".{0,300}") {
        let issued = Issued::new();
        prop_assert!(verify(&text, &issued.keys, &issued.policy, NOW).is_err());
        prop_assert!(unverified_issuer(&text).is_err());
    }

    #[test]
    fn any_bytes_in_the_parts_are_answered(
        header in any::<Vec<u8>>(), claims in any::<Vec<u8>>(), signature in any::<Vec<u8>>(),
    ) {
        let issued = Issued::new();
        let parts = [header, claims, signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        prop_assert!(verify(&parts.join("."), &issued.keys, &issued.policy, NOW).is_err());
    }

    #[test]
    fn any_signature_but_the_own_is_refused(signature in any::<[u8; 64]>()) {
        let issued = Issued::new();
        let token = issued.token(&json!({}), &json!({}));
        let (signed, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let result = verify(&forged, &issued.keys, &issued.policy, NOW);
        prop_assert!(result == Err(TokenFault::BadSignature));
    }
}
