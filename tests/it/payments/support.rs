//! A node with accounts at simulated providers, and what a test does with it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::gateways::razorpay::{RazorpayCheckout, RazorpayGateway, RazorpaySettings};
use connectors::gateways::stripe::{StripeGateway, StripeSettings};
use connectors::gateways::{CallPolicy, SecretRing};
use connectors::secret::Secret;
use connectors::simulators::WebhookTiming;
use connectors::simulators::razorpay::{RazorpayAccount, RazorpaySimulator};
use connectors::simulators::stripe::{StripeAccount, StripeSimulator};
use daybook::cli::Role as Part;
use daybook::node::{NodeOptions, PaymentOptions};
use event_store::executor::{Atomicity, Outcome, Submission};
use identity::secret::MasterKey;
use ledger_core::event::EventMetadata;
use ledger_core::payment::{NewPayment, PaymentAction};
use ledger_core::provider::{Candidate, Route};
use ledger_core::{Command, LedgerName, PaymentId, ProviderName};
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;
use workflows::jobs::{Job, NewJob, insert_jobs_in_tx};
use workflows::webhooks::WebhookSettings;
use workflows::{GatewayAccount, GatewayAccounts};

use crate::harness::node::{TestNode, master_key, new_ledger_name, options};
use crate::harness::{TestDatabase, shared_nats_url};

pub const RAZORPAY_SECRET: &str = "razorpay webhook secret";
pub const RAZORPAY_SECRET_BEFORE: &str = "the razorpay secret before";
pub const STRIPE_SECRET: &str = "whsec_c3RyaXBlc2VjcmV0";
const KEY_ID: &str = "rzp_test_1DP5mmOlF5G5ag";
const KEY_SECRET: &str = "a key secret";

/// How long something that has to happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The providers and the database of one test; nodes come and go.
pub struct World {
    pub razorpay: RazorpaySimulator,
    pub stripe: StripeSimulator,
    pub database: TestDatabase,
    pub ledger: String,
    /// What all nodes seal with.
    master_key: Arc<MasterKey>,
    polling: Option<Duration>,
}

impl World {
    pub async fn new(polling: Option<Duration>) -> Self {
        let webhooks = WebhookTiming {
            first_pause: Duration::from_millis(50),
            attempts: 12,
            longest_hold: Duration::from_millis(200),
        };
        let razorpay = RazorpaySimulator::start(RazorpayAccount {
            key_id: KEY_ID.to_owned(),
            key_secret: Secret::new(KEY_SECRET),
            payout_account: "7878780080316316".to_owned(),
            seed: 7,
            webhooks,
        });
        let stripe = StripeSimulator::start(StripeAccount {
            api_key: Secret::new("sk_test_4eC39HqLyjWDarjtT1zdp7dc"),
            seed: 8,
            webhooks,
        });
        Self {
            razorpay: razorpay.await.unwrap(),
            stripe: stripe.await.unwrap(),
            database: TestDatabase::create().await,
            ledger: new_ledger_name(),
            master_key: Arc::new(master_key()),
            polling,
        }
    }

    /// A node with all parts, and money for nobody. Webhooks go to it.
    pub async fn start() -> (Self, TestNode) {
        let world = Self::new(None).await;
        let node = world.node(&Part::ALL).await;
        (world, node)
    }

    /// A node with some parts, to which webhooks go from now on.
    pub async fn node(&self, parts: &[Part]) -> TestNode {
        self.node_with(parts, |_| {}).await
    }

    /// The same, set up in another way.
    pub async fn node_with(
        &self,
        parts: &[Part],
        change: impl FnOnce(&mut PaymentOptions),
    ) -> TestNode {
        let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
        let mut payments = self.payments();
        change(&mut payments);
        let mut options = NodeOptions {
            roles: parts.to_vec(),
            payments,
            ..options(&self.database.url, nats)
        };
        options.access.master_key = Arc::clone(&self.master_key);
        let node = TestNode::named(options, None, &self.ledger).await;
        let address = |provider: &str| node.url(&format!("/v1/webhooks/{provider}/main"));
        let secret = Secret::new(RAZORPAY_SECRET);
        self.razorpay
            .control()
            .set_webhook(&address("razorpay"), &[secret]);
        let secrets = [Secret::new(STRIPE_SECRET)];
        self.stripe
            .control()
            .set_webhook(&address("stripe"), &secrets);
        node
    }

    fn payments(&self) -> PaymentOptions {
        let calls = CallPolicy {
            first_pause: Duration::from_millis(20),
            time_limit: Duration::from_secs(2),
            ..CallPolicy::default()
        };
        let razorpay = RazorpayGateway::try_new(RazorpaySettings {
            base_url: self.razorpay.url().parse().unwrap(),
            key_id: KEY_ID.to_owned(),
            key_secrets: ring(&[KEY_SECRET]),
            webhook_secrets: ring(&[RAZORPAY_SECRET, RAZORPAY_SECRET_BEFORE]),
            checkout: RazorpayCheckout::HostedPage,
            payout_account: Some(Secret::new("7878780080316316")),
            calls,
        });
        let stripe = StripeGateway::try_new(StripeSettings {
            base_url: self.stripe.url().parse().unwrap(),
            api_key: Secret::new("sk_test_4eC39HqLyjWDarjtT1zdp7dc"),
            webhook_secrets: ring(&[STRIPE_SECRET]),
            calls,
        });
        let account = |gateway| GatewayAccount {
            ledger: self.ledger.parse().unwrap(),
            endpoint: "main".to_owned(),
            gateway,
        };
        let accounts = vec![
            account(Arc::new(razorpay.unwrap())),
            account(Arc::new(stripe.unwrap())),
        ];
        PaymentOptions {
            accounts: GatewayAccounts::try_new(accounts).unwrap(),
            polling: self.polling,
            webhooks: WebhookSettings {
                first_pause: Duration::from_millis(50),
                interval: Duration::from_millis(50),
                ..WebhookSettings::default()
            },
            ..PaymentOptions::default()
        }
    }

    pub fn pool(&self) -> &PgPool {
        self.database.database.pool()
    }

    pub fn ledger(&self) -> LedgerName {
        self.ledger.parse().unwrap()
    }

    /// Accounts at some of the providers, as a node has them that was not set up for all.
    pub fn accounts_at(&self, providers: &[&str]) -> GatewayAccounts {
        let all = self.payments().accounts;
        let of_ledger = all.of_ledger(self.ledger()).into_iter();
        let some = of_ledger.filter(|(name, _)| providers.contains(&name.as_str()));
        GatewayAccounts::try_new(some.map(|(_, account)| account.clone()).collect()).unwrap()
    }

    /// A payment of rupees that a provider is asked for, as the deposit operation begins one.
    pub async fn deposit(&self, node: &TestNode, wallet: &str, amount: u32) -> PaymentId {
        self.deposit_at("razorpay", node, wallet, amount).await
    }

    /// The same at another provider.
    pub async fn deposit_at(
        &self,
        provider: &str,
        node: &TestNode,
        wallet: &str,
        amount: u32,
    ) -> PaymentId {
        let (payment, command) = (PaymentId::new(Uuid::now_v7()), Uuid::now_v7());
        sqlx::query(
            "INSERT INTO workflows.checkout (ledger, payment_id, noted_by, payer_name, payer_email, \
             payer_phone, return_url) VALUES ($1, $2, $3, 'Asha', 'asha@example.com', \
             '+919000090000', 'https://shop.example/done')",
        )
        .bind(&self.ledger)
        .bind(payment.as_uuid())
        .bind(command)
        .execute(self.pool())
        .await
        .unwrap();
        let action = PaymentAction::Create(NewPayment {
            wallet: wallet.parse().unwrap(),
            asset: "INR".parse().unwrap(),
            amount: amount.into(),
            route: route_to(provider),
            expires_at: None,
            reference: None,
            metadata: ledger_core::annotation::Metadata::default(),
        });
        let action = Box::new(action);
        self.submit_as(node, Command::Payment { payment, action }, command)
            .await;
        payment
    }

    pub async fn payment(&self, node: &TestNode, payment: PaymentId, action: PaymentAction) {
        let action = Box::new(action);
        self.submit(node, Command::Payment { payment, action })
            .await;
    }

    pub async fn submit(&self, node: &TestNode, command: Command) -> Outcome {
        self.submit_as(node, command, Uuid::now_v7()).await
    }

    /// Hands a command over under an id that something was noted for.
    pub async fn submit_as(&self, node: &TestNode, command: Command, command_id: Uuid) -> Outcome {
        let submission = Submission {
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
            idempotency: None,
            metadata: EventMetadata {
                command_id,
                actor: Some("a test".to_owned()),
                correlation_id: None,
                causation_id: None,
                idempotency: None,
            },
        };
        let outcome = node.node.executors.submit(self.ledger(), submission).await;
        let outcome = outcome.unwrap();
        assert_eq!(outcome.refusal(), None);
        outcome
    }

    /// The provider's name of a payment's checkout, once its page is open.
    pub async fn page(&self, payment: PaymentId, provider: &str) -> String {
        eventually("a page", || async {
            sqlx::query_scalar(
                "SELECT provider_id FROM workflows.provider_link JOIN workflows.checkout \
                 ON payment_id = aggregate_id AND checkout.action IS NOT NULL \
                 WHERE aggregate_id = $1 AND kind = 'checkout' AND provider_link.provider = $2",
            )
            .bind(payment.as_uuid())
            .bind(provider)
            .fetch_optional(self.pool())
            .await
            .unwrap()
        })
        .await
    }

    /// The names of a stream's events, in order.
    pub async fn events(&self, kind: &str, id: impl ToString) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT event_type FROM daybook.events WHERE ledger = $1 AND aggregate_type = $2 \
             AND aggregate_id = $3 ORDER BY sequence",
        )
        .bind(&self.ledger)
        .bind(kind)
        .bind(id.to_string())
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Waits until a stream has an event of that name.
    pub async fn event(&self, kind: &str, id: impl ToString, name: &str) {
        let id = id.to_string();
        eventually(name, || async {
            let events = self.events(kind, &id).await;
            events.iter().any(|event| event == name).then_some(())
        })
        .await;
    }

    /// How many events there are of a name.
    pub async fn count(&self, name: &str) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM daybook.events WHERE ledger = $1 AND event_type = $2",
        )
        .bind(&self.ledger)
        .bind(name)
        .fetch_one(self.pool())
        .await
        .unwrap()
    }

    /// Stored webhooks in a status; all when it is empty.
    pub async fn webhooks(&self, status: &str) -> Vec<(Uuid, Option<String>)> {
        sqlx::query_as(
            "SELECT webhook_id, reason FROM workflows.webhook_state \
             WHERE $1 = '' OR status = $1 ORDER BY webhook_id",
        )
        .bind(status)
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Puts a job into the queue, as the process would.
    pub async fn job(&self, job: Job) {
        let new = NewJob::now(Uuid::now_v7().to_string(), job);
        let mut connection = self.pool().acquire().await.unwrap();
        insert_jobs_in_tx(&mut connection, &[new]).await.unwrap();
    }

    /// Waits until no job is left that is due.
    pub async fn idle(&self) {
        eventually("no job is due", || async {
            let due: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM graphile_worker._private_jobs \
                 WHERE attempts < max_attempts AND (locked_at IS NOT NULL OR run_at <= now())",
            )
            .fetch_one(self.pool())
            .await
            .unwrap();
            (due == 0).then_some(())
        })
        .await;
    }

    /// A connection that may end others.
    pub async fn administrator(&self) -> PgConnection {
        PgConnection::connect(&self.database.url).await.unwrap()
    }

    /// Waits until no webhook is under way to us.
    pub async fn delivered(&self) {
        let settled = async {
            self.razorpay.webhooks_settled().await;
            self.stripe.webhooks_settled().await;
        };
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        settled.expect("webhooks stay under way");
    }

    /// Waits until every stored webhook has been dealt with.
    pub async fn processed(&self) {
        self.delivered().await;
        eventually("all webhooks processed", || async {
            let waiting = self.webhooks("waiting").await.len();
            let confirming = self.webhooks("confirming").await.len();
            (waiting + confirming == 0).then_some(())
        })
        .await;
    }
}

/// The balance of a holder in rupees, at the end of the log.
pub async fn balance(world: &World, node: &TestNode, holder: &str) -> String {
    let head: i64 =
        sqlx::query_scalar("SELECT position FROM daybook.ledger_head WHERE ledger = $1")
            .bind(&world.ledger)
            .fetch_one(world.pool())
            .await
            .unwrap();
    let path = format!("/accounts/{holder}:INR?min_position={head}");
    let reply = node.get(&path).await;
    match &reply.body["balance"] {
        Value::String(text) => text.clone(),
        _ => panic!("no balance: {reply:?}"),
    }
}

/// Waits for something.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not happen: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn provider(name: &str) -> ProviderName {
    name.parse().unwrap()
}

pub fn route_to(name: &str) -> Route {
    Route {
        provider: provider(name),
        candidates: vec![Candidate {
            provider: provider(name),
            excluded: None,
        }],
        rule: "test/1".parse().unwrap(),
        reason: "the test says so".parse().unwrap(),
        fallback: None,
    }
}

fn ring(secrets: &[&str]) -> SecretRing {
    SecretRing::try_new(secrets.iter().copied().map(Secret::new).collect()).unwrap()
}
