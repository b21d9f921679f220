//! Text messages through Twilio Verify, with our own code.
//!
//! `POST /v2/Services/{VA…}/Verifications` with `CustomCode`; the service must have custom codes
//! enabled. Twilio chooses the sender and the words (its template in the person's language), which say
//! the code and not its purpose. A verification that nobody closes counts: Twilio refuses a sixth start
//! to one number within ten minutes, as a rate limit.
//!
//! | answer | outcome |
//! |---|---|
//! | 201 | delivered |
//! | 429; 20429, 60202, 60203, 60207, 60212 | rate limited, with `Retry-After` |
//! | 401, 403, 404, 405; 20003, 20404, 60204, 60217, 60223, 60243 | the set-up is not right |
//! | other 400 to 499 | refused |
//! | 408, 500 to 599, no answer | tried again |
//! | anything else | not understood, tried again |
//!
//! A code decides before the status does. Trying again may send twice: the same digits, and Twilio
//! counts both starts.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode};
use identity::address::Address;
use identity::delivery::{CodeDelivery, CodeMessage, DeliveryError, Reminder};
use serde::Deserialize;

use super::attempts::AttemptPolicy;
use super::fault::{Failure, MessagingStartError, ProviderFault};
use super::text;
use crate::outbound::{Answer, BaseUrl, OutboundClient, OutboundError, form};
use crate::secret::Secret;

/// Where Twilio Verify is.
pub const TWILIO_BASE_URL: &str = "https://verify.twilio.com";

const PROVIDER: &str = "Twilio Verify";

/// The access to one Verify service.
#[derive(Debug, Clone)]
pub struct TwilioSettings {
    /// [`TWILIO_BASE_URL`], or a simulator's.
    pub base_url: BaseUrl,
    /// The account's SID, `AC…`, or an API key's, `SK…`.
    pub account_sid: String,
    /// The account's token, or the key's secret.
    pub auth_token: Secret,
    /// The Verify service's SID, `VA…`.
    pub service_sid: String,
    /// How often and how long a delivery is tried.
    pub attempts: AttemptPolicy,
}

/// Delivers to phone numbers.
#[derive(Debug)]
pub struct TwilioDelivery {
    client: OutboundClient,
    url: String,
    authorization: HeaderValue,
    attempts: AttemptPolicy,
}

impl TwilioDelivery {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`MessagingStartError`].
    pub fn try_new(settings: &TwilioSettings) -> Result<Self, MessagingStartError> {
        check(settings)?;
        let credentials = format!("{}:{}", settings.account_sid, settings.auth_token.reveal());
        let mut authorization =
            HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials))).map_err(
                |_| MessagingStartError::Setting {
                    setting: "auth_token",
                    rule: "is too long",
                },
            )?;
        authorization.set_sensitive(true);
        Ok(Self {
            client: OutboundClient::try_new(&settings.base_url)?,
            url: format!(
                "{}/v2/Services/{}/Verifications",
                settings.base_url.as_str(),
                settings.service_sid
            ),
            authorization,
            attempts: settings.attempts,
        })
    }

    async fn attempt(&self, body: &str) -> Result<(), Failure> {
        let request = Request::post(&self.url)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
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
impl CodeDelivery for TwilioDelivery {
    async fn deliver(&self, message: &CodeMessage) -> Result<(), DeliveryError> {
        let Address::Phone(number) = &message.to else {
            return Err(DeliveryError::NotConfigured);
        };
        let body = form(&[
            ("To", number.as_str()),
            ("Channel", "sms"),
            ("CustomCode", text::digits(&message.code)?),
        ]);
        self.attempts.deliver(|| self.attempt(&body)).await
    }

    /// The interface takes codes and nothing else.
    async fn remind(&self, _: &Reminder) -> Result<(), DeliveryError> {
        Err(DeliveryError::NotConfigured)
    }
}

/// SIDs become part of a URL and of a header, so nothing else than a SID may.
fn check(settings: &TwilioSettings) -> Result<(), MessagingStartError> {
    let refuse = |setting, rule| Err(MessagingStartError::Setting { setting, rule });
    if !is_sid(&settings.account_sid, &["AC", "SK"]) {
        return refuse(
            "account_sid",
            "is AC (an account) or SK (an API key) and 32 hexadecimal digits",
        );
    }
    if !is_sid(&settings.service_sid, &["VA"]) {
        return refuse("service_sid", "is VA and 32 hexadecimal digits");
    }
    if settings.auth_token.is_empty() {
        return refuse("auth_token", "is missing");
    }
    Ok(())
}

fn is_sid(text: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    })
}

fn called(source: OutboundError) -> ProviderFault {
    ProviderFault::Call {
        provider: PROVIDER,
        source,
    }
}

/// What is read of a verification.
#[derive(Deserialize)]
struct Verification {
    sid: String,
}

/// What is read of an error; its message may repeat the phone number.
#[derive(Deserialize)]
struct ErrorBody {
    code: Option<u32>,
}

fn outcome(answer: &Answer) -> Result<(), Failure> {
    if answer.status == StatusCode::CREATED {
        return match serde_json::from_slice::<Verification>(&answer.body) {
            Ok(verification) if is_sid(&verification.sid, &["VE"]) => Ok(()),
            _ => Err(not_understood("201 without a verification".to_owned())),
        };
    }
    let code = serde_json::from_slice::<ErrorBody>(&answer.body)
        .ok()
        .and_then(|body| body.code);
    Err(failure(answer, code))
}

fn failure(answer: &Answer, code: Option<u32>) -> Failure {
    let status = answer.status.as_u16();
    let words = match code {
        Some(code) => format!("status {status}, code {code}"),
        None => format!("status {status}"),
    };
    let set_up = |answer| {
        Failure::lasting(ProviderFault::SetUp {
            provider: PROVIDER,
            answer,
        })
    };
    match (code, status) {
        (Some(20_429 | 60_202 | 60_203 | 60_207 | 60_212), _) | (_, 429) => {
            Failure::rate_limited(answer.retry_after())
        }
        (Some(20_003 | 20_404 | 60_204 | 60_217 | 60_223 | 60_243), _) => set_up(words),
        (_, 408 | 500..=599) => Failure::passing(ProviderFault::Failed {
            provider: PROVIDER,
            answer: words,
        }),
        // Of a person's number, whatever the status: invalid, a landline, blocked, not reached.
        (Some(60_000..=60_999 | 21_000..=21_999), 400..=499) => Failure::refused(words),
        (_, 401 | 403 | 404 | 405) => set_up(words),
        (_, 400..=499) => Failure::refused(words),
        _ => not_understood(words),
    }
}

fn not_understood(answer: String) -> Failure {
    Failure::passing(ProviderFault::NotUnderstood {
        provider: PROVIDER,
        answer,
    })
}
