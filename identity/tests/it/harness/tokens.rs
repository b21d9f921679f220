//! Tokens to order.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::jwt::{Claims, KeySet, Policy, Signer};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};

pub const NOW: u64 = 1_767_225_600;
pub const ISSUER: &str = "https://id.example.org";
pub const AUDIENCE: &str = "https://api.example.org";

/// A signer with the keys and policy that accept its tokens.
pub struct Issued {
    pub signer: Signer,
    pub keys: KeySet,
    pub policy: Policy,
}

impl Issued {
    pub fn new() -> Self {
        let signer = Signer::generate().unwrap();
        let keys = KeySet::try_from_public_keys([signer.public_key()]).unwrap();
        let policy = Policy::access_token(ISSUER, vec![AUDIENCE.to_owned()]);
        Self {
            signer,
            keys,
            policy,
        }
    }

    /// A token whose header and claims differ from good ones by these members; `null` takes one out.
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        let members =
            json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.signer.public_key().key_id()});
        let header = merged(members, header).to_string();
        let claims = merged(good_claims(ISSUER), claims).to_string();
        self.signed(&header, &claims)
    }

    /// A token of these texts, whatever they are.
    pub fn signed(&self, header: &str, claims: &str) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.signature(&message);
        format!("{message}.{signature}")
    }

    pub fn signature(&self, message: &str) -> String {
        let key = EncodingKey::from_ed_der(&self.signer.to_pkcs8_der());
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap()
    }
}

pub fn good_claims(issuer: &str) -> Value {
    json!({
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "asha",
        "client_id": "shop",
        "jti": "token-1",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
    })
}

pub fn claims_of(members: Value) -> Claims {
    serde_json::from_value(members).unwrap()
}

pub fn merged(base: Value, changes: &Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (base, changes.clone()) else {
        panic!("only objects are merged");
    };
    for (name, value) in changes {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    Value::Object(members)
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}
