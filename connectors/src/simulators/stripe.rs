//! A local Stripe.
//!
//! | request under `/v1` | answer |
//! |---|---|
//! | `POST /checkout/sessions`, `GET …[?payment_intent=]`, `…/{id}`, `POST …/{id}/expire` | sessions |
//! | `GET /c/pay/{id}` (a browser) | the hosted page |
//! | `GET /payment_intents/{id}`, `…/search`, `POST …/{id}/capture`, `…/{id}/cancel` | payments |
//! | `POST /refunds`, `GET …[?payment_intent=]`, `…/{id}` | refunds |
//! | `GET /disputes[/{id}]` | disputes |
//! | `POST /payouts`, `GET …[/{id}]`, `POST …/{id}/cancel` | payouts |
//! | `POST /transfers`, `GET …[?transfer_group=]`, `…/{id}`, `POST …/{id}/reversals` | transfers |
//! | `GET /balance_transactions[/{id}]` | the balance's changes |
//!
//! Bearer authentication with the key is wanted. Bodies are forms in Stripe's notation, errors are
//! `{"error":{"type","code","message","param"}}`, lists have cursors, `expand[]` is obeyed where an adapter
//! or Stripe's own library asks. A `POST` with an `Idempotency-Key` is done once; a repeat is answered alike
//! and marked `Idempotent-Replayed`. Webhooks have a timestamp and one `v1` per secret.

mod account;
mod balance;
mod disputes;
mod events;
mod pages;
mod payments;
mod payouts;
mod refunds;
mod routes;
mod sessions;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::books::Books;
use super::faults::Faults;
use super::front::{Front, lock};
use super::mischief::{Chances, PayerChoice};
use super::razorpay::SimulatorStartError;
use super::server::Server;
use super::webhook_sender::{Delivery, WebhookSender, WebhookTiming};
use crate::secret::Secret;
use account::Account;

/// Whose account it is and how it behaves.
#[derive(Debug, Clone)]
pub struct StripeAccount {
    /// `sk_test_…`.
    pub api_key: Secret,
    /// What ids and misbehaviour are made of.
    pub seed: u64,
    /// When webhooks are sent again.
    pub webhooks: WebhookTiming,
}

/// A running simulator.
#[derive(Debug)]
pub struct StripeSimulator {
    server: Server,
    office: Arc<Office>,
}

#[derive(Debug)]
struct Office {
    api_key: Secret,
    front: Arc<Front>,
    account: Mutex<Account>,
    sender: Arc<WebhookSender>,
}

impl StripeSimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// [`SimulatorStartError`].
    pub async fn start(settings: StripeAccount) -> Result<Self, SimulatorStartError> {
        let front = Arc::new(Front::new(settings.seed, account::failure));
        let sender = WebhookSender::try_new(Arc::clone(&front), settings.webhooks)?;
        let office = Arc::new(Office {
            account: Mutex::new(Account::new(settings.seed)),
            api_key: settings.api_key,
            front,
            sender: Arc::new(sender),
        });
        let server = Server::start(routes::routes(&office)).await?;
        lock(&office.account).base_url = server.url();
        Ok(Self { server, office })
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What to do wrong with the next requests.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.office.front.faults
    }

    /// What to do wrong by chance from now on.
    pub fn set_chances(&self, chances: Chances) {
        self.office.front.set_chances(chances);
    }

    /// Whether every request is answered 503.
    pub fn set_down(&self, is_down: bool) {
        self.office.front.set_down(is_down);
    }

    /// How many requests came, right or wrong.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.office.front.requests()
    }

    /// Where webhooks go, and the secrets they are signed with, all of them, from now on.
    pub fn set_webhook(&self, url: &str, secrets: &[Secret]) {
        let secrets = secrets.iter().map(|secret| secret.reveal().to_owned());
        lock(&self.office.account).webhook = Some((url.to_owned(), secrets.collect()));
    }

    /// Every attempt to deliver a webhook, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.office.sender.deliveries()
    }

    /// How many webhooks were never sent, by chance.
    #[must_use]
    pub fn dropped_webhooks(&self) -> u64 {
        self.office.sender.dropped()
    }

    /// Waits until no webhook is under way.
    pub async fn webhooks_settled(&self) {
        self.office.sender.settled().await;
    }

    /// Puts the clock forward; sessions expire, and banks that said no say yes late.
    pub fn advance(&self, by: Duration) {
        self.office.front.advance(by);
        self.office.happen(|account, now| account.fall_due(now));
    }

    /// A payer decides on a session. Gives the PaymentIntent's id, or nothing for one who turns back or
    /// when it cannot be paid.
    pub fn pay(&self, session_id: &str, choice: PayerChoice) -> Option<String> {
        self.office.pay(session_id, "card", choice)
    }

    /// Makes refunds wait for [`StripeSimulator::process_refunds`] instead of being done at once.
    pub fn hold_refunds(&self, is_held: bool) {
        lock(&self.office.account).are_refunds_held = is_held;
    }

    /// Pending refunds are done; those of these ids fail.
    pub fn process_refunds(&self, failing: &[&str]) {
        self.office
            .happen(|account, now| account.process_refunds(failing, now));
    }

    /// A payer's bank disputes a captured payment. Gives the dispute's id.
    pub fn dispute(&self, payment_id: &str) -> Option<String> {
        self.office
            .happen(|account, now| account.open_dispute(payment_id, now))
    }

    /// A dispute changes: `under_review`, `won` or `lost`.
    pub fn move_dispute(&self, dispute_id: &str, status: &str) -> bool {
        self.office
            .happen(|account, now| account.move_dispute(dispute_id, status, now))
    }

    /// A payout changes: `in_transit`, `paid` or `failed` (also after `paid`).
    pub fn move_payout(&self, payout_id: &str, status: &str) -> bool {
        self.office
            .happen(|account, now| account.move_payout(payout_id, status, now))
    }

    /// A transfer comes back whole.
    pub fn reverse_transfer(&self, transfer_id: &str) -> bool {
        self.office
            .happen(|account, now| account.reverse_transfer(transfer_id, now).is_ok())
    }

    /// How payouts end by themselves as soon as they are made; nothing leaves them `pending`.
    pub fn set_payout_outcome(&self, outcome: Option<&'static str>) {
        lock(&self.office.account).payout_outcome = outcome;
    }

    /// What really happened.
    #[must_use]
    pub fn books(&self) -> Books {
        lock(&self.office.account).books()
    }
}

impl Office {
    /// Something happens in the account, and its webhooks go out.
    fn happen<T>(&self, what: impl FnOnce(&mut Account, DateTime<Utc>) -> T) -> T {
        let now = self.front.now();
        let (outcome, webhooks) = {
            let mut account = lock(&self.account);
            account.late_by_chance = self.front.happens(self.front.chances().late_success);
            let outcome = what(&mut account, now);
            (outcome, account.take_webhooks())
        };
        self.sender.send(webhooks);
        outcome
    }

    fn pay(&self, session_id: &str, method: &str, choice: PayerChoice) -> Option<String> {
        self.happen(|account, now| account.pay(session_id, method, choice, now))
    }
}
