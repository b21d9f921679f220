//! Adding events to a stream at exactly the sequences that are their positions.
//!
//! A few events go one by one, all under way at once, each naming the sequence and the message it
//! must follow; many
//! go as one atomic batch whose first message names it. With a server that writes every
//! acknowledged message to disk, a batch costs as much as a single message.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, Request, header};
use ledger_core::{LedgerName, Position};
use serde::Deserialize;
use uuid::Uuid;

use crate::log_stream;
use crate::nats::Nats;
use crate::publication::Publication;

/// From this many events on, a batch is faster than single messages.
pub(super) const BATCH_FROM: usize = 20;
/// How long the server may take for a batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);
/// The error codes of JetStream for a stream that is not at the expected sequence, and for a batch
/// with a message that the stream has: another relay was faster.
const STALE: [u64; 2] = [10_071, 10_201];

/// Why events were not added, or not known to be.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishFault {
    /// Somebody else wrote, or the stream lost or gained messages.
    #[error("the stream is not where it was expected to be")]
    WrongLastSequence,
    /// A single message was not acknowledged.
    #[error("a message is not acknowledged")]
    Publish(#[source] async_nats::jetstream::context::PublishError),
    /// A message of a batch was not answered.
    #[error("a batch is not answered")]
    Request(#[source] async_nats::client::RequestError),
    /// A message of a batch could not be sent.
    #[error("a batch cannot be sent")]
    Send(#[source] async_nats::client::PublishError),
    /// The server refuses a batch.
    #[error("a batch is refused: {description} ({code})")]
    Refused {
        /// JetStream's code.
        code: u64,
        /// JetStream's words.
        description: String,
    },
    /// The server's answer is none of JetStream's.
    #[error("the answer to a batch cannot be read")]
    Answer(#[source] serde_json::Error),
    /// The server stored a message elsewhere than asked; cannot happen with a fenced write.
    #[error("position {expected} was stored at {found}")]
    Misplaced {
        /// Where it belongs.
        expected: Position,
        /// Where it is.
        found: u64,
    },
}

/// Writes to the stream of one ledger.
pub(super) struct Publisher<'a> {
    nats: &'a Nats,
    ledger: LedgerName,
    stream: String,
}

impl<'a> Publisher<'a> {
    pub(super) fn new(nats: &'a Nats, ledger: LedgerName) -> Self {
        Self {
            nats,
            ledger,
            stream: log_stream::name(ledger),
        }
    }

    /// Adds events that follow position `last` one by one; returns the last position added.
    pub(super) async fn publish(
        &self,
        events: &[Publication],
        last: Position,
    ) -> Result<Position, PublishFault> {
        if events.len() < BATCH_FROM {
            self.publish_singly(events).await?;
        } else {
            self.publish_batch(events, last).await?;
        }
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        metrics::counter!("daybook_relay_published_total", "ledger" => self.ledger.to_string())
            .increment(count);
        Ok(events.last().map_or(last, |event| event.position))
    }

    async fn publish_singly(&self, events: &[Publication]) -> Result<(), PublishFault> {
        let mut waiting = Vec::with_capacity(events.len());
        let mut before: Option<String> = None;
        for event in events {
            let id = self.message_id(event);
            let mut message = PublishMessage::build()
                .message_id(&id)
                .expected_stream(&self.stream)
                .expected_last_sequence(sequence_of(event.position).saturating_sub(1))
                .payload(event.json.clone().into());
            // A stranger's message at the place of the one before would make the sequence fit.
            if let Some(before) = before.replace(id) {
                message = message.expected_last_message_id(before);
            }
            let sent = self
                .nats
                .jetstream()
                .send_publish(event.subject.clone(), message)
                .await;
            waiting.push((event.position, sent.map_err(publish_fault)?));
        }
        for (position, acknowledgement) in waiting {
            let stored = acknowledgement.await.map_err(publish_fault)?;
            if stored.sequence != sequence_of(position) {
                return Err(PublishFault::Misplaced {
                    expected: position,
                    found: stored.sequence,
                });
            }
        }
        Ok(())
    }

    async fn publish_batch(
        &self,
        events: &[Publication],
        last: Position,
    ) -> Result<(), PublishFault> {
        let id = Uuid::new_v4().simple().to_string();
        for (index, event) in events.iter().enumerate() {
            let mut headers = self.batch_headers(event, &id, index);
            let commits = index + 1 == events.len();
            if index == 0 {
                headers.insert(header::NATS_EXPECTED_STREAM, self.stream.as_str());
                headers.insert(
                    header::NATS_EXPECTED_LAST_SEQUENCE,
                    sequence_of(last).to_string(),
                );
            }
            if commits {
                headers.insert(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
            }
            if index == 0 || commits {
                // The first answer shows that the server takes the batch, the last that it kept it.
                let found = self.request(event, headers).await?;
                if commits && found != sequence_of(event.position) {
                    return Err(PublishFault::Misplaced {
                        expected: event.position,
                        found,
                    });
                }
            } else {
                self.nats
                    .client()
                    .publish_with_headers(event.subject.clone(), headers, event.json.clone().into())
                    .await
                    .map_err(PublishFault::Send)?;
            }
        }
        Ok(())
    }

    fn batch_headers(&self, event: &Publication, id: &str, index: usize) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_MESSAGE_ID, self.message_id(event));
        headers.insert(header::NATS_BATCH_ID, id);
        headers.insert(header::NATS_BATCH_SEQUENCE, (index + 1).to_string());
        headers
    }

    /// Sends a message of a batch that is answered; returns the sequence in the answer, if any.
    async fn request(&self, event: &Publication, headers: HeaderMap) -> Result<u64, PublishFault> {
        let request = Request::new()
            .headers(headers)
            .payload(event.json.clone().into())
            .timeout(Some(BATCH_TIMEOUT));
        let answer = self
            .nats
            .client()
            .send_request(event.subject.clone(), request)
            .await
            .map_err(|error| match error.kind() {
                // Nobody listens on the subject: the stream is gone.
                RequestErrorKind::NoResponders => PublishFault::WrongLastSequence,
                _ => PublishFault::Request(error),
            })?;
        if answer.payload.is_empty() {
            return Ok(0);
        }
        let answer: BatchAnswer =
            serde_json::from_slice(&answer.payload).map_err(PublishFault::Answer)?;
        match answer.error {
            None => Ok(answer.seq),
            Some(error) if STALE.contains(&error.err_code) => Err(PublishFault::WrongLastSequence),
            Some(error) => Err(PublishFault::Refused {
                code: error.err_code,
                description: error.description,
            }),
        }
    }

    fn message_id(&self, event: &Publication) -> String {
        format!("{}-{}", self.ledger, event.position)
    }
}

#[derive(Deserialize)]
struct BatchAnswer {
    #[serde(default)]
    seq: u64,
    error: Option<BatchRefusal>,
}

#[derive(Deserialize)]
struct BatchRefusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

fn publish_fault(error: async_nats::jetstream::context::PublishError) -> PublishFault {
    match error.kind() {
        PublishErrorKind::WrongLastSequence
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::StreamNotFound => PublishFault::WrongLastSequence,
        _ => PublishFault::Publish(error),
    }
}

fn sequence_of(position: Position) -> u64 {
    u64::try_from(position.value()).unwrap_or_default()
}
