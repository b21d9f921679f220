//! Where the buckets are: in two generations, so that there are never more than a fixed number.
//!
//! A bucket that is used moves to the younger generation. When that one is full it becomes the older one,
//! and what was still in the older one is forgotten: whatever the number of addresses that come, those
//! stay that came among the last half of the bound. Who is forgotten has a full bucket again, which gives
//! somebody with that many addresses nothing that the addresses do not give them anyway.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

/// Buckets by key; at most `2 * half` of them.
#[derive(Debug)]
pub(super) struct Generations<K> {
    half: usize,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    younger: HashMap<K, Nanos>,
    older: HashMap<K, Nanos>,
}

impl<K> Generations<K> {
    /// No buckets, and never more than `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            half: (most / 2).max(1),
            held: Mutex::new(Held {
                younger: HashMap::new(),
                older: HashMap::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> StateStore for Generations<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut held = self.lock();
        if let Some(state) = held.younger.get_mut(key) {
            let (outcome, next) = measure(Some(*state))?;
            *state = next;
            return Ok(outcome);
        }
        let state = held.older.remove(key);
        let outcome = measure(state);
        // Who is refused is remembered as well, or asking on would be a way to be forgotten.
        let kept = match &outcome {
            Ok((_, next)) => Some(*next),
            Err(_) => state,
        };
        if let Some(kept) = kept {
            held.keep(key.clone(), kept, self.half);
        }
        outcome.map(|(outcome, _)| outcome)
    }
}

impl<K: Hash + Eq> Held<K> {
    fn keep(&mut self, key: K, state: Nanos, half: usize) {
        if self.younger.len() >= half {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(key, state);
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Generations<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut held = self.lock();
        held.younger.retain(|_, state| *state > drop_below);
        held.older.retain(|_, state| *state > drop_below);
    }

    fn shrink_to_fit(&self) {
        let mut held = self.lock();
        held.younger.shrink_to_fit();
        held.older.shrink_to_fit();
    }

    fn len(&self) -> usize {
        let held = self.lock();
        held.younger.len() + held.older.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
