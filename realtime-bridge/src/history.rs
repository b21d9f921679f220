//! Events of the past: from JetStream as far as it has them, else from PostgreSQL.

use std::time::Duration;

use async_nats::StatusCode;
use event_store::{LogError, LogReader};
use futures_util::StreamExt;
use ledger_core::{LedgerName, Position};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::log_stream;
use crate::nats::Nats;
use crate::publication::{Publication, PublicationError};

/// How long JetStream may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(2);
/// How many clients may read the past at once: a crowd that reconnects must not use up the
/// database's connections.
const CONCURRENT_READS: usize = 8;
/// How many of them for replays, which read everything: who resumes does not wait behind them.
const CONCURRENT_REPLAYS: usize = 2;
/// No answer of JetStream is larger than about this.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// Why the past cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    #[error("the log cannot be read")]
    Log(#[from] LogError),
    #[error("the log holds what cannot be published")]
    Publication(#[from] PublicationError),
    #[error("the process is stopping")]
    Stopping,
}

/// Reads the past of every ledger.
#[derive(Debug)]
pub(crate) struct History {
    nats: Nats,
    log: LogReader,
    turns: Semaphore,
    replays: Semaphore,
}

impl History {
    pub(crate) fn new(nats: Nats, log: LogReader) -> Self {
        Self {
            nats,
            log,
            turns: Semaphore::new(CONCURRENT_READS),
            replays: Semaphore::new(CONCURRENT_REPLAYS),
        }
    }

    /// The events that follow a position one by one, `limit` at most; none at the end of the log.
    pub(crate) async fn read(
        &self,
        ledger: LedgerName,
        after: Position,
        limit: u16,
    ) -> Result<Vec<Publication>, HistoryError> {
        let _turn = self
            .turns
            .acquire()
            .await
            .map_err(|_| HistoryError::Stopping)?;
        let from_stream = self.read_stream(ledger, after, limit).await;
        if !from_stream.is_empty() {
            count_reads("jetstream");
            return Ok(from_stream);
        }
        count_reads("postgres");
        self.read_log(ledger, after, limit).await
    }

    /// The same for a replay.
    pub(crate) async fn read_again(
        &self,
        ledger: LedgerName,
        after: Position,
        limit: u16,
    ) -> Result<Vec<Publication>, HistoryError> {
        let turn = self.replays.acquire().await;
        let _turn = turn.map_err(|_| HistoryError::Stopping)?;
        self.read(ledger, after, limit).await
    }

    /// The same from PostgreSQL alone.
    pub(crate) async fn read_log(
        &self,
        ledger: LedgerName,
        after: Position,
        limit: u16,
    ) -> Result<Vec<Publication>, HistoryError> {
        let events = self.log.read(ledger, after, i64::from(limit)).await?;
        let publications: Result<Vec<Publication>, PublicationError> = events
            .iter()
            .map(|event| Publication::of_stored(ledger, event))
            .collect();
        Ok(publications?)
    }

    /// What the stream has without a gap; nothing when it cannot be asked.
    async fn read_stream(
        &self,
        ledger: LedgerName,
        after: Position,
        limit: u16,
    ) -> Vec<Publication> {
        let mut found = Vec::new();
        if self.nats.ready().is_err() {
            return found;
        }
        if let Err(error) = self.collect(ledger, after, limit, &mut found).await {
            tracing::debug!(
                %ledger,
                error = &*error,
                "JetStream does not show the past"
            );
        }
        found
    }

    /// Asks for many messages at once: one request, one message an event, and one that ends them.
    async fn collect(
        &self,
        ledger: LedgerName,
        after: Position,
        limit: u16,
        found: &mut Vec<Publication>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let client = self.nats.client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await?;
        let subject = format!("$JS.API.DIRECT.GET.{}", log_stream::name(ledger));
        let request = json!({
            "seq": after.next().value(),
            "batch": limit,
            "max_bytes": MAX_ANSWER_BYTES,
        });
        client
            .publish_with_reply(subject, inbox, request.to_string().into())
            .await?;
        let mut expected = after.next();
        while let Some(answer) = tokio::time::timeout(SILENCE, answers.next()).await? {
            // 204 ends the answer; 404 and 408 say there is none; no responder means no stream.
            if answer.status.is_some_and(|status| status != StatusCode::OK) {
                break;
            }
            let publication = Publication::of_json(String::from_utf8(answer.payload.to_vec())?)?;
            if publication.position != expected {
                break;
            }
            expected = expected.next();
            found.push(publication);
            if found.len() == usize::from(limit) {
                break;
            }
        }
        Ok(())
    }
}

fn count_reads(source: &'static str) {
    metrics::counter!("daybook_bridge_history_reads_total", "source" => source).increment(1);
}
