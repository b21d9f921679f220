//! An issuer whose every answer a test decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use identity::external::{
    ExternalIssuers, HttpClient, IssuerSettings, RoleMapping, SignInSettings,
};
use identity::jwt::{Signer, jwks};
use serde_json::{Value, json};

use crate::harness::clock::SetClock;
use crate::harness::server::Server;
use crate::harness::tokens::{AUDIENCE, claims_of, good_claims, merged};
use identity::external::Clock;

pub const METADATA: &str = "/.well-known/openid-configuration";
pub const KEYS: &str = "/keys";
pub const TOKEN: &str = "/token";
pub const CLIENT: &str = "console";
pub const CALLBACK: &str = "https://console.example.org/callback";

pub struct LocalIssuer {
    pub server: Server,
    pub signer: Signer,
    pub clock: Arc<SetClock>,
}

impl LocalIssuer {
    /// An issuer that behaves.
    pub async fn start() -> Self {
        let issuer = Self {
            server: Server::start().await,
            signer: Signer::generate().unwrap(),
            clock: SetClock::now(),
        };
        issuer.publish_metadata(&json!({}));
        issuer.publish_keys("");
        issuer
    }

    pub fn name(&self) -> &str {
        &self.server.url
    }

    pub fn metadata(&self, changes: &Value) -> Value {
        let url = self.name();
        let members = json!({
            "issuer": url,
            "jwks_uri": format!("{url}{KEYS}"),
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}{TOKEN}"),
            "code_challenge_methods_supported": ["S256"],
        });
        merged(members, changes)
    }

    pub fn publish_metadata(&self, changes: &Value) {
        self.server
            .answer_json(METADATA, &self.metadata(changes), "");
    }

    /// Publishes the present key, with these header lines.
    pub fn publish_keys(&self, headers: &str) {
        let keys = jwks(&[self.signer.public_key().clone()]);
        self.server.answer_json(KEYS, &keys, headers);
    }

    /// Signs with a new key from now on, which is published.
    pub fn rotate(&mut self) {
        self.signer = Signer::generate().unwrap();
        self.publish_keys("");
    }

    pub fn token(&self) -> String {
        self.token_with(&json!({}))
    }

    pub fn token_with(&self, changes: &Value) -> String {
        let now = self.clock.unix_seconds();
        // Good for as long as a test lets keys age.
        let times = json!({"iat": now, "nbf": now, "exp": now + 1_000_000});
        let members = merged(merged(good_claims(self.name()), &times), changes);
        self.signer.sign(&claims_of(members)).unwrap()
    }

    pub fn settings(&self) -> IssuerSettings {
        let roles = [
            ("ledger operators", "operator"),
            ("ledger auditors", "auditor"),
        ];
        let roles = roles.map(|(value, role)| (value.to_owned(), role.to_owned()));
        let mapping = RoleMapping {
            claim: "groups".to_owned(),
            roles: BTreeMap::from(roles),
        };
        IssuerSettings {
            sign_in: Some(SignInSettings {
                client_id: CLIENT.to_owned(),
                client_secret: Some("secret".to_owned().into()),
                scopes: vec!["email".to_owned()],
            }),
            ..IssuerSettings::new(self.name(), vec![AUDIENCE.to_owned()], mapping)
        }
    }

    pub fn client(&self) -> Arc<ExternalIssuers> {
        Arc::new(client_of(self.settings(), &self.clock))
    }
}

pub fn client_of(settings: IssuerSettings, clock: &Arc<SetClock>) -> ExternalIssuers {
    let clock = Arc::clone(clock);
    ExternalIssuers::try_with_clock(vec![settings], HttpClient::try_new().unwrap(), clock).unwrap()
}
