//! The relay of one ledger: prepare the stream, copy, compare now and then; after a fault, again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use event_store::{LogError, LogReader, StoredEvent};
use ledger_core::{LedgerName, Position};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::prepare::{Preparation, PrepareError, prepare};
use super::publish::{BATCH_FROM, PublishFault, Publisher};
use super::{LedgerRelayStatus, RelaySettings, RelayState, Statuses};
use crate::nats::{Nats, NatsError};
use crate::publication::{Publication, PublicationError};

/// The most events read and published at once: as many as the server takes in one batch.
const READ_LIMIT: i64 = 1_000;
/// The most bytes published at once, apart from a single larger event.
const BATCH_BYTES: usize = 4 << 20;
/// The first and the longest wait after a fault.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The pace under load, so much for each event of a batch: the smaller a batch, the more work is each of
/// its messages to the server, to PostgreSQL and here. Above 2,000 events a second batches grow to
/// what comes in [`LONGEST_PACE`]; at less they shrink until nothing waits.
const PACE_PER_EVENT: Duration = Duration::from_micros(500);

/// The longest time from one batch that is not full to the next, which nobody who watches notices.
const LONGEST_PACE: Duration = Duration::from_millis(50);

/// How long a relay looks on that found its stream written by somebody else. Two relays that both
/// went on at once would publish everything twice, and one of them in vain.
const LOOK_ON: Duration = Duration::from_secs(1);

/// Why the relay of a ledger begins again.
#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error("the log cannot be read")]
    Log(#[from] LogError),
    #[error("the log holds what cannot be published")]
    Publication(#[from] PublicationError),
    #[error("the stream cannot be prepared")]
    Prepare(#[from] PrepareError),
    #[error("the stream cannot be written")]
    Publish(#[from] PublishFault),
    #[error("the stream stands at {found}, it was at {expected}")]
    Moved { expected: Position, found: Position },
}

impl RelayError {
    /// Whether the stream is merely not where it was: reading it again is enough.
    fn is_stale(&self) -> bool {
        matches!(
            self,
            Self::Moved { .. } | Self::Publish(PublishFault::WrongLastSequence)
        )
    }
}

pub(super) struct LedgerRelay {
    pub(super) ledger: LedgerName,
    pub(super) nats: Nats,
    pub(super) log: LogReader,
    pub(super) head: watch::Receiver<Position>,
    pub(super) settings: Arc<RelaySettings>,
    pub(super) statuses: Statuses,
}

impl LedgerRelay {
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let mut published = Position::START;
        let mut backoff = BACKOFF.0;
        self.report(RelayState::Preparing, published);
        loop {
            let before = published;
            let fault = tokio::select! {
                () = shutdown.cancelled() => return,
                Err(fault) = self.copy(&mut published) => fault,
            };
            if published > before || fault.is_stale() {
                backoff = BACKOFF.0;
            }
            self.report_fault(&fault, published);
            let pause = if fault.is_stale() { LOOK_ON } else { backoff };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    /// Copies until something fails.
    async fn copy(&self, published: &mut Position) -> Result<Infallible, RelayError> {
        let preparation = self.prepare().await?;
        let publisher = Publisher::new(&self.nats, self.ledger);
        *published = preparation.last;
        loop {
            self.nats.ready()?;
            let events = self.log.read(self.ledger, *published, READ_LIMIT).await?;
            if events.is_empty() {
                self.report(RelayState::Following, *published);
                self.wait(*published).await?;
                continue;
            }
            let next = Instant::now() + pace(events.len());
            for batch in self.batches(&events)? {
                *published = publisher.publish(&batch, *published).await?;
                self.report(RelayState::Following, *published);
            }
            tokio::time::sleep_until(next).await;
        }
    }

    async fn prepare(&self) -> Result<Preparation, RelayError> {
        self.nats.ready()?;
        let preparation = prepare(&self.nats, &self.log, self.ledger, &self.settings).await?;
        tracing::info!(
            ledger = %self.ledger,
            stream.last_sequence = %preparation.last,
            stream.epoch = %preparation.epoch,
            "relaying"
        );
        Ok(preparation)
    }

    /// Publishes the events in pieces that the server takes at once.
    fn batches(&self, events: &[StoredEvent]) -> Result<Vec<Vec<Publication>>, RelayError> {
        let mut batches: Vec<Vec<Publication>> = Vec::new();
        let mut bytes = usize::MAX;
        for event in events {
            let publication = Publication::of_stored(self.ledger, event)?;
            bytes = bytes.saturating_add(publication.json.len());
            if bytes > BATCH_BYTES {
                bytes = publication.json.len();
                batches.push(Vec::new());
            }
            if let Some(batch) = batches.last_mut() {
                batch.push(publication);
            }
        }
        Ok(batches)
    }

    /// Waits for news; compares the stream with what was published while there are none.
    async fn wait(&self, published: Position) -> Result<(), RelayError> {
        let interval = self.settings.check_interval;
        let mut head = self.head.clone();
        let news = async move { head.wait_for(|head| *head > published).await.map(|_| ()) };
        match tokio::time::timeout(interval, news).await {
            Ok(Ok(())) => Ok(()),
            // The signal has ended, so the process is about to: only comparing is left.
            Ok(Err(_)) => {
                tokio::time::sleep(interval).await;
                Ok(())
            }
            Err(_) => self.compare(published).await,
        }
    }

    async fn compare(&self, published: Position) -> Result<(), RelayError> {
        self.nats.ready()?;
        let found = super::prepare::last_position(&self.nats, self.ledger).await?;
        let head = self.log.head(self.ledger).await?;
        let head = head.map_or(Position::START, |head| head.position);
        if found != published || head < published {
            return Err(RelayError::Moved {
                expected: published,
                found,
            });
        }
        Ok(())
    }

    fn report(&self, state: RelayState, published: Position) {
        let head = (*self.head.borrow()).max(published);
        self.statuses.set(LedgerRelayStatus {
            ledger: self.ledger,
            state,
            published,
            head,
        });
    }

    fn report_fault(&self, fault: &RelayError, published: Position) {
        let error: &dyn std::error::Error = fault;
        if fault.is_stale() {
            tracing::info!(ledger = %self.ledger, error, "comparing the stream with the log again");
        } else if matches!(fault, RelayError::Nats(NatsError::Disconnected)) {
            tracing::debug!(ledger = %self.ledger, error, "waiting for NATS");
        } else {
            tracing::warn!(ledger = %self.ledger, error, "the relay begins again");
        }
        let state = if fault.is_stale() {
            RelayState::Preparing
        } else {
            RelayState::Failing {
                reason: reason_of(fault),
            }
        };
        self.report(state, published);
    }
}

/// The time from the begin of a batch of so many events to the next: none after a few, which are
/// copied as they come, nor after a full one, which others wait behind.
fn pace(events: usize) -> Duration {
    let full = usize::try_from(READ_LIMIT).unwrap_or(usize::MAX);
    if !(BATCH_FROM..full).contains(&events) {
        return Duration::ZERO;
    }
    let events = u32::try_from(events).unwrap_or(u32::MAX);
    PACE_PER_EVENT.saturating_mul(events).min(LONGEST_PACE)
}

fn reason_of(error: &dyn std::error::Error) -> String {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason.push_str(": ");
        reason.push_str(&cause.to_string());
        source = cause.source();
    }
    reason
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BATCH_FROM, LONGEST_PACE, READ_LIMIT, pace};

    #[test]
    fn only_load_is_waited_for_and_never_for_long() {
        let full = usize::try_from(READ_LIMIT).unwrap();
        assert_eq!(pace(1), Duration::ZERO);
        assert_eq!(pace(BATCH_FROM - 1), Duration::ZERO);
        assert_eq!(pace(BATCH_FROM), Duration::from_millis(10));
        assert_eq!(pace(full - 1), Duration::from_millis(50));
        assert_eq!(pace(full), Duration::ZERO);
        assert!((0..2 * full).all(|events| pace(events) <= LONGEST_PACE));
    }

    /// What comes within a pace decides the next: up or down, until it is the longest or none.
    #[test]
    fn batches_grow_under_load_and_are_gone_after_it() {
        let batch_at = |per_second: u32| {
            (0..40).fold(BATCH_FROM + 5, |events, _| {
                let came = pace(events) * per_second;
                usize::try_from(came.as_secs()).unwrap()
            })
        };
        assert_eq!(batch_at(10_000), 500);
        assert_eq!(batch_at(1_500), 0);
    }
}
