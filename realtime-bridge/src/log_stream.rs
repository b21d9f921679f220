//! The JetStream stream of one ledger: its name, its configuration and its epoch.
//!
//! The stream's sequence is the position. The epoch says which history the positions are of: it
//! begins with the id of the command that opened the ledger, so that a rebuilt stream keeps it, and
//! ends with a generation that rises when the stream turns out to hold what the log does not.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use event_store::{LogError, LogReader};
use ledger_core::event::EventMetadata;
use ledger_core::{LedgerName, Position};

/// The key of the epoch in a stream's metadata.
pub(crate) const EPOCH_KEY: &str = "daybook_epoch";

/// How long NATS remembers message ids. Nothing relies on them, as every write names the position that
/// it follows, and each takes memory.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(2);

/// What a stream keeps.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// How many servers keep a copy; one outside a cluster.
    pub replicas: usize,
    /// Older events are dropped from the stream, never from the log, above this size. Every aggregate
    /// has a subject of its own, so NATS needs about 300 bytes of memory for each event that is kept.
    pub max_bytes: i64,
    /// Older events are dropped from the stream, never from the log, after this time; zero keeps
    /// them.
    pub max_age: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            replicas: 1,
            max_bytes: 1 << 30,
            max_age: Duration::ZERO,
        }
    }
}

/// The stream of a ledger.
pub(crate) fn name(ledger: LedgerName) -> String {
    format!("DAYBOOK_{ledger}")
}

/// How the stream of a ledger must be configured.
pub(crate) fn configuration(
    ledger: LedgerName,
    settings: &StreamSettings,
    epoch: &Epoch,
) -> Config {
    Config {
        name: name(ledger),
        description: Some(format!("The log of the ledger {ledger}, a copy")),
        subjects: vec![format!("daybook.{ledger}.>")],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: settings.replicas,
        max_bytes: settings.max_bytes,
        max_age: settings.max_age,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        duplicate_window: DUPLICATE_WINDOW,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        metadata: HashMap::from([(EPOCH_KEY.to_owned(), epoch.to_string())]),
        ..Config::default()
    }
}

/// The settings in which a stream differs from what it must be; old servers drop what they do not
/// know without a word.
pub(crate) fn differences(wanted: &Config, found: &Config) -> Vec<&'static str> {
    let epoch = |config: &Config| config.metadata.get(EPOCH_KEY).cloned();
    let settings = [
        ("subjects", wanted.subjects == found.subjects),
        ("retention", wanted.retention == found.retention),
        ("discard", wanted.discard == found.discard),
        ("storage", wanted.storage == found.storage),
        ("replicas", wanted.num_replicas == found.num_replicas),
        ("max_bytes", wanted.max_bytes == found.max_bytes),
        ("max_age", wanted.max_age == found.max_age),
        ("max_msgs", wanted.max_messages == found.max_messages),
        (
            "max_msgs_per_subject",
            wanted.max_messages_per_subject == found.max_messages_per_subject,
        ),
        (
            "max_msg_size",
            wanted.max_message_size == found.max_message_size,
        ),
        (
            "duplicate_window",
            wanted.duplicate_window == found.duplicate_window,
        ),
        ("deny_delete", wanted.deny_delete == found.deny_delete),
        ("deny_purge", wanted.deny_purge == found.deny_purge),
        ("allow_direct", wanted.allow_direct == found.allow_direct),
        (
            "allow_atomic",
            wanted.allow_atomic_publish == found.allow_atomic_publish,
        ),
        ("metadata", epoch(wanted) == epoch(found)),
    ];
    settings
        .into_iter()
        .filter_map(|(name, same)| (!same).then_some(name))
        .collect()
}

/// Which history positions are of; written `<id of the opening command>.<generation>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Epoch {
    origin: String,
    generation: u32,
}

impl Epoch {
    /// The first epoch of a log, or `None` while the log is empty.
    pub(crate) async fn of_log(
        log: &LogReader,
        ledger: LedgerName,
    ) -> Result<Option<Self>, LogError> {
        let first = log.read(ledger, Position::START, 1).await?;
        let Some(event) = first.first() else {
            return Ok(None);
        };
        let metadata: EventMetadata =
            serde_json::from_str(&event.metadata).map_err(|source| LogError::Metadata {
                position: event.position,
                source,
            })?;
        Ok(Some(Self {
            origin: metadata.command_id.to_string(),
            generation: 0,
        }))
    }

    /// The epoch that a stream says it is of.
    pub(crate) fn of_stream(config: &Config) -> Option<Self> {
        let (origin, generation) = config.metadata.get(EPOCH_KEY)?.split_once('.')?;
        Some(Self {
            origin: origin.to_owned(),
            generation: generation.parse().ok()?,
        })
    }

    /// Whether both are of the same log, restored or not.
    pub(crate) fn has_same_origin(&self, other: &Self) -> bool {
        self.origin == other.origin
    }

    /// The epoch after this one; the same for everyone who sees the same stream.
    pub(crate) fn next(&self) -> Self {
        Self {
            origin: self.origin.clone(),
            generation: self.generation.wrapping_add(1),
        }
    }
}

impl std::fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.origin, self.generation)
    }
}
