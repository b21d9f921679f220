//! A local Digio, of which it has KYC requests by template.
//!
//! | request | answer |
//! |---|---|
//! | `POST /client/kyc/v2/request/with_template` | a request and a token |
//! | `POST` or `GET /client/kyc/v2/{id}/response` | how far it is, and with what |
//! | `GET`, `POST /gateway/login/{id}/{text}/{contact}?token_id=&redirect_url=` (a browser) | the hosted page |
//!
//! Basic authentication with the client's id and secret is wanted. Errors are `{"code","message","details"}`.
//! Webhooks are signed with the secret that was the current one when their event happened; events are
//! named in both of Digio's spellings.

mod account;
mod events;
mod routes;

use std::sync::Arc;

use super::cases::Office;
use super::control::IdentitySimulator;
use super::razorpay::SimulatorStartError;
use super::server::Server;
use super::webhook_sender::WebhookTiming;
use crate::secret::Secret;
use account::Account;

/// Whose account it is and how it behaves.
#[derive(Debug, Clone)]
pub struct DigioAccount {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// The templates that are set up.
    pub templates: Vec<String>,
    /// What ids and misbehaviour are made of.
    pub seed: u64,
    /// When webhooks are sent again.
    pub webhooks: WebhookTiming,
}

/// A running simulator.
#[derive(Debug)]
pub struct DigioSimulator {
    server: Server,
    office: Arc<Office<Account>>,
}

impl DigioSimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// [`SimulatorStartError`].
    pub async fn start(settings: DigioAccount) -> Result<Self, SimulatorStartError> {
        let (seed, webhooks) = (settings.seed, settings.webhooks);
        let office = Office::try_new(seed, Account::new(settings), webhooks)?;
        let server = Server::start(routes::routes(&office)).await?;
        Ok(Self { server, office })
    }

    /// The base URL, of the interface and of the pages.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The world around it.
    #[must_use]
    pub fn control(&self) -> Arc<dyn IdentitySimulator> {
        // The annotation makes it a trait object.
        let office: Arc<dyn IdentitySimulator> = self.office.clone();
        office
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
