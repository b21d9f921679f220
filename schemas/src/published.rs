//! An event as it is published: on NATS, on WebSockets and as server-sent events.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ledger_core::event::DecodeError;
use ledger_core::{AggregateType, Event, LedgerName, Position, Sequence, Timestamp};
use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Why a stored event cannot be published; a fault of the log, never of a client.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The payload is not JSON with the event's type as its only key.
    #[error("the payload at position {position} is not one event")]
    Payload {
        /// Where.
        position: Position,
        /// What the decoder says, when it is not JSON at all.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// The metadata is not what Daybook writes.
    #[error("the metadata at position {position} cannot be read")]
    Metadata {
        /// Where.
        position: Position,
        /// What the decoder says.
        #[source]
        source: serde_json::Error,
    },
}

/// A stored event as its columns have it.
#[derive(Debug, Clone, Copy)]
pub struct StoredTexts<'a> {
    /// The log it is in.
    pub ledger: LedgerName,
    /// Its place in the log.
    pub position: Position,
    /// When it was written.
    pub recorded_at: Timestamp,
    /// The kind of its aggregate.
    pub aggregate_type: AggregateType,
    /// The id of its aggregate.
    pub aggregate_id: &'a str,
    /// Its place in its stream.
    pub sequence: Sequence,
    /// Its type.
    pub event_type: &'a str,
    /// The version of its shape.
    pub event_version: &'a str,
    /// What it says, as written: JSON with the type as the only key.
    pub payload: &'a str,
    /// Who and what caused it, as written.
    pub metadata: &'a str,
}

/// Something that has happened in a ledger.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishedEvent {
    /// The ledger it happened in.
    pub ledger: LedgerName,
    /// Its place in the ledger's log: 1, 2, 3 … without gaps.
    pub position: Position,
    /// When it was recorded; never earlier than the event before it.
    pub recorded_at: Timestamp,
    /// What kind of thing it happened to.
    pub aggregate_type: AggregateType,
    /// Which one: a UUID, or the ledger's name.
    pub aggregate_id: String,
    /// Its place in the history of that one: 1, 2, 3 … without gaps.
    #[schemars(range(min = 1))]
    pub sequence: Sequence,
    /// What happened, such as `TransactionPosted`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of the shape of `data`; `events/<type>.v<version>.json` describes it.
    pub version: String,
    /// What the event says: the stored text, byte for byte, but for `usage`, which stays in the log, and for what tells
    /// of a person, which is `{"withheld":true}`. On the channels of a verification case and of an onboarding it is what
    /// the owner is told, and not by whom and why.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub data: Box<RawValue>,
    /// What caused it.
    pub metadata: PublishedMetadata,
}

/// What caused an event, as far as it is published: who gave the command stays in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishedMetadata {
    /// The command's own id; all events of one command share it.
    pub command_id: Uuid,
    /// What the command belongs to, across systems (a request or trace id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The event or message that led to the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
}

impl PublishedEvent {
    /// Publishes a stored event: `data` is the stored payload without its outer key, untouched. What a
    /// movement counts towards limits is left out: it says of everybody concerned who owns their wallet
    /// and what bounds them, and whoever follows one wallet is to learn that of nobody else. What tells of a
    /// person is withheld, sealed as it is: what is published is kept where no key reaches, and is the same
    /// bytes before and after the person is erased.
    ///
    /// # Errors
    /// [`PublishError`] when the texts are not what Daybook writes.
    pub fn try_new(stored: &StoredTexts<'_>) -> Result<Self, PublishError> {
        let position = stored.position;
        let payload: BTreeMap<Cow<'_, str>, Box<RawValue>> =
            serde_json::from_str(stored.payload).map_err(|source| PublishError::Payload {
                position,
                source: Some(source),
            })?;
        let mut entries = payload.into_iter();
        let (Some((name, data)), None) = (entries.next(), entries.next()) else {
            return Err(PublishError::Payload {
                position,
                source: None,
            });
        };
        if name != stored.event_type {
            return Err(PublishError::Payload {
                position,
                source: None,
            });
        }
        let data = match stored.aggregate_type {
            AggregateType::Profile => withheld(&data),
            _ => discreet(data),
        };
        let data = data.map_err(|source| PublishError::Payload {
            position,
            source: Some(source),
        })?;
        let metadata = serde_json::from_str(stored.metadata)
            .map_err(|source| PublishError::Metadata { position, source })?;
        Ok(Self {
            ledger: stored.ledger,
            position,
            recorded_at: stored.recorded_at,
            aggregate_type: stored.aggregate_type,
            aggregate_id: stored.aggregate_id.to_owned(),
            sequence: stored.sequence,
            event_type: stored.event_type.to_owned(),
            version: stored.event_version.to_owned(),
            data,
            metadata,
        })
    }

    /// The event in the domain's own type.
    ///
    /// # Errors
    /// [`DecodeError`] for a type or version that this code does not know, such as one that a
    /// newer node wrote.
    pub fn decode(&self) -> Result<Event, DecodeError> {
        let payload = format!("{{\"{}\":{}}}", self.event_type, self.data.get());
        Event::from_payload(
            self.aggregate_type,
            &self.event_type,
            &self.version,
            &payload,
        )
    }

    /// What is told on the channels of verification cases and onboardings, which their owners follow: not by whom, on whose word
    /// and why something was decided. `None` for events of anything else.
    ///
    /// # Errors
    /// None that such an event can cause; the serialiser's signature has one.
    pub fn told_to_owner(&self) -> Result<Option<Self>, serde_json::Error> {
        let told = match self.aggregate_type {
            AggregateType::VerificationCase => TOLD_OF_CASES,
            AggregateType::Onboarding => TOLD_OF_ONBOARDINGS,
            AggregateType::Ledger
            | AggregateType::Wallet
            | AggregateType::Transaction
            | AggregateType::Hold
            | AggregateType::Payment
            | AggregateType::Payout
            | AggregateType::Beneficiary
            | AggregateType::Settlement
            | AggregateType::Owner
            | AggregateType::Profile => return Ok(None),
        };
        let Fields(mut fields) = serde_json::from_str(self.data.get())?;
        fields.retain(|(name, _)| told.contains(&name.as_str()));
        Ok(Some(Self {
            data: serde_json::value::to_raw_value(&Fields(fields))?,
            metadata: PublishedMetadata {
                correlation_id: None,
                causation_id: None,
                ..self.metadata.clone()
            },
            ..self.clone()
        }))
    }

    /// The text to publish.
    ///
    /// # Errors
    /// None that such an event can cause; the serialiser's signature has one.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The NATS subject: `daybook.<ledger>.<aggregate type>.<aggregate id>.<event type>`.
    ///
    /// Ledger names, UUIDs and event types hold no `.`, `*`, `>` or space.
    #[must_use]
    pub fn subject(&self) -> String {
        let Self {
            ledger,
            aggregate_type,
            aggregate_id,
            event_type,
            ..
        } = self;
        format!("daybook.{ledger}.{aggregate_type}.{aggregate_id}.{event_type}")
    }
}

/// The fields of a case's events that its owner is told. A list of what is told, not of what is not: what a later
/// version adds stays with the staff.
const TOLD_OF_CASES: &[&str] = &["tier", "kinds", "expires_at", "reverify_at", "retry"];

/// The same of an onboarding's events.
const TOLD_OF_ONBOARDINGS: &[&str] = &[
    "owner", "terms", "kind", "case", "standing", "step", "wait", "due_at", "number", "tier",
    "wallet",
];

/// The field of events that says what counts towards limits.
const USAGE: &str = "usage";

/// The same data without what counts towards limits; untouched where that is not in it.
fn discreet(data: Box<RawValue>) -> Result<Box<RawValue>, serde_json::Error> {
    // Nearly every event: a look through the text is much less than taking it apart.
    if !data.get().contains(USAGE) {
        return Ok(data);
    }
    let Fields(mut fields) = serde_json::from_str(data.get())?;
    let count = fields.len();
    fields.retain(|(name, _)| name != USAGE);
    if fields.len() == count {
        return Ok(data);
    }
    serde_json::value::to_raw_value(&Fields(fields))
}

/// The field of profiles in which everything tells of the person.
const DETAILS: &str = "details";

/// The same data of a profile with nothing of the person but which fields there are. It holds for versions
/// that this code does not know, too.
fn withheld(data: &RawValue) -> Result<Box<RawValue>, serde_json::Error> {
    let Fields(mut fields) = serde_json::from_str(data.get())?;
    for (name, value) in &mut fields {
        if name == DETAILS {
            let Fields(mut details) = serde_json::from_str(value.get())?;
            for (_, detail) in &mut details {
                *detail = RawValue::from_string(r#"{"withheld":true}"#.to_owned())?;
            }
            *value = serde_json::value::to_raw_value(&Fields(details))?;
        }
    }
    serde_json::value::to_raw_value(&Fields(fields))
}

/// The fields of an object, in their order, each as its text.
struct Fields(Vec<(String, Box<RawValue>)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored<'a>(payload: &'a str, metadata: &'a str) -> StoredTexts<'a> {
        StoredTexts {
            ledger: "main".parse().unwrap(),
            position: Position::START.plus(7),
            recorded_at: "2026-01-31T12:00:00Z".parse().unwrap(),
            aggregate_type: AggregateType::Wallet,
            aggregate_id: "0190b8a2-5b7e-7c3d-8f00-000000000001",
            sequence: 2,
            event_type: "WalletFrozen",
            event_version: "1",
            payload,
            metadata,
        }
    }

    const METADATA: &str =
        r#"{"command_id":"0190b8a2-5b7e-7c3d-8f00-0000000000aa","actor":"clerk"}"#;

    #[test]
    fn data_is_the_stored_text_and_the_actor_stays_in_the_log() {
        let payload = r#"{"WalletFrozen":{ "scope" : "debits",  "reason":"caf\u00e9" }}"#;
        let event = PublishedEvent::try_new(&stored(payload, METADATA)).unwrap();
        assert_eq!(
            event.data.get(),
            r#"{ "scope" : "debits",  "reason":"caf\u00e9" }"#
        );
        let json = event.to_json().unwrap();
        assert!(json.contains(event.data.get()), "{json}");
        assert!(!json.contains("clerk"), "{json}");
        let back: PublishedEvent = serde_json::from_str(&json).unwrap();
        assert_eq!(back.to_json().unwrap(), json);
        assert_eq!(
            event.subject(),
            "daybook.main.wallet.0190b8a2-5b7e-7c3d-8f00-000000000001.WalletFrozen"
        );
    }

    #[test]
    fn what_counts_towards_limits_stays_in_the_log() {
        let payload = concat!(
            r#"{"WalletFrozen":{"zeta": "first","scope":"debits","usage":{"counted":[{"owner":"x"}]},"#,
            r#""metadata":{"usage":"yes"}}}"#
        );
        let event = PublishedEvent::try_new(&stored(payload, METADATA)).unwrap();
        assert_eq!(
            event.data.get(),
            r#"{"zeta":"first","scope":"debits","metadata":{"usage":"yes"}}"#
        );
        let payload = r#"{"WalletFrozen":{ "scope" : "debits",  "reason":"usage" }}"#;
        let event = PublishedEvent::try_new(&stored(payload, METADATA)).unwrap();
        assert_eq!(
            event.data.get(),
            r#"{ "scope" : "debits",  "reason":"usage" }"#
        );
    }

    #[test]
    fn owners_are_told_what_was_decided_and_not_by_whom_and_why() {
        let payload = concat!(
            r#"{"CaseRejected":{"retry":"allowed","expires_at":"2026-02-01T00:00:00Z","#,
            r#""source":{"provider":{"provider":"sumsub"}},"reasons":["FRAUD_RING"]}}"#
        );
        let metadata =
            r#"{"command_id":"0190b8a2-5b7e-7c3d-8f00-0000000000aa","causation_id":"a webhook"}"#;
        let event = PublishedEvent::try_new(&StoredTexts {
            aggregate_type: AggregateType::VerificationCase,
            event_type: "CaseRejected",
            ..stored(payload, metadata)
        })
        .unwrap();
        let told = event.told_to_owner().unwrap().unwrap();
        assert_eq!(
            told.data.get(),
            r#"{"retry":"allowed","expires_at":"2026-02-01T00:00:00Z"}"#
        );
        let told = told.to_json().unwrap();
        assert!(!told.contains("a webhook"), "{told}");
        let cancelled = PublishedEvent::try_new(&StoredTexts {
            aggregate_type: AggregateType::Onboarding,
            event_type: "OnboardingCancelled",
            ..stored(
                r#"{"OnboardingCancelled":{"owner":"nina","by":"meera","reasons":["FRAUD_RING"]}}"#,
                metadata,
            )
        })
        .unwrap();
        let told = cancelled.told_to_owner().unwrap().unwrap();
        assert_eq!(told.data.get(), r#"{"owner":"nina"}"#);
        let frozen = stored(r#"{"WalletFrozen":{"scope":"debits"}}"#, METADATA);
        let frozen = PublishedEvent::try_new(&frozen).unwrap();
        assert!(frozen.told_to_owner().unwrap().is_none());
    }

    #[test]
    fn what_tells_of_a_person_is_withheld() {
        let payload = concat!(
            r#"{"ProfileRecorded":{"owner":"customer-7","details":{"name":{"key":"#,
            r#""0190b8a2-5b7e-7c3d-8f00-000000000002","sealed":"c2VhbGVk"},"later":"odd"},"#,
            r#""removed":["email"],"by":"person:7"}}"#
        );
        let event = PublishedEvent::try_new(&StoredTexts {
            aggregate_type: AggregateType::Profile,
            event_type: "ProfileRecorded",
            ..stored(payload, METADATA)
        });
        let event = event.unwrap();
        assert_eq!(
            event.data.get(),
            concat!(
                r#"{"owner":"customer-7","details":{"name":{"withheld":true},"later":{"withheld":true}},"#,
                r#""removed":["email"],"by":"person:7"}"#
            )
        );
    }

    #[test]
    fn texts_that_daybook_did_not_write_are_refused() {
        for payload in [
            "",
            "[]",
            "{}",
            r#"{"WalletClosed":{}}"#,
            r#"{"WalletFrozen":{},"WalletClosed":{}}"#,
        ] {
            let error = PublishedEvent::try_new(&stored(payload, METADATA)).unwrap_err();
            assert!(matches!(error, PublishError::Payload { .. }), "{payload}");
        }
        let error = PublishedEvent::try_new(&stored(r#"{"WalletFrozen":{}}"#, "{}")).unwrap_err();
        assert!(matches!(error, PublishError::Metadata { .. }));
    }
}
