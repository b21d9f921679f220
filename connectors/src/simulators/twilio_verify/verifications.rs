//! The verifications of one service.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use identity::address::PhoneNumber;
use poem::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::TwilioAccount;
use crate::simulators::SentCode;
use crate::simulators::server::random_code;

/// How long a verification is good for.
const VALIDITY: TimeDelta = TimeDelta::minutes(10);
const MOST_STARTS: usize = 5;
const MOST_CHECKS: u32 = 5;
/// The digits of a code that Twilio makes.
const CODE_LENGTH: usize = 6;
/// The verifications and messages that are kept.
const CAPACITY: usize = 1_000;

/// An error as Twilio words it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub code: u32,
    pub message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn not_found(path: &str) -> Self {
        let message = format!("The requested resource {path} was not found");
        Self::new(StatusCode::NOT_FOUND, 20_404, message)
    }

    fn invalid(parameter: &str, value: &str) -> Self {
        let message = format!("Invalid parameter `{parameter}`: {value}");
        Self::new(StatusCode::BAD_REQUEST, 60_200, message)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Pending,
    Approved,
    Canceled,
    MaxAttemptsReached,
    Expired,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Canceled => "canceled",
            Self::MaxAttemptsReached => "max_attempts_reached",
            Self::Expired => "expired",
        }
    }
}

#[derive(Debug)]
struct Start {
    sid: String,
    at: DateTime<Utc>,
    channel: String,
}

struct Verification {
    sid: String,
    to: String,
    code: String,
    status: Status,
    starts: Vec<Start>,
    checks: u32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl std::fmt::Debug for Verification {
    /// Without the code and the number.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Verification")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Verifications {
    account_sid: String,
    service_sid: String,
    all: VecDeque<Verification>,
    sent: VecDeque<SentCode>,
}

type Fields = HashMap<String, String>;

impl Verifications {
    pub(super) fn new(account: &TwilioAccount) -> Self {
        Self {
            account_sid: account.account_sid.clone(),
            service_sid: account.service_sid.clone(),
            all: VecDeque::new(),
            sent: VecDeque::new(),
        }
    }

    pub(super) fn sent(&self) -> Vec<SentCode> {
        self.sent.iter().cloned().collect()
    }

    pub(super) fn start(&mut self, form: &Fields, now: DateTime<Utc>) -> Result<Value, Refusal> {
        let to = number(form)?;
        let channel = channel(form)?;
        let custom = custom_code(form)?;
        self.expire(now);
        let place = match self.pending(|verification| verification.to == to) {
            Some(place) => place,
            None => self.open(&to, now),
        };
        let verification = &mut self.all[place];
        if verification.starts.len() >= MOST_STARTS {
            return Err(Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                60_203,
                "Max send attempts reached",
            ));
        }
        if let Some(code) = custom {
            verification.code = code;
        }
        verification.updated_at = now;
        verification.starts.push(Start {
            sid: sid("VL"),
            at: now,
            channel: channel.clone(),
        });
        let sent = SentCode {
            to,
            code: verification.code.clone(),
            channel,
        };
        if self.sent.len() == CAPACITY {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
        Ok(self.body(&self.all[place]))
    }

    pub(super) fn fetch(&mut self, key: &str, now: DateTime<Utc>) -> Result<Value, Refusal> {
        self.expire(now);
        let place = self.known(key)?;
        Ok(self.body(&self.all[place]))
    }

    pub(super) fn update(
        &mut self,
        key: &str,
        form: &Fields,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        let status = match form.get("Status").map(String::as_str) {
            Some("approved") => Status::Approved,
            Some("canceled") => Status::Canceled,
            other => return Err(Refusal::invalid("Status", other.unwrap_or_default())),
        };
        self.expire(now);
        let place = self.known(key)?;
        let verification = &mut self.all[place];
        if verification.status != Status::Pending {
            return Err(self.gone(key));
        }
        verification.status = status;
        verification.updated_at = now;
        Ok(self.body(&self.all[place]))
    }

    pub(super) fn check(&mut self, form: &Fields, now: DateTime<Utc>) -> Result<Value, Refusal> {
        let code = form.get("Code").map_or("", String::as_str);
        if !(4..=10).contains(&code.len()) {
            return Err(Refusal::invalid("Code", code));
        }
        self.expire(now);
        let found = match (form.get("VerificationSid"), form.get("To")) {
            (Some(sid), _) => self.pending(|verification| verification.sid == *sid),
            (None, Some(to)) => self.pending(|verification| verification.to == *to),
            (None, None) => return Err(Refusal::invalid("To", "")),
        };
        let path = format!("/Services/{}/VerificationCheck", self.service_sid);
        let place = found.ok_or_else(|| Refusal::not_found(&path))?;
        let verification = &mut self.all[place];
        verification.checks = verification.checks.saturating_add(1);
        verification.updated_at = now;
        if verification.checks > MOST_CHECKS {
            verification.status = Status::MaxAttemptsReached;
            return Err(Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                60_202,
                "Max check attempts reached",
            ));
        }
        if verification.code == code {
            verification.status = Status::Approved;
        }
        Ok(self.check_body(&self.all[place]))
    }

    fn open(&mut self, to: &str, now: DateTime<Utc>) -> usize {
        if self.all.len() == CAPACITY {
            self.all.pop_front();
        }
        self.all.push_back(Verification {
            sid: sid("VE"),
            to: to.to_owned(),
            code: random_code(CODE_LENGTH),
            status: Status::Pending,
            starts: Vec::new(),
            checks: 0,
            created_at: now,
            updated_at: now,
        });
        self.all.len() - 1
    }

    fn expire(&mut self, now: DateTime<Utc>) {
        for verification in &mut self.all {
            let is_over = now.signed_duration_since(verification.created_at) >= VALIDITY;
            if verification.status == Status::Pending && is_over {
                verification.status = Status::Expired;
            }
        }
    }

    fn pending(&self, is_wanted: impl Fn(&Verification) -> bool) -> Option<usize> {
        self.all.iter().rposition(|verification| {
            verification.status == Status::Pending && is_wanted(verification)
        })
    }

    /// The verification of that SID, or the pending one of that number.
    fn known(&self, key: &str) -> Result<usize, Refusal> {
        self.all
            .iter()
            .position(|verification| verification.sid == key)
            .or_else(|| self.pending(|verification| verification.to == key))
            .ok_or_else(|| self.gone(key))
    }

    fn gone(&self, key: &str) -> Refusal {
        Refusal::not_found(&format!(
            "/Services/{}/Verifications/{key}",
            self.service_sid
        ))
    }

    fn body(&self, verification: &Verification) -> Value {
        let starts: Vec<Value> = verification
            .starts
            .iter()
            .map(|start| {
                json!({
                    "attempt_sid": start.sid,
                    "channel": start.channel,
                    "time": time(start.at),
                })
            })
            .collect();
        let mut body = self.check_body(verification);
        body["lookup"] = json!({});
        body["send_code_attempts"] = starts.into();
        body["sna"] = Value::Null;
        body["url"] = format!(
            "https://verify.twilio.com/v2/Services/{}/Verifications/{}",
            self.service_sid, verification.sid
        )
        .into();
        body
    }

    fn check_body(&self, verification: &Verification) -> Value {
        json!({
            "account_sid": self.account_sid,
            "amount": null,
            "channel": verification.starts.last().map(|start| start.channel.as_str()),
            "date_created": time(verification.created_at),
            "date_updated": time(verification.updated_at),
            "payee": null,
            "service_sid": self.service_sid,
            "sid": verification.sid,
            "status": verification.status.as_str(),
            "to": verification.to,
            "valid": verification.status == Status::Approved,
        })
    }
}

fn number(form: &Fields) -> Result<String, Refusal> {
    let text = form.get("To").map_or("", String::as_str);
    match text.parse::<PhoneNumber>() {
        Ok(number) if number.as_str() == text => Ok(text.to_owned()),
        _ => Err(Refusal::invalid("To", text)),
    }
}

/// The channels that reach a phone; email needs a mailer, which this service has not.
fn channel(form: &Fields) -> Result<String, Refusal> {
    match form.get("Channel").map(String::as_str) {
        Some(channel @ ("sms" | "call" | "whatsapp")) => Ok(channel.to_owned()),
        Some("email") => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            60_223,
            "Delivery channel disabled: EMAIL",
        )),
        other => Err(Refusal::invalid("Channel", other.unwrap_or_default())),
    }
}

fn custom_code(form: &Fields) -> Result<Option<String>, Refusal> {
    match form.get("CustomCode") {
        None => Ok(None),
        Some(code)
            if (4..=10).contains(&code.len())
                && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            Ok(Some(code.clone()))
        }
        Some(code) => Err(Refusal::invalid("CustomCode", code)),
    }
}

fn sid(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
