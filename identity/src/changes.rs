//! Telling every node that something was taken away.
//!
//! Nodes remember whom a token stands for. Whatever makes less of somebody (a session that ends, a role
//! that is taken, a key that is revoked) notifies in its own database transaction, and every node forgets all
//! it remembers: that is rare, and cannot miss anything. A node whose listener is not connected
//! remembers nothing. The node that did it forgets when its database transaction has committed, so that
//! the answer to a revocation is true there.
//!
//! Who holds something open on behalf of somebody (a live stream) follows a [`ChangeWatch`]: it says
//! whom a change is about, or that changes may have been missed, after what was remembered is forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::subject::Subject;

/// The channel of PostgreSQL's NOTIFY.
const CHANNEL: &str = "daybook_identity";

/// How long to wait before PostgreSQL is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Changes that wait for whoever watches; one who has more to catch up with takes it that everything
/// may have changed.
const MOST_WAITING: usize = 64;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Something about this one: a session, a role, a key.
    Of(Subject),
    /// Something may have changed about anybody: news were lost.
    Unknown,
}

/// Changes as this node hears of them.
#[derive(Debug)]
pub struct ChangeWatch(broadcast::Receiver<Change>);

impl ChangeWatch {
    /// Waits for the next change. What happened before the watch began is not told; dropping the future
    /// loses nothing.
    pub async fn next(&mut self) -> Change {
        match self.0.recv().await {
            Ok(change) => change,
            Err(RecvError::Lagged(_)) => Change::Unknown,
            // Nobody is left who could tell of any.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// What is to be forgotten when something was taken away: a number that rises with each change. Whoever
/// remembers something remembers the number with it.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    count: Arc<AtomicU64>,
    told: broadcast::Sender<Change>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            count: Arc::default(),
            told: broadcast::Sender::new(MOST_WAITING),
        }
    }
}

impl Changes {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Everything that is remembered is old from now on.
    pub(crate) fn happened(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn watch(&self) -> ChangeWatch {
        ChangeWatch(self.told.subscribe())
    }

    /// Forgets first, then tells: whoever asks again because of it gets no remembered answer.
    fn tell(&self, change: Change) {
        self.happened();
        // Nobody may be watching.
        drop(self.told.send(change));
    }
}

/// Tells all nodes, once the database transaction commits, that something about this one has changed.
pub(crate) async fn announce_in_tx(
    tx: &mut PgConnection,
    subject: Subject,
) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(subject.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether news arrive at the moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listening(Arc<AtomicBool>);

impl Listening {
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, is_on: bool) {
        self.0.store(is_on, Ordering::Release);
    }
}

/// Counts every announcement, and whenever some may have been missed.
pub(crate) async fn listen(
    pool: PgPool,
    listening: Listening,
    changes: Changes,
    shutdown: CancellationToken,
) {
    loop {
        let lost = tokio::select! {
            () = shutdown.cancelled() => return,
            Err(lost) = heard(&pool, &listening, &changes) => lost,
        };
        listening.set(false);
        changes.tell(Change::Unknown);
        tracing::debug!(error = %lost, "listening for changes of identities again");
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn heard(
    pool: &PgPool,
    listening: &Listening,
    changes: &Changes,
) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    changes.tell(Change::Unknown);
    listening.set(true);
    loop {
        // `None` says that the connection was lost, and what was told meanwhile with it.
        let Some(told) = listener.try_recv().await? else {
            return Err(sqlx::Error::PoolClosed);
        };
        let about = told.payload().parse();
        changes.tell(about.map_or(Change::Unknown, Change::Of));
    }
}
