//! The four simulated gateways of the proof, and the settings by which the program knows them.

use std::sync::Arc;
use std::time::Duration;

use connectors::gateways::CaptureMode;
use connectors::gateways::payu::PayUResponseHash;
use connectors::secret::Secret;
use connectors::simulators::instamojo::{InstamojoAccount, InstamojoSimulator};
use connectors::simulators::payu::{PayUAccount, PayUSimulator};
use connectors::simulators::razorpay::{RazorpayAccount, RazorpaySimulator};
use connectors::simulators::stripe::{StripeAccount, StripeSimulator};
use connectors::simulators::{Chances, GatewaySimulator, WebhookTiming};

/// What everything is signed with: these simulators are reached by nobody else.
const SECRET: &str = "asecretoftheproof";
pub const STRIPE_SECRET: &str = "whsec_asecretoftheproof";

/// The ledger that they serve.
pub const LEDGER: &str = "proof";

pub struct Gateways {
    pub razorpay: RazorpaySimulator,
    pub stripe: StripeSimulator,
    pub payu: PayUSimulator,
    pub instamojo: InstamojoSimulator,
}

impl Gateways {
    pub async fn start(seed: u64) -> Self {
        let webhooks = WebhookTiming {
            first_pause: Duration::from_millis(100),
            attempts: 10,
            longest_hold: Duration::from_millis(300),
        };
        let secret = || Secret::new(SECRET);
        let razorpay = RazorpaySimulator::start(RazorpayAccount {
            key_id: "rzp_test_proof".to_owned(),
            key_secret: secret(),
            payout_account: "7878780080316316".to_owned(),
            seed,
            webhooks,
        });
        let stripe = StripeSimulator::start(StripeAccount {
            api_key: Secret::new("sk_test_proof"),
            seed,
            webhooks,
        });
        let payu = PayUSimulator::start(PayUAccount {
            key: "proof".to_owned(),
            salt: secret(),
            capture: CaptureMode::Automatic,
            response_hash: PayUResponseHash::Plain,
            seed,
            webhooks,
        });
        let instamojo = InstamojoSimulator::start(InstamojoAccount {
            api_key: secret(),
            auth_token: secret(),
            client_id: "proof".to_owned(),
            client_secret: secret(),
            salt: secret(),
            seed,
            webhooks,
        });
        let this = Self {
            razorpay: razorpay.await.unwrap(),
            stripe: stripe.await.unwrap(),
            payu: payu.await.unwrap(),
            instamojo: instamojo.await.unwrap(),
        };
        this.instamojo.allow_many_refunds(true);
        this.razorpay.set_payout_outcome(Some("processed"));
        this.stripe.set_payout_outcome(Some("paid"));
        // Paid out by itself, Stripe says which payments are in a payout.
        this.stripe.set_interval("daily");
        this
    }

    pub fn all(&self) -> [(&'static str, Arc<dyn GatewaySimulator>); 4] {
        [
            ("razorpay", self.razorpay.control()),
            ("stripe", self.stripe.control()),
            ("payu", self.payu.control()),
            ("instamojo", self.instamojo.control()),
        ]
    }

    pub fn of(&self, provider: &str) -> Arc<dyn GatewaySimulator> {
        let found = self.all().into_iter().find(|(name, _)| *name == provider);
        found.unwrap().1
    }

    pub fn misbehave(&self, chances: Chances) {
        for (_, gateway) in self.all() {
            gateway.set_chances(chances);
        }
    }

    /// Webhooks of the first two go to the first node, those of the others to the second.
    pub fn tell(&self, nodes: &[String; 2]) {
        for (index, (provider, gateway)) in self.all().into_iter().enumerate() {
            let url = format!("{}/v1/webhooks/{provider}/main", nodes[index / 2]);
            let secret = if provider == "stripe" {
                STRIPE_SECRET
            } else {
                SECRET
            };
            gateway.set_webhook(&url, &[Secret::new(secret)]);
        }
    }

    /// The file by which the program knows them.
    pub fn settings(&self, public_url: &str) -> String {
        format!(
            r#"
[payments]
public_url = "{public_url}/"
polling_ms = 500
capture_grace_ms = 300
[[payments.accounts]]
ledger = "{LEDGER}"
endpoint = "main"
provider = "razorpay"
base_url = "{razorpay}"
key_id = "rzp_test_proof"
key_secrets = ["{SECRET}"]
webhook_secrets = ["{SECRET}"]
checkout = "hosted_page"
payout_account = "7878780080316316"
[[payments.accounts]]
ledger = "{LEDGER}"
endpoint = "main"
provider = "stripe"
base_url = "{stripe}"
api_key = "sk_test_proof"
webhook_secrets = ["{STRIPE_SECRET}"]
[[payments.accounts]]
ledger = "{LEDGER}"
endpoint = "main"
provider = "payu"
page_url = "{payu}"
api_url = "{payu}"
key = "proof"
salts = ["{SECRET}"]
[[payments.accounts]]
ledger = "{LEDGER}"
endpoint = "main"
provider = "instamojo"
base_url = "{instamojo}"
client_id = "proof"
client_secret = "{SECRET}"
salts = ["{SECRET}"]
[[payments.routing]]
name = "by share"
direction = "in"
choices = [
  {{ provider = "razorpay", share = 3 }}, {{ provider = "stripe", share = 3 }},
  {{ provider = "payu", share = 2 }}, {{ provider = "instamojo", share = 2 }},
]
"#,
            razorpay = self.razorpay.url(),
            stripe = self.stripe.url(),
            payu = self.payu.url(),
            instamojo = self.instamojo.url(),
        )
    }
}
