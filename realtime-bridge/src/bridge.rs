//! The bridge: live events for WebSocket clients and readers of server-sent events.
//!
//! `GET /v1/ledgers/{ledger}/stream` speaks the protocol of [`schemas::message`];
//! `GET /v1/ledgers/{ledger}/stream/events` sends one channel as server-sent events. Each ledger
//! that somebody follows has one feed in this process, whatever the number of clients.
//!
//! Whom a request is from and what they may follow is asked of a [`gatekeeper`], for as long as the
//! client is there.
//!
//! Every client is bounded: in connections (in all and per address), in channels, in bytes that
//! wait to be sent, in the size of what it sends, in how far back it may resume, and in how long it
//! may be silent or not read. What ends a client is said with a code, and every end but its own
//! fault can be healed by connecting again and resuming.

mod admission;
pub mod gatekeeper;
mod refusal;
mod replaying;
mod server_sent;
mod session;
mod settings;
mod standing;
mod web_socket;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event_store::{LedgerHead, LogError, LogReader, LogSignal};
use ledger_core::LedgerName;
use poem::{Route, RouteMethod, get};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::SnapshotSource;
use crate::feed::{Feed, FollowSettings, Follower, RingSettings, epoch_of_stream};
use crate::history::History;
use crate::log_stream::Epoch;
use crate::nats::Nats;
use admission::Admission;
use gatekeeper::Gatekeeper;

pub use admission::ClientAddress;
pub use settings::BridgeSettings;

/// The path of the WebSocket.
pub const STREAM_PATH: &str = "/v1/ledgers/:ledger/stream";
/// The path of the server-sent events.
pub const STREAM_EVENTS_PATH: &str = "/v1/ledgers/:ledger/stream/events";

/// The running bridge.
#[derive(Clone)]
pub struct Bridge {
    shared: Arc<Shared>,
}

/// Why a ledger cannot be followed.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error("there is no such ledger")]
    NotFound,
    #[error("the log cannot be read")]
    Log(#[from] LogError),
}

struct Shared {
    settings: BridgeSettings,
    nats: Nats,
    log: LogReader,
    signal: LogSignal,
    history: Arc<History>,
    snapshots: Arc<dyn SnapshotSource>,
    gatekeeper: Arc<dyn Gatekeeper>,
    admission: Arc<Admission>,
    feeds: Mutex<HashMap<LedgerName, Arc<Feed>>>,
    /// Held while a feed is made, so that each ledger gets one.
    making: tokio::sync::Mutex<()>,
    next_peer: AtomicU64,
    /// Tells clients to go.
    closing: CancellationToken,
    /// Ends the feeds, after the clients.
    stopped: CancellationToken,
    clients: TaskTracker,
    followers: TaskTracker,
}

impl Bridge {
    /// A bridge that serves the ledgers of this log to whom the gatekeeper lets in.
    #[must_use]
    pub fn new(
        nats: &Nats,
        log: &LogReader,
        signal: &LogSignal,
        snapshots: Arc<dyn SnapshotSource>,
        gatekeeper: Arc<dyn Gatekeeper>,
        settings: BridgeSettings,
    ) -> Self {
        let shared = Shared {
            admission: Arc::new(Admission::new(&settings)),
            history: Arc::new(History::new(nats.clone(), log.clone())),
            settings,
            nats: nats.clone(),
            log: log.clone(),
            signal: signal.clone(),
            snapshots,
            gatekeeper,
            feeds: Mutex::default(),
            making: tokio::sync::Mutex::default(),
            next_peer: AtomicU64::new(1),
            closing: CancellationToken::new(),
            stopped: CancellationToken::new(),
            clients: TaskTracker::new(),
            followers: TaskTracker::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Both endpoints at their paths.
    #[must_use]
    pub fn endpoint(&self) -> Route {
        Route::new()
            .at(STREAM_PATH, self.web_socket_endpoint())
            .at(STREAM_EVENTS_PATH, self.server_sent_endpoint())
    }

    /// The endpoint of [`STREAM_PATH`] alone, for a router of one's own.
    #[must_use]
    pub fn web_socket_endpoint(&self) -> RouteMethod {
        get(web_socket::WebSocketEndpoint::new(Arc::clone(&self.shared)))
    }

    /// The endpoint of [`STREAM_EVENTS_PATH`] alone, for a router of one's own. It must not be
    /// compressed: a compressor would hold events back.
    #[must_use]
    pub fn server_sent_endpoint(&self) -> RouteMethod {
        get(server_sent::ServerSentEndpoint::new(Arc::clone(
            &self.shared,
        )))
    }

    /// Refuses new clients, tells those that are here to connect again elsewhere, closes them and
    /// waits until they are gone, or for as long as the settings say.
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        shared.closing.cancel();
        shared.clients.close();
        let gone = tokio::time::timeout(shared.settings.shutdown_grace, shared.clients.wait());
        if gone.await.is_err() {
            tracing::warn!(
                clients = shared.clients.len(),
                "clients did not go in time and are cut off"
            );
        }
        shared.stopped.cancel();
        shared.followers.close();
        shared.followers.wait().await;
    }
}

impl Shared {
    fn next_peer(&self) -> u64 {
        self.next_peer.fetch_add(1, Ordering::Relaxed)
    }

    /// The feed of a ledger, made when nobody has followed it yet.
    async fn feed(&self, name: &str) -> Result<Arc<Feed>, FeedError> {
        let ledger: LedgerName = name.parse().map_err(|_| FeedError::NotFound)?;
        if let Some(feed) = self.known_feed(ledger) {
            return Ok(feed);
        }
        let head = self.log.head(ledger).await?;
        // Of sandboxes nobody is told.
        let head = head.filter(|head| !head.is_sandbox);
        let head = head.ok_or(FeedError::NotFound)?;
        let _making = self.making.lock().await;
        if let Some(feed) = self.known_feed(ledger) {
            return Ok(feed);
        }
        let feed = self.make_feed(&head).await?;
        self.feeds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(ledger, Arc::clone(&feed));
        Ok(feed)
    }

    fn known_feed(&self, ledger: LedgerName) -> Option<Arc<Feed>> {
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.get(&ledger).cloned()
    }

    async fn make_feed(&self, head: &LedgerHead) -> Result<Arc<Feed>, FeedError> {
        let ledger = head.ledger;
        let of_log = Epoch::of_log(&self.log, ledger)
            .await?
            .ok_or(FeedError::NotFound)?;
        let epoch = match epoch_of_stream(self.nats.clone(), ledger).await {
            Some(of_stream) if of_stream.has_same_origin(&of_log) => of_stream,
            Some(_) | None => of_log,
        };
        let ring = RingSettings {
            events: self.settings.ring_events,
            bytes: self.settings.ring_bytes,
        };
        let feed = Arc::new(Feed::new(ledger, &epoch.to_string(), head.position, ring));
        let follower = Follower {
            feed: Arc::clone(&feed),
            nats: self.nats.clone(),
            log: self.log.clone(),
            history: Arc::clone(&self.history),
            head: self.signal.head(ledger),
            settings: FollowSettings::default(),
        };
        self.followers.spawn(follower.run(self.stopped.clone()));
        Ok(feed)
    }
}
