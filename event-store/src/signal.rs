//! Being told that a log has grown, on any node, without asking again and again.
//!
//! The append statement notifies; one task listens and passes the news on. A notification can be
//! lost with its connection, so the listener asks for all heads when it (re)connects and at an
//! interval: whoever waits learns of every append, late at worst.

use crate::error_chain::ErrorChain;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger_core::{LedgerName, Position};
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::log::LogReader;

/// The channel of PostgreSQL's NOTIFY; a payload is `<ledger> <position>`.
pub(crate) const CHANNEL: &str = "daybook_log";

/// How often the heads are asked for in case a notification was lost.
const POLL: Duration = Duration::from_secs(1);

/// The known heads of all logs.
#[derive(Debug, Clone)]
pub struct LogSignal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    heads: Mutex<HashMap<LedgerName, watch::Sender<Position>>>,
    ledgers: watch::Sender<Vec<LedgerName>>,
}

impl LogSignal {
    /// Starts listening; ends when `shutdown` is cancelled.
    #[must_use]
    pub fn start(database: &Database, shutdown: CancellationToken) -> Self {
        let signal = Self {
            shared: Arc::new(Shared {
                heads: Mutex::default(),
                ledgers: watch::Sender::new(Vec::new()),
            }),
        };
        tokio::spawn(listen(signal.clone(), database.clone(), shutdown));
        signal
    }

    /// The head of one log as far as it is known, and every change of it.
    #[must_use]
    pub fn head(&self, ledger: LedgerName) -> watch::Receiver<Position> {
        self.with_head(ledger, watch::Sender::subscribe)
    }

    /// The ledgers that are known, and every change of them.
    #[must_use]
    pub fn ledgers(&self) -> watch::Receiver<Vec<LedgerName>> {
        self.shared.ledgers.subscribe()
    }

    /// Notes that a log has grown.
    pub(crate) fn advance(&self, ledger: LedgerName, position: Position) {
        self.with_head(ledger, |head| {
            head.send_if_modified(|known| {
                let news = position > *known;
                *known = position.max(*known);
                news
            });
        });
        if position > Position::START {
            self.shared.ledgers.send_if_modified(|ledgers| {
                let news = !ledgers.contains(&ledger);
                if news {
                    ledgers.push(ledger);
                }
                news
            });
        }
    }

    fn with_head<T>(
        &self,
        ledger: LedgerName,
        use_head: impl FnOnce(&watch::Sender<Position>) -> T,
    ) -> T {
        let mut heads = self
            .shared
            .heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        use_head(
            heads
                .entry(ledger)
                .or_insert_with(|| watch::Sender::new(Position::START)),
        )
    }
}

async fn listen(signal: LogSignal, database: Database, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let ended = tokio::select! {
            () = shutdown.cancelled() => return,
            ended = listen_until_lost(&signal, &database) => ended,
        };
        if let Err(error) = ended {
            tracing::debug!(
                error = %ErrorChain(&error),
                "listening to the log again"
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn listen_until_lost(signal: &LogSignal, database: &Database) -> Result<(), sqlx::Error> {
    let reader = LogReader::new(database.pool().clone());
    let mut listener = PgListener::connect_with(database.pool()).await?;
    listener.listen(CHANNEL).await?;
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            notification = listener.try_recv() => match notification? {
                Some(notification) => {
                    if let Some((ledger, position)) = parse(notification.payload()) {
                        signal.advance(ledger, position);
                    }
                }
                None => return Ok(()),
            },
            _ = poll.tick() => {
                // An unreachable database shows as a lost notification connection soon enough.
                for head in reader.ledgers().await.unwrap_or_default() {
                    signal.advance(head.ledger, head.position);
                }
            }
        }
    }
}

fn parse(payload: &str) -> Option<(LedgerName, Position)> {
    let (ledger, position) = payload.split_once(' ')?;
    Some((
        ledger.parse().ok()?,
        Position::try_new(position.parse().ok()?)?,
    ))
}
