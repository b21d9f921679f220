//! A server for tests.

use audit::sealer::{SealSettings, Sealer};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use documents::{DocumentSettings, Documents, ObjectStorage, StorageSettings};
use event_store::executor::{Applied, CommandOutcome, Outcome, Submission, SubmitError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use identity::authenticate::Authenticator;
use identity::delivery::NoDelivery;
use identity::identities::{Identities, IdentitySettings, SystemClock};
use identity::secret::{MasterKey, new_master_key};
use identity::session_policy::SessionPolicies;
use identity::tokens::Tokens;
use ledger_core::{Command, LedgerName, Position, Timestamp};
use metrics_exporter_prometheus::PrometheusBuilder;
use poem::test::{TestClient, TestRequestBuilder, TestResponse};
use poem::{Endpoint, Route};
use projections::{ProjectionStatus, Queries};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflows::routing::Router;
use workflows::webhooks::{Sealing, SealingError, Senders, WebhookSettings, Webhooks};

use crate::access::Access;
use crate::api::{Api, ApiDependencies};
use crate::commands::CommandPort;
use crate::edge::Edge;
use crate::health::Component;

type Answering = dyn Fn(&Submission) -> Result<Outcome, SubmitError> + Send + Sync;

/// Remembers what it is given and answers as it was told to.
pub struct RememberingPort {
    seen: Mutex<Vec<(LedgerName, Submission)>>,
    answer: Box<Answering>,
}

impl CommandPort for RememberingPort {
    fn submit(
        &self,
        ledger: LedgerName,
        submission: Submission,
    ) -> BoxFuture<'_, Result<Outcome, SubmitError>> {
        let answer = (self.answer)(&submission);
        self.seen.lock().unwrap().push((ledger, submission));
        async move { answer }.boxed()
    }
}

/// A server whose database cannot be reached.
pub struct Server {
    pub client: TestClient<Edge<Route>>,
    port: Arc<RememberingPort>,
}

impl Server {
    /// Accepts every command.
    pub fn accepting() -> Self {
        Self::answering(|submission| Ok(accepted(submission)))
    }

    /// Answers every submission by the function.
    pub fn answering(
        answer: impl Fn(&Submission) -> Result<Outcome, SubmitError> + Send + Sync + 'static,
    ) -> Self {
        let port = Arc::new(RememberingPort {
            seen: Mutex::default(),
            answer: Box::new(answer),
        });
        let pool = PgPoolOptions::new()
            .acquire_timeout(std::time::Duration::from_millis(200))
            .connect_lazy("postgres://nobody@127.0.0.1:1/none")
            .unwrap();
        let server = Api::new(ApiDependencies {
            router: Router::default(),
            commands: port.clone(),
            queries: Queries::over(pool.clone(), ProjectionStatus::default()),
            authenticator: authenticator(pool.clone()),
            access: Access::Open,
            webhooks: webhooks(pool.clone()),
            public_url: "https://daybook.example/".parse().unwrap(),
            readiness: Arc::new(Vec::<Component>::new),
            pool: pool.clone(),
            vault: None,
            onboarding_contacts: BTreeSet::new(),
            sealer: Sealer::new(&pool, None, SealSettings::default()),
            documents: documents(pool.clone()),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
        });
        Self {
            client: TestClient::new(server),
            port,
        }
    }

    /// What has reached the ledger.
    pub fn submissions(&self) -> Vec<(LedgerName, Submission)> {
        self.port.seen.lock().unwrap().clone()
    }

    /// Posts a body as JSON.
    pub async fn post(&self, path: &str, body: impl Into<String>) -> TestResponse {
        json(self.client.post(path), body).send().await
    }
}

/// Documents that nobody brings.
fn documents(pool: PgPool) -> Documents {
    let folder = std::env::temp_dir().join(format!("daybook-api-{}", std::process::id()));
    let storage = ObjectStorage::open(&StorageSettings::Folder(folder)).unwrap();
    Documents::new(pool, storage, None, DocumentSettings::default())
}

/// Nothing is stored here.
#[derive(Debug)]
struct NobodySeals;

impl Sealing for NobodySeals {
    fn seal(&self, _place: &str, _content: &[u8]) -> Result<Vec<u8>, SealingError> {
        Err(SealingError)
    }

    fn open(&self, _place: &str, _sealed: &[u8]) -> Result<Vec<u8>, SealingError> {
        Err(SealingError)
    }
}

/// Webhooks to nobody.
pub fn webhooks(pool: PgPool) -> Webhooks {
    Webhooks::start(
        Senders::default(),
        pool,
        Arc::new(NobodySeals),
        WebhookSettings::default(),
        CancellationToken::new(),
    )
}

/// Knows nobody: its database cannot be reached.
fn authenticator(pool: PgPool) -> Authenticator {
    let master_key = MasterKey::from_text(&new_master_key().unwrap()).unwrap();
    let identities = Identities::new(
        pool,
        Arc::new(master_key),
        Arc::new(NoDelivery),
        Arc::new(SystemClock),
        IdentitySettings {
            issuer: "http://daybook.example".to_owned(),
            audience: "http://daybook.example".to_owned(),
            access_token_lifetime: std::time::Duration::from_secs(300),
            sessions: SessionPolicies::default(),
            second_factors: Vec::new(),
        },
    );
    let tokens = Tokens::new(identities.clone());
    Authenticator::start(identities, tokens, None, CancellationToken::new())
}

/// A request with a JSON body.
pub fn json<E: Endpoint>(
    request: TestRequestBuilder<'_, E>,
    body: impl Into<String>,
) -> TestRequestBuilder<'_, E> {
    request.content_type("application/json").body(body.into())
}

/// What the ledger says to commands it accepts.
pub fn accepted(submission: &Submission) -> Outcome {
    let position = |index: usize| Position::START.plus(i64::try_from(index).unwrap() + 1);
    Outcome {
        recorded_at: "2026-01-31T12:00:00.000001Z".parse::<Timestamp>().unwrap(),
        position: position(submission.commands.len() - 1),
        commands: submission
            .commands
            .iter()
            .enumerate()
            .map(|(index, command)| {
                CommandOutcome::Applied(Applied {
                    position: position(index),
                    created: created_by(command),
                })
            })
            .collect(),
        replayed: false,
    }
}

fn created_by(command: &Command) -> Option<Uuid> {
    match command {
        Command::OpenWallet { wallet, .. } => Some(wallet.as_uuid()),
        Command::PostTransaction { transaction, .. } | Command::CaptureHold { transaction, .. } => {
            Some(transaction.as_uuid())
        }
        Command::RevertTransaction {
            reverting_transaction,
            ..
        } => Some(reverting_transaction.as_uuid()),
        Command::PlaceHold { hold, .. } => Some(hold.as_uuid()),
        Command::Payment { .. }
        | Command::Payout { .. }
        | Command::Beneficiary { .. }
        | Command::Settlement { .. }
        | Command::SetPaymentPolicy { .. }
        | Command::OpenLedger { .. }
        | Command::RegisterAsset { .. }
        | Command::OpenSystemAccount { .. }
        | Command::FreezeWallet { .. }
        | Command::UnfreezeWallet { .. }
        | Command::SetWalletOverdraft { .. }
        | Command::CloseWallet { .. }
        | Command::VoidHold { .. }
        | Command::ExpireHold { .. }
        | Command::SetTier { .. }
        | Command::SetDefaultTier { .. }
        | Command::Owner { .. }
        | Command::VerificationCase { .. }
        | Command::Profile { .. }
        | Command::Onboarding { .. } => None,
    }
}

/// The body of a problem, whose common members are checked on the way.
pub async fn problem(response: TestResponse) -> Value {
    response.assert_content_type("application/problem+json");
    let status = response.0.status().as_u16();
    let request_id = response.0.header("X-Request-Id").unwrap().to_owned();
    let body: Value = response.0.into_body().into_json().await.unwrap();
    assert_eq!(body["status"], status);
    let code = body["code"].as_str().unwrap();
    assert_eq!(body["type"], format!("urn:daybook:problem:{code}"));
    assert_eq!(
        body["instance"],
        format!("urn:daybook:request:{request_id}")
    );
    assert!(!body["title"].as_str().unwrap().is_empty());
    assert!(!body["detail"].as_str().unwrap().is_empty());
    assert!(body["retryable"].is_boolean());
    body
}

/// Each field error as `place code`.
pub fn faults(problem: &Value) -> Vec<String> {
    problem["errors"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|error| {
            let place = error["pointer"].as_str().or(error["parameter"].as_str());
            format!("{} {}", place.unwrap(), error["code"].as_str().unwrap())
        })
        .collect()
}
