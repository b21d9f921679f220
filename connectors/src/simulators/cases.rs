//! What simulated identity providers share: what can happen to a case, what is told of one, and the office
//! between requests, an account, a page and webhooks.

use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use poem::Response;
use poem::http::header::CONTENT_TYPE;
use poem::web::Multipart;
use poem::{Body, FromRequest, Request, RequestBody};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::control::{IdentitySimulator, Workings};
use super::front::{ErrorBody, Front, Reply, lock};
use super::page::{CasePage, refusal, see_other};
use super::server::fields;
use super::webhook_sender::{Outgoing, WebhookSender, WebhookTiming};
use crate::outbound::OutboundStartError;
use crate::secret::Secret;

/// What happens to a case. Not every provider has everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseChoice {
    /// The person hands in what was asked for, and the check begins.
    Submit,
    /// It goes to people.
    Review,
    /// It is approved.
    Approve,
    /// It is rejected, and the person may try again.
    RejectRetry,
    /// It is rejected for good.
    RejectFinal,
    /// A decision is taken back and the person starts over.
    Reset,
    /// The person's time is over.
    Expire,
    /// It is closed without a decision.
    Withdraw,
    /// The provider cannot carry it out.
    Fail,
}

impl CaseChoice {
    /// The word in a form.
    fn from_form(text: &str) -> Option<Self> {
        serde_json::from_value(Value::from(text)).ok()
    }
}

/// A case as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimulatedCase {
    /// The provider's id.
    pub case_id: String,
    /// Our reference.
    pub reference: Option<String>,
    /// The level, workflow or template.
    pub level: String,
    /// The provider's words for its state.
    pub status: String,
    /// How many documents are there.
    pub documents: usize,
}

/// Where webhooks go and the secret of events from now on.
#[derive(Debug, Clone)]
pub(super) struct WebhookTarget {
    pub url: String,
    pub secret: String,
}

/// An account at a provider.
pub(super) trait CaseAccount: fmt::Debug + Send + 'static {
    /// How the provider words an error of its own.
    const ERROR: ErrorBody;

    fn set_webhook(&mut self, target: WebhookTarget);

    fn decide(&mut self, case_id: &str, choice: CaseChoice, now: DateTime<Utc>) -> bool;

    fn say(&mut self, case_id: &str, word: &str, now: DateTime<Utc>) -> bool;

    /// What is due by now happens.
    fn fall_due(&mut self, now: DateTime<Utc>);

    fn cases(&self) -> Vec<SimulatedCase>;

    /// Webhooks of what happened since the last call.
    fn take_webhooks(&mut self) -> Vec<Outgoing>;

    /// The case of a page and where its person goes afterwards.
    fn page(&self, key: &str, now: DateTime<Utc>) -> Option<OpenPage>;
}

/// What a page needs to know of its case.
#[derive(Debug, Clone)]
pub(super) struct OpenPage {
    pub case_id: String,
    pub return_url: Option<String>,
}

/// A request of a customer's server.
#[derive(Debug)]
pub(super) struct Asked {
    pub request: AskedLine,
    pub body: Vec<u8>,
    /// The parts of a multipart body.
    pub parts: Vec<Part>,
}

/// What is not the body.
#[derive(Debug)]
pub(super) struct AskedLine {
    pub method: poem::http::Method,
    /// As it came, with the query.
    pub path_and_query: String,
    pub path: String,
    pub query: std::collections::HashMap<String, String>,
    pub headers: poem::http::HeaderMap,
}

/// One part of a multipart body.
#[derive(Debug)]
pub(super) struct Part {
    pub name: String,
    pub file_name: Option<String>,
    pub content_type: Option<String>,
    pub content: Vec<u8>,
}

/// A provider: its account, its front and its webhooks.
#[derive(Debug)]
pub(super) struct Office<A> {
    pub front: Arc<Front>,
    pub account: Mutex<A>,
    pub sender: Arc<WebhookSender>,
}

impl Asked {
    /// Reads a whole request; a multipart body that is none has no parts.
    pub(super) async fn read(request: &Request, body: Vec<u8>) -> Self {
        let is_multipart = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("multipart/form-data"));
        let parts = match is_multipart {
            true => parts(request, &body).await,
            false => Vec::new(),
        };
        let uri = request.original_uri();
        Self {
            request: AskedLine {
                method: request.method().clone(),
                path_and_query: uri
                    .path_and_query()
                    .map_or_else(String::new, ToString::to_string),
                path: uri.path().to_owned(),
                query: fields(uri.query().unwrap_or_default()),
                headers: request.headers().clone(),
            },
            body,
            parts,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.request.headers.get(name)?;
        value.to_str().ok()
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    pub(super) fn text_part(&self, name: &str) -> Option<String> {
        let part = self.part(name)?;
        String::from_utf8(part.content.clone()).ok()
    }
}

async fn parts(request: &Request, body: &[u8]) -> Vec<Part> {
    let mut body = RequestBody::new(Body::from(body.to_vec()));
    let Ok(mut multipart) = Multipart::from_request(request, &mut body).await else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    while let Ok(Some(field)) = multipart.next_field().await {
        parts.push(Part {
            name: field.name().unwrap_or_default().to_owned(),
            file_name: field.file_name().map(str::to_owned),
            content_type: field.content_type().map(str::to_owned),
            content: field.bytes().await.unwrap_or_default(),
        });
    }
    parts
}

impl<A: CaseAccount> Office<A> {
    pub(super) fn try_new(
        seed: u64,
        account: A,
        webhooks: WebhookTiming,
    ) -> Result<Arc<Self>, OutboundStartError> {
        let front = Arc::new(Front::new(seed, A::ERROR));
        let sender = WebhookSender::try_new(Arc::clone(&front), webhooks)?;
        Ok(Arc::new(Self {
            front,
            account: Mutex::new(account),
            sender: Arc::new(sender),
        }))
    }

    /// Answers a request with what the account makes of it, or wrongly.
    pub(super) async fn answer(
        &self,
        work: impl FnOnce(&mut A, DateTime<Utc>) -> Reply,
    ) -> Response {
        self.front.answer(|| self.happen(work)).await
    }

    /// Something happens in the account, and its webhooks go out.
    pub(super) fn happen<T>(&self, what: impl FnOnce(&mut A, DateTime<Utc>) -> T) -> T {
        let now = self.front.now();
        let (outcome, webhooks) = {
            let mut account = lock(&self.account);
            let outcome = what(&mut account, now);
            (outcome, account.take_webhooks())
        };
        self.sender.send(webhooks);
        outcome
    }

    /// The page on which a person decides what becomes of a case.
    pub(super) fn show_page(&self, provider: &str, key: &str, action: &str) -> Response {
        match lock(&self.account).page(key, self.front.now()) {
            Some(page) => CasePage {
                provider,
                case_id: &page.case_id,
                action,
            }
            .respond(),
            None => refusal(provider, "This link is not valid or no longer valid."),
        }
    }

    /// A person decides: hands in, and the outcome comes at once; then the browser goes `back`.
    pub(super) fn take_page(
        &self,
        provider: &str,
        key: &str,
        form: &str,
        back: impl FnOnce(&OpenPage) -> Option<String>,
    ) -> Response {
        let form = fields(form);
        let choice = form.get("choice").map(String::as_str);
        let page = lock(&self.account).page(key, self.front.now());
        let (Some(page), Some(choice)) = (page, choice.and_then(CaseChoice::from_form)) else {
            return refusal(provider, "Nothing was decided.");
        };
        let done = self.happen(|account, now| {
            let case_id = page.case_id.as_str();
            let handed_in = match choice {
                CaseChoice::Review
                | CaseChoice::Approve
                | CaseChoice::RejectRetry
                | CaseChoice::RejectFinal => account.decide(case_id, CaseChoice::Submit, now),
                CaseChoice::Submit
                | CaseChoice::Reset
                | CaseChoice::Expire
                | CaseChoice::Withdraw
                | CaseChoice::Fail => true,
            };
            handed_in && account.decide(case_id, choice, now)
        });
        match (done, back(&page)) {
            (false, _) => refusal(provider, "That cannot be done with this case."),
            (true, Some(url)) => see_other(&url),
            (true, None) => refusal(provider, "Thank you. You can close this page."),
        }
    }
}

impl<A: CaseAccount> Workings for Office<A> {
    fn front(&self) -> &Front {
        &self.front
    }

    fn sender(&self) -> &WebhookSender {
        &self.sender
    }

    /// Events are signed with the secret that was the first one when they happened.
    fn set_webhook(&self, url: &str, secrets: &[Secret]) {
        if let Some(secret) = secrets.first() {
            lock(&self.account).set_webhook(WebhookTarget {
                url: url.to_owned(),
                secret: secret.reveal().to_owned(),
            });
        }
    }

    fn fall_due(&self) {
        self.happen(|account, now| account.fall_due(now));
    }
}

impl<A: CaseAccount> IdentitySimulator for Office<A> {
    fn decide(&self, case_id: &str, choice: CaseChoice) -> bool {
        self.happen(|account, now| account.decide(case_id, choice, now))
    }

    fn say(&self, case_id: &str, word: &str) -> bool {
        self.happen(|account, now| account.say(case_id, word, now))
    }

    fn cases(&self) -> Vec<SimulatedCase> {
        lock(&self.account).cases()
    }
}

/// A random text of so many characters.
pub(super) fn random_text(dice: &mut fastrand::Rng, length: usize) -> String {
    std::iter::repeat_with(|| dice.alphanumeric())
        .take(length)
        .collect()
}

/// Hexadecimal digits of so many characters.
pub(super) fn random_hexadecimal(dice: &mut fastrand::Rng, length: usize) -> String {
    std::iter::repeat_with(|| dice.digit(16))
        .take(length)
        .collect()
}
