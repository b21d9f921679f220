//! Codes on their way: the adapters against simulators and against servers of others.

mod answers;
mod mailbox;
mod msg91;
mod routed;
mod smtp;
mod smtp_server;
mod twilio;
mod twilio_client;

use std::path::PathBuf;
use std::time::Duration;

use connectors::messaging::AttemptPolicy;
use connectors::simulators::Fault;
use identity::address::Address;
use identity::delivery::{CodeMessage, CodeText, DeliveryError, Purpose};
use poem::http::StatusCode;

/// A number that no error or log may tell.
const NUMBER: &str = "+919876543210";
const CODE: &str = "012345";

/// Attempts as in production, with pauses that a test does not feel.
fn attempts() -> AttemptPolicy {
    AttemptPolicy {
        first_pause: Duration::from_micros(100),
        ..AttemptPolicy::default()
    }
}

/// One attempt that soon runs out of time.
fn impatient() -> AttemptPolicy {
    AttemptPolicy {
        attempts: 1,
        time_limit: Duration::from_millis(500),
        ..attempts()
    }
}

fn sms(number: &str) -> CodeMessage {
    message(Address::Phone(number.parse().unwrap()))
}

fn email(address: &str) -> CodeMessage {
    message(Address::Email(address.parse().unwrap()))
}

fn message(to: Address) -> CodeMessage {
    CodeMessage {
        to,
        code: CodeText::new(CODE.to_owned()),
        purpose: Purpose::SignIn,
        expires_in: Duration::from_secs(300),
    }
}

fn python() -> PathBuf {
    let path = std::env::var_os("DAYBOOK_PYTHON");
    PathBuf::from(path.expect("DAYBOOK_PYTHON names a Python interpreter"))
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(name)
}

fn refusal(status: u16, code: u32, message: &str) -> Fault {
    Fault::Refuse {
        status: StatusCode::from_u16(status).unwrap(),
        code,
        message: message.to_owned(),
    }
}

/// An outcome in one line, with all causes; fails when it tells a number or a code.
fn told(outcome: Result<(), DeliveryError>) -> String {
    let told = match outcome {
        Ok(()) => "delivered".to_owned(),
        Err(DeliveryError::NotConfigured) => "not configured".to_owned(),
        Err(DeliveryError::Refused { reason }) => format!("refused: {reason}"),
        Err(DeliveryError::RateLimited { retry_after }) => match retry_after {
            Some(time) => format!("rate limited for {} s", time.as_secs()),
            None => "rate limited".to_owned(),
        },
        Err(DeliveryError::Unavailable(source)) => {
            let mut told = "unavailable".to_owned();
            let mut cause: Option<&dyn std::error::Error> = Some(&*source);
            while let Some(error) = cause {
                told.push_str(&format!(": {error}"));
                cause = error.source();
            }
            told
        }
    };
    for secret in [CODE, &NUMBER[1..], "@example.org", "key-of-ours"] {
        assert!(!told.contains(secret), "{told}");
    }
    told
}
