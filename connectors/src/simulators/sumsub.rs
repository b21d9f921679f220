//! A local Sumsub.
//!
//! | request under `/resources` | answer |
//! |---|---|
//! | `POST /applicants?levelName=` | an applicant; 409 for one who is there |
//! | `GET /applicants/{id}/one`, `/applicants/-;externalUserId={id}/one` | an applicant |
//! | `GET /applicants/{id}/status`, `…/requiredIdDocsStatus`, `…/metadata/resources` | how far it is, and with what |
//! | `POST /applicants/{id}/info/idDoc` (multipart) | a document, named in `X-Image-Id` |
//! | `POST /applicants/{id}/status/pending`, `…/reset`, `…/moveToLevel?name=` | what it says |
//! | `POST /sdkIntegrations/levels/-/websdkLink` | the hosted page's address |
//! | `POST /accessTokens/sdk`, `/accessTokens?userId=` | a token |
//! | `GET /status/api` | 200 |
//! | `GET`, `POST /websdk/p/{key}` (a browser) | the hosted page |
//!
//! Requests are signed with the app token's secret and a time of the last minute. Errors are
//! `{"description","code","correlationId","errorCode","errorName"}`. Webhooks are signed with the digest of
//! the account and the secret that was the current one when their event happened.

mod account;
mod events;
mod routes;

use std::sync::Arc;

use super::cases::Office;
use super::control::IdentitySimulator;
use super::front::lock;
use super::razorpay::SimulatorStartError;
use super::server::Server;
use super::webhook_sender::WebhookTiming;
use crate::identity_providers::sumsub::SumsubDigest;
use crate::secret::Secret;
use account::Account;

/// Whose account it is and how it behaves.
#[derive(Debug, Clone)]
pub struct SumsubAccount {
    /// `sbx:…` or `prd:…`.
    pub app_token: Secret,
    /// The secret of the app token.
    pub secret_key: Secret,
    /// The levels that are set up.
    pub levels: Vec<String>,
    /// How webhooks are signed.
    pub webhook_digest: SumsubDigest,
    /// What ids and misbehaviour are made of.
    pub seed: u64,
    /// When webhooks are sent again.
    pub webhooks: WebhookTiming,
}

/// A running simulator.
#[derive(Debug)]
pub struct SumsubSimulator {
    server: Server,
    office: Arc<Office<Account>>,
}

impl SumsubSimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// [`SimulatorStartError`].
    pub async fn start(settings: SumsubAccount) -> Result<Self, SimulatorStartError> {
        let (seed, webhooks) = (settings.seed, settings.webhooks);
        let office = Office::try_new(seed, Account::new(settings), webhooks)?;
        let server = Server::start(routes::routes(&office)).await?;
        lock(&office.account).base_url = server.url();
        Ok(Self { server, office })
    }

    /// The base URL.
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
