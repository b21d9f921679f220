//! The live events of one ledger inside this process: received once, kept for a while, handed to
//! every client they concern.
//!
//! A subscription is either *live* (events are put into its client's queue as they arrive) or
//! *behind* (its client's own task fetches what it lacks, as fast as the client reads). It starts
//! behind, and falls behind again when its client's queue is full, so that a burst costs a client
//! time and not its connection. Going live happens under the same lock as handing out events:
//! nothing is missed between the two and nothing comes twice.
//!
//! Lock order: the feed, then a peer.

mod follow;
mod item;
mod peer;
mod ring;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger_core::{LedgerName, Position};
use schemas::{Channel, Concerns, ErrorCode, ServerMessage};

use crate::publication::Publication;
use ring::Ring;

pub(crate) use follow::{FollowSettings, Follower, epoch_of_stream};
pub(crate) use item::Item;
pub(crate) use peer::{Delivery, Next, Peer, Refused};
pub(crate) use ring::RingSettings;

/// The most events looked at in one step of catching up: bounds how long the lock is held.
const STEP_EVENTS: usize = 1_000;

/// The live events of one ledger.
#[derive(Debug)]
pub(crate) struct Feed {
    ledger: LedgerName,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    epoch: Arc<str>,
    head: Position,
    ring: Ring,
    live: HashMap<Channel, HashMap<u64, Arc<Peer>>>,
}

/// A client's request to follow a channel.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The client's number for it.
    pub(crate) id: Option<u64>,
    /// What it wants to follow.
    pub(crate) channel: Channel,
}

/// Where a new subscription begins.
#[derive(Debug)]
pub(crate) enum Beginning {
    /// At the head.
    Head,
    /// With this state.
    Snapshot(crate::Snapshot),
    /// After a position the client has.
    After(Position),
}

/// What one step of catching up came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The subscription is live now, or has ended.
    Done,
    /// There is more in the ring; the queue may have to be emptied first.
    More,
    /// What follows this position has left the ring.
    Past(Position),
}

impl Feed {
    pub(crate) fn new(
        ledger: LedgerName,
        epoch: &str,
        head: Position,
        settings: RingSettings,
    ) -> Self {
        Self {
            ledger,
            state: Mutex::new(State {
                epoch: epoch.into(),
                head,
                ring: Ring::new(settings),
                live: HashMap::new(),
            }),
        }
    }

    pub(crate) fn ledger(&self) -> LedgerName {
        self.ledger
    }

    pub(crate) fn head(&self) -> Position {
        self.lock().head
    }

    pub(crate) fn epoch(&self) -> Arc<str> {
        Arc::clone(&self.lock().epoch)
    }

    /// Takes the next event; `false` when it is not the next one.
    pub(crate) fn admit(&self, publication: Publication) -> bool {
        let mut state = self.lock();
        if publication.position != state.head.next() {
            return false;
        }
        state.head = publication.position;
        let event = Arc::new(publication);
        state.ring.push(Arc::clone(&event));
        state.hand_out(&event);
        true
    }

    /// Goes over to another history: every subscription ends, because its positions mean nothing
    /// any more.
    pub(crate) fn reset(&self, epoch: &str, head: Position) {
        let mut state = self.lock();
        state.epoch = epoch.into();
        state.head = head;
        state.ring.clear();
        for (channel, peers) in state.live.drain() {
            for peer in peers.values() {
                peer.end(&channel, ErrorCode::ResyncRequired);
            }
        }
    }

    /// Begins a subscription, behind. `checked` is the epoch in which its beginning was checked.
    pub(crate) fn subscribe(
        &self,
        peer: &Peer,
        request: Request,
        beginning: Beginning,
        checked: &Arc<str>,
    ) -> Result<(), Refused> {
        let Request { id, channel } = request;
        let state = self.lock();
        if state.epoch != *checked {
            return Err(Refused::OtherHistory);
        }
        let epoch = state.epoch.to_string();
        let (from, message) = match beginning {
            Beginning::Head => (
                state.head,
                ServerMessage::Snapshot {
                    id,
                    channel: channel.clone(),
                    epoch,
                    as_of: state.head,
                    balances: Vec::new(),
                },
            ),
            Beginning::Snapshot(snapshot) => (
                snapshot.as_of,
                ServerMessage::Snapshot {
                    id,
                    channel: channel.clone(),
                    epoch,
                    as_of: snapshot.as_of,
                    balances: snapshot.balances,
                },
            ),
            Beginning::After(after) => (
                after,
                ServerMessage::Resumed {
                    id,
                    channel: channel.clone(),
                    epoch,
                    after,
                },
            ),
        };
        peer.subscribe(channel, from, Arc::clone(&state.epoch), &message)
    }

    /// Ends a subscription; `false` when there was none.
    pub(crate) fn unsubscribe(&self, peer: &Peer, id: Option<u64>, channel: Channel) -> bool {
        let mut state = self.lock();
        state.forget(peer.id(), &channel);
        peer.unsubscribe(id, channel)
    }

    /// Ends a subscription that is not for the client any more.
    pub(crate) fn bar(&self, peer: &Peer, channel: &Channel) {
        let mut state = self.lock();
        state.forget(peer.id(), channel);
        peer.bar(channel);
    }

    /// Whether everything after a position is still in the ring.
    pub(crate) fn reaches_back_to(&self, position: Position) -> bool {
        let state = self.lock();
        position >= state.head || state.ring.covers(position)
    }

    /// Moves a subscription that is behind forward through the ring, at best until it is live.
    pub(crate) fn catch_up(&self, peer: &Arc<Peer>, channel: &Channel) -> Step {
        let mut state = self.lock();
        let Some(progress) = peer.behind(channel) else {
            return Step::Done;
        };
        if progress.epoch != state.epoch {
            peer.end(channel, ErrorCode::ResyncRequired);
            return Step::Done;
        }
        if progress.cursor < state.head {
            if !state.ring.covers(progress.cursor) {
                return Step::Past(progress.cursor);
            }
            let events = state.ring.after(progress.cursor).take(STEP_EVENTS);
            match peer.extend(channel, progress.serial, events) {
                Progressed::Ended => return Step::Done,
                Progressed::To(cursor) if cursor < state.head => return Step::More,
                Progressed::To(_) => {}
            }
        }
        if peer.go_live(channel, progress.serial) {
            let followers = state.live.entry(channel.clone()).or_default();
            followers.insert(peer.id(), Arc::clone(peer));
        }
        Step::Done
    }

    /// Tells a client that the connection lives and how far it is.
    pub(crate) fn heartbeat(&self, peer: &Peer) {
        let state = self.lock();
        peer.heartbeat(state.head);
    }

    /// Forgets a client that has gone.
    pub(crate) fn forget(&self, peer: &Peer) {
        let mut state = self.lock();
        for channel in peer.channels() {
            state.forget(peer.id(), &channel);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far [`Peer::extend`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progressed {
    /// Everything up to this position is in the queue, as far as it concerns the channel.
    To(Position),
    /// The subscription has ended meanwhile.
    Ended,
}

impl State {
    fn hand_out(&mut self, event: &Arc<Publication>) {
        self.hand_out_on(&Channel::Ledger, event);
        let Some(concerns) = &event.concerns else {
            self.end_all_but_ledger();
            return;
        };
        for channel in concerns.channels() {
            self.hand_out_on(channel, event);
        }
        for channel in self.accounts_concerned(concerns) {
            self.hand_out_on(&channel, event);
        }
    }

    /// The live channels of accounts whose holder the event concerns and that it does not name.
    fn accounts_concerned(&self, concerns: &Concerns) -> Vec<Channel> {
        let Some(holder) = concerns.holder() else {
            return Vec::new();
        };
        let of_holder = |channel: &&Channel| match channel {
            Channel::Account(account) => account.holder == holder,
            Channel::Ledger | Channel::Wallet(_) | Channel::Case(_) | Channel::Onboarding(_) => {
                false
            }
        };
        self.live
            .keys()
            .filter(of_holder)
            .filter(|channel| !concerns.channels().contains(channel))
            .cloned()
            .collect()
    }

    fn hand_out_on(&mut self, channel: &Channel, event: &Arc<Publication>) {
        let Some(peers) = self.live.get_mut(channel) else {
            return;
        };
        peers.retain(|_, peer| peer.deliver(channel, event) == Delivery::Live);
        if peers.is_empty() {
            self.live.remove(channel);
        }
    }

    /// Nobody can say whom an event of an unknown type concerns; a hole must not go unnoticed.
    fn end_all_but_ledger(&mut self) {
        self.live.retain(|channel, peers| {
            if *channel == Channel::Ledger {
                return true;
            }
            for peer in peers.values() {
                peer.end(channel, ErrorCode::ResyncRequired);
            }
            false
        });
    }

    fn forget(&mut self, peer: u64, channel: &Channel) {
        if let Some(peers) = self.live.get_mut(channel) {
            peers.remove(&peer);
            if peers.is_empty() {
                self.live.remove(channel);
            }
        }
    }
}
