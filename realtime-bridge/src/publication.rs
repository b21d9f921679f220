//! How a stored event is published.

use event_store::StoredEvent;
use ledger_core::event::DecodeError;
use ledger_core::timestamp::TimestampError;
use ledger_core::{LedgerName, Position, Stream, Timestamp};
use schemas::{Channel, Concerns, PublishError, PublishedEvent, StoredTexts};

/// Why an event cannot be published; a fault of the log.
#[derive(Debug, thiserror::Error)]
pub enum PublicationError {
    /// Its aggregate is none.
    #[error("an aggregate cannot be read")]
    Aggregate(#[source] DecodeError),
    /// Its time is out of range.
    #[error("a time is out of range")]
    Time(#[source] TimestampError),
    /// Its position is negative.
    #[error("{0} is not a position")]
    Position(i64),
    /// Its texts are not what Daybook writes.
    #[error("an event cannot be published")]
    Event(#[source] PublishError),
    /// The published text is not JSON.
    #[error("a published event is not one")]
    Json(#[source] serde_json::Error),
}

/// An event as it is published, serialised once.
#[derive(Debug)]
pub(crate) struct Publication {
    /// Its place in the log.
    pub(crate) position: Position,
    /// When it was written.
    pub(crate) recorded_at: Timestamp,
    /// Its NATS subject.
    pub(crate) subject: String,
    /// Its JSON.
    pub(crate) json: String,
    /// The JSON on the channel of a verification case or an onboarding; `None` for events of anything else.
    told: Option<String>,
    /// Whom it concerns; `None` when this code does not know its type or version.
    pub(crate) concerns: Option<Concerns>,
}

impl Publication {
    /// Publishes what PostgreSQL has.
    pub(crate) fn of_stored(
        ledger: LedgerName,
        stored: &StoredEvent,
    ) -> Result<Self, PublicationError> {
        let published = PublishedEvent::try_new(&StoredTexts {
            ledger,
            position: Position::try_new(stored.position)
                .ok_or(PublicationError::Position(stored.position))?,
            recorded_at: Timestamp::try_new(stored.recorded_at).map_err(PublicationError::Time)?,
            aggregate_type: stored
                .aggregate_type
                .parse()
                .map_err(PublicationError::Aggregate)?,
            aggregate_id: &stored.aggregate_id,
            sequence: stored.sequence,
            event_type: &stored.event_type,
            event_version: &stored.event_version,
            payload: &stored.payload,
            metadata: &stored.metadata,
        })
        .map_err(PublicationError::Event)?;
        let json = published.to_json().map_err(PublicationError::Json)?;
        Self::try_new(&published, json)
    }

    /// Takes back what the relay put on NATS.
    pub(crate) fn of_json(json: String) -> Result<Self, PublicationError> {
        let published: PublishedEvent =
            serde_json::from_str(&json).map_err(PublicationError::Json)?;
        Self::try_new(&published, json)
    }

    fn try_new(published: &PublishedEvent, json: String) -> Result<Self, PublicationError> {
        let told = published.told_to_owner().map_err(PublicationError::Json)?;
        let told = told.map(|told| told.to_json()).transpose();
        Ok(Self {
            position: published.position,
            recorded_at: published.recorded_at,
            subject: published.subject(),
            json,
            told: told.map_err(PublicationError::Json)?,
            concerns: concerns_of(published),
        })
    }

    /// The JSON as it is told on a channel.
    pub(crate) fn json_on(&self, channel: &Channel) -> &str {
        match (channel, &self.told) {
            (Channel::Case(_) | Channel::Onboarding(_), Some(told)) => told,
            (
                Channel::Case(_)
                | Channel::Onboarding(_)
                | Channel::Ledger
                | Channel::Wallet(_)
                | Channel::Account(_),
                _,
            ) => &self.json,
        }
    }
}

fn concerns_of(published: &PublishedEvent) -> Option<Concerns> {
    let stream = Stream::parse(published.aggregate_type, &published.aggregate_id).ok()?;
    match published.decode() {
        Ok(event) => Some(Concerns::of(&stream, &event)),
        Err(error) => {
            tracing::warn!(
                ledger = %published.ledger,
                event.position = %published.position,
                error = crate::fault::cause(&error),
                "an event is of a type that this version does not know"
            );
            None
        }
    }
}
