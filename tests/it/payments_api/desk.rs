//! A node that asks who somebody is, a customer with a wallet, and somebody who hears providers.

use std::sync::Arc;

use command_api::checkouts::Checkouts;
use command_api::forgetting::{Forgetting, Forgotten};
use daybook::cli::Role as Part;
use daybook::node::SealedWebhooks;
use event_store::executor::Outcome;
use identity::permission::Role;
use ledger_core::{Command, LedgerName, PaymentId};
use reqwest::Method;
use serde_json::{Value, json};
use workflows::identity_checks::CheckDesk;
use workflows::{GatewayAccounts, IdentityAccounts};

use crate::access::support::{Doors, SignedIn};
use crate::harness::node::{Reply, transfer_body};
use crate::harness::{outside, submission};

pub struct Desk {
    pub doors: Doors,
    /// Where the node's providers are asked; nobody listens there.
    pub accounts: GatewayAccounts,
    pub asha: SignedIn,
    pub wallet: String,
}

impl Desk {
    /// Asha has given her second factor a moment ago.
    pub async fn open() -> Self {
        let mut accounts = GatewayAccounts::default();
        let doors = Doors::configured(|options, ledger| {
            // What providers are asked and say is up to the test: nobody asks them by himself.
            options.roles.retain(|role| *role != Part::Worker);
            accounts = outside::accounts(ledger);
            options.payments.accounts = accounts.clone();
        })
        .await;
        let asha = doors.customer("asha@example.org").await;
        doors.step_up(&asha).await;
        let wallet = wallet_of(&doors, &asha).await;
        Self {
            doors,
            accounts,
            asha,
            wallet,
        }
    }

    pub fn ledger(&self) -> LedgerName {
        self.doors.node.ledger.parse().unwrap()
    }

    pub async fn get(&self, path: &str, credential: &str) -> Reply {
        self.doors.get(&self.doors.at(path), credential).await
    }

    pub async fn post(&self, path: &str, credential: &str, body: Value) -> Reply {
        let path = self.doors.at(path);
        self.doors.post(&path, credential, body).await
    }

    pub async fn put(&self, path: &str, credential: &str, body: Value) -> Reply {
        let path = self.doors.at(path);
        self.doors
            .call(Method::PUT, &path, Some(credential), Some(body))
            .await
    }

    /// A request under an idempotency key.
    pub async fn post_under(&self, key: &str, path: &str, credential: &str, body: Value) -> Reply {
        let node = &self.doors.node;
        let request = node.client.post(node.at(path)).bearer_auth(credential);
        let request = request.header("idempotency-key", key).json(&body);
        node.send(request).await
    }

    /// What the executor makes of a provider's word; the position can be read back at once.
    pub async fn hear(&self, command: Command) -> Outcome {
        let executors = &self.doors.node.node.executors;
        let outcome = executors
            .submit(self.ledger(), submission(command))
            .await
            .unwrap();
        assert_eq!(outcome.refusal(), None);
        outcome
    }

    /// A deposit of Asha's, which can be read at once.
    pub async fn deposit(&self, amount: &str) -> PaymentId {
        let body = json!({ "wallet": self.wallet, "asset": "INR", "amount": amount });
        let path = "/deposits?wait_ms=0";
        let made = self.post(path, &self.asha.access, body).await.expect(201);
        let (id, position) = (made.id(), made.position());
        let path = format!("/deposits/{id}?min_position={position}");
        self.get(&path, &self.asha.access).await.expect(200);
        id.parse().unwrap()
    }

    /// A deposit as the administrator sees it, no less fresh than an outcome.
    pub async fn deposit_after(&self, id: PaymentId, outcome: &Outcome) -> Value {
        let path = format!("/deposits/{id}?min_position={}", outcome.position);
        self.get(&path, &self.doors.admin).await.expect(200).body
    }

    pub async fn balance_after(&self, outcome: &Outcome) -> String {
        let path = format!(
            "/accounts/wallet:{}:INR?min_position={}",
            self.wallet, outcome.position
        );
        let account = self.get(&path, &self.doors.admin).await.expect(200);
        account.body["balance"].as_str().unwrap().to_owned()
    }

    pub async fn fund(&self, amount: &str) {
        let holder = format!("wallet:{}", self.wallet);
        let body = transfer_body("system:cash", &holder, amount);
        let admin = &self.doors.admin;
        self.post("/transactions", admin, body).await.expect(201);
    }

    /// Somebody who works here, with a fresh second factor.
    pub async fn colleague(&self, email: &str, role: Role) -> SignedIn {
        let colleague = self.doors.customer(email).await;
        self.doors.employ(&colleague, role).await;
        self.doors.step_up(&colleague).await;
        colleague
    }

    /// How many rows a table has.
    pub async fn rows(&self, table: &str) -> i64 {
        sqlx::query_scalar(&format!("SELECT count(*) FROM {table}"))
            .fetch_one(self.doors.node.node.database.pool())
            .await
            .unwrap()
    }

    /// What the node forgets of what was noted beside the log, as if all of it were old.
    pub async fn forget(&self) -> Forgotten {
        let node = &self.doors.node.node;
        let public_url = self.doors.node.url("/").parse().unwrap();
        let sealing = Arc::new(SealedWebhooks(Arc::clone(&self.doors.node.master_key)));
        let accounts = IdentityAccounts::default();
        let checks = CheckDesk::new(accounts, node.database.pool().clone(), sealing);
        let forgetting = Forgetting::new(
            Checkouts::new(node.database.pool().clone(), public_url),
            checks,
            node.authenticator.identities().clone(),
            node.queries.clone(),
        );
        let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
        forgetting.forget(later).await.unwrap()
    }

    /// The ids of a list's items.
    pub async fn listed(&self, path: &str, credential: &str) -> Vec<String> {
        let list = self.get(path, credential).await.expect(200);
        let items = list.body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Follows a list in pages of two to its end.
    pub async fn paged(&self, path: &str, credential: &str) -> Vec<String> {
        let (mut ids, mut next) = (Vec::new(), String::new());
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = format!("{path}{sign}limit=2{next}");
            let page = self.get(&page, credential).await.expect(200).body;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 2, "{page}");
            ids.extend(
                items
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return ids,
            }
        }
    }

    /// A verified beneficiary of the wallet.
    pub async fn beneficiary(&self) -> String {
        let path = format!("/wallets/{}/beneficiaries", self.wallet);
        let added = self.post(&path, &self.asha.access, bank_account()).await;
        let id = added.expect(201).id();
        let verify = format!("{path}/{id}/verify");
        let how = json!({ "method": "penny drop" });
        let admin = &self.doors.admin;
        self.post(&verify, admin, how).await.expect(200);
        id
    }
}

pub fn bank_account() -> Value {
    json!({ "kind": "bank_account", "holder_name": "Asha Rao",
            "account_number": "1121431121541121", "routing_code": "HDFC0000001" })
}

pub async fn wallet_of(doors: &Doors, who: &SignedIn) -> String {
    let body = json!({ "owner": who.person });
    let path = doors.at("/wallets");
    doors.post(&path, &who.access, body).await.expect(201).id()
}
