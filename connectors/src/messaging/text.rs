//! What people are told with a code: what it is for, how long it holds, and that nobody asks for it. And what
//! they are reminded of.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::address::Address;
use identity::delivery::{CodeMessage, CodeText, DeliveryError, Purpose, Reminder, ReminderOf};

/// The digits of a code.
const CODE_LENGTH: usize = 6;

/// The code's digits, once it is known that there are six and nothing else: what is put into texts and
/// forms must not be able to say more.
pub(super) fn digits(code: &CodeText) -> Result<&str, DeliveryError> {
    let digits = code.reveal();
    if digits.len() == CODE_LENGTH && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err(DeliveryError::Refused {
            reason: "a code is six digits".to_owned(),
        })
    }
}

/// Whole minutes for which a code holds: rather less than more, but at least one.
pub(super) fn minutes(expires_in: Duration) -> u64 {
    (expires_in.as_secs() / 60).max(1)
}

fn in_words(expires_in: Duration) -> String {
    match minutes(expires_in) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

/// What the code is to be used for, after "to".
fn deed(message: &CodeMessage) -> &'static str {
    match (message.purpose, &message.to) {
        (Purpose::VerifyAddress, Address::Email(_)) => "confirm your email address",
        (Purpose::VerifyAddress, Address::Phone(_)) => "confirm your phone number",
        (Purpose::ResetPassword, _) => "set a new password",
        (Purpose::SignIn, _) => "sign in",
        (Purpose::StepUp, _) => "confirm a sensitive operation",
    }
}

/// The subject of an email, without the code: subjects show on locked screens.
pub(super) fn subject(message: &CodeMessage, service: &str) -> String {
    format!("{service}: your code to {}", deed(message))
}

/// The text of an email.
pub(super) fn letter(message: &CodeMessage, service: &str) -> Result<String, DeliveryError> {
    let code = digits(&message.code)?;
    let deed = deed(message);
    let valid = in_words(message.expires_in);
    Ok(format!(
        "Your code to {deed} at {service}:\n\
         \n    {code}\n\n\
         It is valid for {valid} and can be used once.\n\
         \n\
         Nobody from {service} will ever ask you for this code. Do not tell it to anyone.\n\
         If you did not ask for it, somebody else may have entered your address: you need not do\n\
         anything, without the code they get no further.\n"
    ))
}

/// The text of a text message.
pub(super) fn short(message: &CodeMessage, service: &str) -> Result<String, DeliveryError> {
    let code = digits(&message.code)?;
    let deed = deed(message);
    let valid = in_words(message.expires_in);
    Ok(format!(
        "{code} is your code to {deed} at {service}. It is valid for {valid}. Nobody will ask you for it."
    ))
}

/// What somebody is to do, after "to".
const fn wish(of: ReminderOf) -> &'static str {
    match of {
        ReminderOf::VerifyEmail => "confirm your email address",
        ReminderOf::VerifyPhone => "confirm your phone number",
        ReminderOf::GiveDocuments => "give the documents that you were asked for",
    }
}

/// The subject of a reminder by email.
pub(super) fn reminder_subject(reminder: &Reminder, service: &str) -> String {
    format!("{service}: a reminder to {}", wish(reminder.of))
}

/// The text of a reminder by email. Without a link: whoever is used to links in such letters follows those of
/// others, too.
pub(super) fn reminder_letter(reminder: &Reminder, service: &str) -> String {
    let (wish, until) = (wish(reminder.of), day(reminder.due_at));
    format!(
        "You have begun to open an account at {service}. To go on, {wish}.\n\
         There is time until {until}.\n\
         \n\
         Sign in the way you always do; there is no link in this letter. Nobody from {service} will\n\
         ever ask you for a code or your password.\n\
         If you do not wish to go on, you need not do anything.\n"
    )
}

/// The text of a reminder by text message.
pub(super) fn reminder_short(reminder: &Reminder, service: &str) -> String {
    let (wish, until) = (wish(reminder.of), day(reminder.due_at));
    format!("{service}: to open your account, {wish} until {until}. Sign in the way you always do.")
}

/// A moment as people read it.
fn day(moment: DateTime<Utc>) -> String {
    moment
        .format("%e %B %Y, %H:%M UTC")
        .to_string()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use identity::address::Address;
    use identity::delivery::{CodeMessage, CodeText, DeliveryError, Purpose, Reminder, ReminderOf};

    use super::{
        letter, minutes, reminder_letter, reminder_short, reminder_subject, short, subject, wish,
    };

    fn message(code: &str, purpose: Purpose) -> CodeMessage {
        CodeMessage {
            to: Address::Email("asha@example.org".parse().unwrap()),
            code: CodeText::new(code.to_owned()),
            purpose,
            expires_in: Duration::from_secs(300),
        }
    }

    #[test]
    fn every_text_says_what_for_how_long_and_to_keep_it() {
        let mut subjects = Vec::new();
        for purpose in Purpose::ALL {
            let message = message("012345", purpose);
            let subject = subject(&message, "Daybook");
            assert!(!subject.contains("012345"), "{subject}");
            let deed = subject.strip_prefix("Daybook: your code to ").unwrap();
            for text in [
                letter(&message, "Daybook").unwrap(),
                short(&message, "Daybook").unwrap(),
            ] {
                for part in ["012345", deed, "5 minutes", "Nobody", "Daybook"] {
                    assert!(text.contains(part), "{part} in {text}");
                }
                assert!(text.is_ascii(), "{text}");
            }
            subjects.push(subject);
        }
        subjects.sort();
        subjects.dedup();
        assert_eq!(subjects.len(), Purpose::ALL.len());
    }

    #[test]
    fn a_reminder_says_what_is_to_be_done_and_until_when() {
        for of in ReminderOf::ALL {
            let reminder = Reminder {
                to: Address::Email("asha@example.org".parse().unwrap()),
                id: uuid::Uuid::nil(),
                of,
                due_at: "2026-02-03T04:05:06Z".parse().unwrap(),
            };
            let subject = reminder_subject(&reminder, "Daybook");
            assert!(subject.contains(wish(of)), "{subject}");
            for text in [
                reminder_letter(&reminder, "Daybook"),
                reminder_short(&reminder, "Daybook"),
            ] {
                for part in [wish(of), "3 February 2026, 04:05 UTC", "Daybook"] {
                    assert!(text.contains(part), "{part} in {text}");
                }
                assert!(text.is_ascii() && !text.contains("http"), "{text}");
            }
        }
    }

    #[test]
    fn validity_is_never_said_to_be_longer_than_it_is() {
        for (seconds, whole) in [(0, 1), (59, 1), (60, 1), (119, 1), (300, 5), (600, 10)] {
            assert_eq!(minutes(Duration::from_secs(seconds)), whole, "{seconds}");
        }
        let mut one = message("012345", Purpose::SignIn);
        one.expires_in = Duration::from_secs(61);
        assert!(short(&one, "Daybook").unwrap().contains("1 minute."));
    }

    #[test]
    fn what_is_no_code_is_not_sent() {
        for bad in [
            "",
            "12345",
            "1234567",
            "12345x",
            "12 456",
            "１２３４５６",
            "12345\n",
        ] {
            let error = letter(&message(bad, Purpose::SignIn), "Daybook").unwrap_err();
            assert!(matches!(error, DeliveryError::Refused { .. }), "{bad}");
            assert!(short(&message(bad, Purpose::SignIn), "Daybook").is_err());
        }
    }
}
