//! The mailbox of a local Daybook: messages are kept in memory and shown on a page, to nobody else.
//!
//! It is for trying Daybook out (`daybook up`) and must never be used by `daybook serve`: whoever can
//! open the page can be anybody. It keeps the last [`MAILBOX_CAPACITY`] messages and loses them with
//! the process.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use identity::address::Address;
use identity::delivery::{CodeDelivery, CodeMessage, DeliveryError, Reminder};
use serde::Serialize;

use super::text;
use crate::markup::Escaped;

/// The messages a mailbox keeps.
pub const MAILBOX_CAPACITY: usize = 200;

/// What the texts call Daybook.
const SERVICE: &str = "Daybook";

/// A message as it would have been sent. `Debug` shows neither the code nor to whom.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct MailboxMessage {
    /// Its number, from 1 in the order they came.
    pub number: u64,
    /// `email` or `sms`.
    pub channel: &'static str,
    /// To whom.
    pub to: String,
    /// What the code is for, as [`identity::delivery::Purpose::as_str`] has it, or what is reminded of, as
    /// [`identity::delivery::ReminderOf::as_str`] has it.
    pub purpose: &'static str,
    /// The code; a reminder has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The subject of an email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// When it came.
    pub sent_at: DateTime<Utc>,
    /// Until when the code holds, or there is time.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for MailboxMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MailboxMessage")
            .field("number", &self.number)
            .field("channel", &self.channel)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

/// Keeps messages instead of sending them.
#[derive(Default)]
pub struct Mailbox {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    count: u64,
    messages: VecDeque<MailboxMessage>,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mailbox")
            .field("count", &self.kept().count)
            .finish_non_exhaustive()
    }
}

impl Mailbox {
    /// An empty mailbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages that are kept, newest first.
    #[must_use]
    pub fn messages(&self) -> Vec<MailboxMessage> {
        self.kept().messages.iter().rev().cloned().collect()
    }

    /// The messages as a page of HTML, newest first. It has no script, loads nothing, and asks the
    /// browser to come again every five seconds.
    #[must_use]
    pub fn page(&self) -> String {
        let messages = self.messages();
        let mut page = PAGE_START.to_owned();
        if messages.is_empty() {
            page.push_str("<p>No messages yet.</p>\n");
        }
        for message in &messages {
            show(&mut page, message);
        }
        page.push_str("</body>\n</html>\n");
        page
    }

    /// A thread that panicked with the lock left whole messages behind: each is pushed at once.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CodeDelivery for Mailbox {
    async fn deliver(&self, message: &CodeMessage) -> Result<(), DeliveryError> {
        self.keep(written(message)?);
        Ok(())
    }

    async fn remind(&self, reminder: &Reminder) -> Result<(), DeliveryError> {
        self.keep(reminded(reminder));
        Ok(())
    }
}

impl Mailbox {
    fn keep(&self, mut letter: MailboxMessage) {
        let mut kept = self.kept();
        kept.count = kept.count.saturating_add(1);
        letter.number = kept.count;
        if kept.messages.len() == MAILBOX_CAPACITY {
            kept.messages.pop_front();
        }
        kept.messages.push_back(letter);
    }
}

/// A reminder as it would be sent, still without its number.
fn reminded(reminder: &Reminder) -> MailboxMessage {
    let (channel, subject, text) = match reminder.to {
        Address::Email(_) => (
            "email",
            Some(text::reminder_subject(reminder, SERVICE)),
            text::reminder_letter(reminder, SERVICE),
        ),
        Address::Phone(_) => ("sms", None, text::reminder_short(reminder, SERVICE)),
    };
    MailboxMessage {
        number: 0,
        channel,
        to: reminder.to.as_str().to_owned(),
        purpose: reminder.of.as_str(),
        code: None,
        subject,
        text,
        sent_at: Utc::now(),
        expires_at: reminder.due_at,
    }
}

/// The message as it would be sent, still without its number.
fn written(message: &CodeMessage) -> Result<MailboxMessage, DeliveryError> {
    let sent_at = Utc::now();
    let (channel, subject, text) = match message.to {
        Address::Email(_) => (
            "email",
            Some(text::subject(message, SERVICE)),
            text::letter(message, SERVICE)?,
        ),
        Address::Phone(_) => ("sms", None, text::short(message, SERVICE)?),
    };
    let holds = TimeDelta::from_std(message.expires_in).unwrap_or(TimeDelta::MAX);
    Ok(MailboxMessage {
        number: 0,
        channel,
        to: message.to.as_str().to_owned(),
        purpose: message.purpose.as_str(),
        code: Some(text::digits(&message.code)?.to_owned()),
        subject,
        text,
        sent_at,
        expires_at: sent_at
            .checked_add_signed(holds)
            .unwrap_or(DateTime::<Utc>::MAX_UTC),
    })
}

const PAGE_START: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daybook mailbox</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
article { border: 1px solid #8886; border-radius: .5rem; padding: .5rem 1rem; margin: 1rem 0 }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
.code { font: 700 1.5rem ui-monospace, monospace; letter-spacing: .1em }
.note { opacity: .7 }
</style>
</head>
<body>
<h1>Daybook mailbox</h1>
<p class="note">What this local Daybook would have sent. The page renews itself every five seconds.</p>
"#;

fn show(page: &mut String, message: &MailboxMessage) {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let subject = message.subject.as_deref().unwrap_or("Text message");
    let code = message.code.as_deref().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<article>\n<h2>{}</h2>\n<p class=\"note\">No. {} to {}, {} until {}</p>\n\
         <p class=\"code\">{}</p>\n<pre>{}</pre>\n</article>\n",
        Escaped(subject),
        message.number,
        Escaped(&message.to),
        Escaped(&time(message.sent_at)),
        Escaped(&time(message.expires_at)),
        Escaped(code),
        Escaped(&message.text),
    );
}
