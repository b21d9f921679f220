//! What is heard, from whom, and what it came to.

use std::fmt;

use event_store::executor::IdempotencyKey;
use ledger_core::event::EventMetadata;
use ledger_core::identifier::derived_id;
use ledger_core::{LedgerName, Position, ProviderName, TransactionId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::translation::Untranslatable;

/// What an observation, or several, came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The ledger has it.
    Applied(Position),
    /// It says nothing that the ledger keeps.
    OfNoConcern,
    /// It is of something that is not known, or not known yet.
    NotKnown(&'static str),
    /// A rule stands in its way for now.
    NotYet(String),
    /// It cannot be taken in: a person has to look at it.
    Impossible(String),
}

impl Heard {
    /// What both came to, for a webhook that tells several things: the worst counts.
    pub(crate) fn and(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            return other;
        }
        match (&self, &other) {
            (Self::Applied(one), Self::Applied(two)) if two > one => other,
            _ => self,
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::OfNoConcern => 0,
            Self::Applied(_) => 1,
            Self::NotKnown(_) => 2,
            Self::NotYet(_) => 3,
            Self::Impossible(_) => 4,
        }
    }
}

impl From<Untranslatable> for Heard {
    fn from(word: Untranslatable) -> Self {
        Self::Impossible(word.0.to_owned())
    }
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A webhook says it.
    Told,
    /// The provider was asked just now.
    Fetched,
}

/// A key for one hearing.
#[derive(Debug, Clone)]
pub enum Hearing {
    /// Of a provider's event.
    Event {
        /// What names it: endpoint, event and bytes.
        name: String,
        /// The webhook's id here, for the events to refer to.
        webhook: Uuid,
    },
    /// In a step of a process.
    Step {
        /// What names it.
        name: String,
    },
}

/// Where an observation comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Whose account it is.
    pub ledger: LedgerName,
    /// Who says it.
    pub provider: ProviderName,
    /// How sure it is.
    pub trust: Trust,
    /// Which hearing.
    pub hearing: Hearing,
}

/// The process that issues commands.
const PROCESS: &str = "payments";

impl Source {
    pub(super) fn key(&self, part: &str) -> IdempotencyKey {
        match &self.hearing {
            Hearing::Event { name, .. } => {
                IdempotencyKey::of_provider_event(self.provider, &format!("{name}/{part}"))
            }
            Hearing::Step { name } => {
                IdempotencyKey::of_process(PROCESS, &format!("{name}/{part}"))
            }
        }
    }

    /// The name of a part of the hearing. The same question may be answered otherwise each time it is
    /// asked, so what was fetched is told apart by what it says: a newer answer is no repetition.
    pub(super) fn part(&self, part: &str, said: &impl fmt::Debug) -> String {
        match self.trust {
            Trust::Told => part.to_owned(),
            Trust::Fetched => {
                let digest = Sha256::digest(format!("{said:?}"));
                let short: String = digest[..16]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                format!("{part}-{short}")
            }
        }
    }

    pub(super) fn metadata(&self) -> EventMetadata {
        let (actor, causation_id) = match &self.hearing {
            Hearing::Event { webhook, .. } => ("system:webhooks", Some(webhook.to_string())),
            Hearing::Step { .. } => ("system:payments", None),
        };
        EventMetadata {
            command_id: Uuid::now_v7(),
            actor: Some(actor.to_owned()),
            correlation_id: None,
            causation_id,
            idempotency: None,
        }
    }
}

/// The transaction that a hearing may lead to: the same however often it is tried.
pub(crate) fn transaction(source: &Source, part: &str) -> TransactionId {
    let key = source.key(part);
    TransactionId::new(derived_id(&["observation", key.scope(), key.key()]))
}
