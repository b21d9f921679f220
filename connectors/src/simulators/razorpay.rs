//! A local Razorpay.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/orders`, `GET /v1/orders[?receipt=]`, `/v1/orders/{id}[/payments]` | orders |
//! | `POST /v1/checkout/embedded` (a browser's form) | the hosted page |
//! | `POST /v1/payment_links`, `GET …[?reference_id=]`, `…/{id}`, `POST …/{id}/cancel` | payment links |
//! | `GET /v1/payments/{id}`, `POST …/capture`, `…/refund`, `GET …/refunds[/{id}]` | payments |
//! | `GET /v1/refunds[/{id}]`, `/v1/disputes[/{id}]`, `/v1/settlements[/{id}]` | what there is |
//! | `GET /v1/settlements/recon/combined` | the report of a day or month |
//! | `POST /v1/contacts`, `/v1/fund_accounts`, `/v1/payouts`, `GET /v1/fund_accounts/{id}`, `/v1/payouts[/{id}]`, `POST …/cancel` | RazorpayX |
//!
//! Basic authentication with the key is wanted. Bodies are JSON, errors are
//! `{"error":{"code","description","field","source","step","reason","metadata"}}`, lists are collections
//! with `from`, `to`, `count` and `skip`. Idempotency keys are forgotten after a day. Webhooks are signed with the secret that was the current one when
//! their event happened. Events of the outer world (a payer, a bank, a day that ends) come through
//! [`GatewaySimulator`], which also tells what really happened, whatever the interface says.

mod account;
mod bodies;
mod disputes;
mod events;
mod links;
mod orders;
mod pages;
mod payments;
mod payouts;
mod refunds;
mod routes;
mod settlements;

use std::io;
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;

use super::books::Books;
use super::control::{GatewaySimulator, Workings};
use super::front::{Front, lock};
use super::mischief::PayerChoice;
use super::server::Server;
use super::webhook_sender::{WebhookSender, WebhookTiming};
use crate::outbound::OutboundStartError;
use crate::secret::Secret;
use account::Account;

/// Whose account it is and how it behaves.
#[derive(Debug, Clone)]
pub struct RazorpayAccount {
    /// `rzp_test_…`.
    pub key_id: String,
    /// The key's secret.
    pub key_secret: Secret,
    /// The number of the RazorpayX account.
    pub payout_account: String,
    /// What ids, fees by chance and misbehaviour are made of.
    pub seed: u64,
    /// When webhooks are sent again.
    pub webhooks: WebhookTiming,
}

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorStartError {
    /// No port can be had.
    #[error("the simulator has no port")]
    Port(#[from] io::Error),
    /// No webhooks can be sent.
    #[error("the simulator cannot send webhooks")]
    Webhooks(#[from] OutboundStartError),
}

/// A running simulator.
#[derive(Debug)]
pub struct RazorpaySimulator {
    server: Server,
    office: Arc<Office>,
}

#[derive(Debug)]
struct Office {
    settings: RazorpayAccount,
    front: Arc<Front>,
    account: Mutex<Account>,
    sender: Arc<WebhookSender>,
}

impl RazorpaySimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// [`SimulatorStartError`].
    pub async fn start(settings: RazorpayAccount) -> Result<Self, SimulatorStartError> {
        let front = Arc::new(Front::new(settings.seed, bodies::failure));
        let sender = WebhookSender::try_new(Arc::clone(&front), settings.webhooks)?;
        let office = Arc::new(Office {
            account: Mutex::new(Account::new(&settings)),
            settings,
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

    /// Whether a webhook was never taken, after which Razorpay disables the endpoint.
    #[must_use]
    pub fn is_webhook_given_up(&self) -> bool {
        self.office.sender.is_given_up()
    }

    /// Waits until no webhook is under way.
    pub async fn webhooks_settled(&self) {
        self.office.sender.settled().await;
    }

    /// The bank finds that a failed payment was paid after all.
    pub fn authorize_late(&self, payment_id: &str) -> bool {
        self.office
            .happen(|account, now| account.authorize_late(payment_id, now))
    }

    /// A payer's bank disputes a captured payment, in a phase of Razorpay's words.
    pub fn dispute_in(&self, payment_id: &str, phase: &str) -> Option<String> {
        self.office
            .happen(|account, now| account.open_dispute(payment_id, phase, now))
    }

    /// How payouts end by themselves as soon as they are made; nothing leaves them `processing`.
    pub fn set_payout_outcome(&self, outcome: Option<&'static str>) {
        lock(&self.office.account).payout_outcome = outcome;
    }

    /// A payout that waits is stopped.
    pub fn cancel_payout(&self, payout_id: &str) -> bool {
        self.office
            .happen(|account, _| account.cancel_payout(payout_id).is_ok())
    }

    /// The rail of every payout, oldest first.
    #[must_use]
    pub fn payout_modes(&self) -> Vec<String> {
        let account = lock(&self.office.account);
        account
            .payouts
            .iter()
            .map(|payout| payout.mode.clone())
            .collect()
    }

    /// Changes what the provider tells of a payment, and not what really happened: its amount or currency
    /// as a faulty or hostile provider would.
    pub fn misreport_payment(&self, payment_id: &str, amount: Option<u64>, currency: Option<&str>) {
        lock(&self.office.account).misreport(payment_id, amount, currency);
    }
}

/// Events of before a change of the secret keep the one that was current then. What falls due: links
/// expire, authorizations that were not captured in time go back, late authorizations come.
impl Workings for Office {
    fn front(&self) -> &Front {
        &self.front
    }

    fn sender(&self) -> &WebhookSender {
        &self.sender
    }

    fn set_webhook(&self, url: &str, secrets: &[Secret]) {
        let secret = secrets.first().map(|secret| secret.reveal().to_owned());
        lock(&self.account).webhook = secret.map(|secret| (url.to_owned(), secret));
    }

    fn fall_due(&self) {
        self.happen(|account, now| account.fall_due(now));
    }
}

impl GatewaySimulator for Office {
    fn pay(&self, checkout_id: &str, choice: PayerChoice) -> Option<String> {
        self.paid(checkout_id, "upi", choice)
    }

    fn settle(&self, day: NaiveDate) -> Option<String> {
        let chance = self.front.chances().settlement_left_out;
        let is_left_out = || self.front.happens(chance);
        self.happen(|account, now| account.settle(day, now, is_left_out))
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
        self.happen(|account, now| account.open_dispute(payment_id, "chargeback", now))
    }

    /// `under_review`, `open` (more evidence is wanted), `won`, `lost` or `closed`.
    fn move_dispute(&self, dispute_id: &str, status: &str) -> bool {
        self.happen(|account, now| account.move_dispute(dispute_id, status, now))
    }

    /// `queued`, `pending`, `processing`, `processed`, `reversed`, `failed` or `rejected`.
    fn move_payout(&self, payout_id: &str, status: &str) -> bool {
        self.happen(|account, now| account.move_payout(payout_id, status, now))
    }

    fn books(&self) -> Books {
        lock(&self.account).books()
    }
}

impl Office {
    /// Something happens in the account, and its webhooks go out.
    fn happen<T>(&self, what: impl FnOnce(&mut Account, chrono::DateTime<chrono::Utc>) -> T) -> T {
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

    fn paid(&self, checkout_id: &str, method: &str, choice: PayerChoice) -> Option<String> {
        self.happen(|account, now| account.pay(checkout_id, method, choice, now))
    }
}
