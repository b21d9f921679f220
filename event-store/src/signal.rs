//! Being told that a log has grown, on any node, without asking again and again.
//!
//! The append statement notifies; one task listens and passes the news on. A notification can be
//! lost with its connection, so the listener asks for all heads when it (re)connects and at an
//! interval: whoever waits learns of every append, late at worst.

use crate::error_chain::ErrorChain;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ledger_core::{LedgerName, Position};
use sqlx::PgExecutor;
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::log::LogReader;
use crate::turns::{NextTurn, NodeId, Turn};

/// The channel of PostgreSQL's NOTIFY on which appends are told: `<ledger> <position> <author> <next>`,
/// with the node that tells it and the node that is to write next, and [`AGAIN`] after them if the
/// author asks to have the turn back.
pub(crate) const CHANNEL: &str = "daybook_log";

/// The channel on which the growth of sandboxes is told: `<ledger> <position>`. Whoever does not know of sandboxes does
/// not take one for a ledger.
pub(crate) const SANDBOX_CHANNEL: &str = "daybook_sandbox";

/// The channel on which a node asks for its turn to write: `<ledger> <node>`.
const TURN_CHANNEL: &str = "daybook_turn";

/// The last word of an append's news when its author asks for the turn that it passes on.
const AGAIN: &str = "again";

/// How often the heads are asked for in case a notification was lost.
const POLL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Head {
    position: watch::Sender<Position>,
    turn: watch::Sender<Turn>,
}

/// The known heads of all logs.
#[derive(Debug, Clone)]
pub struct LogSignal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    node: NodeId,
    heads: Mutex<HashMap<LedgerName, Head>>,
    ledgers: watch::Sender<Vec<LedgerName>>,
    all_ledgers: watch::Sender<Vec<LedgerName>>,
}

impl LogSignal {
    /// Starts listening; ends when `shutdown` is cancelled.
    #[must_use]
    pub fn start(database: &Database, shutdown: CancellationToken) -> Self {
        let signal = Self::silent();
        tokio::spawn(listen(signal.clone(), database.clone(), shutdown));
        signal
    }

    fn silent() -> Self {
        Self {
            shared: Arc::new(Shared {
                node: NodeId::random(),
                heads: Mutex::default(),
                ledgers: watch::Sender::new(Vec::new()),
                all_ledgers: watch::Sender::new(Vec::new()),
            }),
        }
    }

    /// The head of one log as far as it is known, and every change of it.
    #[must_use]
    pub fn head(&self, ledger: LedgerName) -> watch::Receiver<Position> {
        self.with_head(ledger, |head| head.position.subscribe())
    }

    /// Who listens.
    pub(crate) fn node(&self) -> NodeId {
        self.shared.node
    }

    /// Whose turn it is to write a ledger.
    pub(crate) fn turn(&self, ledger: LedgerName) -> watch::Receiver<Turn> {
        self.with_head(ledger, |head| head.turn.subscribe())
    }

    /// Notes who is to write next.
    pub(crate) fn pass_turn(&self, ledger: LedgerName, position: Position, holder: NodeId) {
        self.with_head(ledger, |head| {
            head.turn
                .send_modify(|turn| turn.passed(position, holder, Instant::now()));
        });
    }

    /// Notes that a node would like to write.
    fn ask_for_turn(&self, ledger: LedgerName, node: NodeId) {
        self.with_head(ledger, |head| {
            head.turn.send_modify(|turn| turn.asked(node));
        });
    }

    /// Notes that this process has appended up to a position, and who is to write next.
    pub(crate) fn appended(&self, ledger: LedgerName, position: Position, holder: NodeId) {
        self.with_head(ledger, |head| {
            head.turn
                .send_modify(|turn| turn.appended(position, holder, Instant::now()));
        });
    }

    /// The ledgers that are known in which something may happen, and every change of them. Sandboxes are left out, so
    /// that whoever acts or tells others need not know of them.
    #[must_use]
    pub fn ledgers(&self) -> watch::Receiver<Vec<LedgerName>> {
        self.shared.ledgers.subscribe()
    }

    /// The same with sandboxes, for whoever only reads.
    #[must_use]
    pub fn all_ledgers(&self) -> watch::Receiver<Vec<LedgerName>> {
        self.shared.all_ledgers.subscribe()
    }

    /// Notes that a log has grown.
    pub(crate) fn advance(&self, ledger: LedgerName, position: Position) {
        self.advance_sandbox(ledger, position);
        if position > Position::START {
            note(&self.shared.ledgers, ledger);
        }
    }

    /// Notes that a sandbox has grown.
    pub(crate) fn advance_sandbox(&self, ledger: LedgerName, position: Position) {
        self.with_head(ledger, |head| {
            head.position.send_if_modified(|known| {
                let news = position > *known;
                *known = position.max(*known);
                news
            });
        });
        if position > Position::START {
            note(&self.shared.all_ledgers, ledger);
        }
    }

    fn with_head<T>(&self, ledger: LedgerName, use_head: impl FnOnce(&Head) -> T) -> T {
        let mut heads = self
            .shared
            .heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        use_head(heads.entry(ledger).or_default())
    }
}

fn note(ledgers: &watch::Sender<Vec<LedgerName>>, ledger: LedgerName) {
    ledgers.send_if_modified(|ledgers| {
        let news = !ledgers.contains(&ledger);
        if news {
            ledgers.push(ledger);
        }
        news
    });
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
    listener
        .listen_all([CHANNEL, TURN_CHANNEL, SANDBOX_CHANNEL])
        .await?;
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            notification = listener.try_recv() => match notification? {
                Some(notification) => {
                    // What another version says and this one does not understand is found by polling.
                    let _understood = take_in(signal, notification.channel(), notification.payload());
                }
                None => return Ok(()),
            },
            _ = poll.tick() => {
                // An unreachable database shows as a lost notification connection soon enough.
                for head in reader.all_ledgers().await.unwrap_or_default() {
                    match head.is_sandbox {
                        true => signal.advance_sandbox(head.ledger, head.position),
                        false => signal.advance(head.ledger, head.position),
                    }
                }
            }
        }
    }
}

fn take_in(signal: &LogSignal, channel: &str, payload: &str) -> Option<()> {
    let mut words = payload.split(' ');
    let ledger: LedgerName = words.next()?.parse().ok()?;
    if channel == TURN_CHANNEL {
        let node = words.next()?.parse().ok()?;
        signal.ask_for_turn(ledger, node);
        return Some(());
    }
    let position = Position::try_new(words.next()?.parse().ok()?)?;
    if channel == SANDBOX_CHANNEL {
        signal.advance_sandbox(ledger, position);
        return Some(());
    }
    signal.advance(ledger, position);
    let (author, next): (NodeId, NodeId) =
        (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    // A node knows what it told itself, and may know better by now.
    if author != signal.node() {
        signal.pass_turn(ledger, position, next);
        if words.next() == Some(AGAIN) {
            signal.ask_for_turn(ledger, author);
        }
    }
    Some(())
}

/// What an append tells the other nodes, after the ledger and the position.
pub(crate) fn turn_suffix(turn: NextTurn) -> String {
    let NextTurn { author, next, .. } = turn;
    if turn.asks_again() {
        format!(" {author} {next} {AGAIN}")
    } else {
        format!(" {author} {next}")
    }
}

/// What is told to the other nodes about turns, outside an append.
#[derive(Debug)]
pub(crate) struct TurnNotice {
    channel: &'static str,
    payload: String,
}

impl TurnNotice {
    /// A node would like to write.
    pub(crate) fn wanted(ledger: LedgerName, node: NodeId) -> Self {
        Self {
            channel: TURN_CHANNEL,
            payload: format!("{ledger} {node}"),
        }
    }

    /// A node is to write next.
    pub(crate) fn passed(ledger: LedgerName, position: Position, turn: NextTurn) -> Self {
        Self {
            channel: CHANNEL,
            payload: format!("{ledger} {}{}", position.value(), turn_suffix(turn)),
        }
    }

    /// Tells it.
    pub(crate) async fn send(&self, executor: impl PgExecutor<'_>) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(self.channel)
            .bind(&self.payload)
            .execute(executor)
            .await
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turns::Again;

    /// The turn as one node hears it after another has appended and passed its turn on.
    fn heard_after(again: Again) -> (NodeId, NodeId, Turn) {
        let (signal, other) = (LogSignal::silent(), NodeId::random());
        let ledger: LedgerName = "main".parse().unwrap();
        let turn = NextTurn {
            author: other,
            next: signal.node(),
            again,
        };
        let news = format!("{ledger} 7{}", turn_suffix(turn));
        take_in(&signal, CHANNEL, &news).unwrap();
        let heard = signal.turn(ledger).borrow().clone();
        (signal.node(), other, heard)
    }

    #[test]
    fn whoever_acts_hears_nothing_of_sandboxes() {
        let signal = LogSignal::silent();
        take_in(&signal, SANDBOX_CHANNEL, "fork 7").unwrap();
        take_in(&signal, CHANNEL, "main 3").unwrap_or_default();
        let ledger = |name: &str| name.parse::<LedgerName>().unwrap();
        assert_eq!(*signal.ledgers().borrow(), [ledger("main")]);
        assert_eq!(
            *signal.all_ledgers().borrow(),
            [ledger("fork"), ledger("main")]
        );
        assert_eq!(signal.head(ledger("fork")).borrow().value(), 7);
    }

    #[test]
    fn a_node_may_ask_for_its_turn_as_it_passes_it_on() {
        let (node, other, heard) = heard_after(Again::Asked);
        assert!(heard.may_write(node, Instant::now()));
        assert_eq!(heard.after(node), Some(other));
        let (node, _, heard) = heard_after(Again::NotAsked);
        assert!(heard.may_write(node, Instant::now()));
        assert_eq!(heard.after(node), None);
    }
}
