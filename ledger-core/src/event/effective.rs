//! When events count, and how something stood as far as they counted by a time.
//!
//! | event | counts |
//! |---|---|
//! | `TransactionPosted` | at its `effective_at` |
//! | every event of a verification case that a provider's finding led to | at the finding's `observed_at`: when it came about, by the provider's clock |
//! | `SettlementRecorded` | at its `settled_at`, where the provider says when it was paid |
//! | every other | when it was recorded |
//!
//! What providers report of payments, refunds, disputes and payouts is told without a time that could be
//! relied on, and moves money when it is recorded, so that is when it counts. A tier is in force from when
//! its grant was recorded, whenever the verdict behind it came about.

use super::state::AggregateState;
use super::{AggregateType, Event, Position, RecordedEvent, Sequence};
use crate::aggregate::IllegalEvent;
use crate::settlement::SettlementEvent;
use crate::timestamp::Timestamp;
use crate::transaction::TransactionEvent;

impl Event {
    /// The time at which it counts, where it has one of its own.
    #[must_use]
    pub fn own_effective_at(&self) -> Option<Timestamp> {
        match self {
            Self::Transaction(TransactionEvent::TransactionPosted { effective_at, .. }) => {
                Some(*effective_at)
            }
            Self::VerificationCase(event) => event.observed().map(|observed| observed.observed_at),
            Self::Settlement(event) => match &**event {
                SettlementEvent::SettlementRecorded { settled_at, .. } => *settled_at,
                SettlementEvent::SettlementBreakFound { .. }
                | SettlementEvent::SettlementBreakResolved { .. } => None,
            },
            Self::Transaction(TransactionEvent::TransactionReverted { .. })
            | Self::Ledger(_)
            | Self::Wallet(_)
            | Self::Hold(_)
            | Self::Payment(_)
            | Self::Payout(_)
            | Self::Beneficiary(_)
            | Self::Owner(_)
            | Self::Profile(_)
            | Self::Onboarding(_) => None,
        }
    }
}

impl RecordedEvent {
    /// When it counts.
    #[must_use]
    pub fn effective_at(&self) -> Timestamp {
        self.event.own_effective_at().unwrap_or(self.recorded_at)
    }
}

/// Whether an event was taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// It was.
    Counts,
    /// It counts later.
    Later,
    /// It counts by then, but cannot follow what is left without those that count later.
    CannotFollow,
}

/// How an aggregate stood as far as its events counted by a time.
///
/// They are folded in the order in which they were recorded, which is the order they were decided in: with
/// every event counted, this is the aggregate's state.
#[derive(Debug, Clone)]
pub struct EffectiveState {
    until: Option<Timestamp>,
    state: AggregateState,
    last: Option<Last>,
    later: Vec<Sequence>,
    cannot_follow: Vec<Sequence>,
}

/// The last event that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// Its place in the stream.
    pub sequence: Sequence,
    /// Its place in the log.
    pub position: Position,
    /// When it was written.
    pub recorded_at: Timestamp,
}

impl EffectiveState {
    /// Before its first event; of those added, what counts at a time or before it is folded, or everything.
    #[must_use]
    pub fn new(kind: AggregateType, until: Option<Timestamp>) -> Self {
        Self {
            until,
            state: AggregateState::before_anything(kind),
            last: None,
            later: Vec::new(),
            cannot_follow: Vec::new(),
        }
    }

    /// Adds the next event of the stream.
    ///
    /// # Errors
    /// [`IllegalEvent`] when it cannot follow though nothing was left out.
    pub fn add(&mut self, recorded: &RecordedEvent) -> Result<Counting, IllegalEvent> {
        if self
            .until
            .is_some_and(|until| recorded.effective_at() > until)
        {
            self.later.push(recorded.sequence);
            return Ok(Counting::Later);
        }
        match self.state.evolve(&recorded.event) {
            Ok(state) => {
                self.state = state;
                self.last = Some(Last {
                    sequence: recorded.sequence,
                    position: recorded.position,
                    recorded_at: recorded.recorded_at,
                });
                Ok(Counting::Counts)
            }
            Err(error) if self.later.is_empty() => Err(error),
            Err(_) => {
                self.cannot_follow.push(recorded.sequence);
                Ok(Counting::CannotFollow)
            }
        }
    }

    /// How it stood.
    #[must_use]
    pub const fn state(&self) -> &AggregateState {
        &self.state
    }

    /// The last event that was counted; none when there was nothing yet.
    #[must_use]
    pub const fn last(&self) -> Option<Last> {
        self.last
    }

    /// The events that count later, by their places in the stream.
    #[must_use]
    pub fn later(&self) -> &[Sequence] {
        &self.later
    }

    /// The events that count by then and cannot follow without those.
    #[must_use]
    pub fn cannot_follow(&self) -> &[Sequence] {
        &self.cannot_follow
    }
}
