//! A local PayU India.
//!
//! | request | answer |
//! |---|---|
//! | `POST /_payment` (a browser's form) | the hosted page, if the hash is right and the `txnid` was never used up |
//! | `POST /merchant/postservice.php?form=2` with `verify_payment`, `check_payment` | transactions |
//! | … `capture_transaction`, `cancel_refund_transaction`, `check_action_status` | what is done to them |
//! | … `get_settlement_details` | the rows of a day, or of a UTR |
//!
//! Commands are authenticated by `sha512(key|command|var1|SALT)`; everything, refusals too, is answered
//! with status 200, and `status` is now a number and now a text. Returns and webhooks of payments are
//! forms with the reverse hash, those of refunds and disputes JSON without a signature, with spaces around
//! ids; a bank's reference follows in a second one, as a number. Events of the outer world (a payer, a
//! bank, a day that ends) come through [`GatewaySimulator`], which also tells what really happened,
//! whatever the interface says.

mod account;
mod actions;
mod bodies;
mod commands;
mod disputes;
mod events;
mod pages;
mod payments;
mod settlements;

use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, Utc};
use poem::{EndpointExt, Route, post};

use super::books::Books;
use super::control::{self, GatewaySimulator, Workings};
use super::front::{Front, lock};
use super::mischief::PayerChoice;
use super::razorpay::SimulatorStartError;
use super::rewriting::Rewriting;
use super::server::Server;
use super::webhook_sender::{WebhookSender, WebhookTiming};
use crate::gateways::CaptureMode;
use crate::gateways::payu::PayUResponseHash;
use crate::secret::Secret;
use account::Account;

/// Whose account it is and how it behaves.
#[derive(Debug, Clone)]
pub struct PayUAccount {
    /// The merchant's key.
    pub key: String,
    /// The merchant's salt.
    pub salt: Secret,
    /// Whether payments are taken at once.
    pub capture: CaptureMode,
    /// Whether hashes cover `splitInfo`, which is sent in any case.
    pub response_hash: PayUResponseHash,
    /// What ids and misbehaviour are made of.
    pub seed: u64,
    /// When webhooks are sent again.
    pub webhooks: WebhookTiming,
}

/// A running simulator.
#[derive(Debug)]
pub struct PayUSimulator {
    server: Server,
    office: Arc<Office>,
}

#[derive(Debug)]
struct Office {
    front: Arc<Front>,
    account: Mutex<Account>,
    sender: Arc<WebhookSender>,
}

impl PayUSimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// [`SimulatorStartError`].
    pub async fn start(settings: PayUAccount) -> Result<Self, SimulatorStartError> {
        let front = Arc::new(Front::new(settings.seed, bodies::failure));
        let sender = WebhookSender::try_new(Arc::clone(&front), settings.webhooks)?;
        let office = Arc::new(Office {
            account: Mutex::new(Account::new(settings)),
            front,
            sender: Arc::new(sender),
        });
        let routes = Route::new()
            .at("/_payment", post(pages::show))
            .at("/_payment/decide", post(pages::decide))
            .at("/merchant/postservice.php", post(commands::interface))
            .nest("/_simulator", control::gateway::routes(office.clone()))
            .data(Arc::clone(&office));
        let server = Server::start(routes).await?;
        Ok(Self { server, office })
    }

    /// The base URL of the page and of the commands.
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

    /// Answers the next commands with a plain text and status 200, as PayU words some of its errors, and
    /// does nothing.
    pub fn answer_text(&self, text: &str, commands: usize) {
        let mut account = lock(&self.office.account);
        let texts = std::iter::repeat_n(text.to_owned(), commands);
        account.texts.extend(texts);
    }

    /// Answers as PayU does again.
    pub fn forget_texts(&self) {
        lock(&self.office.account).texts.clear();
    }

    /// What came lately: each request's first line, headers and body.
    #[must_use]
    pub fn received(&self) -> Vec<String> {
        self.server.received()
    }

    /// How many commands came, right or wrong.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.office.front.requests()
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

    /// A browser posts the form of a checkout. Whether the page opens.
    pub fn open(&self, form: &[(String, String)]) -> bool {
        self.office
            .happen(|account, now| account.open(form, now).is_ok())
    }

    /// The bank finds that a failed payment was paid after all.
    pub fn pay_late(&self, payment_id: &str) -> bool {
        self.office
            .happen(|account, now| account.pay_late(payment_id, now))
    }

    /// What payers pay on top of the amount from now on, in paise.
    pub fn set_additional_charges(&self, paise: u64) {
        lock(&self.office.account).additional_charges = paise;
    }

    /// The fields that a browser brings back, and a webhook sends, of a payment as it is now.
    #[must_use]
    pub fn response_fields(&self, payment_id: &str) -> Option<Vec<(String, String)>> {
        lock(&self.office.account).response_of(payment_id)
    }

    /// Whether the same amount of the same payment is refused within five minutes.
    pub fn refuse_same_refund(&self, is_refused: bool) {
        lock(&self.office.account).is_same_refund_refused = is_refused;
    }

    /// Whether refunds are only noted, as for payments captured on the same day: the answer names none.
    pub fn defer_refunds(&self, is_deferred: bool) {
        lock(&self.office.account).are_refunds_deferred = is_deferred;
    }

    /// Tells one thing about a payment to everybody who asks from now on, whatever is true.
    pub fn misreport_status(&self, payment_id: &str, status: &str, unmapped: &str) {
        let mut account = lock(&self.office.account);
        account.misreport(payment_id, |payment| {
            payment.told_status = Some((status.to_owned(), unmapped.to_owned()));
        });
    }

    /// Tells another amount of a payment, in paise.
    pub fn misreport_amount(&self, payment_id: &str, paise: u64) {
        let mut account = lock(&self.office.account);
        account.misreport(payment_id, |payment| payment.told_amount = Some(paise));
    }

    /// A payer's bank disputes a captured payment, in one of PayU's words for kinds of disputes.
    pub fn dispute_of(&self, payment_id: &str, kind: &str) -> Option<String> {
        self.office
            .happen(|account, now| account.open_dispute(payment_id, kind, now))
    }
}

/// A checkout is named by its `txnid` and can be paid once a browser has posted its form. Commands and
/// forms that are signed with any of the secrets are taken; what happens is signed with the first. What is
/// held beside refunds: captures and cancellations. What falls due: pages that nobody used are dropped,
/// and banks that said no say yes late.
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
        let salts = secrets.iter().map(|secret| secret.reveal().to_owned());
        account.salts = salts.collect();
    }

    fn fall_due(&self) {
        self.happen(|account, now| account.fall_due(now));
    }
}

impl GatewaySimulator for Office {
    fn pay(&self, checkout_id: &str, choice: PayerChoice) -> Option<String> {
        self.happen(|account, now| account.pay(checkout_id, "UPI", choice, now))
    }

    /// Gives the bank's reference.
    fn settle(&self, day: NaiveDate) -> Option<String> {
        let chance = self.front.chances().settlement_left_out;
        let is_left_out = || self.front.happens(chance);
        self.happen(|account, _| account.settle(day, is_left_out))
    }

    fn hold_captures(&self, are_held: bool) {
        lock(&self.account).are_captures_held = are_held;
    }

    fn hold_refunds(&self, is_held: bool) {
        lock(&self.account).are_actions_held = is_held;
    }

    fn process_refunds(&self, failing: &[&str]) {
        self.happen(|account, now| account.process_actions(failing, now));
    }

    fn dispute(&self, payment_id: &str) -> Option<String> {
        self.happen(|account, now| account.open_dispute(payment_id, "Chargeback", now))
    }

    /// Any of PayU's words, such as `Pending Doc Review` or `Closed Customer Favour`.
    fn move_dispute(&self, dispute_id: &str, status: &str) -> bool {
        self.happen(|account, now| account.move_dispute(dispute_id, status, now))
    }

    /// There are none.
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
