//! Keeping a feed at the head of its log.
//!
//! Events come from one push consumer on the ledger's JetStream stream. Whatever it does not bring
//! is read from PostgreSQL: holes at once, a missing tail when the signal says that the log is
//! longer and the consumer has brought nothing for a while (or is not there). So clients get their
//! events while NATS is down, while the relay is, and after either comes back.
//!
//! The consumer is an ordinary ephemeral one with a heartbeat of a second, and this code does the
//! ordering: the library's own ordered consumer waits for ten silent seconds, and begins at the
//! first message when it is recreated before it got one.
//!
//! Nothing is handed out that the log does not have: a stream that runs ahead of a log that was
//! restored is not believed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::push::{Config, Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use event_store::{LogError, LogReader};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use ledger_core::{LedgerName, Position};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Feed;
use crate::history::{History, HistoryError};
use crate::log_stream::{self, Epoch};
use crate::nats::{Nats, NatsError};
use crate::publication::{Publication, PublicationError};

/// How often the server says that the consumer lives; two missed ones end it.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How many events are read from PostgreSQL at once.
const READ_LIMIT: u16 = 500;

/// How a feed is kept at its head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FollowSettings {
    /// How long the consumer may bring nothing while the log is longer.
    pub(crate) patience: Duration,
    /// How long to wait before the consumer is made again.
    pub(crate) retry: Duration,
    /// How often the stream's epoch is compared.
    pub(crate) check: Duration,
}

impl Default for FollowSettings {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(1),
            retry: Duration::from_millis(500),
            check: Duration::from_secs(5),
        }
    }
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the consumer is given up.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error("JetStream does not {action}")]
    JetStream {
        action: &'static str,
        #[source]
        source: Source,
    },
    #[error("the consumer has ended")]
    Ended,
    #[error("the stream is not of this log")]
    Foreign,
    #[error("the stream holds position {position}, the log only {head}")]
    Ahead { position: Position, head: Position },
    #[error("the consumer is behind the log")]
    Overdue,
    #[error("the log cannot be read")]
    Log(#[from] LogError),
    #[error("the past cannot be read")]
    History(#[from] HistoryError),
    #[error("a message is not an event of the log")]
    Publication(#[from] PublicationError),
    #[error("a message is not text")]
    Text(#[from] std::string::FromUtf8Error),
}

/// Keeps one feed at its head.
pub(crate) struct Follower {
    pub(crate) feed: Arc<Feed>,
    pub(crate) nats: Nats,
    pub(crate) log: LogReader,
    pub(crate) history: Arc<History>,
    pub(crate) head: watch::Receiver<Position>,
    pub(crate) settings: FollowSettings,
}

/// A consumer and the history its stream says it is of.
struct Consumer {
    epoch: Epoch,
    messages: Messages,
}

/// What is going on besides waiting for the next event.
struct Round {
    consumer: Option<Consumer>,
    connecting: Option<BoxFuture<'static, Result<Consumer, FollowError>>>,
    checking: Option<BoxFuture<'static, Result<Epoch, FollowError>>>,
    /// When the consumer is made again.
    retry_at: Instant,
    /// When PostgreSQL is asked, if the log is known to be longer.
    overdue_at: Option<Instant>,
    /// The log was read up to its end while the signal said it was longer, as after a restore.
    ended_at: Position,
}

impl Follower {
    /// Runs until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut round = Round {
            consumer: None,
            connecting: None,
            checking: None,
            retry_at: Instant::now(),
            overdue_at: None,
            ended_at: Position::START,
        };
        loop {
            let fault = tokio::select! {
                () = shutdown.cancelled() => return,
                Err(fault) = self.follow(&mut round) => fault,
            };
            let error: &dyn std::error::Error = &fault;
            if matches!(fault, FollowError::Nats(NatsError::Disconnected)) {
                tracing::debug!(ledger = %self.feed.ledger(), error, "following PostgreSQL");
            } else {
                tracing::info!(ledger = %self.feed.ledger(), error, "following PostgreSQL");
            }
            round.consumer = None;
            round.connecting = None;
            round.checking = None;
            round.retry_at = Instant::now() + self.settings.retry;
        }
    }

    /// Follows until the consumer must be made again.
    async fn follow(&mut self, round: &mut Round) -> Result<Infallible, FollowError> {
        let mut check = tokio::time::interval(self.settings.check);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.note_whether_overdue(round);
            let has_consumer = round.consumer.is_some();
            let overdue_at = round.overdue_at;
            tokio::select! {
                message = next_message(&mut round.consumer) => {
                    self.take(message?).await?;
                    round.overdue_at = None;
                }
                connected = wait_for(&mut round.connecting) => {
                    round.connecting = None;
                    let consumer = connected?;
                    self.compare_epoch(&consumer.epoch).await?;
                    round.consumer = Some(consumer);
                }
                checked = wait_for(&mut round.checking) => {
                    round.checking = None;
                    self.compare_epoch(&checked?).await?;
                }
                () = tokio::time::sleep_until(round.retry_at),
                    if !has_consumer && round.connecting.is_none() =>
                {
                    round.connecting = Some(Box::pin(connect(
                        self.nats.clone(),
                        self.feed.ledger(),
                        self.feed.head(),
                    )));
                }
                () = sleep_until(overdue_at) => self.read_overdue(round).await?,
                _ = check.tick(), if has_consumer && round.checking.is_none() => {
                    round.checking =
                        Some(Box::pin(epoch_of(self.nats.clone(), self.feed.ledger())));
                }
                changed = self.head.changed() => {
                    if changed.is_err() {
                        // Nobody signals any more: the process stops.
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }

    /// Takes note of the moment from which on the log is known to be longer than the feed.
    fn note_whether_overdue(&mut self, round: &mut Round) {
        let head = *self.head.borrow_and_update();
        if head <= self.feed.head() || head <= round.ended_at {
            round.overdue_at = None;
        } else if round.overdue_at.is_none() {
            let patience = match round.consumer {
                Some(_) if self.nats.ready().is_ok() => self.settings.patience,
                Some(_) | None => Duration::ZERO,
            };
            round.overdue_at = Some(Instant::now() + patience);
        }
    }

    async fn read_overdue(&mut self, round: &mut Round) -> Result<(), FollowError> {
        let wanted = *self.head.borrow();
        round.overdue_at = None;
        match self.read_log(wanted).await {
            Ok(()) => {}
            Err(error) => {
                // Do not ask a failing database again and again at full speed.
                round.overdue_at = Some(Instant::now() + self.settings.retry);
                tracing::debug!(
                    ledger = %self.feed.ledger(),
                    error = crate::fault::cause(&error),
                    "the log cannot be read at the moment"
                );
                return Ok(());
            }
        }
        if self.feed.head() < wanted {
            round.ended_at = wanted;
        }
        match round.consumer {
            Some(_) => Err(FollowError::Overdue),
            None => Ok(()),
        }
    }

    /// Takes what a message says, and what is missing before it.
    async fn take(&self, message: async_nats::jetstream::Message) -> Result<(), FollowError> {
        let json = String::from_utf8(message.payload.to_vec())?;
        let publication = Publication::of_json(json)?;
        let position = publication.position;
        let head = self.feed.head();
        if position <= head {
            return Ok(());
        }
        self.must_be_in_log(position).await?;
        if position > head.next() {
            let before = Position::START.plus(position.value() - 1);
            self.read_log(before).await?;
        }
        // Another position here means that the hole is still there: the next message, or the
        // signal, has it read again.
        self.feed.admit(publication);
        Ok(())
    }

    async fn must_be_in_log(&self, position: Position) -> Result<(), FollowError> {
        if position <= *self.head.borrow() {
            return Ok(());
        }
        let head = self.log.head(self.feed.ledger()).await?;
        let head = head.map_or(Position::START, |head| head.position);
        if position <= head {
            Ok(())
        } else {
            Err(FollowError::Ahead { position, head })
        }
    }

    /// Reads the log up to a position, or to its end.
    async fn read_log(&self, until: Position) -> Result<(), FollowError> {
        while self.feed.head() < until {
            let after = self.feed.head();
            let events = self
                .history
                .read_log(self.feed.ledger(), after, READ_LIMIT)
                .await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                self.feed.admit(event);
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn compare_epoch(&self, found: &Epoch) -> Result<(), FollowError> {
        let ledger = self.feed.ledger();
        let found_text = found.to_string();
        if *found_text == *self.feed.epoch() {
            return Ok(());
        }
        let of_log = Epoch::of_log(&self.log, ledger).await?;
        if !of_log.is_some_and(|of_log| of_log.has_same_origin(found)) {
            return Err(FollowError::Foreign);
        }
        let head = self.log.head(ledger).await?;
        let head = head.map_or(Position::START, |head| head.position);
        tracing::warn!(
            %ledger,
            stream.epoch = found_text,
            event.position = %head,
            "the stream has another history now: clients begin anew"
        );
        self.feed.reset(&found_text, head);
        Ok(())
    }
}

/// The epoch of a ledger's stream.
pub(crate) async fn epoch_of_stream(nats: Nats, ledger: LedgerName) -> Option<Epoch> {
    epoch_of(nats, ledger).await.ok()
}

async fn epoch_of(nats: Nats, ledger: LedgerName) -> Result<Epoch, FollowError> {
    nats.ready()?;
    let stream = nats
        .jetstream()
        .get_stream(log_stream::name(ledger))
        .await
        .map_err(failed("show the stream"))?;
    Epoch::of_stream(&stream.cached_info().config).ok_or(FollowError::Foreign)
}

async fn connect(nats: Nats, ledger: LedgerName, after: Position) -> Result<Consumer, FollowError> {
    nats.ready()?;
    let stream = nats
        .jetstream()
        .get_stream(log_stream::name(ledger))
        .await
        .map_err(failed("show the stream"))?;
    let epoch = Epoch::of_stream(&stream.cached_info().config).ok_or(FollowError::Foreign)?;
    let start_sequence = u64::try_from(after.next().value()).unwrap_or(1);
    let consumer = stream
        .create_consumer(Config {
            deliver_subject: nats.client().new_inbox(),
            description: Some("the live feed of a bridge".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            idle_heartbeat: HEARTBEAT,
            flow_control: true,
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: Duration::from_secs(10),
            ..Config::default()
        })
        .await
        .map_err(failed("make a consumer"))?;
    let messages = consumer
        .messages()
        .await
        .map_err(failed("deliver messages"))?;
    Ok(Consumer { epoch, messages })
}

async fn next_message(
    consumer: &mut Option<Consumer>,
) -> Result<async_nats::jetstream::Message, FollowError> {
    let Some(consumer) = consumer else {
        return std::future::pending().await;
    };
    match consumer.messages.next().await {
        Some(message) => message.map_err(failed("deliver messages")),
        None => Err(FollowError::Ended),
    }
}

async fn wait_for<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn failed<E: std::error::Error + Send + Sync + 'static>(
    action: &'static str,
) -> impl FnOnce(E) -> FollowError {
    move |source| FollowError::JetStream {
        action,
        source: Box::new(source),
    }
}
