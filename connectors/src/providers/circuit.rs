//! A provider that fails again and again is left alone for a while, per operation.
//!
//! | state | a call | which succeeds | which fails |
//! |---|---|---|---|
//! | closed | is made | the count of failures is zero | counts; at the limit the circuit opens |
//! | open | is not made | | |
//! | open, its time over | one is made, to try; others are not | closes | opens for twice the time |
//!
//! A call whose caller goes away says nothing; if it was the trial, the next call is one. Only what says
//! something about the provider's health counts, not a refusal. The state is this process's own.
//!
//! Why not a library: recloser and failsafe let every waiting call through once the time is over, which
//! is what a provider that comes back does not need.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a circuit opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitPolicy {
    /// Failures one after another that open it.
    pub failures: u32,
    /// How long it is open at first. Each failed trial doubles it.
    pub first_wait: Duration,
    /// How long it is open at most.
    pub longest_wait: Duration,
}

impl Default for CircuitPolicy {
    /// Five failures; 2 seconds at first and a minute at most.
    fn default() -> Self {
        Self {
            failures: 5,
            first_wait: Duration::from_secs(2),
            longest_wait: Duration::from_secs(60),
        }
    }
}

/// Whether a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It is.
    Available,
    /// It failed too often lately.
    Unavailable {
        /// When it is asked again; zero when the next call is a trial.
        retry_after: Duration,
    },
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        wait: Duration,
        is_tried: bool,
    },
}

const CLOSED: State = State::Closed { failures: 0 };

/// The circuits of one provider, by operation.
#[derive(Debug)]
pub(super) struct Circuits<O> {
    policy: CircuitPolicy,
    states: Mutex<HashMap<O, State>>,
}

/// The right to make one call. Dropped without a word it says nothing about the provider.
#[derive(Debug)]
pub(super) struct Permit<'a, O: Copy + Eq + Hash> {
    circuits: &'a Circuits<O>,
    operation: O,
    is_trial: bool,
    is_told: bool,
}

impl<O: Copy + Eq + Hash> Circuits<O> {
    pub(super) fn new(policy: CircuitPolicy) -> Self {
        Self {
            policy,
            states: Mutex::default(),
        }
    }

    /// The right to make a call, or how long to wait.
    pub(super) fn admit(&self, operation: O, now: Instant) -> Result<Permit<'_, O>, Duration> {
        let mut states = self.states();
        let state = states.entry(operation).or_insert(CLOSED);
        let is_trial = match state {
            State::Closed { .. } => false,
            State::Open {
                until, is_tried, ..
            } => {
                let left = until.saturating_duration_since(now);
                if !left.is_zero() || *is_tried {
                    // A trial is out: its answer is worth waiting for.
                    return Err(left.max(Duration::from_millis(100)));
                }
                *is_tried = true;
                true
            }
        };
        Ok(Permit {
            circuits: self,
            operation,
            is_trial,
            is_told: false,
        })
    }

    pub(super) fn availability(&self, operation: O, now: Instant) -> Availability {
        match self.states().get(&operation) {
            None | Some(State::Closed { .. }) => Availability::Available,
            Some(State::Open { until, .. }) => Availability::Unavailable {
                retry_after: until.saturating_duration_since(now),
            },
        }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<O, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, wait: Duration, now: Instant) -> State {
        // A random tenth more: processes that saw the same failure do not come back together.
        let whole = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(fastrand::u64(0..=whole / 10));
        State::Open {
            until: now + wait + jitter,
            wait,
            is_tried: false,
        }
    }
}

impl<O: Copy + Eq + Hash> Permit<'_, O> {
    /// The provider did its work, whatever it answered.
    pub(super) fn healthy(mut self) {
        self.is_told = true;
        let mut states = self.circuits.states();
        let state = states.entry(self.operation).or_insert(CLOSED);
        match state {
            State::Closed { failures } => *failures = 0,
            // A call that began before the circuit opened does not close it.
            State::Open { .. } if self.is_trial => *state = CLOSED,
            State::Open { .. } => {}
        }
    }

    /// The provider failed.
    pub(super) fn failed(mut self, now: Instant) {
        self.is_told = true;
        let policy = self.circuits.policy;
        let mut states = self.circuits.states();
        let state = states.entry(self.operation).or_insert(CLOSED);
        match state {
            State::Closed { failures } => {
                *failures = failures.saturating_add(1);
                if *failures >= policy.failures {
                    *state = self.circuits.open(policy.first_wait, now);
                }
            }
            State::Open { wait, .. } if self.is_trial => {
                let wait = wait.saturating_mul(2).min(policy.longest_wait);
                *state = self.circuits.open(wait, now);
            }
            State::Open { .. } => {}
        }
    }
}

impl<O: Copy + Eq + Hash> Drop for Permit<'_, O> {
    fn drop(&mut self) {
        if self.is_trial && !self.is_told {
            let mut states = self.circuits.states();
            if let Some(State::Open { is_tried, .. }) = states.get_mut(&self.operation) {
                *is_tried = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Availability, CircuitPolicy, Circuits};
    use crate::gateways::Operation;

    const REFUND: Operation = Operation::Refund;

    fn opened(now: Instant) -> Circuits<Operation> {
        let circuits = Circuits::new(CircuitPolicy::default());
        for _ in 0..5 {
            circuits.admit(REFUND, now).unwrap().failed(now);
        }
        circuits
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let now = Instant::now();
        let circuits = Circuits::new(CircuitPolicy::default());
        for _ in 0..4 {
            circuits.admit(REFUND, now).unwrap().failed(now);
        }
        circuits.admit(REFUND, now).unwrap().healthy();
        for _ in 0..4 {
            circuits.admit(REFUND, now).unwrap().failed(now);
        }
        assert_eq!(circuits.availability(REFUND, now), Availability::Available);
        circuits.admit(REFUND, now).unwrap().failed(now);
        let wait = circuits.admit(REFUND, now).unwrap_err();
        assert!(wait > Duration::from_secs(1) && wait <= Duration::from_millis(2200));
        assert!(
            circuits.admit(Operation::Capture, now).is_ok(),
            "of its own"
        );
    }

    #[test]
    fn one_trial_at_a_time_decides() {
        let mut now = Instant::now();
        let circuits = opened(now);
        now += Duration::from_millis(2201);
        let trial = circuits.admit(REFUND, now).unwrap();
        assert!(circuits.admit(REFUND, now).is_err(), "one only");
        trial.failed(now);
        now += Duration::from_millis(3900);
        assert!(circuits.admit(REFUND, now).is_err(), "twice the time");
        now += Duration::from_millis(600);
        drop(circuits.admit(REFUND, now).unwrap());
        let trial = circuits
            .admit(REFUND, now)
            .expect("a trial nobody waited for");
        trial.healthy();
        assert_eq!(circuits.availability(REFUND, now), Availability::Available);
        assert!(circuits.admit(REFUND, now).is_ok());
        assert!(circuits.admit(REFUND, now).is_ok());
    }

    #[test]
    fn a_late_answer_does_not_close_it() {
        let now = Instant::now();
        let circuits = Circuits::new(CircuitPolicy::default());
        let early = circuits.admit(REFUND, now).unwrap();
        for _ in 0..5 {
            circuits.admit(REFUND, now).unwrap().failed(now);
        }
        early.healthy();
        assert!(circuits.admit(REFUND, now).is_err());
    }

    #[test]
    fn waits_grow_no_further_than_the_longest() {
        let mut now = Instant::now();
        let circuits = opened(now);
        for _ in 0..10 {
            now += Duration::from_secs(67);
            circuits.admit(REFUND, now).unwrap().failed(now);
        }
        assert!(circuits.admit(REFUND, now).unwrap_err() <= Duration::from_secs(66));
    }
}
