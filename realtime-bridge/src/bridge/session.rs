//! What WebSocket clients and readers of server-sent events have in common.

use std::sync::Arc;
use std::time::Duration;

use ledger_core::Position;
use schemas::{Channel, CloseReason, ErrorCode, ServerMessage};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::gatekeeper::Visitor;
use super::replaying::Replays;
use super::{FeedError, Shared};
use crate::SnapshotError;
use crate::feed::{Beginning, Feed, Peer, Progressed, Refused, Request, Step};

/// How many events of the past are read at once.
pub(super) const REPLAY_EVENTS: u16 = 500;
/// How long the state of a channel may take.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(5);

/// One client of one ledger; forgotten when it is dropped.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) feed: Arc<Feed>,
    pub(super) peer: Arc<Peer>,
    pub(super) visitor: Arc<dyn Visitor>,
    pub(super) transport: Transport,
    /// What of the past is told.
    pub(super) replays: Replays,
}

/// What a client is connected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Several channels; the client can ask on.
    WebSocket,
    /// One channel, for as long as it lasts.
    ServerSent,
}

/// Where a client wants to begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Resumption {
    /// The last position it has.
    pub(super) after: Option<i64>,
    /// The history that is of.
    pub(super) epoch: Option<String>,
}

impl Session {
    /// A client of a ledger.
    pub(super) async fn open(
        shared: &Arc<Shared>,
        ledger: &str,
        visitor: Arc<dyn Visitor>,
        transport: Transport,
    ) -> Result<Self, ErrorCode> {
        let feed = shared.feed(ledger).await.map_err(|error| match error {
            FeedError::NotFound => ErrorCode::LedgerNotFound,
            FeedError::Log(error) => {
                tracing::warn!(
                    ledger,
                    error = crate::fault::cause(&error),
                    "a ledger cannot be followed at the moment"
                );
                ErrorCode::Unavailable
            }
        })?;
        let settings = &shared.settings;
        let peer = Peer::new(
            shared.next_peer(),
            settings.max_outbound_bytes,
            settings.max_subscriptions,
        );
        Ok(Self {
            shared: Arc::clone(shared),
            feed,
            peer: Arc::new(peer),
            visitor,
            transport,
            replays: Replays::default(),
        })
    }

    pub(super) fn welcome(&self) {
        let interval = self.shared.settings.heartbeat_interval.as_millis();
        self.peer.send(&ServerMessage::Welcome {
            ledger: self.feed.ledger(),
            epoch: self.feed.epoch().to_string(),
            head: self.feed.head(),
            heartbeat_interval_ms: u64::try_from(interval).unwrap_or(u64::MAX),
        });
    }

    /// Begins to follow a channel.
    pub(super) async fn subscribe(
        &self,
        id: Option<u64>,
        channel: &str,
        resumption: Resumption,
    ) -> Result<(), ErrorCode> {
        let channel: Channel = channel.parse().map_err(|_| ErrorCode::UnknownChannel)?;
        if self.peer.follows(&channel) {
            return Err(ErrorCode::AlreadySubscribed);
        }
        let mut asked = self.visitor.generation();
        self.visitor.may_follow(&channel).await?;
        let epoch = self.feed.epoch();
        let beginning = match (resumption.after, &channel) {
            (Some(after), _) => {
                let after = Position::try_new(after).ok_or(ErrorCode::MalformedMessage)?;
                self.check_position(after, resumption.epoch).await?;
                Beginning::After(after)
            }
            (None, Channel::Ledger) => Beginning::Head,
            (
                None,
                Channel::Wallet(_)
                | Channel::Account(_)
                | Channel::Case(_)
                | Channel::Onboarding(_),
            ) => self.snapshot(&channel).await?,
        };
        // What was taken meanwhile would not end a channel that is not followed yet.
        while asked != self.visitor.generation() {
            asked = self.visitor.generation();
            self.visitor.may_follow(&channel).await?;
        }
        self.feed
            .subscribe(&self.peer, Request { id, channel }, beginning, &epoch)
            .map_err(|refused| match refused {
                Refused::OtherHistory => ErrorCode::Unavailable,
                Refused::Already => ErrorCode::AlreadySubscribed,
                Refused::TooMany => ErrorCode::TooManySubscriptions,
            })
    }

    /// Stops following a channel.
    pub(super) fn unsubscribe(&self, id: Option<u64>, channel: &str) -> Result<(), ErrorCode> {
        let channel = channel.parse().map_err(|_| ErrorCode::UnknownChannel)?;
        if self.feed.unsubscribe(&self.peer, id, channel) {
            Ok(())
        } else {
            Err(ErrorCode::NotSubscribed)
        }
    }

    /// Tells the client that something was refused.
    pub(super) fn refuse(&self, id: Option<u64>, channel: Option<String>, code: ErrorCode) {
        self.peer.send(&ServerMessage::Error {
            id,
            channel,
            code,
            message: explanation(code).to_owned(),
            temporary: code.is_temporary(),
        });
    }

    /// Serves subscriptions that are behind, for as long as the client is there.
    pub(super) async fn catch_up(&self) -> CloseReason {
        loop {
            let channel = self.peer.needs_to_catch_up().await;
            self.peer.has_room().await;
            match self.feed.catch_up(&self.peer, &channel) {
                Step::Done => {}
                Step::More => tokio::task::yield_now().await,
                Step::Past(cursor) => {
                    if !self.replay(&channel, cursor).await {
                        self.peer.cut_off(CloseReason::SlowConsumer);
                        return CloseReason::SlowConsumer;
                    }
                }
            }
        }
    }

    /// Gives a subscription what has left the memory; `false` when it is too far behind.
    async fn replay(&self, channel: &Channel, cursor: Position) -> bool {
        let Some(progress) = self.peer.behind(channel) else {
            return true;
        };
        // Twice what a new subscription may ask for: the log goes on growing meanwhile.
        let behind = self.feed.head().value() - cursor.value();
        if behind / 2 > self.shared.settings.max_replay_positions {
            return false;
        }
        let ledger = self.feed.ledger();
        match self
            .shared
            .history
            .read(ledger, cursor, REPLAY_EVENTS)
            .await
        {
            Ok(events) if events.is_empty() => {
                self.peer.end(channel, ErrorCode::ResyncRequired);
            }
            Ok(events) => {
                let events: Vec<_> = events.into_iter().map(Arc::new).collect();
                let _: Progressed = self.peer.extend(channel, progress.serial, events.iter());
            }
            Err(error) => {
                tracing::warn!(
                    %ledger,
                    event.position = %cursor,
                    error = crate::fault::cause(&error),
                    "a client's events of the past cannot be read"
                );
                self.peer.end(channel, ErrorCode::Unavailable);
            }
        }
        true
    }

    /// Sends heartbeats until the client does not read any more.
    pub(super) async fn beat(&self, on_beat: impl Fn() -> Option<CloseReason>) -> CloseReason {
        let mut interval = tokio::time::interval(self.shared.settings.heartbeat_interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.tick().await;
        loop {
            interval.tick().await;
            if self.peer.is_stalled(self.shared.settings.stall_timeout) {
                self.peer.cut_off(CloseReason::SlowConsumer);
                return CloseReason::SlowConsumer;
            }
            if let Some(reason) = on_beat() {
                self.peer.cut_off(reason);
                return reason;
            }
            self.feed.heartbeat(&self.peer);
        }
    }

    /// Waits until the bridge closes, then tells the client and lets its queue run out.
    pub(super) async fn until_shutdown(&self) {
        self.shared.closing.cancelled().await;
        let spread = self.shared.settings.reconnect_spread.as_millis().max(1);
        let delay = Uuid::new_v4().as_u128() % spread;
        self.peer.send(&ServerMessage::ServerShutdown {
            reconnect_after_ms: u64::try_from(delay).unwrap_or_default(),
        });
        self.peer.close(CloseReason::Shutdown);
    }

    /// Whether everything after a position can still be had.
    async fn check_position(
        &self,
        after: Position,
        epoch: Option<String>,
    ) -> Result<(), ErrorCode> {
        if epoch.is_some_and(|epoch| *epoch != *self.feed.epoch()) {
            return Err(ErrorCode::UnrecoverablePosition);
        }
        let mut head = self.feed.head();
        if after > head {
            // Another process may have delivered what this one has not seen yet.
            let found = self.shared.log.head(self.feed.ledger()).await;
            let found = found.map_err(|_| ErrorCode::Unavailable)?;
            head = found.map_or(head, |found| found.position);
        }
        let missing = head.value() - after.value();
        let too_many = missing > self.shared.settings.max_replay_positions;
        if missing < 0 || (too_many && !self.feed.reaches_back_to(after)) {
            return Err(ErrorCode::UnrecoverablePosition);
        }
        Ok(())
    }

    async fn snapshot(&self, channel: &Channel) -> Result<Beginning, ErrorCode> {
        let ledger = self.feed.ledger();
        let reading = self.shared.snapshots.snapshot(ledger, channel);
        let snapshot = match tokio::time::timeout(SNAPSHOT_TIMEOUT, reading).await {
            Ok(Ok(snapshot)) => snapshot,
            Ok(Err(SnapshotError::NotFound)) => return Err(ErrorCode::ChannelNotFound),
            Ok(Err(SnapshotError::Unavailable(error))) => {
                tracing::warn!(
                    %ledger,
                    error = &*error,
                    "a client's state cannot be read"
                );
                return Err(ErrorCode::Unavailable);
            }
            Err(_) => return Err(ErrorCode::Unavailable),
        };
        // A read model that is being rebuilt is too far behind to go on from.
        match self.check_position(snapshot.as_of, None).await {
            Ok(()) => Ok(Beginning::Snapshot(snapshot)),
            Err(_) => Err(ErrorCode::Unavailable),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.feed.forget(&self.peer);
    }
}

/// A code in words.
pub(super) const fn explanation(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::MalformedMessage => "the message is none of the protocol",
        ErrorCode::LedgerNotFound => "there is no ledger of that name",
        ErrorCode::UnknownChannel => {
            "a channel is \"ledger\", \"wallet:<uuid>\", \"account:<account>\", \"case:<uuid>\" or \"onboarding:<owner>\""
        }
        ErrorCode::ChannelNotFound => "there is no such wallet, account, case or onboarding",
        ErrorCode::AlreadySubscribed => "the channel is followed already",
        ErrorCode::NotSubscribed => "the channel is not followed",
        ErrorCode::TooManySubscriptions => "the connection follows as many channels as it may",
        ErrorCode::UnrecoverablePosition => {
            "the position is of another epoch, ahead of the log or too far back"
        }
        ErrorCode::ResyncRequired => "subscribe again without a position",
        ErrorCode::Unavailable => "the state or the log cannot be read at the moment",
        ErrorCode::Forbidden => "this may not be followed",
        ErrorCode::ReplayRunning => "a replay is under way: stop it first",
        ErrorCode::NoReplay => "no replay is under way",
        ErrorCode::CredentialInvalid => "the credential is not valid",
        ErrorCode::CredentialOfAnother => "the credential is somebody else's",
        ErrorCode::CredentialExpired => "the credential has expired: come again with a newer one",
        ErrorCode::CredentialRevoked => "the credential was revoked or its session has ended",
    }
}
