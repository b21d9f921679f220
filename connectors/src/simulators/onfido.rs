//! A local Onfido, version 3.6, of which it has Studio's workflow runs.
//!
//! | request under `/v3.6` | answer |
//! |---|---|
//! | `POST /applicants`, `GET …/{id}`, `DELETE …/{id}` | applicants |
//! | `POST /documents` (multipart), `GET …?applicant_id=`, `…/{id}` | documents |
//! | `POST /workflow_runs`, `GET …[?tags=&applicant_id=&status=]`, `…/{id}` | runs |
//! | `POST /sdk_token` | a token |
//! | `GET`, `POST /l/{run}` (a browser) | the hosted page |
//!
//! `Authorization: Token token=…` is wanted. Errors are `{"error":{"type","message","fields"}}`. Webhooks are
//! signed with the token that was the current one when their event happened.

mod account;
mod events;
mod routes;

use std::sync::Arc;

use uuid::Uuid;

use super::cases::Office;
use super::control::IdentitySimulator;
use super::front::lock;
use super::razorpay::SimulatorStartError;
use super::server::Server;
use super::webhook_sender::WebhookTiming;
use crate::secret::Secret;
use account::Account;

/// Whose account it is and how it behaves.
#[derive(Debug, Clone)]
pub struct OnfidoAccount {
    /// The API token.
    pub api_token: Secret,
    /// The workflows that are set up.
    pub workflows: Vec<Uuid>,
    /// What ids and misbehaviour are made of.
    pub seed: u64,
    /// When webhooks are sent again.
    pub webhooks: WebhookTiming,
}

/// A running simulator.
#[derive(Debug)]
pub struct OnfidoSimulator {
    server: Server,
    office: Arc<Office<Account>>,
}

impl OnfidoSimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// [`SimulatorStartError`].
    pub async fn start(settings: OnfidoAccount) -> Result<Self, SimulatorStartError> {
        let (seed, webhooks) = (settings.seed, settings.webhooks);
        let office = Office::try_new(seed, Account::new(settings), webhooks)?;
        let server = Server::start(routes::routes(&office)).await?;
        lock(&office.account).base_url = server.url();
        Ok(Self { server, office })
    }

    /// The base URL, with the version.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/v3.6", self.server.url())
    }

    /// The URL of the control interface.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("{}/_simulator", self.server.url())
    }

    /// The world around it.
    #[must_use]
    pub fn control(&self) -> Arc<dyn IdentitySimulator> {
        // The annotation makes it a trait object.
        let office: Arc<dyn IdentitySimulator> = self.office.clone();
        office
    }

    /// How many applicants there are that were not deleted.
    #[must_use]
    pub fn applicants(&self) -> usize {
        lock(&self.office.account).applicants.len()
    }

    /// How many requests came, right or wrong.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.office.front.requests()
    }

    /// Waits until no webhook is under way.
    pub async fn webhooks_settled(&self) {
        self.office.sender.settled().await;
    }
}
