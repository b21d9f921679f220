//! What a mail server's answer means for a delivery.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;

use crate::messaging::fault::Failure;

/// Why a mail server is unavailable. Holds no address, code or password.
#[derive(Debug, thiserror::Error)]
pub enum SmtpFault {
    /// It did not take the message in time; whether it has it is not known.
    #[error("the mail server did not answer within {} ms", time_limit.as_millis())]
    TimedOut {
        /// The time it had.
        time_limit: Duration,
    },
    /// No connection, or it broke.
    #[error("there is no connection to the mail server")]
    Connection(#[source] Error),
    /// The server says that it fails for now.
    #[error("the mail server fails for now: {codes}")]
    Failed {
        /// Its codes.
        codes: String,
    },
    /// The user, the password or what the server demands of a connection is not right; a person has to
    /// mend that.
    #[error("the mail server does not accept how it is set up: {codes}")]
    SetUp {
        /// Its codes.
        codes: String,
    },
    /// TLS fails, or the server lacks STARTTLS or a known way to sign in; a person has to mend that.
    #[error("the mail server cannot be used safely")]
    Unsafe(#[source] Error),
    /// The server does not speak SMTP.
    #[error("the mail server's answer is not understood")]
    NotUnderstood,
}

/// The words of an answer may hold the address, so only its codes go on.
pub(super) fn failure(error: Error) -> Failure {
    if error.is_response() {
        return Failure::passing(SmtpFault::NotUnderstood);
    }
    if error.is_tls() || error.is_client() || is_handshake(&error) {
        return Failure::lasting(SmtpFault::Unsafe(error));
    }
    let Some(code) = error.status() else {
        return Failure::passing(SmtpFault::Connection(error));
    };
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let answer = SmtpAnswer {
        code: code.into(),
        enhanced: enhanced_code(&words),
        words: &words,
    };
    meaning(&answer)
}

/// Whether rustls ended the connection, as it does with a certificate it does not trust.
fn is_handshake(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A negative answer in parts.
struct SmtpAnswer<'a> {
    code: u16,
    /// The enhanced status code (RFC 3463), if there is one.
    enhanced: Option<&'a str>,
    words: &'a str,
}

impl SmtpAnswer<'_> {
    fn codes(&self) -> String {
        match self.enhanced {
            Some(enhanced) => format!("{} {enhanced}", self.code),
            None => self.code.to_string(),
        }
    }
}

fn meaning(answer: &SmtpAnswer<'_>) -> Failure {
    let codes = answer.codes();
    match answer.code {
        // RFC 4954, 6: of the one who submits, never of the one who receives.
        530 | 534 | 535 | 538 => Failure::lasting(SmtpFault::SetUp { codes }),
        500..=599 => Failure::refused(format!("SMTP {codes}")),
        _ if is_limit(answer) => Failure::rate_limited(None),
        _ => Failure::passing(SmtpFault::Failed { codes }),
    }
}

/// Whether a passing failure is a limit. There is no code of its own for that: large servers use
/// `4.7.x` (policy), and some only words.
fn is_limit(answer: &SmtpAnswer<'_>) -> bool {
    const WORDS: [&str; 5] = ["throttl", "rate limit", "sending rate", "too many", "quota"];
    let words = answer.words.to_ascii_lowercase();
    // 454 is "temporary authentication failure" (RFC 4954), whose enhanced code is 4.7.0.
    let is_policy = answer.code != 454
        && answer
            .enhanced
            .is_some_and(|enhanced| enhanced.starts_with("4.7."));
    is_policy || WORDS.iter().any(|word| words.contains(word))
}

/// The first word, if it is `class.subject.detail`.
fn enhanced_code(words: &str) -> Option<&str> {
    let first = words.split_ascii_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let is_number = |part: &&str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    (parts.len() == 3 && parts.iter().all(is_number)).then_some(first)
}

#[cfg(test)]
mod tests {
    use identity::delivery::DeliveryError;

    use super::{SmtpAnswer, enhanced_code, meaning};
    use crate::messaging::fault::Failure;

    fn outcome(code: u16, words: &str) -> String {
        let failure = meaning(&SmtpAnswer {
            code,
            enhanced: enhanced_code(words),
            words,
        });
        let again = matches!(failure, Failure::Passing(_));
        match failure.into_error() {
            DeliveryError::Refused { reason } => format!("refused: {reason}"),
            DeliveryError::RateLimited { retry_after: None } => "rate limited".to_owned(),
            DeliveryError::Unavailable(source) if again => format!("again: {source}"),
            DeliveryError::Unavailable(source) => source.to_string(),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_answer_means_something() {
        for (code, words, expected) in [
            (
                550,
                "5.1.1 <asha@example.org> unknown",
                "refused: SMTP 550 5.1.1",
            ),
            (552, "mailbox full", "refused: SMTP 552"),
            (554, "5.7.1 spam", "refused: SMTP 554 5.7.1"),
            (421, "4.7.0 try again later", "rate limited"),
            (
                450,
                "4.2.1 the user receives mail at a rate limit",
                "rate limited",
            ),
            (451, "4.7.1 greylisted", "rate limited"),
            (
                454,
                "Throttling failure: Maximum sending rate exceeded.",
                "rate limited",
            ),
            (452, "4.5.3 too many recipients", "rate limited"),
            (
                454,
                "4.7.0 Temporary authentication failure",
                "again: the mail server fails for now: 454 4.7.0",
            ),
            (
                451,
                "4.3.0 local error",
                "again: the mail server fails for now: 451 4.3.0",
            ),
            (421, "", "again: the mail server fails for now: 421"),
            (
                535,
                "5.7.8 bad credentials",
                "the mail server does not accept how it is set up: 535 5.7.8",
            ),
            (
                530,
                "Must issue a STARTTLS command first",
                "the mail server does not accept how it is set up: 530",
            ),
        ] {
            assert_eq!(outcome(code, words), expected, "{code} {words}");
        }
    }

    #[test]
    fn only_codes_are_taken_for_codes() {
        for (words, found) in [
            ("5.1.1 no", Some("5.1.1")),
            ("4.7.28", Some("4.7.28")),
            ("192.168.1.1 is blocked", None),
            ("1.2 x", None),
            ("5.1.x", None),
            ("5.1.1234 x", None),
            ("5..1", None),
            ("", None),
        ] {
            assert_eq!(enhanced_code(words), found, "{words}");
        }
    }
}
