//! What is read of a JWK Set, and what is left out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::jwt::{KeySet, KeySetFault, Signer};
use serde_json::{Value, json};

use super::harness::tokens::merged;

fn read(keys: &Value) -> Result<KeySet, KeySetFault> {
    KeySet::try_from_json(json!({"keys": keys}).to_string().as_bytes())
}

fn usable(key: &Value) -> bool {
    read(&json!([key])).unwrap().len() == 1
}

/// A modulus of this many bits; that it is a product of primes is not looked at.
fn rsa(bits: usize) -> Value {
    let mut modulus = vec![0xff; bits / 8];
    modulus[0] = 0x80;
    json!({"kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(modulus)})
}

/// RFC 7517, appendix A.1.
fn p256() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    })
}

fn ed25519() -> Value {
    Signer::generate().unwrap().public_key().to_jwk()
}

#[test]
fn rsa_keys_have_2048_to_4096_bits() {
    for bits in [2048, 3072, 4096] {
        assert!(usable(&rsa(bits)), "{bits}");
    }
    for bits in [8, 512, 1024, 2040, 4104, 16_384] {
        assert!(!usable(&rsa(bits)), "{bits}");
    }
    // Leading zeros are no bits.
    let mut padded = vec![0; 128];
    padded.extend([0x80; 127]);
    padded.push(1);
    assert!(!usable(&merged(
        rsa(2048),
        &json!({"n": URL_SAFE_NO_PAD.encode(padded)})
    )));
    for exponent in ["Aw", "AQAB", "AAEAAQ", "AQAAAAE"] {
        assert!(
            usable(&merged(rsa(2048), &json!({"e": exponent}))),
            "{exponent}"
        );
    }
    // 0, 1, 2, an even one, 2^33 + 1, a huge one, nothing, padding, no base64.
    for exponent in [
        "AA",
        "AQ",
        "Ag",
        "AQAA",
        "AgAAAAE",
        "gAAAAAAAAAAAAAE",
        "",
        "AQAB=",
        "!",
    ] {
        assert!(
            !usable(&merged(rsa(2048), &json!({"e": exponent}))),
            "{exponent}"
        );
    }
    assert!(!usable(&merged(rsa(2048), &json!({"n": null}))));
}

#[test]
fn points_are_on_their_curve() {
    assert!(usable(&p256()));
    assert!(usable(&ed25519()));
    let x = p256()["x"].clone();
    for changes in [
        json!({"y": x}),
        json!({"y": null}),
        json!({"y": ""}),
        json!({"x": "AAAA"}),
        json!({"crv": "P-384"}),
        json!({"crv": "P-521"}),
        json!({"crv": "secp256k1"}),
        json!({"crv": null}),
        json!({"x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4="}),
    ] {
        assert!(!usable(&merged(p256(), &changes)), "{changes}");
    }
    let point = |bytes: [u8; 32]| json!({"x": URL_SAFE_NO_PAD.encode(bytes)});
    let mut identity = [0; 32];
    identity[0] = 1;
    for changes in [
        json!({"x": ""}),
        json!({"x": "AAAA"}),
        json!({"x": URL_SAFE_NO_PAD.encode([1; 31])}),
        json!({"x": URL_SAFE_NO_PAD.encode([1; 33])}),
        json!({"crv": "Ed448"}),
        json!({"crv": "X25519"}),
        // Points of small order.
        point([0; 32]),
        point(identity),
        // No point at all.
        point([2; 32]),
    ] {
        assert!(!usable(&merged(ed25519(), &changes)), "{changes}");
    }
}

#[test]
fn a_key_has_one_algorithm() {
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        assert!(
            usable(&merged(rsa(2048), &json!({"alg": algorithm}))),
            "{algorithm}"
        );
    }
    for algorithm in ["ES256", "EdDSA", "HS256", "none", "RSA-OAEP", "RSA1_5", ""] {
        assert!(
            !usable(&merged(rsa(2048), &json!({"alg": algorithm}))),
            "{algorithm}"
        );
    }
    assert!(!usable(&merged(rsa(2048), &json!({"alg": 1}))));
    assert!(usable(&merged(p256(), &json!({"alg": "ES256"}))));
    assert!(!usable(&merged(p256(), &json!({"alg": "ES384"}))));
    assert!(!usable(&merged(p256(), &json!({"alg": "RS256"}))));
    assert!(usable(&merged(ed25519(), &json!({"alg": "Ed25519"}))));
    assert!(!usable(&merged(ed25519(), &json!({"alg": "ES256"}))));
}

#[test]
fn only_public_keys_for_signatures_are_used() {
    for changes in [
        json!({"use": "sig"}),
        json!({"key_ops": ["verify"]}),
        json!({"x5c": [1]}),
    ] {
        assert!(usable(&merged(p256(), &changes)), "{changes}");
    }
    for changes in [
        json!({"use": "enc"}),
        json!({"use": 1}),
        json!({"key_ops": ["encrypt"]}),
        json!({"key_ops": []}),
        json!({"key_ops": "verify"}),
        json!({"kid": 7}),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "AKP"}),
        json!({"kty": null}),
        // Everybody knows these private halves.
        json!({"d": "AAAA"}),
        json!({"d": ""}),
    ] {
        assert!(!usable(&merged(p256(), &changes)), "{changes}");
    }
    assert!(!usable(
        &json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "1"})
    ));
    assert!(!usable(&json!({})));
}

#[test]
fn unusable_keys_do_not_harm_the_others() {
    let keys = json!([{"kty": "AKP", "kid": "1"}, rsa(1024), p256(), {}, ed25519()]);
    assert_eq!(read(&keys).unwrap().len(), 2);
    // An id is only taken by a key that is used.
    let keys = json!([
        merged(rsa(1024), &json!({"kid": "a"})),
        merged(p256(), &json!({"kid": "a"})),
    ]);
    assert_eq!(read(&keys).unwrap().len(), 1);
    assert!(read(&json!([])).unwrap().is_empty());
}

#[test]
fn sets_that_are_none_are_refused() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[1]}"#,
        r#"{"keys":null}"#,
    ] {
        assert!(KeySet::try_from_json(text.as_bytes()).is_err(), "{text}");
    }
    let keys = json!([
        merged(p256(), &json!({"kid": "a"})),
        merged(rsa(2048), &json!({"kid": "a"})),
    ]);
    let fault = read(&keys).unwrap_err();
    assert!(matches!(fault, KeySetFault::RepeatedKeyId { key_id } if key_id == "a"));
    let many = vec![json!({}); 101];
    assert!(matches!(
        read(&json!(many)),
        Err(KeySetFault::TooMany { count: 101 })
    ));
    let twice = br#"{"keys":[],"keys":[]}"#;
    assert!(matches!(
        KeySet::try_from_json(twice),
        Err(KeySetFault::NotJson(_))
    ));
    let twice = format!(
        r#"{{"keys":[{{"kid":"a",{}]}}"#,
        &p256().to_string()[1..].replacen('"', "\"kid\":\"b\",\"", 1)
    );
    assert!(matches!(
        KeySet::try_from_json(twice.as_bytes()),
        Err(KeySetFault::NotJson(_))
    ));
}
