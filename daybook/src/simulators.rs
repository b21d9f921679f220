//! Providers on this machine, for who tries Daybook: money that is nobody's, moved by the real protocols, and
//! nobody's identity checked by others ([`IdentitySimulators`]).
//!
//! They serve one ledger, at free ports of the loopback interface, with secrets that are made anew at each
//! start. What they know is gone when they stop, so that deposits which are open then expire.

mod checkers;

use std::sync::Arc;
use std::time::Duration;

use connectors::gateways::payu::PayUResponseHash;
use connectors::gateways::razorpay::RazorpayCheckout;
use connectors::gateways::{self, CaptureMode, SecretRing};
use connectors::outbound::{BaseUrl, BaseUrlError};
use connectors::secret::Secret;
use connectors::simulators::instamojo::{InstamojoAccount, InstamojoSimulator};
use connectors::simulators::payu::{PayUAccount, PayUSimulator};
use connectors::simulators::razorpay::{RazorpayAccount, RazorpaySimulator, SimulatorStartError};
use connectors::simulators::stripe::{StripeAccount, StripeSimulator};
use connectors::simulators::{GatewaySimulator, WebhookTiming};
use ledger_core::LedgerName;
use url::Url;
use uuid::Uuid;
use workflows::retention::RetentionSettings;
use workflows::routing::{Choice, Direction, RoutingRule, RoutingRules, RoutingRulesError};
use workflows::webhooks::WebhookSettings;
use workflows::{GatewayAccount, GatewayAccounts, GatewayAccountsError};

use crate::node::PaymentOptions;
use crate::settings::payments::{Credentials, CredentialsError};
use crate::settings::verification::CredentialsError as IdentityCredentialsError;
pub use checkers::IdentitySimulators;

/// The last part of the webhooks' addresses.
const ENDPOINT: &str = "simulator";

/// The account that simulated payouts come from.
const PAYOUT_ACCOUNT: &str = "7878780080316316";

/// How often the same thing is asked at most: nobody minds, and people are waiting.
const POLLING: Duration = Duration::from_secs(5);

/// How long a simulated provider has to capture by itself: it does so at once, or was told not to.
const CAPTURE_GRACE: Duration = Duration::from_secs(5);

/// Why simulators cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorsError {
    /// One does not start.
    #[error("a simulator does not start")]
    Start(#[from] SimulatorStartError),
    /// Its address is of no use.
    #[error("a simulator's address is of no use")]
    Address(#[from] BaseUrlError),
    /// Its secrets are of no use.
    #[error("a simulator's secrets are of no use")]
    Secrets(#[from] gateways::CredentialsError),
    /// Its credentials are of no use.
    #[error("a simulator's credentials are of no use")]
    Credentials(#[from] CredentialsError),
    /// The credentials of an identity provider are of no use.
    #[error("a simulator's credentials are of no use")]
    IdentityCredentials(#[from] IdentityCredentialsError),
    /// They cannot be used together.
    #[error("simulators cannot be used together")]
    Accounts(#[from] GatewayAccountsError),
    /// The rules that choose between them make no sense.
    #[error("the rules that choose between simulators make no sense")]
    Rules(#[from] RoutingRulesError),
}

/// Four running simulators, which stop when they are dropped.
#[derive(Debug)]
pub struct Simulators {
    razorpay: RazorpaySimulator,
    stripe: StripeSimulator,
    payu: PayUSimulator,
    instamojo: InstamojoSimulator,
    secrets: Secrets,
}

/// What everybody signs with.
#[derive(Debug)]
struct Secrets {
    razorpay_key: Secret,
    razorpay_webhook: Secret,
    stripe_key: Secret,
    stripe_webhook: Secret,
    payu_salt: Secret,
    instamojo_client: Secret,
    instamojo_salt: Secret,
}

impl Secrets {
    fn new() -> Self {
        Self {
            razorpay_key: secret(""),
            razorpay_webhook: secret(""),
            stripe_key: secret("sk_test_"),
            stripe_webhook: secret("whsec_"),
            payu_salt: secret(""),
            instamojo_client: secret(""),
            instamojo_salt: secret(""),
        }
    }
}

fn secret(prefix: &str) -> Secret {
    Secret::new(format!("{prefix}{}", Uuid::new_v4().simple()))
}

impl Simulators {
    /// Starts all four.
    ///
    /// # Errors
    /// [`SimulatorsError`].
    pub async fn start() -> Result<Self, SimulatorsError> {
        let secrets = Secrets::new();
        let webhooks = WebhookTiming::default();
        let razorpay = RazorpaySimulator::start(RazorpayAccount {
            key_id: "rzp_test_simulator".to_owned(),
            key_secret: secrets.razorpay_key.clone(),
            payout_account: PAYOUT_ACCOUNT.to_owned(),
            seed: 1,
            webhooks,
        });
        let stripe = StripeSimulator::start(StripeAccount {
            api_key: secrets.stripe_key.clone(),
            seed: 2,
            webhooks,
        });
        let payu = PayUSimulator::start(PayUAccount {
            key: "simulator".to_owned(),
            salt: secrets.payu_salt.clone(),
            capture: CaptureMode::Automatic,
            response_hash: PayUResponseHash::Plain,
            seed: 3,
            webhooks,
        });
        let instamojo = InstamojoSimulator::start(InstamojoAccount {
            api_key: secret(""),
            auth_token: secret(""),
            client_id: "simulator".to_owned(),
            client_secret: secrets.instamojo_client.clone(),
            salt: secrets.instamojo_salt.clone(),
            seed: 4,
            webhooks,
        });
        let this = Self {
            razorpay: razorpay.await?,
            stripe: stripe.await?,
            payu: payu.await?,
            instamojo: instamojo.await?,
            secrets,
        };
        this.razorpay.set_payout_outcome(Some("processed"));
        this.stripe.set_payout_outcome(Some("paid"));
        Ok(this)
    }

    /// A node's payments through the simulators, for one ledger.
    ///
    /// # Errors
    /// [`SimulatorsError`].
    pub fn options(&self, ledger: LedgerName) -> Result<PaymentOptions, SimulatorsError> {
        let mut accounts = Vec::new();
        for credentials in self.credentials()? {
            accounts.push(GatewayAccount {
                ledger,
                endpoint: ENDPOINT.to_owned(),
                gateway: credentials.gateway()?,
            });
        }
        Ok(PaymentOptions {
            accounts: GatewayAccounts::try_new(accounts)?,
            rules: rules()?,
            public_url: None,
            polling: Some(POLLING),
            page_lifetime: None,
            capture_grace: Some(CAPTURE_GRACE),
            retention: RetentionSettings::default(),
            webhooks: WebhookSettings::default(),
        })
    }

    fn credentials(&self) -> Result<[Credentials; 4], SimulatorsError> {
        let secrets = &self.secrets;
        Ok([
            Credentials::Razorpay {
                base_url: address(&self.razorpay.url())?,
                key_id: "rzp_test_simulator".to_owned(),
                key_secrets: ring(&secrets.razorpay_key)?,
                webhook_secrets: ring(&secrets.razorpay_webhook)?,
                checkout: RazorpayCheckout::PaymentLink,
                payout_account: Some(Secret::new(PAYOUT_ACCOUNT)),
            },
            Credentials::Stripe {
                base_url: address(&self.stripe.url())?,
                api_key: secrets.stripe_key.clone(),
                webhook_secrets: ring(&secrets.stripe_webhook)?,
            },
            Credentials::Payu {
                page_url: address(&self.payu.url())?,
                api_url: address(&self.payu.url())?,
                key: "simulator".to_owned(),
                salts: ring(&secrets.payu_salt)?,
                response_hash: PayUResponseHash::Plain,
            },
            Credentials::Instamojo {
                base_url: address(&self.instamojo.url())?,
                api_key: None,
                auth_token: None,
                client_id: Some("simulator".to_owned()),
                client_secret: Some(secrets.instamojo_client.clone()),
                salts: ring(&secrets.instamojo_salt)?,
            },
        ])
    }

    /// Sends webhooks to a node from now on; `node` is its address, with a slash at the end.
    pub fn send_webhooks_to(&self, node: &Url) {
        let secrets = &self.secrets;
        let controls: [(&str, Arc<dyn GatewaySimulator>, &Secret); 4] = [
            (
                "razorpay",
                self.razorpay.control(),
                &secrets.razorpay_webhook,
            ),
            ("stripe", self.stripe.control(), &secrets.stripe_webhook),
            ("payu", self.payu.control(), &secrets.payu_salt),
            (
                "instamojo",
                self.instamojo.control(),
                &secrets.instamojo_salt,
            ),
        ];
        for (provider, control, secret) in controls {
            let url = format!("{node}v1/webhooks/{provider}/{ENDPOINT}");
            control.set_webhook(&url, std::slice::from_ref(secret));
        }
    }
}

/// Razorpay unless the caller wants another, so that the same commands always lead to the same page.
fn rules() -> Result<RoutingRules, SimulatorsError> {
    let names = ["razorpay", "stripe", "payu", "instamojo"];
    let choices: Vec<Choice> = names
        .iter()
        .filter_map(|name| name.parse().ok())
        .map(|provider| Choice { provider, share: 0 })
        .collect();
    let rule = |direction, name: &str| RoutingRule {
        name: name.to_owned(),
        direction,
        ledgers: Vec::new(),
        assets: Vec::new(),
        methods: Vec::new(),
        countries: Vec::new(),
        least: None,
        most: None,
        choices: choices.clone(),
    };
    let rules = vec![
        rule(Direction::In, "simulated deposits"),
        rule(Direction::Out, "simulated payouts"),
    ];
    Ok(RoutingRules::try_new("1", rules)?)
}

fn address(url: &str) -> Result<Option<BaseUrl>, SimulatorsError> {
    Ok(Some(url.parse()?))
}

fn ring(secret: &Secret) -> Result<SecretRing, SimulatorsError> {
    Ok(SecretRing::try_new(vec![secret.clone()])?)
}
