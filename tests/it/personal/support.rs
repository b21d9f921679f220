//! A node with an owner of whom something is known.

use std::time::Duration;

use identity::permission::Role;
use ledger_core::{LedgerName, OwnerId};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::support::{Doors, SignedIn};
use crate::harness::node::Reply;

/// What is known of Asha; no test looks for these by chance.
pub const NAME: &str = "Zephyrine Quillfeather";
pub const EMAIL: &str = "zephyrine.quillfeather@example.org";
pub const PHONE: &str = "+919812345670";
pub const BIRTH: &str = "1987-06-05";
pub const HOME: &str = "77 Larkspur Lane\nMysuru 570004";
pub const ENDING: &str = "Z9Q7";

pub fn everything() -> Value {
    json!({
        "name": NAME, "email": EMAIL, "phone": PHONE, "date_of_birth": BIRTH, "address": HOME,
        "identity_number_ending": ENDING,
    })
}

pub struct Office {
    pub doors: Doors,
    /// A customer.
    pub asha: SignedIn,
    /// Of compliance, with a fresh second factor.
    pub meera: SignedIn,
}

impl Office {
    pub async fn open() -> Self {
        Self::of(Doors::open().await).await
    }

    pub async fn of(doors: Doors) -> Self {
        let asha = doors.customer("asha@example.org").await;
        let meera = doors.customer("meera@example.org").await;
        doors.employ(&meera, Role::Compliance).await;
        doors.step_up(&meera).await;
        Self { doors, asha, meera }
    }

    pub fn ledger(&self) -> LedgerName {
        self.doors.node.ledger.parse().unwrap()
    }

    pub fn owner(&self) -> OwnerId {
        self.asha.person.parse().unwrap()
    }

    /// The path of Asha's profile.
    pub fn path(&self) -> String {
        self.path_of(&self.asha.person)
    }

    pub fn path_of(&self, owner: &str) -> String {
        self.doors.at(&format!("/owners/{owner}/profile"))
    }

    pub async fn record(&self, who: &str, body: Value) -> Reply {
        self.doors.post(&self.path(), who, body).await
    }

    pub async fn read(&self, who: &str) -> Reply {
        self.doors.get(&self.path(), who).await
    }

    pub async fn erase(&self, body: Value) -> Reply {
        let path = format!("{}/erase", self.path());
        self.doors.post(&path, &self.meera.access, body).await
    }

    pub async fn find(&self, body: Value) -> Value {
        let path = self.doors.at("/profile-searches");
        let found = self.doors.post(&path, &self.meera.access, body).await;
        found.expect(200).body["owners"].clone()
    }

    /// Waits until somebody is found, or nobody.
    pub async fn until_found(&self, body: &Value, expected: Value) {
        for _ in 0..500 {
            if self.find(body.clone()).await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{body} is not found to be of {expected}");
    }

    pub async fn under_key(&self, key: Uuid, who: &str, body: Value) -> Reply {
        let node = &self.doors.node;
        let request = node.client.request(Method::POST, node.url(&self.path()));
        let request = request.bearer_auth(who).json(&body);
        node.send(request.header("idempotency-key", key.to_string()))
            .await
    }
}
