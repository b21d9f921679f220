//! The codes of one account, one per phone number.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Refusal;
use crate::simulators::SentCode;
use crate::simulators::server::random_code;

const DEFAULT_LENGTH: usize = 4;
const DEFAULT_MINUTES: i64 = 1_440;
const MOST_RETRIES: u32 = 2;
const MOST_CHECKS: u32 = 5;
/// The messages that are kept.
const CAPACITY: usize = 1_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Verified,
}

struct Request {
    code: String,
    status: Status,
    retries: u32,
    checks: u32,
    expires_at: DateTime<Utc>,
}

/// What was asked for, by phone number.
#[derive(Default)]
pub(super) struct Requests {
    by_mobile: HashMap<String, Request>,
    sent: VecDeque<SentCode>,
}

impl std::fmt::Debug for Requests {
    /// Without the codes and the numbers.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Requests")
            .field("numbers", &self.by_mobile.len())
            .finish_non_exhaustive()
    }
}

type Fields = HashMap<String, String>;

impl Requests {
    pub(super) fn sent(&self) -> Vec<SentCode> {
        self.sent.iter().cloned().collect()
    }

    pub(super) fn send(
        &mut self,
        fields: &Fields,
        template: &str,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        if fields.get("template_id").map(String::as_str) != Some(template) {
            return Err(Refusal::words("Template ID Missing or Invalid Template"));
        }
        let mobile = mobile(fields)?;
        let length = number_in(fields, "otp_length", 4..=9, DEFAULT_LENGTH)
            .ok_or(Refusal::words("OTP length must be between 4 and 9"))?;
        let minutes = number_in(fields, "otp_expiry", 1..=10_080, DEFAULT_MINUTES)
            .ok_or(Refusal::words("OTP expiry must be in minutes"))?;
        let code = match fields.get("otp") {
            None => random_code(length),
            Some(code) if is_code(code) => code.clone(),
            Some(_) => return Err(Refusal::words("Invalid OTP")),
        };
        let request = Request {
            code: code.clone(),
            status: Status::Open,
            retries: 0,
            checks: 0,
            expires_at: TimeDelta::try_minutes(minutes)
                .and_then(|minutes| now.checked_add_signed(minutes))
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        if self.by_mobile.len() >= CAPACITY {
            self.by_mobile.clear();
        }
        self.by_mobile.insert(mobile.clone(), request);
        self.keep(mobile, code, "sms");
        let request_id = Uuid::new_v4().simple().to_string();
        Ok(json!({"type": "success", "request_id": request_id.get(..24)}))
    }

    pub(super) fn verify(&mut self, fields: &Fields, now: DateTime<Utc>) -> Result<Value, Refusal> {
        let mobile = mobile(fields)?;
        let request = self
            .by_mobile
            .get_mut(&mobile)
            .ok_or(Refusal::words("Mobile no. not found"))?;
        if request.status == Status::Verified {
            return Err(Refusal::words("Mobile no. already verified"));
        }
        if now >= request.expires_at {
            return Err(Refusal::words("OTP expired"));
        }
        if request.checks >= MOST_CHECKS {
            return Err(Refusal::words(
                "Max limit reached for this otp verification",
            ));
        }
        request.checks += 1;
        if fields.get("otp") != Some(&request.code) {
            return Err(Refusal::words("OTP not match"));
        }
        request.status = Status::Verified;
        Ok(json!({"type": "success", "message": "OTP verified success"}))
    }

    pub(super) fn retry(&mut self, fields: &Fields, now: DateTime<Utc>) -> Result<Value, Refusal> {
        const NO_REQUEST: Refusal = Refusal::words("No OTP request found to retryotp");
        let mobile = mobile(fields)?;
        let request = self.by_mobile.get_mut(&mobile).ok_or(NO_REQUEST)?;
        if request.status == Status::Verified || now >= request.expires_at {
            return Err(NO_REQUEST);
        }
        if request.retries >= MOST_RETRIES {
            return Err(Refusal::words("OTP retry count maxed out"));
        }
        request.retries += 1;
        let code = request.code.clone();
        // Without a type the code is spoken, as MSG91 does.
        let is_text = fields.get("retrytype").is_some_and(|kind| kind == "text");
        self.keep(mobile, code, if is_text { "sms" } else { "voice" });
        Ok(json!({"type": "success", "message": "retry send successfully"}))
    }

    fn keep(&mut self, to: String, code: String, channel: &str) {
        if self.sent.len() == CAPACITY {
            self.sent.pop_front();
        }
        self.sent.push_back(SentCode {
            to,
            code,
            channel: channel.to_owned(),
        });
    }
}

fn mobile(fields: &Fields) -> Result<String, Refusal> {
    let text = fields.get("mobile").map_or("", String::as_str);
    if (7..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::words("Mobile number empty or not numeric"))
    }
}

fn is_code(code: &str) -> bool {
    (4..=9).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number in a field, the default when there is no such field, none when it is out of range.
fn number_in<N: std::str::FromStr + PartialOrd>(
    fields: &Fields,
    name: &str,
    range: std::ops::RangeInclusive<N>,
    default: N,
) -> Option<N> {
    match fields.get(name) {
        None => Some(default),
        Some(text) => text.parse().ok().filter(|number| range.contains(number)),
    }
}
