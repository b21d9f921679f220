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
//! | `GET /balance_transactions[/{id}]`, `…?payout=` | the balance's changes |
//! | `GET /account` | how often the merchant is paid |
//!
//! Bearer authentication with the key is wanted. Bodies are forms in Stripe's notation, errors are
//! `{"error":{"type","code","message","param"}}`, lists have cursors, `expand[]` is obeyed where an adapter
//! or Stripe's own library asks. A `POST` with an `Idempotency-Key` is done once; a repeat is answered alike
//! and marked `Idempotent-Replayed`, until a day later, when the key is forgotten. Webhooks have a timestamp and one `v1` per secret.

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

use chrono::{DateTime, NaiveDate, Utc};

use super::books::Books;
use super::control::{GatewaySimulator, Workings};
use super::front::{Front, lock};
use super::mischief::PayerChoice;
use super::razorpay::SimulatorStartError;
use super::server::Server;
use super::webhook_sender::{WebhookSender, WebhookTiming};
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

    /// The world around it.
    #[must_use]
    pub fn control(&self) -> Arc<dyn GatewaySimulator> {
        // The annotation makes it a trait object.
        let office: Arc<dyn GatewaySimulator> = self.office.clone();
        office
    }

    /// What came lately: each request's first line, headers and body.
    #[must_use]
    pub fn received(&self) -> Vec<String> {
        self.server.received()
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

    /// A transfer comes back whole.
    pub fn reverse_transfer(&self, transfer_id: &str) -> bool {
        self.office
            .happen(|account, now| account.reverse_transfer(transfer_id, now).is_ok())
    }

    /// A payout that is not on its way yet is stopped.
    pub fn cancel_payout(&self, payout_id: &str) -> bool {
        self.office
            .happen(|account, now| account.cancel_payout(payout_id, now).is_ok())
    }

    /// So many payouts to others, made by somebody else.
    pub fn pay_others(&self, payouts: usize) {
        let form = [
            ("amount", "100"),
            ("currency", "inr"),
            ("destination", "ba_of_others"),
        ];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let form = account::Form::from(form);
        self.office.happen(|account, now| {
            for _ in 0..payouts {
                // The form is one that is taken.
                let _: account::Answered = account.create_payout(&form, now);
            }
        });
    }

    /// How often the merchant is paid: `manual`, which is how it begins, or `daily` and so on.
    pub fn set_interval(&self, interval: &'static str) {
        lock(&self.office.account).interval = interval;
    }

    /// Whether a payout to the merchant is told before it is put together.
    pub fn put_together(&self, payout_id: &str, is_done: bool) {
        let status = if is_done { "completed" } else { "in_progress" };
        let changed = serde_json::json!({"reconciliation_status": status});
        // One that is not there is not changed.
        let _: account::Answered =
            lock(&self.office.account).set(account::PAYOUT, payout_id, changed);
    }

    /// How payouts end by themselves as soon as they are made; nothing leaves them `pending`.
    pub fn set_payout_outcome(&self, outcome: Option<&'static str>) {
        lock(&self.office.account).payout_outcome = outcome;
    }
}

/// All secrets sign. What falls due: sessions expire, and banks that said no say yes late.
impl Workings for Office {
    fn front(&self) -> &Front {
        &self.front
    }

    fn sender(&self) -> &WebhookSender {
        &self.sender
    }

    fn set_webhook(&self, url: &str, secrets: &[Secret]) {
        let secrets = secrets.iter().map(|secret| secret.reveal().to_owned());
        lock(&self.account).webhook = Some((url.to_owned(), secrets.collect()));
    }

    fn fall_due(&self) {
        self.happen(|account, now| account.fall_due(now));
    }
}

impl GatewaySimulator for Office {
    fn pay(&self, checkout_id: &str, choice: PayerChoice) -> Option<String> {
        self.paid(checkout_id, "card", choice)
    }

    /// Gives the payout to the merchant.
    fn settle(&self, day: NaiveDate) -> Option<String> {
        self.happen(|account, _| account.settle(day))
    }

    fn hold_captures(&self, are_held: bool) {
        lock(&self.account).are_captures_held = are_held;
    }

    fn hold_refunds(&self, is_held: bool) {
        lock(&self.account).are_refunds_held = is_held;
    }

    fn process_refunds(&self, failing: &[&str]) {
        self.happen(|account, now| account.process_refunds(failing, now));
    }

    fn dispute(&self, payment_id: &str) -> Option<String> {
        self.happen(|account, now| account.open_dispute(payment_id, now))
    }

    /// `under_review`, `won` or `lost`.
    fn move_dispute(&self, dispute_id: &str, status: &str) -> bool {
        self.happen(|account, now| account.move_dispute(dispute_id, status, now))
    }

    /// `in_transit`, `paid` or `failed` (also after `paid`).
    fn move_payout(&self, payout_id: &str, status: &str) -> bool {
        self.happen(|account, now| account.move_payout(payout_id, status, now))
    }

    fn books(&self) -> Books {
        lock(&self.account).books()
    }
}

impl Office {
    /// Something happens in the account, and its webhooks go out.
    fn happen<T>(&self, what: impl FnOnce(&mut Account, DateTime<Utc>) -> T) -> T {
        let now = self.front.now();
        let (outcome, webhooks) = {
            let mut account = lock(&self.account);
            let chances = self.front.chances();
            account.late_by_chance = self.front.happens(chances.late_success);
            account.is_uncaptured_by_chance = self.front.happens(chances.capture_left_out);
            let outcome = what(&mut account, now);
            (outcome, account.take_webhooks())
        };
        self.sender.send(webhooks);
        outcome
    }

    fn paid(&self, session_id: &str, method: &str, choice: PayerChoice) -> Option<String> {
        self.happen(|account, now| account.pay(session_id, method, choice, now))
    }
}
