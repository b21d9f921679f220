//! Text messages through MSG91's OTP interface (version 5), with our own code.
//!
//! `POST /api/v5/otp` with the fields in the query, as documented, and the key in the `authkey` header.
//! The defaults of MSG91 are four digits that hold for a day, so both are always sent. India's rules
//! (DLT) want the template and the sender registered; the template has the words.
//!
//! MSG91 answers most errors with status 200 and `{"type":"error"}`, some with a `code`:
//!
//! | answer | outcome |
//! |---|---|
//! | 200, `success` | delivered |
//! | 429; words of a limit; code 311 | rate limited, with `Retry-After` if there is one |
//! | 401, 403, 404, 418; words of key, IP address, template, sender, balance; codes 201, 203, 207 to 211, 301 to 303, 306, 418 | the set-up is not right |
//! | any other `error`; other 400 to 499 | refused |
//! | 408, 500 to 599, no answer | tried again |
//! | anything else, also 200 that is no JSON | not understood, tried again |
//!
//! Trying again may send twice: the same digits.

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, HeaderValue};
use hyper::{Request, StatusCode};
use identity::address::Address;
use identity::delivery::{CodeDelivery, CodeMessage, DeliveryError, Reminder};
use serde::Deserialize;

use super::attempts::AttemptPolicy;
use super::fault::{Failure, MessagingStartError, ProviderFault};
use super::text;
use crate::outbound::{Answer, BaseUrl, OutboundClient, OutboundError, form};
use crate::secret::Secret;

/// Where MSG91 is.
pub const MSG91_BASE_URL: &str = "https://control.msg91.com";

const PROVIDER: &str = "MSG91";
/// The longest that MSG91 is told a code holds, whatever the message says.
const MOST_MINUTES: u64 = 10;
/// The most of MSG91's words that are repeated, in characters.
const MOST_WORDS: usize = 100;
/// Digits in a row that may be a phone number or a code and are not repeated.
const TELLING_DIGITS: usize = 5;

/// The access to MSG91.
#[derive(Debug, Clone)]
pub struct Msg91Settings {
    /// [`MSG91_BASE_URL`], or a simulator's.
    pub base_url: BaseUrl,
    /// The account's key.
    pub authkey: Secret,
    /// The id of the template for codes.
    pub template_id: String,
    /// The registered sender, if the template does not say it.
    pub sender: Option<String>,
    /// How often and how long a delivery is tried.
    pub attempts: AttemptPolicy,
}

/// Delivers to phone numbers.
#[derive(Debug)]
pub struct Msg91Delivery {
    client: OutboundClient,
    url: String,
    authkey: HeaderValue,
    template_id: String,
    sender: Option<String>,
    attempts: AttemptPolicy,
}

impl Msg91Delivery {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`MessagingStartError`].
    pub fn try_new(settings: &Msg91Settings) -> Result<Self, MessagingStartError> {
        let refuse = |setting, rule| MessagingStartError::Setting { setting, rule };
        if settings.authkey.is_empty() {
            return Err(refuse("authkey", "is missing"));
        }
        if settings.template_id.is_empty() {
            return Err(refuse("template_id", "is missing"));
        }
        let mut authkey = HeaderValue::try_from(settings.authkey.reveal())
            .map_err(|_| refuse("authkey", "has characters that no key has"))?;
        authkey.set_sensitive(true);
        Ok(Self {
            client: OutboundClient::try_new(&settings.base_url)?,
            url: format!("{}/api/v5/otp", settings.base_url.as_str()),
            authkey,
            template_id: settings.template_id.clone(),
            sender: settings.sender.clone(),
            attempts: settings.attempts,
        })
    }

    async fn attempt(&self, url: &str) -> Result<(), Failure> {
        let request = Request::post(url)
            .header("authkey", &self.authkey)
            .header(ACCEPT, "application/json")
            .body(Full::new(Bytes::new()))
            .map_err(|source| Failure::lasting(called(OutboundError::Request(source))))?;
        let answer = self
            .client
            .send(request, self.attempts.time_limit)
            .await
            .map_err(|source| Failure::passing(called(source)))?;
        outcome(&answer)
    }
}

#[async_trait]
impl CodeDelivery for Msg91Delivery {
    async fn deliver(&self, message: &CodeMessage) -> Result<(), DeliveryError> {
        let Address::Phone(number) = &message.to else {
            return Err(DeliveryError::NotConfigured);
        };
        let expiry = text::minutes(message.expires_in)
            .min(MOST_MINUTES)
            .to_string();
        let mut fields = vec![
            ("template_id", self.template_id.as_str()),
            ("mobile", number.digits()),
            ("otp", text::digits(&message.code)?),
            ("otp_length", "6"),
            ("otp_expiry", &expiry),
        ];
        if let Some(sender) = &self.sender {
            fields.push(("sender", sender));
        }
        let url = format!("{}?{}", self.url, form(&fields));
        self.attempts.deliver(|| self.attempt(&url)).await
    }

    /// The interface takes codes and nothing else.
    async fn remind(&self, _: &Reminder) -> Result<(), DeliveryError> {
        Err(DeliveryError::NotConfigured)
    }
}

fn called(source: OutboundError) -> ProviderFault {
    ProviderFault::Call {
        provider: PROVIDER,
        source,
    }
}

/// What is read of an answer.
#[derive(Deserialize)]
struct AnswerBody {
    #[serde(rename = "type")]
    kind: AnswerKind,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<Code>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AnswerKind {
    Success,
    Error,
}

/// MSG91 writes its codes as text or as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Number(u32),
    Text(String),
}

impl Code {
    fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

fn outcome(answer: &Answer) -> Result<(), Failure> {
    let status = answer.status.as_u16();
    let body = serde_json::from_slice::<AnswerBody>(&answer.body).ok();
    match body {
        Some(body) if answer.status == StatusCode::OK && body.kind == AnswerKind::Success => Ok(()),
        Some(body) if body.kind == AnswerKind::Error => Err(told(answer, &body)),
        _ => Err(untold(answer, format!("status {status}"))),
    }
}

/// What an error's words, code and status mean, in this order of trust: the status is mostly 200.
fn told(answer: &Answer, body: &AnswerBody) -> Failure {
    let message = body.message.as_deref().unwrap_or_default();
    let code = body.code.as_ref().and_then(Code::number);
    let words = match code {
        Some(code) => format!("{} (code {code})", without_numbers(message)),
        None => without_numbers(message),
    };
    let meaning = meaning_of_code(code).or_else(|| meaning_of_words(message));
    match (meaning, answer.status.as_u16()) {
        (Some(Meaning::Limit), _) => Failure::rate_limited(answer.retry_after()),
        (Some(Meaning::SetUp), _) => Failure::lasting(ProviderFault::SetUp {
            provider: PROVIDER,
            answer: words,
        }),
        (None, 200) => Failure::refused(words),
        (None, _) => untold(answer, words),
    }
}

/// What the status alone says.
fn untold(answer: &Answer, words: String) -> Failure {
    let provider = PROVIDER;
    match answer.status.as_u16() {
        429 => Failure::rate_limited(answer.retry_after()),
        408 | 500..=599 => Failure::passing(ProviderFault::Failed {
            provider,
            answer: words,
        }),
        401 | 403 | 404 | 418 => Failure::lasting(ProviderFault::SetUp {
            provider,
            answer: words,
        }),
        400..=499 => Failure::refused(words),
        _ => Failure::passing(ProviderFault::NotUnderstood {
            provider,
            answer: words,
        }),
    }
}

enum Meaning {
    Limit,
    SetUp,
}

fn meaning_of_code(code: Option<u32>) -> Option<Meaning> {
    match code? {
        311 => Some(Meaning::Limit),
        201 | 203 | 207..=211 | 301..=303 | 306 | 418 => Some(Meaning::SetUp),
        _ => None,
    }
}

fn meaning_of_words(message: &str) -> Option<Meaning> {
    const LIMIT: [&str; 4] = ["maxed out", "max limit", "too many", "rate limit"];
    const SET_UP: [&str; 8] = [
        "authentication",
        "authkey",
        "auth key",
        "whitelist",
        "template",
        "sender",
        "balance",
        "route",
    ];
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&LIMIT) {
        Some(Meaning::Limit)
    } else if says(&SET_UP) {
        Some(Meaning::SetUp)
    } else {
        None
    }
}

/// The provider's words, cut, and without what could be the phone number or the code.
fn without_numbers(message: &str) -> String {
    let mut words = String::new();
    let mut digits = String::new();
    for character in message.chars().take(MOST_WORDS) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        push_digits(&mut words, &mut digits);
        if !character.is_control() {
            words.push(character);
        }
    }
    push_digits(&mut words, &mut digits);
    words
}

fn push_digits(words: &mut String, digits: &mut String) {
    words.push_str(if digits.len() < TELLING_DIGITS {
        digits
    } else {
        "…"
    });
    digits.clear();
}

#[cfg(test)]
mod tests {
    use super::without_numbers;

    #[test]
    fn the_providers_words_do_not_tell_the_number_or_the_code() {
        for (said, kept) in [
            ("Invalid mobile 919876543210", "Invalid mobile …"),
            ("+91-98765-43210 is bad\r\n", "+91-…-… is bad"),
            ("code 418: IP", "code 418: IP"),
            ("012345", "…"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(said), kept);
        }
        // A long number on the edge is not told either.
        let edge = format!("{}123456", "x".repeat(95));
        assert_eq!(without_numbers(&edge), format!("{}…", "x".repeat(95)));
        assert!(without_numbers(&"é".repeat(1_000)).chars().count() <= 100);
    }
}
