//! The proof: thousands of payments while everything goes wrong, and at the end everybody has what is theirs.
//!
//! Two `daybook serve` processes are ended without warning and started again while four gateways fail, lose
//! their answers, answer nonsense, deliver webhooks late, twice, in another order, forged or not at all, and
//! say yes after they said no. Then the ledger is compared with what really happened at the gateways.
//!
//! A failure prints its seed. `DAYBOOK_PAYMENTS_SEED` repeats the same decisions (not the same timing), and
//! `DAYBOOK_PAYMENTS` sets how many payments there are.

mod at_rest;
pub mod gateways;
mod nodes;
mod reckoning;

use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::simulators::{Chances, PayerChoice};
use futures_util::StreamExt;
use futures_util::stream;
use identity::permission::Role;
use identity::secret::new_master_key;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::gateways::{Gateways, LEDGER};
use self::nodes::Nodes;
use self::reckoning::Owners;
use super::browser::hand_over;
use crate::harness::TestDatabase;
use crate::harness::node::{identities, make_key, transfer_body};

/// The full proof has 2,000 (`./dev payments`).
const PAYMENTS: usize = 200;
const WALLETS: usize = 20;

/// How many things happen at a time.
const AT_A_TIME: usize = 24;

/// What a wallet has at the beginning, so that every payout and refund is covered.
const GIVEN: &str = "1000000.00";

/// How long everything may take to come to rest once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(240);

fn chances() -> Chances {
    Chances {
        fail: 40,
        fail_afterwards: 40,
        break_off: 40,
        nonsense: 40,
        rate_limit: 40,
        delay: 10,
        webhook_drop: 50,
        webhook_duplicate: 150,
        webhook_reorder: 150,
        webhook_wrong_signature: 100,
        late_success: 500,
        capture_left_out: 150,
        settlement_left_out: 0,
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A deposit whose page a payer has seen.
#[derive(Debug, Clone)]
struct Paid {
    deposit: String,
    wallet: String,
    provider: String,
    checkout: String,
    amount: u64,
}

struct Proof {
    seed: u64,
    gateways: Gateways,
    nodes: Nodes,
    database: TestDatabase,
    wallets: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_what_is_theirs_after_everything_went_wrong() {
    let seed = number("DAYBOOK_PAYMENTS_SEED").unwrap_or_else(|| fastrand::u64(..));
    let payments = number("DAYBOOK_PAYMENTS").map_or(PAYMENTS, |own| own.try_into().unwrap());
    eprintln!("DAYBOOK_PAYMENTS_SEED={seed} DAYBOOK_PAYMENTS={payments}");
    let proof = Arc::new(Proof::begin(seed).await);
    let stop = CancellationToken::new();
    let ghost = {
        let (proof, stop) = (Arc::clone(&proof), stop.clone());
        tokio::spawn(async move {
            proof
                .nodes
                .haunt(fastrand::Rng::with_seed(seed), stop)
                .await
        })
    };
    proof.gateways.misbehave(chances());
    let begun = Instant::now();
    let paid: Vec<Paid> = stream::iter(0..payments)
        .map(|number| proof.deposit(number))
        .buffer_unordered(AT_A_TIME)
        .filter_map(std::future::ready)
        .collect()
        .await;
    eprintln!(
        "{} pages paid or left after {:?}",
        paid.len(),
        begun.elapsed()
    );
    // What banks decided late becomes known.
    for (_, gateway) in proof.gateways.all() {
        gateway.advance(Duration::from_secs(120));
    }
    let payouts: Vec<(String, String)> = stream::iter(paid.iter().enumerate())
        .map(|(number, paid)| proof.afterwards(number, paid))
        .buffer_unordered(AT_A_TIME)
        .filter_map(std::future::ready)
        .collect()
        .await;
    eprintln!("{} payouts after {:?}", payouts.len(), begun.elapsed());
    stop.cancel();
    let killed = ghost.await.unwrap();
    proof.gateways.misbehave(Chances::default());
    // No call is tried again with a day between, after which keys are forgotten.
    proof.nothing_is_asked().await;
    proof.finish_disputes();
    for (_, gateway) in proof.gateways.all() {
        gateway.process_refunds(&[]);
        // Pages close, and what nobody took goes back.
        gateway.advance(Duration::from_secs(8 * 24 * 60 * 60));
    }
    let mut owners = Owners::default();
    for paid in &paid {
        let at = (paid.provider.clone(), paid.checkout.clone());
        owners.checkouts.insert(at, paid.wallet.clone());
    }
    owners.payouts.extend(payouts);
    proof.wallets_hold_what_is_theirs(&owners).await;
    eprintln!("wallets agree after {:?}", begun.elapsed());
    proof.nothing_is_stuck(paid.len()).await;
    proof.clearing_holds_what_is_owed().await;
    eprintln!(
        "{killed} processes killed, at rest after {:?}",
        begun.elapsed()
    );
    proof.nodes.stop().await;
}

impl Proof {
    async fn begin(seed: u64) -> Self {
        let database = TestDatabase::create().await;
        let folder = tempfile::tempdir().unwrap();
        let gateways = Gateways::start(seed).await;
        let master_key = folder.path().join("master.key");
        std::fs::write(&master_key, new_master_key().unwrap()).unwrap();
        let people = identities(database.database.pool());
        let keys = [
            make_key(&people, &[Role::Admin]).await,
            make_key(&people, &[Role::Admin]).await,
        ];
        let settings = folder.path().join("proof.toml");
        let nodes = Nodes::new(settings.clone(), master_key, &database.url, keys);
        std::fs::write(&settings, gateways.settings(&nodes.urls[1])).unwrap();
        gateways.tell(&nodes.urls);
        tokio::join!(nodes.start(0), nodes.start(1));
        let mut this = Self {
            seed,
            gateways,
            nodes,
            database,
            wallets: Vec::new(),
            _folder: folder,
        };
        this.open().await;
        this
    }

    /// A ledger with wallets that have money and somewhere to send it to.
    async fn open(&mut self) {
        let nodes = &self.nodes;
        let opened = nodes
            .call(
                |client, url| {
                    let request = client.post(format!("{url}/v1/ledgers"));
                    request.json(&json!({ "name": LEDGER }))
                },
                0,
            )
            .await;
        assert_eq!(opened.0, 201, "{opened:?}");
        for index in 0..WALLETS {
            let name = |what: &str| format!("{what}-{index}");
            let wallet = self
                .command(
                    &name("wallet"),
                    "/wallets",
                    json!({ "owner": name("owner") }),
                )
                .await;
            let wallet = text(&wallet, "id");
            let given = transfer_body("system:cash", &format!("wallet:{wallet}"), GIVEN);
            self.command(&name("given"), "/transactions", given).await;
            let path = format!("/wallets/{wallet}/beneficiaries");
            let account = json!({
                "kind": "bank_account", "holder_name": "Asha Rao", "routing_code": "HDFC0000001",
                "account_number": format!("11214311215411{index:02}"),
            });
            let beneficiary = self.command(&name("beneficiary"), &path, account).await;
            let beneficiary = text(&beneficiary, "id");
            let path = format!("{path}/{beneficiary}/verify");
            let how = json!({ "method": "penny drop" });
            let verified = self.nodes.command(&name("verified"), &path, &how, 1).await;
            assert_eq!(verified.0, 200, "{verified:?}");
            self.wallets.push((wallet, beneficiary));
        }
    }

    /// A command that must be taken.
    async fn command(&self, name: &str, path: &str, body: Value) -> Value {
        let (status, reply) = self.nodes.command(name, path, &body, 0).await;
        assert!(
            matches!(status, 200 | 201),
            "{path} {body}: {status} {reply}"
        );
        reply
    }

    fn pool(&self) -> &PgPool {
        self.database.database.pool()
    }

    fn dice(&self, what: u64, number: usize) -> fastrand::Rng {
        let number = u64::try_from(number).unwrap();
        fastrand::Rng::with_seed(self.seed ^ (what << 56) ^ number)
    }

    /// Somebody deposits, and pays or not; nothing when no page can be had.
    async fn deposit(&self, number: usize) -> Option<Paid> {
        let mut dice = self.dice(1, number);
        let (wallet, _) = dice.choice(&self.wallets).unwrap().clone();
        let amount = dice.u64(10_000..200_000);
        let body = json!({
            "wallet": wallet, "asset": "INR", "amount": rupees(amount),
            "payer": { "name": "Asha Rao", "email": "asha@example.com", "phone": "+919000090000" },
            "return_url": "https://shop.example/done",
        });
        let made = self
            .command(&format!("deposit-{number}"), "/deposits", body)
            .await;
        let deposit = text(&made, "id");
        let open = self.page(&deposit).await?;
        let (provider, checkout) = self.checkout(&deposit).await;
        if provider == "payu" {
            // PayU knows of nothing before the browser comes.
            hand_over(&self.nodes.client, &text(&open, "checkout_url")).await;
        }
        let choice = *dice
            .choice(&[
                PayerChoice::Pay,
                PayerChoice::Pay,
                PayerChoice::Pay,
                PayerChoice::Fail,
                PayerChoice::FailThenPay,
                PayerChoice::Abandon,
            ])
            .unwrap();
        self.gateways.of(&provider).pay(&checkout, choice);
        Some(Paid {
            deposit,
            wallet,
            provider,
            checkout,
            amount,
        })
    }

    /// A deposit as soon as it has a page; nothing when no provider opens one.
    async fn page(&self, deposit: &str) -> Option<Value> {
        let begun = Instant::now();
        loop {
            let (_, seen) = self.nodes.get(&format!("/deposits/{deposit}")).await;
            if seen["checkout_url"].is_string() {
                return Some(seen);
            }
            if matches!(seen["status"].as_str(), Some("failed" | "expired")) {
                return None;
            }
            assert!(begun.elapsed() < PATIENCE, "no page: {seen}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Where a deposit's page is, and the provider's name of it.
    async fn checkout(&self, deposit: &str) -> (String, String) {
        sqlx::query_as(
            "SELECT provider, provider_checkout FROM workflows.checkout \
             WHERE payment_id = $1 AND action IS NOT NULL",
        )
        .bind(deposit.parse::<Uuid>().unwrap())
        .fetch_one(self.pool())
        .await
        .unwrap()
    }

    /// What becomes of a payment after it was paid: refunds, disputes. Sometimes its wallet pays out: gives
    /// the payout and the wallet.
    async fn afterwards(&self, number: usize, paid: &Paid) -> Option<(String, String)> {
        let mut dice = self.dice(2, number);
        let gateway = self.gateways.of(&paid.provider);
        let books = gateway.books();
        let captured = books
            .payments
            .iter()
            .find(|payment| payment.checkout_id == paid.checkout && payment.captured > 0);
        if let Some(captured) = captured {
            match dice.u32(0..10) {
                0..3 if self.is_credited(&paid.deposit).await => {
                    for part in 0..dice.usize(1..3) {
                        let amount = dice.u64(1_000..paid.amount / 3);
                        let name = format!("refund-{number}-{part}");
                        let path = format!("/deposits/{}/refunds", paid.deposit);
                        let body = json!({ "amount": rupees(amount) });
                        self.command(&name, &path, body).await;
                    }
                }
                3 if matches!(paid.provider.as_str(), "razorpay" | "stripe") => {
                    gateway.dispute(&captured.payment_id);
                }
                _ => {}
            }
        }
        if dice.u32(0..6) > 0 {
            return None;
        }
        let (wallet, beneficiary) = dice.choice(&self.wallets).unwrap();
        let body = json!({
            "wallet": wallet, "beneficiary": beneficiary, "asset": "INR",
            "amount": rupees(dice.u64(1_000..20_000)),
        });
        let made = self
            .command(&format!("payout-{number}"), "/payouts", body)
            .await;
        Some((text(&made, "id"), wallet.clone()))
    }

    async fn is_credited(&self, deposit: &str) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let (_, seen) = self.nodes.get(&format!("/deposits/{deposit}")).await;
            if seen["captured"].is_object() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        false
    }

    /// Half of the disputes are won; some payouts come back.
    fn finish_disputes(&self) {
        for (_, gateway) in self.gateways.all() {
            let books = gateway.books();
            for (index, dispute) in books.disputes.iter().enumerate() {
                let word = ["won", "lost"][index % 2];
                assert!(
                    gateway.move_dispute(&dispute.dispute_id, word),
                    "{dispute:?}"
                );
            }
        }
        let razorpay = self.gateways.of("razorpay");
        for payout in razorpay.books().payouts.iter().step_by(5) {
            assert!(
                razorpay.move_payout(&payout.payout_id, "reversed"),
                "{payout:?}"
            );
        }
    }
}

fn text(value: &Value, field: &str) -> String {
    let found = value[field].as_str();
    found
        .unwrap_or_else(|| panic!("no {field}: {value}"))
        .to_owned()
}

fn rupees(paise: u64) -> String {
    format!("{}.{:02}", paise / 100, paise % 100)
}
