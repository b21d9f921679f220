//! Identity providers on this machine, for who tries Daybook: nobody is checked, by the real protocols.

use std::sync::Arc;

use connectors::identity_providers::EntryKind;
use connectors::identity_providers::sumsub::SumsubDigest;
use connectors::secret::Secret;
use connectors::simulators::digio::{DigioAccount, DigioSimulator};
use connectors::simulators::onfido::{OnfidoAccount, OnfidoSimulator};
use connectors::simulators::sumsub::{SumsubAccount, SumsubSimulator};
use connectors::simulators::{IdentitySimulator, WebhookTiming};
use ledger_core::LedgerName;
use url::Url;
use uuid::Uuid;
use workflows::{IdentityAccount, IdentityAccounts, Levels};

use super::{ENDPOINT, POLLING, SimulatorsError, address, ring, secret};
use crate::node::IdentityOptions;
use crate::settings::verification::Credentials;

/// What is checked, by the names of levels, templates and a workflow that the simulators know.
const LEVEL: &str = "simulated-level";

/// Three running simulators, which stop when they are dropped.
#[derive(Debug)]
pub struct IdentitySimulators {
    sumsub: SumsubSimulator,
    onfido: OnfidoSimulator,
    digio: DigioSimulator,
    workflow: Uuid,
    secrets: Secrets,
}

/// What everybody signs with.
#[derive(Debug)]
struct Secrets {
    sumsub_token: Secret,
    sumsub_key: Secret,
    onfido_token: Secret,
    digio_secret: Secret,
    webhook: Secret,
}

impl IdentitySimulators {
    /// Starts all three.
    ///
    /// # Errors
    /// [`SimulatorsError`].
    pub async fn start() -> Result<Self, SimulatorsError> {
        let secrets = Secrets {
            sumsub_token: secret("sbx:"),
            sumsub_key: secret(""),
            onfido_token: secret("api_sandbox."),
            digio_secret: secret(""),
            webhook: secret(""),
        };
        let (workflow, webhooks) = (Uuid::new_v4(), WebhookTiming::default());
        let sumsub = SumsubSimulator::start(SumsubAccount {
            app_token: secrets.sumsub_token.clone(),
            secret_key: secrets.sumsub_key.clone(),
            levels: vec![LEVEL.to_owned()],
            webhook_digest: SumsubDigest::Sha256,
            seed: 5,
            webhooks,
        });
        let onfido = OnfidoSimulator::start(OnfidoAccount {
            api_token: secrets.onfido_token.clone(),
            workflows: vec![workflow],
            seed: 6,
            webhooks,
        });
        let digio = DigioSimulator::start(DigioAccount {
            client_id: "simulator".to_owned(),
            client_secret: secrets.digio_secret.clone(),
            templates: vec![LEVEL.to_owned()],
            seed: 7,
            webhooks,
        });
        Ok(Self {
            sumsub: sumsub.await?,
            onfido: onfido.await?,
            digio: digio.await?,
            workflow,
            secrets,
        })
    }

    /// A node's checks through the simulators, for one ledger, whatever the tier.
    ///
    /// # Errors
    /// [`SimulatorsError`].
    pub fn options(&self, ledger: LedgerName) -> Result<IdentityOptions, SimulatorsError> {
        let secrets = &self.secrets;
        let workflow = self.workflow.to_string();
        let all = [
            (
                LEVEL,
                Credentials::Sumsub {
                    base_url: address(&self.sumsub.url())?,
                    app_token: secrets.sumsub_token.clone(),
                    secret_key: secrets.sumsub_key.clone(),
                    webhook_secrets: ring(&secrets.webhook)?,
                    webhook_digest: SumsubDigest::Sha256,
                },
            ),
            (
                &*workflow,
                Credentials::Onfido {
                    base_url: address(&self.onfido.url())?,
                    api_token: secrets.onfido_token.clone(),
                    webhook_tokens: ring(&secrets.webhook)?,
                },
            ),
            (
                LEVEL,
                Credentials::Digio {
                    base_url: address(&self.digio.url())?,
                    gateway_url: self.digio.url(),
                    client_id: "simulator".to_owned(),
                    client_secret: secrets.digio_secret.clone(),
                    webhook_secrets: ring(&secrets.webhook)?,
                },
            ),
        ];
        let mut accounts = Vec::new();
        for (level, credentials) in all {
            accounts.push(IdentityAccount {
                ledger,
                endpoint: ENDPOINT.to_owned(),
                identity_provider: credentials.identity_provider()?,
                levels: Levels::of_all(level),
                entry: EntryKind::Page,
            });
        }
        Ok(IdentityOptions {
            accounts: IdentityAccounts::try_new(accounts)?,
            polling: Some(POLLING),
        })
    }

    /// Sends webhooks to a node from now on; `node` is its address, with a slash at the end.
    pub fn send_webhooks_to(&self, node: &Url) {
        let controls: [(&str, Arc<dyn IdentitySimulator>); 3] = [
            ("sumsub", self.sumsub.control()),
            ("onfido", self.onfido.control()),
            ("digio", self.digio.control()),
        ];
        for (provider, control) in controls {
            let url = format!("{node}v1/webhooks/{provider}/{ENDPOINT}");
            control.set_webhook(&url, std::slice::from_ref(&self.secrets.webhook));
        }
    }
}
