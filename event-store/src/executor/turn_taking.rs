//! Waiting for this executor's turn to write, and passing it on.

use std::time::{Duration, Instant};

use ledger_core::LedgerName;
use tokio::sync::watch;

use super::ledger_task::LedgerTask;
use crate::error_chain::ErrorChain;
use crate::signal::{LogSignal, TurnNotice};
use crate::turns::{Again, LEASE, NextTurn, NodeId, Turn};

/// After so long a wait the holder is asked again: it may have missed the first time.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// This executor among those that write the same ledger.
#[derive(Debug)]
pub(super) struct TurnTaking {
    pub(super) node: NodeId,
    heard: watch::Receiver<Turn>,
    /// Whether it had its turn when it last looked.
    has_turn: bool,
    /// When it asked for its next turn as it passed the last one on.
    asked: Option<Instant>,
}

impl TurnTaking {
    pub(super) fn new(signal: &LogSignal, ledger: LedgerName) -> Self {
        Self {
            node: signal.node(),
            heard: signal.turn(ledger),
            has_turn: false,
            asked: None,
        }
    }

    /// Who is to write after an append of so many commands: this executor, unless another waits.
    /// Several commands at once are a sign that more will follow.
    pub(super) fn next(&self, commands: usize) -> NextTurn {
        let waiting = self.heard.borrow().after(self.node);
        NextTurn {
            author: self.node,
            next: waiting.unwrap_or(self.node),
            again: if commands > 1 {
                Again::Asked
            } else {
                Again::NotAsked
            },
        }
    }

    /// When to ask for the next turn, if it has not come by then.
    fn ask_at(&self) -> Instant {
        self.asked
            .map_or_else(Instant::now, |asked| asked + ASK_AGAIN)
    }

    /// Notes that the other nodes were told who writes next.
    pub(super) fn told(&mut self, turn: NextTurn) {
        self.asked = turn.asks_again().then(Instant::now);
        if turn.asks_again() {
            count_asking();
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
        self.has_turn &= may;
        may
    }
}

fn count_asking() {
    metrics::counter!("daybook_turns_asked_total").increment(1);
}

impl LedgerTask {
    /// Waits until no other node is writing, and reads meanwhile what it writes.
    pub(super) async fn await_turn(&mut self) {
        let waited = Instant::now();
        let mut asked = 0;
        let mut ask_at = self.turns.ask_at();
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
        if !self.turns.has_turn {
            self.turns.has_turn = true;
            self.turns.asked = None;
            self.follow_news().await;
            // The append passes the turn on: whoever is not in it waits for the next turn.
            self.take_waiting();
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
            let turn = NextTurn {
                author: self.turns.node,
                next,
                again: Again::NotAsked,
            };
            self.turns.has_turn = false;
            self.turns.told(turn);
            self.signal.pass_turn(self.ledger, head, next);
            self.tell(TurnNotice::passed(self.ledger, head, turn)).await;
        }
    }

    async fn ask(&mut self) {
        count_asking();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_asked_as_it_passed_its_turn_on_does_not_ask_twice() {
        let (first, second) = (NodeId::random(), NodeId::random());
        let mut turn = Turn::default();
        turn.asked(second);
        let heard = watch::Sender::new(turn);
        let mut turns = TurnTaking {
            node: first,
            heard: heard.subscribe(),
            has_turn: true,
            asked: None,
        };
        let passed = turns.next(2);
        assert_eq!(passed.next, second);
        turns.told(passed);
        assert!(turns.ask_at() > Instant::now());
        // The turn came back, nothing was to be written, and it was passed on without asking: the
        // next command must not wait for an answer to what was never asked.
        turns.told(NextTurn {
            again: Again::NotAsked,
            ..passed
        });
        assert!(turns.ask_at() <= Instant::now());
    }

    #[test]
    fn a_single_command_asks_for_no_further_turn_and_nobody_asks_for_what_it_keeps() {
        let (first, second) = (NodeId::random(), NodeId::random());
        let heard = watch::Sender::new(Turn::default());
        let turns = TurnTaking {
            node: first,
            heard: heard.subscribe(),
            has_turn: true,
            asked: None,
        };
        let kept = turns.next(2);
        assert!(!kept.is_passed_on() && !kept.asks_again());
        heard.send_modify(|turn| turn.asked(second));
        assert!(turns.next(1).is_passed_on() && !turns.next(1).asks_again());
    }
}
