//! The part of a node that seals by itself: what has grown, every interval, a few ledgers at once.
//!
//! **At least once.** Each sink is asked once which checkpoint of a ledger it has had last, and is given all that were
//! signed since, in order: by this node or another, on demand or for an export. What fails is tried again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use event_store::{ErrorChain, LogSignal};
use ledger_core::LedgerName;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{SealError, Sealer};
use crate::sinks::{CheckpointSink, SinkFault};
use crate::store::StoredCheckpoint;

/// A ledger that has not grown is looked at only every so many intervals.
const LOOK_AGAIN: u64 = 30;
/// Ledgers that are sealed at once. Each takes a connection, and reads pages of events.
const AT_ONCE: usize = 4;
/// Checkpoints given to a sink after one look at the database.
const GIVEN_AT_ONCE: i64 = 100;

/// What is known of a ledger from the last time.
#[derive(Debug, Default)]
struct Known {
    /// Sealed up to here, and everybody has the checkpoints.
    done: Option<u64>,
    /// By sink, the number of the last checkpoint that it has.
    had: HashMap<usize, i64>,
}

/// One look at all ledgers.
#[derive(Debug)]
struct Round {
    sinks: Arc<[Arc<dyn CheckpointSink>]>,
    /// Sinks that failed: what fails once is not waited for with each ledger.
    failed: Mutex<HashSet<usize>>,
    /// The names of witnesses that did not answer.
    silent: Mutex<Vec<String>>,
}

impl Round {
    fn failed(&self) -> std::sync::MutexGuard<'_, HashSet<usize>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sealer {
    /// Runs until `shutdown` is cancelled: seals what has grown, and gives checkpoints to `sinks`.
    pub async fn run(
        self,
        signal: LogSignal,
        sinks: Vec<Arc<dyn CheckpointSink>>,
        shutdown: CancellationToken,
    ) {
        if self.master_keys.is_none() {
            tracing::info!("checkpoints are not signed: there is no master key");
            return;
        }
        let sinks: Arc<[Arc<dyn CheckpointSink>]> = sinks.into();
        let mut interval = tokio::time::interval(self.settings.interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut known = HashMap::new();
        for tick in 1_u64.. {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = interval.tick() => {}
            }
            let round = Round {
                sinks: Arc::clone(&sinks),
                failed: Mutex::default(),
                silent: Mutex::default(),
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.look_at_all(&signal, tick, Arc::new(round), &mut known) => {}
            }
        }
    }

    async fn look_at_all(
        &self,
        signal: &LogSignal,
        tick: u64,
        round: Arc<Round>,
        known: &mut HashMap<LedgerName, Known>,
    ) {
        let ledgers: Vec<LedgerName> = signal.ledgers().borrow().clone();
        let mut working = JoinSet::new();
        for ledger in ledgers {
            let head = signal.head(ledger).borrow().value();
            let before = known.get(&ledger).and_then(|known| known.done);
            let has_grown =
                before.is_none_or(|size| i64::try_from(size).is_ok_and(|size| size < head));
            if !has_grown && !tick.is_multiple_of(LOOK_AGAIN) {
                continue;
            }
            if working.len() >= AT_ONCE {
                learn(known, working.join_next().await);
            }
            let before = known.remove(&ledger).unwrap_or_default();
            let (sealer, round) = (self.clone(), Arc::clone(&round));
            working.spawn(async move { (ledger, sealer.look_after(ledger, before, &round).await) });
        }
        while let Some(done) = working.join_next().await {
            learn(known, Some(done));
        }
    }

    /// Seals a ledger and gives its checkpoints away.
    async fn look_after(&self, ledger: LedgerName, before: Known, round: &Round) -> Known {
        let mut known = Known {
            done: None,
            ..before
        };
        let sealed = match self.seal(ledger).await {
            Ok(checkpoint) => {
                self.have_cosigned(ledger, &checkpoint, round).await;
                Some(checkpoint.checkpoint.head.size)
            }
            Err(SealError::Contended(_)) => None,
            Err(error @ SealError::Tampered { .. }) => {
                tracing::error!(%ledger, error = %ErrorChain(&error), "the ledger is not sealed any more");
                None
            }
            Err(error) => {
                tracing::warn!(%ledger, error = %ErrorChain(&error), "the ledger could not be sealed");
                None
            }
        };
        let mut have_all = true;
        for (number, sink) in round.sinks.iter().enumerate() {
            if round.failed().contains(&number) {
                have_all = false;
                continue;
            }
            let after = known.had.get(&number).copied();
            if let Err(error) = self
                .give(ledger, sink.as_ref(), after, &mut known, number)
                .await
            {
                let sink = sink.name();
                tracing::warn!(%ledger, sink, %error, "a checkpoint could not be kept elsewhere");
                have_all = false;
                round.failed().insert(number);
            }
        }
        known.done = sealed.filter(|_| have_all);
        known
    }

    /// Has witnesses cosign a checkpoint, before others get it.
    async fn have_cosigned(
        &self,
        ledger: LedgerName,
        checkpoint: &StoredCheckpoint,
        round: &Round,
    ) {
        let lock = || round.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut silent = lock().clone();
        if let Err(error) = self.ask_witnesses(ledger, checkpoint, &mut silent).await {
            tracing::warn!(%ledger, error = %ErrorChain(&error), "witnesses could not be asked");
        }
        for name in silent {
            let mut known = lock();
            if !known.contains(&name) {
                known.push(name);
            }
        }
    }

    /// Gives a sink what it does not have.
    async fn give(
        &self,
        ledger: LedgerName,
        sink: &dyn CheckpointSink,
        after: Option<i64>,
        known: &mut Known,
        number: usize,
    ) -> Result<(), SinkFault> {
        let mut last = match after {
            Some(last) => last,
            None => sink.last(ledger).await?,
        };
        loop {
            let some = self.store.signed_after(ledger, last, GIVEN_AT_ONCE).await?;
            for checkpoint in &some {
                sink.keep(ledger, checkpoint).await?;
                last = checkpoint.number;
                known.had.insert(number, last);
            }
            known.had.insert(number, last);
            if some.is_empty() {
                return Ok(());
            }
        }
    }
}

fn learn(
    known: &mut HashMap<LedgerName, Known>,
    done: Option<Result<(LedgerName, Known), tokio::task::JoinError>>,
) {
    match done {
        Some(Ok((ledger, of_it))) => {
            known.insert(ledger, of_it);
        }
        Some(Err(error)) if error.is_panic() => {
            tracing::error!(%error, "sealing a ledger has failed");
        }
        Some(Err(_)) | None => {}
    }
}
