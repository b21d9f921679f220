//! Events as the log keeps them: where they stand, what they say, and how they are written.
//!
//! The stored text of an event is what is hashed and proved, so it is written once, by
//! [`Event::to_payload`], and never re-encoded.

use std::fmt;
use std::io;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::beneficiary::BeneficiaryEvent;
use crate::hold::HoldEvent;
use crate::identifier::{
    BeneficiaryId, HoldId, IdentifierError, LedgerName, PaymentId, PayoutId, SettlementId,
    TransactionId, WalletId,
};
use crate::ledger::LedgerEvent;
use crate::payment::PaymentEvent;
use crate::payout::PayoutEvent;
use crate::settlement::SettlementEvent;
use crate::timestamp::Timestamp;
use crate::transaction::TransactionEvent;
use crate::wallet::WalletEvent;

#[cfg(test)]
mod tests;

/// The place of an event in its ledger's log: 1, 2, 3 … without gaps.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Position(i64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// Takes a stored position back; `None` when it is negative.
    #[must_use]
    pub const fn try_new(value: i64) -> Option<Self> {
        if value < 0 { None } else { Some(Self(value)) }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> i64 {
        self.0
    }

    /// The position `count` events later.
    #[must_use]
    pub const fn plus(self, count: i64) -> Self {
        Self(self.0 + count)
    }

    /// The next position.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The place of an event in its stream: 1, 2, 3 … without gaps.
pub type Sequence = i64;

/// The kinds of aggregates.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AggregateType {
    /// [`crate::ledger::Ledger`].
    Ledger,
    /// [`crate::wallet::Wallet`].
    Wallet,
    /// [`crate::transaction::Transaction`].
    Transaction,
    /// [`crate::hold::Hold`].
    Hold,
    /// [`crate::payment::Payment`].
    Payment,
    /// [`crate::payout::Payout`].
    Payout,
    /// [`crate::beneficiary::Beneficiary`].
    Beneficiary,
    /// [`crate::settlement::Settlement`].
    Settlement,
}

impl AggregateType {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Ledger,
        Self::Wallet,
        Self::Transaction,
        Self::Hold,
        Self::Payment,
        Self::Payout,
        Self::Beneficiary,
        Self::Settlement,
    ];

    /// The name, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Wallet => "wallet",
            Self::Transaction => "transaction",
            Self::Hold => "hold",
            Self::Payment => "payment",
            Self::Payout => "payout",
            Self::Beneficiary => "beneficiary",
            Self::Settlement => "settlement",
        }
    }
}

impl fmt::Display for AggregateType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for AggregateType {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::ALL
            .into_iter()
            .find(|aggregate_type| aggregate_type.as_str() == text)
            .ok_or_else(|| DecodeError::UnknownAggregateType(text.to_owned()))
    }
}

/// The stream of one aggregate's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// The ledger's own.
    Ledger(LedgerName),
    /// A wallet's.
    Wallet(WalletId),
    /// A transaction's.
    Transaction(TransactionId),
    /// A hold's.
    Hold(HoldId),
    /// A payment's.
    Payment(PaymentId),
    /// A payout's.
    Payout(PayoutId),
    /// A beneficiary's.
    Beneficiary(BeneficiaryId),
    /// A settlement's.
    Settlement(SettlementId),
}

impl Stream {
    /// Takes the stored names of a stream back.
    ///
    /// # Errors
    /// [`DecodeError::AggregateId`] when the id is not one of that kind.
    pub fn parse(aggregate_type: AggregateType, id: &str) -> Result<Self, DecodeError> {
        let stream = match aggregate_type {
            AggregateType::Ledger => id.parse().map(Self::Ledger),
            AggregateType::Wallet => id.parse().map(Self::Wallet),
            AggregateType::Transaction => id.parse().map(Self::Transaction),
            AggregateType::Hold => id.parse().map(Self::Hold),
            AggregateType::Payment => id.parse().map(Self::Payment),
            AggregateType::Payout => id.parse().map(Self::Payout),
            AggregateType::Beneficiary => id.parse().map(Self::Beneficiary),
            AggregateType::Settlement => id.parse().map(Self::Settlement),
        };
        stream.map_err(|source| DecodeError::AggregateId {
            id: id.to_owned(),
            source,
        })
    }

    /// The kind of the aggregate.
    #[must_use]
    pub const fn aggregate_type(&self) -> AggregateType {
        match self {
            Self::Ledger(_) => AggregateType::Ledger,
            Self::Wallet(_) => AggregateType::Wallet,
            Self::Transaction(_) => AggregateType::Transaction,
            Self::Hold(_) => AggregateType::Hold,
            Self::Payment(_) => AggregateType::Payment,
            Self::Payout(_) => AggregateType::Payout,
            Self::Beneficiary(_) => AggregateType::Beneficiary,
            Self::Settlement(_) => AggregateType::Settlement,
        }
    }

    /// The id of the aggregate; a ledger has a name instead.
    #[must_use]
    pub const fn id(&self) -> Option<Uuid> {
        match self {
            Self::Ledger(_) => None,
            Self::Wallet(id) => Some(id.as_uuid()),
            Self::Transaction(id) => Some(id.as_uuid()),
            Self::Hold(id) => Some(id.as_uuid()),
            Self::Payment(id) => Some(id.as_uuid()),
            Self::Payout(id) => Some(id.as_uuid()),
            Self::Beneficiary(id) => Some(id.as_uuid()),
            Self::Settlement(id) => Some(id.as_uuid()),
        }
    }

    /// The id of the aggregate, as stored.
    #[must_use]
    pub fn aggregate_id(&self) -> String {
        self.displayed_id().to_string()
    }

    /// The id of the aggregate, to be written somewhere as it is stored.
    #[must_use]
    pub const fn displayed_id(&self) -> &dyn fmt::Display {
        match self {
            Self::Ledger(name) => name,
            Self::Wallet(id) => id,
            Self::Transaction(id) => id,
            Self::Hold(id) => id,
            Self::Payment(id) => id,
            Self::Payout(id) => id,
            Self::Beneficiary(id) => id,
            Self::Settlement(id) => id,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}",
            self.aggregate_type(),
            self.displayed_id()
        )
    }
}

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
        }
    }

    /// Writes the text to store: JSON with the event's type as the only key, as `cqrs-es` reads it.
    ///
    /// # Errors
    /// Those of the writer; an event of this crate causes none.
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
        }
    }

    /// The text to store; see [`Event::write_payload`].
    ///
    /// # Errors
    /// None that an event of this crate can cause; the serialiser's signature has one.
    pub fn to_payload(&self) -> Result<String, serde_json::Error> {
        let mut payload = Vec::new();
        self.write_payload(&mut payload)?;
        String::from_utf8(payload).map_err(serde::de::Error::custom)
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
