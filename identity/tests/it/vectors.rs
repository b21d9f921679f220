//! Every case of the vector files; one that cannot be interpreted fails.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::jwt::{AcceptedType, KeySet, Policy, SignatureAlgorithm, verify};
use identity::pkce;
use identity::totp::{
    Digits, HashAlgorithm, Label, STEP_SECONDS, Scheme, Step, TotpSecret, check, code_at,
    provisioning_uri,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(name: &str) -> T {
    let folder = std::env::var_os("DAYBOOK_SIGNATURE_VECTORS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../tests/signature-vectors"
            ))
        },
        PathBuf::from,
    );
    let path = folder.join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Accept,
    Reject,
}

impl Verdict {
    fn of<T, E>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Accept,
            Err(_) => Self::Reject,
        }
    }
}

#[derive(Deserialize)]
struct TokenFile {
    policy: TokenPolicy,
    jwks: serde_json::Value,
    cases: Vec<TokenCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenPolicy {
    alg: Vec<SignatureAlgorithm>,
    iss: String,
    aud: String,
    typ: String,
    leeway_s: u64,
    now_unix: u64,
    required_claims: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenCase {
    name: String,
    token: String,
    expected_verdict: Verdict,
    #[serde(rename = "lib_verdict")]
    _library: Option<String>,
}

/// The fault that a case is made to have, by its name, so that it is refused for the right reason.
fn expected_code(name: &str) -> Option<&'static str> {
    Some(match name {
        "reject_alg_none" | "reject_hs256_signed_with_public_key_pem" => "unsupported_algorithm",
        "reject_wrong_key"
        | "reject_embedded_jwk_attacker_key"
        | "reject_payload_tampered"
        | "reject_signature_stripped" => "bad_signature",
        "reject_wrong_issuer" => "wrong_issuer",
        "reject_expired" => "expired",
        "reject_missing_exp" | "reject_missing_aud" | "reject_missing_sub" => "missing_claim",
        "reject_typ_is_id_token_JWT" => "wrong_type",
        "reject_unknown_kid" => "unknown_key",
        "reject_unknown_crit" => "critical_header",
        "reject_four_segments" | "reject_padding_in_segments" | "reject_empty" => "malformed",
        _ => return None,
    })
}

#[test]
fn access_tokens() {
    let file: TokenFile = read("jwt_bcp_rfc8725_rfc9068.json");
    let keys = KeySet::try_from_json(file.jwks.to_string().as_bytes()).unwrap();
    assert!(!keys.is_empty());
    let policy = Policy {
        audiences: vec![file.policy.aud],
        types: vec![AcceptedType::Named(file.policy.typ)],
        algorithms: file.policy.alg,
        leeway_seconds: file.policy.leeway_s,
        required_claims: file.policy.required_claims,
        ..Policy::access_token(file.policy.iss, Vec::new())
    };
    assert!(!file.cases.is_empty());
    for case in &file.cases {
        let result = verify(&case.token, &keys, &policy, file.policy.now_unix);
        assert_eq!(
            Verdict::of(&result),
            case.expected_verdict,
            "{}: {result:?}",
            case.name
        );
        if let (Err(fault), Some(code)) = (result, expected_code(&case.name)) {
            assert_eq!(fault.code(), code, "{}", case.name);
        }
    }
}

#[derive(Deserialize)]
struct PkceFile {
    cases: Vec<PkceCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PkceCase {
    name: String,
    code_verifier: String,
    /// Not there when the verifier alone is refused.
    code_challenge: Option<String>,
    expected_verdict: Verdict,
}

#[test]
fn proof_keys() {
    let file: PkceFile = read("pkce_rfc7636.json");
    assert!(!file.cases.is_empty());
    for case in &file.cases {
        let result = match &case.code_challenge {
            Some(challenge) => pkce::verify(&case.code_verifier, challenge),
            None => pkce::challenge_of(&case.code_verifier).map(drop),
        };
        let verdict = Verdict::of(&result);
        assert_eq!(verdict, case.expected_verdict, "{}: {result:?}", case.name);
    }
}

#[derive(Deserialize)]
struct TotpFile {
    cases: Vec<TotpCase>,
    hotp_secret_ascii: String,
    hotp: Vec<HotpCase>,
    provisioning_uri_example: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TotpCase {
    alg: String,
    secret_ascii: String,
    secret_base32: String,
    unix_time: u64,
    step: u64,
    digits: u8,
    code: String,
    code_6_digits: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HotpCase {
    counter: u64,
    code: String,
}

#[test]
fn one_time_codes() {
    let file: TotpFile = read("totp_rfc6238_hotp_rfc4226.json");
    assert!(!file.cases.is_empty() && !file.hotp.is_empty());
    for case in &file.cases {
        let algorithm = match case.alg.as_str() {
            "SHA1" => HashAlgorithm::Sha1,
            "SHA256" => HashAlgorithm::Sha256,
            "SHA512" => HashAlgorithm::Sha512,
            other => panic!("no such algorithm: {other}"),
        };
        let digits = match case.digits {
            6 => Digits::Six,
            8 => Digits::Eight,
            other => panic!("no such number of digits: {other}"),
        };
        assert_eq!(case.step, STEP_SECONDS, "{case:?}");
        let secret = TotpSecret::try_from_bytes(case.secret_ascii.as_bytes()).unwrap();
        assert_eq!(*secret.to_base32(), case.secret_base32);
        let step = Step::at(case.unix_time);
        for (digits, code) in [(digits, &case.code), (Digits::Six, &case.code_6_digits)] {
            let scheme = Scheme { algorithm, digits };
            assert_eq!(
                code_at(scheme, &secret, step).as_ref(),
                Ok(code),
                "{case:?}"
            );
            let matched = check(scheme, &secret, code, case.unix_time);
            assert_eq!(matched, Ok(Some(step)), "{case:?}");
        }
    }
    let secret = TotpSecret::try_from_bytes(file.hotp_secret_ascii.as_bytes()).unwrap();
    for case in &file.hotp {
        let code = code_at(Scheme::default(), &secret, Step(case.counter));
        assert_eq!(code.as_ref(), Ok(&case.code), "{case:?}");
    }
    let label = Label {
        issuer: "Wallet",
        account: "asha@example.com",
    };
    let uri = provisioning_uri(&secret, label).unwrap();
    assert_eq!(*uri, file.provisioning_uri_example);
}

/// The attack that one of the cases is made of would work against a careless reader: its header holds
/// the key that its signature is good for.
#[test]
fn the_embedded_key_would_verify() {
    let file: TokenFile = read("jwt_bcp_rfc8725_rfc9068.json");
    let case = file
        .cases
        .iter()
        .find(|case| case.name == "reject_embedded_jwk_attacker_key");
    // Another folder may hold other cases.
    let Some(case) = case else { return };
    let header = case.token.split('.').next().unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    let mut header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["jwk"]["kid"] = header["kid"].clone();
    let keys = serde_json::json!({"keys": [header["jwk"]]}).to_string();
    let keys = KeySet::try_from_json(keys.as_bytes()).unwrap();
    assert_eq!(keys.len(), 1);
    let policy = Policy {
        audiences: vec![file.policy.aud],
        algorithms: file.policy.alg,
        ..Policy::access_token(file.policy.iss, Vec::new())
    };
    verify(&case.token, &keys, &policy, file.policy.now_unix).unwrap();
}
