//! Turns: one writer per ledger at a time, by courtesy.
//!
//! Nodes that write one ledger at the same time make each other decide again: the head row lets
//! only one of two appends through. So they take turns. Whoever wrote last holds the turn; another
//! node that has commands asks for it, and the holder passes it on with its next append, or at once
//! when it has nothing to write. That append takes all that waited at the holder, and while the
//! callers who are then answered send their next commands, the other node writes: a longer turn
//! would keep its callers waiting and gain nothing. A node that expects more commands asks for the
//! turn again as it passes it on. A holder that is not heard of for [`LEASE`] (it died, or was
//! stopped) has lost its turn.
//!
//! Nothing depends on it but speed: the head row decides who may append. All of this travels in
//! PostgreSQL's notifications, so it costs no statement of its own while one node writes, and where
//! notifications do not get through, nodes merely meet at the head row more often.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use ledger_core::Position;
use uuid::Uuid;

/// How long a silent holder is waited for.
pub(crate) const LEASE: Duration = Duration::from_millis(500);

/// One node among those that share a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(Uuid);

impl NodeId {
    pub(crate) fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(formatter)
    }
}

impl FromStr for NodeId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What an append says about turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NextTurn {
    /// Who appends.
    pub(crate) author: NodeId,
    /// Who is to write next; the same node unless another waits.
    pub(crate) next: NodeId,
    /// Whether the author would like to have the turn back when it passes it on.
    pub(crate) again: Again,
}

/// Whether a node that passes its turn on asks for it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It expects to have commands.
    Asked,
    /// It will ask when it has some.
    NotAsked,
}

impl NextTurn {
    /// Whether another node is to write next.
    pub(crate) fn is_passed_on(self) -> bool {
        self.next != self.author
    }

    /// Whether the author waits from now on.
    pub(crate) fn asks_again(self) -> bool {
        self.is_passed_on() && self.again == Again::Asked
    }
}

/// Whose turn it is to write a ledger, as far as this process has heard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turn {
    /// The holder and when it was last heard of.
    holder: Option<(NodeId, Instant)>,
    /// The head when the holder was last heard of.
    position: Position,
    /// Who waits, longest first.
    asking: Vec<NodeId>,
}

impl Turn {
    /// Takes in that the log was written up to `position`, and who is to write next.
    pub(crate) fn passed(&mut self, position: Position, holder: NodeId, now: Instant) {
        // News may be late.
        if position >= self.position {
            self.position = position;
            self.holder = Some((holder, now));
            self.asking.retain(|node| *node != holder);
        }
    }

    /// Takes in that this process wrote the log up to `position`, and who is to write next. The next
    /// node may have been heard of earlier, and have passed the turn on again without writing.
    pub(crate) fn appended(&mut self, position: Position, holder: NodeId, now: Instant) {
        if position > self.position {
            self.passed(position, holder, now);
        }
    }

    /// Takes in that a node would like to write.
    pub(crate) fn asked(&mut self, node: NodeId) {
        let holds = self.holder.is_some_and(|(holder, _)| holder == node);
        if !holds && !self.asking.contains(&node) {
            self.asking.push(node);
        }
    }

    /// Whether a node may write without disturbing another.
    pub(crate) fn may_write(&self, node: NodeId, now: Instant) -> bool {
        self.holder.is_none_or(|(holder, heard)| {
            holder == node || now.saturating_duration_since(heard) >= LEASE
        })
    }

    /// When a silent holder will have lost its turn.
    pub(crate) fn lease_ends(&self) -> Option<Instant> {
        self.holder.map(|(_, heard)| heard + LEASE)
    }

    /// Who is to write after `node`, if somebody waits.
    pub(crate) fn after(&self, node: NodeId) -> Option<NodeId> {
        self.asking.iter().copied().find(|asking| *asking != node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(value: i64) -> Position {
        Position::try_new(value).unwrap()
    }

    #[test]
    fn whoever_wrote_last_goes_on_writing_and_others_wait() {
        let (first, second, now) = (NodeId::random(), NodeId::random(), Instant::now());
        let mut turn = Turn::default();
        assert!(turn.may_write(first, now) && turn.may_write(second, now));
        turn.passed(position(1), first, now);
        assert!(turn.may_write(first, now));
        assert!(!turn.may_write(second, now));
    }

    #[test]
    fn a_holder_that_is_silent_for_the_lease_has_lost_its_turn() {
        let (first, second, now) = (NodeId::random(), NodeId::random(), Instant::now());
        let mut turn = Turn::default();
        turn.passed(position(1), first, now);
        assert!(!turn.may_write(second, now + LEASE - Duration::from_millis(1)));
        assert!(turn.may_write(second, now + LEASE));
        assert_eq!(turn.lease_ends(), Some(now + LEASE));
    }

    #[test]
    fn the_turn_goes_round_in_the_order_of_asking() {
        let [first, second, third] = [(); 3].map(|()| NodeId::random());
        let now = Instant::now();
        let mut turn = Turn::default();
        turn.passed(position(1), first, now);
        for node in [second, third, second, first] {
            turn.asked(node);
        }
        assert_eq!(turn.after(first), Some(second));
        turn.passed(position(2), second, now);
        assert!(turn.may_write(second, now) && !turn.may_write(first, now));
        assert_eq!(turn.after(second), Some(third));
        turn.asked(first);
        turn.passed(position(3), third, now);
        assert_eq!(turn.after(third), Some(first));
    }

    #[test]
    fn late_news_change_nothing() {
        let (first, second, now) = (NodeId::random(), NodeId::random(), Instant::now());
        let mut turn = Turn::default();
        turn.passed(position(5), second, now);
        turn.passed(position(4), first, now);
        assert!(turn.may_write(second, now) && !turn.may_write(first, now));
    }

    #[test]
    fn race_a_turn_that_came_back_before_its_passing_was_noted_is_kept() {
        let (first, second, now) = (NodeId::random(), NodeId::random(), Instant::now());
        let mut turn = Turn::default();
        turn.appended(position(1), first, now);
        // The first node's append at 2 passes the turn on; the second has nothing to write and passes
        // it back, and is heard before the first node's task has seen its append's result.
        turn.passed(position(2), first, now);
        turn.appended(position(2), second, now);
        assert!(turn.may_write(first, now));
    }

    #[test]
    fn a_node_is_known_by_its_text() {
        let node = NodeId::random();
        assert_eq!(node.to_string().parse::<NodeId>().unwrap(), node);
    }
}
