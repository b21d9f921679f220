//! What a submission led to; stored with its idempotency key, so that it can be given again.

use ledger_core::book::NewEvent;
use ledger_core::{Position, Rejection, Timestamp};
use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A refusal by a rule of the domain, as it is answered and stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The rule's stable code.
    pub code: String,
    /// The rule and what broke it, for people.
    pub detail: String,
    /// Whether the same command may succeed later without being changed.
    pub transient: bool,
    /// The ids and amounts concerned.
    pub context: serde_json::Value,
}

impl From<&Rejection> for Refusal {
    fn from(rejection: &Rejection) -> Self {
        Self {
            code: rejection.code().to_owned(),
            detail: rejection.to_string(),
            transient: rejection.is_transient(),
            context: serde_json::to_value(rejection).unwrap_or_default(),
        }
    }
}

/// A command that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The position of its last event.
    #[serde(rename = "p")]
    pub position: Position,
    /// The id of what it began (a wallet, transaction or hold), if it began something.
    #[serde(rename = "id", default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Uuid>,
}

/// What one command led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandOutcome {
    /// Its events are in the log (in a dry run: would be).
    #[serde(rename = "a")]
    Applied(Applied),
    /// It broke a rule and left nothing.
    #[serde(rename = "r")]
    Refused(Box<Refusal>),
    /// It broke no rule itself, but another command of an all-or-nothing submission did.
    #[serde(rename = "n")]
    NotApplied,
}

/// What a submission led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The time of recording.
    #[serde(rename = "at")]
    pub recorded_at: Timestamp,
    /// The position of the last event; for a refusal or a dry run, the head it was decided at.
    #[serde(rename = "p")]
    pub position: Position,
    /// What each command led to, in order.
    #[serde(rename = "c")]
    pub commands: Vec<CommandOutcome>,
    /// Whether this is the answer to an earlier request with the same key.
    #[serde(skip)]
    pub replayed: bool,
}

/// How an outcome stands in the row of its key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredOutcome<'a> {
    #[serde(rename = "at")]
    pub(super) recorded_at: Timestamp,
    #[serde(rename = "p")]
    pub(super) position: Position,
    /// So many commands, each of which began one thing by one event: the last events up to the
    /// position say what.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) begun: Option<i64>,
    /// Otherwise what each command led to.
    #[serde(rename = "c", default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) commands: Cow<'a, [CommandOutcome]>,
}

impl Outcome {
    /// As it stands in the row of its key, when these are its events.
    pub(super) fn stored(&self, events: &[NewEvent]) -> StoredOutcome<'_> {
        let begun = self.commands.len() == events.len()
            && events.iter().all(|event| event.sequence == 1)
            && self.commands.iter().zip(events).all(|(command, event)| {
                matches!(command, CommandOutcome::Applied(applied)
                    if applied.position == event.position && applied.created == event.stream.id())
            });
        StoredOutcome {
            recorded_at: self.recorded_at,
            position: self.position,
            begun: i64::try_from(events.len()).ok().filter(|_| begun),
            commands: if begun {
                Cow::Borrowed(&[])
            } else {
                Cow::Borrowed(&self.commands)
            },
        }
    }

    /// The first refusal, if there is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.commands.iter().find_map(|command| match command {
            CommandOutcome::Refused(refusal) => Some(&**refusal),
            CommandOutcome::Applied(_) | CommandOutcome::NotApplied => None,
        })
    }
}
