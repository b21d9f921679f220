//! Events as the log keeps them: where they stand, what they say, and how they are written.
//!
//! The stored text of an event is what is hashed and proved, so it is written once, by
//! [`Event::to_payload`], and never re-encoded.

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::beneficiary::BeneficiaryEvent;
use crate::hold::HoldEvent;
use crate::identifier::IdentifierError;
use crate::ledger::LedgerEvent;
use crate::onboarding::OnboardingEvent;
use crate::owner::OwnerEvent;
use crate::payment::PaymentEvent;
use crate::payout::PayoutEvent;
use crate::personal::PersonalField;
use crate::profile::ProfileEvent;
use crate::settlement::SettlementEvent;
use crate::timestamp::Timestamp;
use crate::transaction::TransactionEvent;
use crate::verification::CaseEvent;
use crate::wallet::WalletEvent;

pub mod effective;
pub mod state;
mod stream;
#[cfg(test)]
mod tests;

pub use stream::{AggregateType, Position, Sequence, Stream};

/// Why stored text is not an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No aggregate is called that.
    #[error("there is no aggregate type {0:?}")]
    UnknownAggregateType(String),
    /// The id is not one of its aggregate's kind.
    #[error("{id:?} is not an aggregate id")]
    AggregateId {
        /// The text.
        id: String,
        /// The rule it breaks.
        #[source]
        source: IdentifierError,
    },
    /// The payload is not what the aggregate's events look like.
    #[error("the payload of a {event_type} version {event_version} cannot be read")]
    Payload {
        /// The stored type.
        event_type: String,
        /// The stored version.
        event_version: String,
        /// What the decoder says.
        #[source]
        source: serde_json::Error,
    },
    /// The payload says it is another event than its row does.
    #[error(
        "the row says {event_type} version {event_version}, the payload is {payload_type} version {payload_version}"
    )]
    Mislabelled {
        /// The stored type.
        event_type: String,
        /// The stored version.
        event_version: String,
        /// The payload's own type.
        payload_type: &'static str,
        /// The version this code knows of that type.
        payload_version: &'static str,
    },
}

/// Something that has happened, of any aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// To the ledger.
    Ledger(LedgerEvent),
    /// To a wallet.
    Wallet(WalletEvent),
    /// To a transaction.
    Transaction(TransactionEvent),
    /// To a hold.
    Hold(HoldEvent),
    /// To a payment.
    Payment(Box<PaymentEvent>),
    /// To a payout.
    Payout(Box<PayoutEvent>),
    /// To a beneficiary.
    Beneficiary(Box<BeneficiaryEvent>),
    /// To a settlement.
    Settlement(Box<SettlementEvent>),
    /// To an owner.
    Owner(Box<OwnerEvent>),
    /// To a verification case.
    VerificationCase(Box<CaseEvent>),
    /// To an owner's profile.
    Profile(Box<ProfileEvent>),
    /// To an onboarding.
    Onboarding(Box<OnboardingEvent>),
}

impl Event {
    /// The event's type, as stored.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ledger(event) => event.name(),
            Self::Wallet(event) => event.name(),
            Self::Transaction(event) => event.name(),
            Self::Hold(event) => event.name(),
            Self::Payment(event) => event.name(),
            Self::Payout(event) => event.name(),
            Self::Beneficiary(event) => event.name(),
            Self::Settlement(event) => event.name(),
            Self::Owner(event) => event.name(),
            Self::VerificationCase(event) => event.name(),
            Self::Profile(event) => event.name(),
            Self::Onboarding(event) => event.name(),
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub fn version(&self) -> &'static str {
        match self {
            Self::Ledger(event) => event.version(),
            Self::Wallet(event) => event.version(),
            Self::Transaction(event) => event.version(),
            Self::Hold(event) => event.version(),
            Self::Payment(event) => event.version(),
            Self::Payout(event) => event.version(),
            Self::Beneficiary(event) => event.version(),
            Self::Settlement(event) => event.version(),
            Self::Owner(event) => event.version(),
            Self::VerificationCase(event) => event.version(),
            Self::Profile(event) => event.version(),
            Self::Onboarding(event) => event.version(),
        }
    }

    /// Writes the text to store: JSON with the event's type as the only key, as `cqrs-es` reads it.
    ///
    /// # Errors
    /// Those of the writer, and one for an event that tells of a person in the clear.
    pub fn write_payload(&self, writer: impl io::Write) -> Result<(), serde_json::Error> {
        match self {
            Self::Ledger(event) => serde_json::to_writer(writer, event),
            Self::Wallet(event) => serde_json::to_writer(writer, event),
            Self::Transaction(event) => serde_json::to_writer(writer, event),
            Self::Hold(event) => serde_json::to_writer(writer, event),
            Self::Payment(event) => serde_json::to_writer(writer, event),
            Self::Payout(event) => serde_json::to_writer(writer, event),
            Self::Beneficiary(event) => serde_json::to_writer(writer, event),
            Self::Settlement(event) => serde_json::to_writer(writer, event),
            Self::Owner(event) => serde_json::to_writer(writer, event),
            Self::VerificationCase(event) => serde_json::to_writer(writer, event),
            Self::Profile(event) => serde_json::to_writer(writer, event),
            Self::Onboarding(event) => serde_json::to_writer(writer, event),
        }
    }

    /// The text to store; see [`Event::write_payload`].
    ///
    /// # Errors
    /// One for an event that tells of a person in the clear; any other event of this crate causes none.
    pub fn to_payload(&self) -> Result<String, serde_json::Error> {
        let mut payload = Vec::new();
        self.write_payload(&mut payload)?;
        String::from_utf8(payload).map_err(serde::de::Error::custom)
    }

    /// What of it tells of a person, by the name of the field: to be sealed before it is written, and opened
    /// by whoever may read it. The person is the owner whose stream it is on.
    pub fn personal_fields(&mut self) -> Vec<(&'static str, &mut dyn PersonalField)> {
        match self {
            Self::Profile(event) => event.personal_fields(),
            Self::Ledger(_)
            | Self::Wallet(_)
            | Self::Transaction(_)
            | Self::Hold(_)
            | Self::Payment(_)
            | Self::Payout(_)
            | Self::Beneficiary(_)
            | Self::Settlement(_)
            | Self::Owner(_)
            | Self::VerificationCase(_)
            | Self::Onboarding(_) => Vec::new(),
        }
    }

    /// Takes a stored event back.
    ///
    /// # Errors
    /// [`DecodeError::Payload`] and [`DecodeError::Mislabelled`].
    pub fn from_payload(
        aggregate_type: AggregateType,
        event_type: &str,
        event_version: &str,
        payload: &str,
    ) -> Result<Self, DecodeError> {
        let event = match aggregate_type {
            AggregateType::Ledger => serde_json::from_str(payload).map(Self::Ledger),
            AggregateType::Wallet => serde_json::from_str(payload).map(Self::Wallet),
            AggregateType::Transaction => serde_json::from_str(payload).map(Self::Transaction),
            AggregateType::Hold => serde_json::from_str(payload).map(Self::Hold),
            AggregateType::Payment => serde_json::from_str(payload).map(Self::Payment),
            AggregateType::Payout => serde_json::from_str(payload).map(Self::Payout),
            AggregateType::Beneficiary => serde_json::from_str(payload).map(Self::Beneficiary),
            AggregateType::Settlement => serde_json::from_str(payload).map(Self::Settlement),
            AggregateType::Owner => serde_json::from_str(payload).map(Self::Owner),
            AggregateType::VerificationCase => {
                serde_json::from_str(payload).map(Self::VerificationCase)
            }
            AggregateType::Profile => serde_json::from_str(payload).map(Self::Profile),
            AggregateType::Onboarding => serde_json::from_str(payload).map(Self::Onboarding),
        }
        .map_err(|source| DecodeError::Payload {
            event_type: event_type.to_owned(),
            event_version: event_version.to_owned(),
            source,
        })?;
        if event.name() != event_type || event.version() != event_version {
            return Err(DecodeError::Mislabelled {
                event_type: event_type.to_owned(),
                event_version: event_version.to_owned(),
                payload_type: event.name(),
                payload_version: event.version(),
            });
        }
        Ok(event)
    }
}

/// Who and what caused an event; every value is a string, as `postgres-es` requires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventMetadata {
    /// The command's own id; all events of one command share it.
    pub command_id: Uuid,
    /// Who gave the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What the command belongs to, across systems (a request or trace id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The event or message that led to the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// What keeps the command's idempotency key, where no row does: 18 bytes of the SHA-256 of the key
    /// and 18 of that of the request, in base64. Only the executor sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<String>,
}

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its place in the ledger's log.
    pub position: Position,
    /// When it was written; never earlier than the event before it.
    pub recorded_at: Timestamp,
    /// The stream it belongs to.
    pub stream: Stream,
    /// Its place in that stream.
    pub sequence: Sequence,
    /// What it says.
    pub event: Event,
    /// Who and what caused it.
    pub metadata: EventMetadata,
}
