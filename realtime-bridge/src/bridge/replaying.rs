//! Replays on a WebSocket: a stretch of the past is told at the pace at which it happened, or a multiple of it.
//!
//! A connection has one replay at a time, beside the channels that it follows. It is for whoever may follow the
//! whole ledger: what concerns one wallet is found by reading everything. How long a replay takes is the
//! client's choice, so that what it may follow is asked again whenever that may have changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger_core::{Position, Timestamp};
use schemas::{Channel, CloseReason, ErrorCode, ServerMessage};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::session::{REPLAY_EVENTS, Session};
use crate::publication::Publication;

/// The fastest that is asked for by a number: eleven days in a second.
const MAX_SPEED: u32 = 1_000_000;

/// Which stretch of the past a client asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// After which position; from the beginning when absent.
    pub(super) after: Option<i64>,
    /// Up to and with which; up to the end of the log when absent.
    pub(super) until: Option<i64>,
}

/// How fast it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// How many times as fast as it happened; as fast as the client reads when absent.
    speed: Option<u32>,
    longest_pause: Duration,
}

impl Pace {
    /// `None` for a speed below 1 or above [`MAX_SPEED`].
    pub(super) fn try_new(speed: Option<u32>, longest_pause_ms: Option<u64>) -> Option<Self> {
        let is_speed = speed.is_none_or(|speed| (1..=MAX_SPEED).contains(&speed));
        is_speed.then(|| Self {
            speed,
            longest_pause: longest_pause_ms.map_or(Duration::MAX, Duration::from_millis),
        })
    }

    /// How long to wait between what was recorded at two times.
    fn pause(self, before: Timestamp, after: Timestamp) -> Duration {
        let Some(speed) = self.speed else {
            return Duration::ZERO;
        };
        let happened = after.as_datetime() - before.as_datetime();
        // Recorded time never runs backwards.
        let happened = happened.to_std().unwrap_or_default();
        (happened / speed).min(self.longest_pause)
    }
}

/// When each event is due. What was due while the client did not read comes at once, and no pause grows by it.
#[derive(Debug)]
struct Clock {
    pace: Pace,
    last: Option<(Timestamp, Instant)>,
}

impl Clock {
    fn due(&mut self, recorded_at: Timestamp) -> Instant {
        let now = Instant::now();
        let due = match self.last {
            None => now,
            Some((before, due)) => {
                let pause = self.pace.pause(before, recorded_at);
                due.checked_add(pause).unwrap_or(due)
            }
        };
        self.last = Some((recorded_at, due));
        due
    }
}

/// A replay that is under way.
#[derive(Debug, Clone)]
struct Replay {
    id: Option<u64>,
    channel: Channel,
    after: Position,
    until: Position,
    pace: Pace,
    epoch: Arc<str>,
    /// How the client stood when it was last asked what it may follow.
    asked: u64,
    stop: CancellationToken,
}

/// The replay of a connection, if there is one.
#[derive(Debug, Default)]
pub(super) struct Replays {
    current: Mutex<Option<Replay>>,
    wanted: Notify,
}

impl Replays {
    fn lock(&self) -> MutexGuard<'_, Option<Replay>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<Replay> {
        self.lock().clone()
    }
}

impl Session {
    /// Begins to tell a stretch of the past.
    pub(super) async fn begin_replay(
        &self,
        id: Option<u64>,
        channel: &str,
        stretch: Stretch,
        pace: Pace,
    ) -> Result<(), ErrorCode> {
        let channel: Channel = channel.parse().map_err(|_| ErrorCode::UnknownChannel)?;
        let asked = self.visitor.generation();
        self.may_replay(&channel).await?;
        let epoch = self.feed.epoch();
        let head = self.shared.log.head(self.feed.ledger()).await;
        let head = head.map_err(|_| ErrorCode::Unavailable)?;
        let head = head.map_or(Position::START, |head| head.position);
        let position = |number: i64| Position::try_new(number).ok_or(ErrorCode::MalformedMessage);
        let after = stretch.after.map_or(Ok(Position::START), position)?;
        let until = stretch.until.map_or(Ok(head), position)?.min(head);
        if after > head {
            return Err(ErrorCode::UnrecoverablePosition);
        }
        let replay = Replay {
            id,
            channel: channel.clone(),
            after,
            until,
            pace,
            epoch: Arc::clone(&epoch),
            asked,
            stop: CancellationToken::new(),
        };
        let mut current = self.replays.lock();
        if current.is_some() {
            return Err(ErrorCode::ReplayRunning);
        }
        *current = Some(replay);
        self.peer.send(&ServerMessage::ReplayStarted {
            id,
            channel,
            epoch: epoch.to_string(),
            after,
            until,
        });
        drop(current);
        self.replays.wanted.notify_one();
        Ok(())
    }

    /// Asks again whether the replay that is under way is for the client, and ends it if it is not.
    pub(super) async fn ask_for_replay(&self) {
        let Some(replay) = self.replays.current() else {
            return;
        };
        if let Err(ErrorCode::Forbidden | ErrorCode::ChannelNotFound) =
            self.may_replay(&replay.channel).await
        {
            replay.stop.cancel();
            self.peer.forget_the_past();
        }
    }

    /// Ends the replay that is under way.
    pub(super) fn stop_replay(&self) -> Result<(), ErrorCode> {
        match &*self.replays.lock() {
            Some(replay) => {
                replay.stop.cancel();
                Ok(())
            }
            None => Err(ErrorCode::NoReplay),
        }
    }

    /// Tells what is asked for, one replay after the other, for as long as the client is there.
    pub(super) async fn tell_the_past(&self) -> CloseReason {
        loop {
            self.replays.wanted.notified().await;
            let Some(replay) = self.replays.current() else {
                continue;
            };
            let mut reached = replay.after;
            let code = tokio::select! {
                () = replay.stop.cancelled() => None,
                told = self.tell(&replay, &mut reached) => told.err(),
            };
            if code == Some(ErrorCode::Forbidden) {
                // What waits is not for them any more.
                self.peer.forget_the_past();
            }
            let mut current = self.replays.lock();
            *current = None;
            self.peer.send(&ServerMessage::ReplayEnded {
                id: replay.id,
                channel: replay.channel,
                position: reached,
                code,
            });
        }
    }

    /// Tells a replay; `reached` says how far it came, whatever ends it.
    async fn tell(&self, replay: &Replay, reached: &mut Position) -> Result<(), ErrorCode> {
        let mut clock = Clock {
            pace: replay.pace,
            last: None,
        };
        let mut asked = replay.asked;
        while *reached < replay.until {
            if self.feed.epoch() != replay.epoch {
                return Err(ErrorCode::ResyncRequired);
            }
            for event in self.read_past(*reached, replay.until).await? {
                let position = event.position;
                if is_told(&event, &replay.channel)? {
                    tokio::time::sleep_until(clock.due(event.recorded_at)).await;
                    self.peer.has_room().await;
                    while asked != self.visitor.generation() {
                        asked = self.visitor.generation();
                        self.may_replay(&replay.channel).await?;
                    }
                    self.peer.tell_again(replay.channel.clone(), event);
                }
                *reached = position;
            }
        }
        Ok(())
    }

    /// The next events after a position, up to and with another.
    async fn read_past(
        &self,
        after: Position,
        until: Position,
    ) -> Result<Vec<Publication>, ErrorCode> {
        let ledger = self.feed.ledger();
        let read = self.shared.history.read_again(ledger, after, REPLAY_EVENTS);
        let events = read.await.map_err(|error| {
            tracing::warn!(
                %ledger,
                event.position = %after,
                error = crate::fault::cause(&error),
                "a client's events of the past cannot be read"
            );
            ErrorCode::Unavailable
        })?;
        if events.is_empty() {
            return Err(ErrorCode::ResyncRequired);
        }
        let is_wanted = |event: &Publication| event.position <= until;
        Ok(events.into_iter().take_while(is_wanted).collect())
    }

    async fn may_replay(&self, channel: &Channel) -> Result<(), ErrorCode> {
        self.visitor.may_follow(&Channel::Ledger).await?;
        if *channel != Channel::Ledger {
            self.visitor.may_follow(channel).await?;
        }
        Ok(())
    }
}

/// Whether an event concerns a channel; nobody can say it of an event of an unknown type.
fn is_told(event: &Publication, channel: &Channel) -> Result<bool, ErrorCode> {
    match (&event.concerns, channel) {
        (_, Channel::Ledger) => Ok(true),
        (Some(concerns), _) => Ok(concerns.contains(channel)),
        (None, _) => Err(ErrorCode::ResyncRequired),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    #[test]
    fn a_pause_is_the_time_that_passed_divided_by_the_speed_and_bounded() {
        let time = |text: &str| text.parse().unwrap();
        let (noon, later) = (time("2026-01-31T12:00:00Z"), time("2026-01-31T12:01:40Z"));
        let pause = |speed, longest| Pace::try_new(speed, longest).unwrap().pause(noon, later);
        assert_eq!(pause(Some(1), None), Duration::from_secs(100));
        assert_eq!(pause(Some(50), None), Duration::from_secs(2));
        assert_eq!(pause(Some(50), Some(300)), Duration::from_millis(300));
        assert_eq!(pause(None, Some(300)), Duration::ZERO);
        let real = Pace::try_new(Some(1), None).unwrap();
        assert_eq!(real.pause(later, noon), Duration::ZERO);
        assert_eq!(Pace::try_new(Some(0), None), None);
        assert_eq!(Pace::try_new(Some(1_000_001), None), None);
    }
}
