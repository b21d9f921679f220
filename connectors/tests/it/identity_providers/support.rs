//! What the identity providers' tests share.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use connectors::identity_providers::digio::{DigioProvider, DigioSettings};
use connectors::identity_providers::onfido::{OnfidoProvider, OnfidoSettings};
use connectors::identity_providers::sumsub::{SumsubDigest, SumsubProvider, SumsubSettings};
use connectors::identity_providers::{
    Attempt, CallPolicy, CaseLookup, CaseObservation, CaseRequest, CaseStatus, EntryKind,
    IdentityProvider, IdentityProviderError, Person, PersonName, Provider, ProviderId, Reported,
    WebhookContent, WebhookDelivery, WebhookFacts, WebhookRejection,
};
use connectors::secret::Secret;
use connectors::simulators::IdentitySimulator;
use connectors::simulators::digio::{DigioAccount, DigioSimulator};
use connectors::simulators::onfido::{OnfidoAccount, OnfidoSimulator};
use connectors::simulators::sumsub::{SumsubAccount, SumsubSimulator};

use crate::gateways::receiver::{Received, Receiver};
pub use crate::gateways::support::{calls, impatient, reference, ring, timing};

pub const APP_TOKEN: &str = "sbx:app-token-of-ours";
pub const SECRET_KEY: &str = "secret-key-of-ours";
pub const API_TOKEN: &str = "api-token-of-ours";
pub const CLIENT_ID: &str = "CLIENTOFOURS";
pub const CLIENT_SECRET: &str = "client-secret-of-ours";
pub const WEBHOOK_SECRET: &str = "webhook-secret-of-ours";
pub const LEVEL: &str = "basic kyc-level";
pub const WORKFLOW: &str = "5f0e6f9c-6c9e-4f6e-9d56-0a7c4a1b2c3d";
pub const TEMPLATE: &str = "KYC CLIENT";

/// What no error, log or `Debug` may tell of the person; the simulators know a name and a day of birth of
/// their own, which no observation may tell either.
pub const EMAIL: &str = "asha.rao@example.org";
pub const PHONE: &str = "+919876543210";
pub const GIVEN: &str = "Ashalata";
pub const FAMILY: &str = "Rao-Deshpande";

pub fn sumsub_settings(url: &str, secrets: &[&str]) -> SumsubSettings {
    SumsubSettings {
        base_url: url.parse().unwrap(),
        app_token: Secret::new(APP_TOKEN),
        secret_key: Secret::new(SECRET_KEY),
        webhook_secrets: ring(secrets),
        webhook_digest: SumsubDigest::Sha256,
        calls: calls(),
    }
}

pub fn onfido_settings(url: &str, tokens: &[&str]) -> OnfidoSettings {
    OnfidoSettings {
        base_url: url.parse().unwrap(),
        api_token: Secret::new(API_TOKEN),
        webhook_tokens: ring(tokens),
        calls: calls(),
    }
}

pub fn digio_settings(url: &str, secrets: &[&str]) -> DigioSettings {
    DigioSettings {
        base_url: url.parse().unwrap(),
        gateway_url: url.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Secret::new(CLIENT_SECRET),
        webhook_secrets: ring(secrets),
        calls: calls(),
    }
}

pub async fn sumsub_simulator() -> SumsubSimulator {
    let account = SumsubAccount {
        app_token: Secret::new(APP_TOKEN),
        secret_key: Secret::new(SECRET_KEY),
        levels: vec![LEVEL.to_owned(), "other-level".to_owned()],
        webhook_digest: SumsubDigest::Sha256,
        seed: 7,
        webhooks: timing(),
    };
    SumsubSimulator::start(account).await.unwrap()
}

pub async fn onfido_simulator() -> OnfidoSimulator {
    let account = OnfidoAccount {
        api_token: Secret::new(API_TOKEN),
        workflows: vec![WORKFLOW.parse().unwrap()],
        seed: 7,
        webhooks: timing(),
    };
    OnfidoSimulator::start(account).await.unwrap()
}

pub async fn digio_simulator() -> DigioSimulator {
    let account = DigioAccount {
        client_id: CLIENT_ID.to_owned(),
        client_secret: Secret::new(CLIENT_SECRET),
        templates: vec![TEMPLATE.to_owned()],
        seed: 7,
        webhooks: timing(),
    };
    DigioSimulator::start(account).await.unwrap()
}

pub async fn sumsub() -> (SumsubSimulator, SumsubProvider) {
    let simulator = sumsub_simulator().await;
    let settings = sumsub_settings(&simulator.url(), &[WEBHOOK_SECRET]);
    (simulator, SumsubProvider::try_new(settings).unwrap())
}

pub async fn onfido() -> (OnfidoSimulator, OnfidoProvider) {
    let simulator = onfido_simulator().await;
    let settings = onfido_settings(&simulator.url(), &[WEBHOOK_SECRET]);
    (simulator, OnfidoProvider::try_new(settings).unwrap())
}

pub async fn digio() -> (DigioSimulator, DigioProvider) {
    let simulator = digio_simulator().await;
    let settings = digio_settings(&simulator.url(), &[WEBHOOK_SECRET]);
    (simulator, DigioProvider::try_new(settings).unwrap())
}

/// Any of the simulators.
pub enum Running {
    Sumsub(SumsubSimulator),
    Onfido(OnfidoSimulator),
    Digio(DigioSimulator),
}

/// A simulator and an adapter that speaks to it, whichever they are.
pub struct Pair {
    pub running: Running,
    pub provider: Arc<dyn IdentityProvider>,
    pub control: Arc<dyn IdentitySimulator>,
}

impl Pair {
    pub async fn start(provider: Provider, calls: CallPolicy) -> Self {
        match provider {
            Provider::Sumsub => {
                let simulator = sumsub_simulator().await;
                let settings = SumsubSettings {
                    calls,
                    ..sumsub_settings(&simulator.url(), &[WEBHOOK_SECRET])
                };
                Self {
                    control: simulator.control(),
                    provider: Arc::new(SumsubProvider::try_new(settings).unwrap()),
                    running: Running::Sumsub(simulator),
                }
            }
            Provider::Onfido => {
                let simulator = onfido_simulator().await;
                let settings = OnfidoSettings {
                    calls,
                    ..onfido_settings(&simulator.url(), &[WEBHOOK_SECRET])
                };
                Self {
                    control: simulator.control(),
                    provider: Arc::new(OnfidoProvider::try_new(settings).unwrap()),
                    running: Running::Onfido(simulator),
                }
            }
            Provider::Digio => {
                let simulator = digio_simulator().await;
                let settings = DigioSettings {
                    calls,
                    ..digio_settings(&simulator.url(), &[WEBHOOK_SECRET])
                };
                Self {
                    control: simulator.control(),
                    provider: Arc::new(DigioProvider::try_new(settings).unwrap()),
                    running: Running::Digio(simulator),
                }
            }
        }
    }

    /// One of each.
    pub async fn all() -> Vec<Self> {
        let mut pairs = Vec::new();
        for provider in Provider::ALL {
            pairs.push(Self::start(provider, calls()).await);
        }
        pairs
    }

    pub fn name(&self) -> Provider {
        self.provider.provider()
    }

    pub fn requests(&self) -> u64 {
        match &self.running {
            Running::Sumsub(simulator) => simulator.requests(),
            Running::Onfido(simulator) => simulator.requests(),
            Running::Digio(simulator) => simulator.requests(),
        }
    }

    pub async fn webhooks_settled(&self) {
        match &self.running {
            Running::Sumsub(simulator) => simulator.webhooks_settled().await,
            Running::Onfido(simulator) => simulator.webhooks_settled().await,
            Running::Digio(simulator) => simulator.webhooks_settled().await,
        }
    }

    pub async fn listening(&self) -> Receiver {
        let receiver = Receiver::start().await;
        let secrets = [Secret::new(WEBHOOK_SECRET)];
        self.control.set_webhook(&receiver.url(), &secrets);
        receiver
    }

    pub async fn status(&self, case_id: &ProviderId) -> Reported<CaseStatus> {
        let lookup = CaseLookup::Id(case_id.clone());
        self.provider.fetch_case(&lookup).await.unwrap().status
    }
}

pub fn level(provider: Provider) -> &'static str {
    match provider {
        Provider::Sumsub => LEVEL,
        Provider::Onfido => WORKFLOW,
        Provider::Digio => TEMPLATE,
    }
}

pub fn person() -> Person {
    Person {
        name: Some(PersonName::try_new(GIVEN, FAMILY).unwrap()),
        email: Some(EMAIL.parse().unwrap()),
        phone: Some(PHONE.parse().unwrap()),
    }
}

pub fn request(provider: Provider, name: &str) -> CaseRequest {
    CaseRequest {
        reference: reference(name),
        attempt: Attempt::First,
        level: level(provider).to_owned(),
        person: person(),
        entry: EntryKind::Page,
        entry_lifetime: Duration::from_secs(24 * 60 * 60),
        return_url: "http://127.0.0.1:9/return?tenant=1".parse().unwrap(),
    }
}

pub fn verify(
    provider: &dyn IdentityProvider,
    received: &Received,
) -> Result<WebhookFacts, WebhookRejection> {
    provider.verify_webhook(&WebhookDelivery {
        body: &received.body,
        headers: &received.headers,
        received_at: Utc::now(),
    })
}

/// What the genuine ones of all that came tell, in the order in which they came.
pub fn told(provider: &dyn IdentityProvider, receiver: &Receiver) -> Vec<WebhookFacts> {
    let received = receiver.received();
    let verified = received.iter().map(|received| verify(provider, received));
    verified.filter_map(Result::ok).collect()
}

/// What a webhook tells of its case, which must be something.
pub fn observation(facts: &WebhookFacts) -> &CaseObservation {
    match &facts.content {
        WebhookContent::Observations(observations) => &observations[0],
        other => panic!("{}: {other:?}", facts.event_type),
    }
}

pub fn known(observation: &CaseObservation) -> CaseStatus {
    match observation.status {
        Reported::Known(status) => status,
        Reported::Unknown(ref word) => panic!("{word}"),
    }
}

/// The error's code and words with every source, none of which may tell of the person or what the keys are.
pub fn words(error: &IdentityProviderError) -> String {
    let mut told = format!("{}: {error} {error:?}", error.code());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        told.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    tells_nothing(&told);
    told
}

pub fn tells_nothing(text: &str) {
    for secret in [
        EMAIL,
        GIVEN,
        FAMILY,
        "9876543210",
        "asha.rao",
        APP_TOKEN,
        SECRET_KEY,
        API_TOKEN,
        CLIENT_SECRET,
        WEBHOOK_SECRET,
        // What the simulators know.
        "Asha Rao",
        "1990",
    ] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
