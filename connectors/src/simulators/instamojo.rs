//! A local Instamojo.
//!
//! | request under `/api/1.1/` (keys) | answer |
//! |---|---|
//! | `POST payment-requests/`, `GET payment-requests/[{id}/[{payment}/]]`, `POST …/{id}/disable/`, `…/enable/` | payment requests |
//! | `GET payments/[{id}/]` | payments |
//! | `POST refunds/`, `GET refunds/[{id}/]` | refunds |
//!
//! | request under `/v2/` (a token) | answer |
//! |---|---|
//! | `POST /oauth2/token/` | a token for a client's secret |
//! | `POST gateway/orders/`, `GET gateway/orders/[id:{id}/ or transaction_id:{ours}/]` | orders; their page is told once |
//! | `GET payments/[{id}/]`, `POST payments/{id}/refund/`, `GET refunds/[{id}/]` | payments and refunds |
//! | `GET payouts/[{id}/]` | what was paid out |
//!
//! `GET` and `POST /@simulated/{id}` are the page. Version 1.1 wraps what it tells in `success`, version 2
//! does not; lists have `limit` and `page`, and a slash after the query, as Instamojo's own client writes
//! it, is no harm. Webhooks are forms with their code; failures are told only where that is switched on.
//! Events of the outer world (a payer, a bank, a day that ends) come through [`GatewaySimulator`], which
//! also tells what really happened, whatever the interface says.

mod account;
mod bodies;
mod events;
mod pages;
mod payments;
mod payouts;
mod refunds;
mod requests;
mod routes;

use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, Utc};

use super::books::Books;
use super::control::{GatewaySimulator, Workings};
use super::front::{Front, lock};
use super::mischief::PayerChoice;
use super::razorpay::SimulatorStartError;
use super::rewriting::Rewriting;
use super::server::Server;
use super::webhook_sender::{WebhookSender, WebhookTiming};
use crate::secret::Secret;
use account::Account;

/// Whose account it is and how it behaves.
#[derive(Debug, Clone)]
pub struct InstamojoAccount {
    /// `X-Api-Key`.
    pub api_key: Secret,
    /// `X-Auth-Token`.
    pub auth_token: Secret,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// The private salt.
    pub salt: Secret,
    /// What ids and misbehaviour are made of.
    pub seed: u64,
    /// When webhooks are sent again.
    pub webhooks: WebhookTiming,
}

/// A running simulator.
#[derive(Debug)]
pub struct InstamojoSimulator {
    server: Server,
    office: Arc<Office>,
}

#[derive(Debug)]
struct Office {
    settings: InstamojoAccount,
    front: Arc<Front>,
    account: Mutex<Account>,
    sender: Arc<WebhookSender>,
}

impl InstamojoSimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// [`SimulatorStartError`].
    pub async fn start(settings: InstamojoAccount) -> Result<Self, SimulatorStartError> {
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

    /// Ends every token that was given out.
    pub fn end_tokens(&self) {
        lock(&self.office.account).tokens.clear();
    }

    /// How many tokens are out.
    #[must_use]
    pub fn tokens(&self) -> usize {
        lock(&self.office.account).tokens.len()
    }

    /// Whether webhooks tell of failures, which Instamojo's support switches on.
    pub fn tell_failures(&self, is_told: bool) {
        lock(&self.office.account).are_failures_told = is_told;
    }

    /// Whether a payment can be refunded in several parts.
    pub fn allow_many_refunds(&self, is_allowed: bool) {
        lock(&self.office.account).are_many_refunds_allowed = is_allowed;
    }

    /// So many refunds of other payments, made by somebody else.
    pub fn refund_others(&self, refunds: usize) {
        self.office
            .happen(|account, now| account.refund_others(refunds, now));
    }

    /// So many payment requests, made by somebody else.
    pub fn request_others(&self, requests: usize) {
        self.office
            .happen(|account, now| account.request_others(requests, now));
    }

    /// Whether a webhook was never taken.
    #[must_use]
    pub fn is_webhook_given_up(&self) -> bool {
        self.office.sender.is_given_up()
    }

    /// Waits until no webhook is under way.
    pub async fn webhooks_settled(&self) {
        self.office.sender.settled().await;
    }

    /// The bank finds that a failed payment was paid after all.
    pub fn pay_late(&self, payment_id: &str) -> bool {
        self.office
            .happen(|account, now| account.pay_late(payment_id, now))
    }

    /// Changes what is told of a payment, and not what really happened.
    pub fn misreport_payment(&self, payment_id: &str, paise: Option<u64>, currency: Option<&str>) {
        lock(&self.office.account).misreport(payment_id, paise, currency);
    }

    /// Tells another status of a payment to everybody who asks.
    pub fn misreport_status(&self, payment_id: &str, status: &str) {
        lock(&self.office.account).misreport_status(payment_id, status);
    }
}

/// Webhooks go where each payment request says; the one told here is for those that say nothing. Events of
/// before a change of the salt keep the one that was current then. What falls due: banks that said no say
/// yes late, and tokens end. The tax in a payment's fee is told only with what it is paid out with.
impl Workings for Office {
    fn front(&self) -> &Front {
        &self.front
    }

    fn sender(&self) -> &WebhookSender {
        &self.sender
    }

    /// Forms are put together in the account, and are not JSON on their way.
    fn rewrite(&self, rewriting: Option<Rewriting>) {
        lock(&self.account).rewriting.clone_from(&rewriting);
        self.front.rewrite(rewriting);
    }

    fn set_webhook(&self, url: &str, secrets: &[Secret]) {
        let mut account = lock(&self.account);
        account.webhook = Some(url.to_owned());
        if let Some(salt) = secrets.first() {
            account.salt = salt.reveal().to_owned();
        }
    }

    fn fall_due(&self) {
        self.happen(|account, now| account.fall_due(now));
    }
}

impl GatewaySimulator for Office {
    fn pay(&self, checkout_id: &str, choice: PayerChoice) -> Option<String> {
        self.happen(|account, now| account.pay(checkout_id, "UPI", choice, now))
    }

    fn settle(&self, day: NaiveDate) -> Option<String> {
        let chance = self.front.chances().settlement_left_out;
        let is_left_out = || self.front.happens(chance);
        self.happen(|account, _| account.settle(day, is_left_out))
    }

    /// Money is taken at once.
    fn hold_captures(&self, _are_held: bool) {}

    fn hold_refunds(&self, is_held: bool) {
        lock(&self.account).are_refunds_held = is_held;
    }

    fn process_refunds(&self, failing: &[&str]) {
        lock(&self.account).process_refunds(failing);
    }

    /// Instamojo tells of none.
    fn dispute(&self, _payment_id: &str) -> Option<String> {
        None
    }

    fn move_dispute(&self, _dispute_id: &str, _status: &str) -> bool {
        false
    }

    /// There are none to others.
    fn move_payout(&self, _payout_id: &str, _status: &str) -> bool {
        false
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
            account.is_late_by_chance = self.front.happens(self.front.chances().late_success);
            let outcome = what(&mut account, now);
            (outcome, account.take_webhooks())
        };
        self.sender.send(webhooks);
        outcome
    }
}
