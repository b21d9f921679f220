//! One client: what waits to be sent to it, and which channels it follows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ledger_core::Position;
use schemas::{Channel, CloseReason, ErrorCode, ServerMessage};
use tokio::sync::Notify;

use super::Progressed;
use super::item::Item;
use crate::publication::Publication;

/// How much is taken from the queue at once.
const SEND_BYTES: usize = 64 << 10;

/// What to do for a client next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Send these.
    Send(VecDeque<Item>),
    /// Everything was sent: close.
    Close(CloseReason),
}

/// Whether a subscription stays live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Live,
    Behind,
}

/// Why a subscription cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Already,
    TooMany,
    /// The history has changed since its position was checked.
    OtherHistory,
}

/// How far a subscription that is behind has come.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// Tells a subscription from an earlier one to the same channel.
    pub(crate) serial: u64,
    /// The history its positions are of.
    pub(crate) epoch: Arc<str>,
    /// Everything up to here has been looked at.
    pub(crate) cursor: Position,
}

#[derive(Debug)]
struct Subscription {
    progress: Progress,
    /// The last position delivered, or where the subscription began.
    last: Position,
    live: bool,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    subscriptions: BTreeMap<Channel, Subscription>,
    serial: u64,
    closing: Option<CloseReason>,
    /// Since when nothing was taken although something waits.
    waiting_since: Option<Instant>,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Peer {
    id: u64,
    max_bytes: usize,
    max_subscriptions: usize,
    state: Mutex<State>,
    /// Something waits to be sent, or the client is to be closed.
    filled: Notify,
    /// The queue has been taken.
    emptied: Notify,
    /// A subscription is behind.
    fell_behind: Notify,
}

impl Peer {
    pub(crate) fn new(id: u64, max_bytes: usize, max_subscriptions: usize) -> Self {
        Self {
            id,
            max_bytes,
            max_subscriptions,
            state: Mutex::default(),
            filled: Notify::new(),
            emptied: Notify::new(),
            fell_behind: Notify::new(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Waits for something to do.
    pub(crate) async fn next(&self) -> Next {
        loop {
            {
                let mut state = self.lock();
                let items = state.take_items();
                if !items.is_empty() {
                    self.emptied.notify_waiters();
                    return Next::Send(items);
                }
                if let Some(reason) = state.closing {
                    return Next::Close(reason);
                }
            }
            self.filled.notified().await;
        }
    }

    /// Waits until at most half of the allowed bytes wait.
    pub(crate) async fn has_room(&self) {
        loop {
            // Listening begins before looking: whoever empties the queue in between is heard.
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.lock().bytes <= self.max_bytes / 2 {
                return;
            }
            emptied.await;
        }
    }

    /// Waits until a subscription is behind.
    pub(crate) async fn needs_to_catch_up(&self) -> Channel {
        loop {
            let behind = self.first_behind();
            match behind {
                Some(channel) => return channel,
                None => self.fell_behind.notified().await,
            }
        }
    }

    /// Puts a message into the queue.
    pub(crate) fn send(&self, message: &ServerMessage) {
        self.push(&mut self.lock(), Item::of(message));
    }

    /// Puts an event of the past into the queue.
    pub(crate) fn tell_again(&self, channel: Channel, event: Publication) {
        self.push(&mut self.lock(), Item::Replayed { channel, event });
    }

    /// Drops the events of the past that wait: they are not for the client any more.
    pub(crate) fn forget_the_past(&self) {
        let mut state = self.lock();
        state
            .items
            .retain(|item| !matches!(item, Item::Replayed { .. }));
        state.bytes = state.items.iter().map(Item::bytes).sum();
        drop(state);
        self.emptied.notify_waiters();
    }

    /// Puts a ping into the queue.
    pub(crate) fn ping(&self) {
        self.push(&mut self.lock(), Item::Ping);
    }

    /// Closes the client once everything that waits is sent; the first reason stands.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.lock().closing.get_or_insert(reason);
        self.filled.notify_one();
    }

    /// Closes the client and drops what waits: it resumes elsewhere.
    pub(crate) fn cut_off(&self, reason: CloseReason) {
        let mut state = self.lock();
        state.items.clear();
        state.bytes = 0;
        state.closing.get_or_insert(reason);
        drop(state);
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }

    /// Closes the client after one last message, and drops what waits: it is not for them any more.
    pub(crate) fn dismiss(&self, message: &ServerMessage, reason: CloseReason) {
        let mut state = self.lock();
        state.items.clear();
        state.bytes = 0;
        self.push(&mut state, Item::of(message));
        state.closing.get_or_insert(reason);
        drop(state);
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }

    /// Whether something has waited for so long that nobody can be reading.
    pub(crate) fn is_stalled(&self, limit: Duration) -> bool {
        let since = self.lock().waiting_since;
        since.is_some_and(|since| since.elapsed() > limit)
    }

    /// Whether the client follows a channel.
    pub(crate) fn follows(&self, channel: &Channel) -> bool {
        self.lock().subscriptions.contains_key(channel)
    }

    /// The channels that the client follows.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.lock().subscriptions.keys().cloned().collect()
    }

    pub(super) fn subscribe(
        &self,
        channel: Channel,
        from: Position,
        epoch: Arc<str>,
        message: &ServerMessage,
    ) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.subscriptions.contains_key(&channel) {
            return Err(Refused::Already);
        }
        if state.subscriptions.len() >= self.max_subscriptions {
            return Err(Refused::TooMany);
        }
        state.serial += 1;
        let progress = Progress {
            serial: state.serial,
            epoch,
            cursor: from,
        };
        let subscription = Subscription {
            progress,
            last: from,
            live: false,
        };
        state.subscriptions.insert(channel, subscription);
        self.push(&mut state, Item::of(message));
        self.fell_behind.notify_one();
        Ok(())
    }

    pub(super) fn unsubscribe(&self, id: Option<u64>, channel: Channel) -> bool {
        let mut state = self.lock();
        let existed = state.subscriptions.remove(&channel).is_some();
        if existed {
            let message = ServerMessage::Unsubscribed { id, channel };
            self.push(&mut state, Item::of(&message));
        }
        existed
    }

    /// Ends a subscription on the server's side and says why.
    pub(crate) fn end(&self, channel: &Channel, code: ErrorCode) {
        let mut state = self.lock();
        if state.subscriptions.remove(channel).is_some() {
            self.push(&mut state, Item::ended(channel, code));
        }
    }

    /// Ends a subscription that is not for the client any more, with everything of it that waits.
    pub(super) fn bar(&self, channel: &Channel) {
        let mut state = self.lock();
        if state.subscriptions.remove(channel).is_none() {
            return;
        }
        state
            .items
            .retain(|item| !matches!(item, Item::Event { channel: of, .. } if of == channel));
        state.bytes = state.items.iter().map(Item::bytes).sum();
        self.push(&mut state, Item::ended(channel, ErrorCode::Forbidden));
        drop(state);
        self.emptied.notify_waiters();
    }

    /// How far a subscription is, when it is behind.
    pub(crate) fn behind(&self, channel: &Channel) -> Option<Progress> {
        let state = self.lock();
        let subscription = state.subscriptions.get(channel)?;
        (!subscription.live).then(|| subscription.progress.clone())
    }

    /// Gives a live subscription its next event.
    pub(super) fn deliver(&self, channel: &Channel, event: &Arc<Publication>) -> Delivery {
        let mut state = self.lock();
        let full = state.bytes >= self.max_bytes;
        let Some(subscription) = state.subscriptions.get_mut(channel) else {
            return Delivery::Behind;
        };
        if full {
            // Everything before this event was delivered, as far as it concerns the channel.
            let before = event.position.value() - 1;
            subscription.pass(Position::START.plus(before));
            subscription.live = false;
            self.fell_behind.notify_one();
            return Delivery::Behind;
        }
        let item = subscription.take(channel, event);
        if let Some(item) = item {
            self.push(&mut state, item);
        }
        Delivery::Live
    }

    /// Gives a subscription that is behind the events that follow its cursor, until the queue is
    /// full; ends it at an event that nobody can say the concerns of.
    pub(crate) fn extend<'a>(
        &self,
        channel: &Channel,
        serial: u64,
        events: impl Iterator<Item = &'a Arc<Publication>>,
    ) -> Progressed {
        let mut state = self.lock();
        let mut reached = None;
        for event in events {
            let full = state.bytes >= self.max_bytes;
            let Some(subscription) = state.current(channel, serial) else {
                return Progressed::Ended;
            };
            if full {
                break;
            }
            if event.concerns.is_none() && *channel != Channel::Ledger {
                state.subscriptions.remove(channel);
                let message = Item::ended(channel, ErrorCode::ResyncRequired);
                self.push(&mut state, message);
                return Progressed::Ended;
            }
            let concerned = match &event.concerns {
                Some(concerns) => concerns.contains(channel),
                None => true,
            };
            let item = if concerned {
                subscription.take(channel, event)
            } else {
                subscription.pass(event.position);
                None
            };
            reached = Some(event.position);
            if let Some(item) = item {
                self.push(&mut state, item);
            }
        }
        match (reached, state.current(channel, serial)) {
            (_, None) => Progressed::Ended,
            (Some(position), Some(_)) => Progressed::To(position),
            (None, Some(subscription)) => Progressed::To(subscription.progress.cursor),
        }
    }

    /// Makes a subscription live; `false` when it has ended meanwhile.
    pub(super) fn go_live(&self, channel: &Channel, serial: u64) -> bool {
        let mut state = self.lock();
        match state.current(channel, serial) {
            Some(subscription) => {
                subscription.live = true;
                true
            }
            None => false,
        }
    }

    pub(super) fn heartbeat(&self, head: Position) {
        let mut state = self.lock();
        let live = state.subscriptions.iter().filter(|(_, each)| each.live);
        let channels: BTreeMap<Channel, Position> = live
            .map(|(channel, subscription)| (channel.clone(), subscription.last))
            .collect();
        let covers_all = channels.len() == state.subscriptions.len();
        let live_last = channels.values().copied().max();
        let message = ServerMessage::Heartbeat { head, channels };
        let mut item = Item::of(&message);
        if let Item::Message { resume_after, .. } = &mut item
            && covers_all
        {
            // A snapshot may be ahead of this process.
            *resume_after = live_last.into_iter().chain([head]).max();
        }
        self.push(&mut state, item);
    }

    /// Looks round: the channel that was behind for the longest time comes first.
    fn first_behind(&self) -> Option<Channel> {
        let state = self.lock();
        let behind = state.subscriptions.iter().filter(|(_, each)| !each.live);
        behind
            .min_by_key(|(_, each)| each.progress.cursor)
            .map(|(channel, _)| channel.clone())
    }

    fn push(&self, state: &mut State, item: Item) {
        if state.closing.is_some() {
            return;
        }
        state.bytes += item.bytes();
        state.waiting_since.get_or_insert_with(Instant::now);
        state.items.push_back(item);
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next items to send at once.
    fn take_items(&mut self) -> VecDeque<Item> {
        let mut bytes = 0;
        let fits = |item: &&Item| {
            bytes += item.bytes();
            bytes <= SEND_BYTES
        };
        // One item at least, however large.
        let count = self.items.iter().take_while(fits).count().max(1);
        let rest = self.items.split_off(count.min(self.items.len()));
        let items = std::mem::replace(&mut self.items, rest);
        let taken: usize = items.iter().map(Item::bytes).sum();
        self.bytes = self.bytes.saturating_sub(taken);
        self.waiting_since = (!self.items.is_empty()).then(Instant::now);
        items
    }

    fn current(&mut self, channel: &Channel, serial: u64) -> Option<&mut Subscription> {
        self.subscriptions
            .get_mut(channel)
            .filter(|subscription| subscription.progress.serial == serial)
    }
}

impl Subscription {
    /// Counts an event as delivered; nothing when the client has it already, because its snapshot
    /// was ahead of this process.
    fn take(&mut self, channel: &Channel, event: &Arc<Publication>) -> Option<Item> {
        if event.position <= self.last {
            return None;
        }
        let prev = std::mem::replace(&mut self.last, event.position);
        self.pass(event.position);
        Some(Item::Event {
            channel: channel.clone(),
            prev,
            event: Arc::clone(event),
        })
    }

    fn pass(&mut self, position: Position) {
        self.progress.cursor = self.progress.cursor.max(position);
    }
}
