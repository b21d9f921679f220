//! Waiting for this executor's turn to write, and passing it on.

use std::time::{Duration, Instant};

use ledger_core::LedgerName;
use tokio::sync::watch;

use super::ledger_task::LedgerTask;
use crate::error_chain::ErrorChain;
use crate::signal::{LogSignal, TurnNotice};
use crate::turns::{LEASE, NextTurn, NodeId, TURN, Turn};

/// After so long a wait the holder is asked again: it may have missed the first time.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// This executor among those that write the same ledger.
#[derive(Debug)]
pub(super) struct TurnTaking {
    pub(super) node: NodeId,
    heard: watch::Receiver<Turn>,
    /// When this executor's turn began; `None` while it has none.
    began: Option<Instant>,
}

impl TurnTaking {
    pub(super) fn new(signal: &LogSignal, ledger: LedgerName) -> Self {
        Self {
            node: signal.node(),
            heard: signal.turn(ledger),
            began: None,
        }
    }

    /// Who is to write after the next append: this executor, unless its turn is over and another
    /// waits.
    pub(super) fn next(&self) -> NextTurn {
        let over = self.began.is_none_or(|began| began.elapsed() >= TURN);
        let waiting = self.heard.borrow().after(self.node);
        NextTurn {
            author: self.node,
            next: waiting.filter(|_| over).unwrap_or(self.node),
        }
    }

    /// Waits for news of any node.
    pub(super) async fn heard(&mut self) {
        if self.heard.changed().await.is_err() {
            // The signal has ended with the process; nothing will be heard any more.
            std::future::pending::<()>().await;
        }
    }

    fn may_write(&mut self) -> bool {
        let now = Instant::now();
        let may = self.heard.borrow_and_update().may_write(self.node, now);
        if !may {
            self.began = None;
        }
        may
    }
}

impl LedgerTask {
    /// Waits until no other node is writing, and reads meanwhile what it writes.
    pub(super) async fn await_turn(&mut self) {
        let waited = Instant::now();
        let mut asked = 0;
        let mut ask_at = waited;
        while !self.turns.may_write() {
            if Instant::now() >= ask_at {
                ask_at = Instant::now() + ASK_AGAIN;
                asked += 1;
                self.ask().await;
            }
            self.follow_news().await;
            let lease_ends = self.turns.heard.borrow().lease_ends();
            let until = lease_ends.map_or(ask_at, |ends| ends.min(ask_at));
            drop(tokio::time::timeout_at(until.into(), self.turns.heard()).await);
        }
        if self.turns.began.is_none() {
            self.turns.began = Some(Instant::now());
            self.follow_news().await;
            tracing::debug!(
                ledger = %self.ledger,
                node = %self.turns.node,
                waited_ms = waited.elapsed().as_millis(),
                asked,
                position = self.book.as_ref().map_or(0, |book| book.position().value()),
                "began to write"
            );
        }
    }

    /// Passes the turn on when another node waits and nothing is to be written here.
    pub(super) async fn pass_turn_when_idle(&mut self) {
        let holds = self.turns.may_write();
        let Some(next) = self.turns.heard.borrow().after(self.turns.node) else {
            return;
        };
        if holds {
            let head = *self.signal.head(self.ledger).borrow();
            self.turns.began = None;
            self.signal.pass_turn(self.ledger, head, next);
            self.tell(TurnNotice::passed(self.ledger, head, self.turns.node, next))
                .await;
        }
    }

    async fn ask(&mut self) {
        metrics::counter!("daybook_turns_asked_total").increment(1);
        self.tell(TurnNotice::wanted(self.ledger, self.turns.node))
            .await;
    }

    /// By the writer's own connection if there is one, so that a busy pool delays nobody's turn.
    async fn tell(&mut self, notice: TurnNotice) {
        let telling = async {
            match &mut self.writer {
                Some(connection) => notice.send(connection).await,
                None => notice.send(self.database.pool()).await,
            }
        };
        let told = tokio::time::timeout(LEASE, telling)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut));
        if let Err(error) = told {
            tracing::debug!(error = %ErrorChain(&error), "the other nodes could not be told");
            // A connection that failed is not written with; the next command opens another.
            self.writer = None;
        }
    }

    /// Reads on when the log is known to have grown.
    async fn follow_news(&mut self) {
        let head = *self.signal.head(self.ledger).borrow();
        if self
            .book
            .as_ref()
            .is_some_and(|book| book.position() < head)
        {
            self.follow().await;
        }
    }
}
