//! The rate at which everything stays caught up: transfers are submitted here at a steady pace,
//! while a node in another process folds them into every read model and relays them to NATS.
//!
//! The pace is raised in steps until, a second after the last transfer, a read model or the stream
//! still lacks some; from there it is lowered in small steps until a pace is kept up with for longer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use event_store::Database;
use ledger_core::LedgerName;
use tokio::time::Instant;

use crate::machine::CpuClock;
use crate::measure::{Latency, Measured, Round, Spread};
use crate::node::{Node, Site};
use crate::population::{Choice, Population, keyed_by_id};
use crate::scenarios::engine::WALLETS;
use crate::{BenchError, Machine, Plan, Size};

const NAME: &str = "sustained";

/// What it is compared with: the same transfers as fast as they go, with nothing else running.
const ANCHOR: &str = "engine_random_1024";

const CALLERS: usize = 256;

/// Where the search begins, in transfers per second.
const FIRST_PACE: f64 = 5_000.0;

/// A pace below which something must be broken.
const LOWEST_PACE: f64 = 50.0;

/// The pace from one step up to the next.
const STEP_UP: f64 = 1.25;

/// The pace from one step down to the next: how exact the figure is.
const STEP_DOWN: f64 = 1.08;

/// The share of a pace that must have been kept by the callers themselves.
const KEPT: f64 = 0.97;

/// How long everything may take to catch up after the last transfer.
const ALLOWED: Duration = Duration::from_secs(1);

/// How long to wait for what has fallen behind before going on.
const PATIENCE: Duration = Duration::from_secs(120);

/// The smallest checkpoint of all read models, those that have none yet included.
const LAG: &str = "\
SELECT head.position, MIN(COALESCE(checkpoint.position, 0))
FROM daybook.ledger_head AS head CROSS JOIN read_models.read_model
LEFT JOIN read_models.checkpoint
       ON checkpoint.read_model = read_model.name AND checkpoint.ledger = head.ledger
WHERE head.ledger = $1 GROUP BY head.position";

/// Who submits, and who has to keep up.
struct Bench<'a> {
    machine: &'a Machine,
    database: Database,
    population: Population,
    jetstream: jetstream::Context,
}

/// A time at one pace.
struct Trial {
    pace: f64,
    round: Round,
    cores: BTreeMap<String, f64>,
    lag_positions: i64,
    /// How long catching up took.
    drained: Duration,
}

/// Hands out the times at which transfers are due.
struct Pace {
    started: Instant,
    until: Instant,
    per_second: f64,
    handed_out: AtomicU64,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    if !plan.wants(NAME) {
        return Ok(Vec::new());
    }
    let url = machine.new_database().await?;
    let database = machine.migrated(&url).await?;
    let population = Population::alone(&database, WALLETS).await?;
    let node = Node::start(&Site::new(machine, &url), "projector,relay,bridge", &[]).await?;
    let bench = Bench {
        machine,
        database,
        population,
        jetstream: jetstream::new(async_nats::connect(machine.nats_url()).await?),
    };
    bench.catch_up().await?;
    let trial = bench.search(plan.size).await?;
    bench.population.stop().await;
    node.stop().await?;
    Ok(vec![trial.into_measured()])
}

impl Bench<'_> {
    async fn search(&self, size: Size) -> Result<Trial, BenchError> {
        let (step, confirmation) = match size {
            Size::Full => (Duration::from_secs(8), Duration::from_secs(60)),
            Size::Quick => (Duration::from_secs(1), Duration::from_secs(4)),
        };
        let mut pace = FIRST_PACE;
        while self.trial(pace, step).await?.was_kept() {
            pace *= STEP_UP;
        }
        while pace > LOWEST_PACE {
            pace /= STEP_DOWN;
            // Below the first pace nothing was tried yet, and a long trial would only be lost.
            if pace < FIRST_PACE && !self.trial(pace, step).await?.was_kept() {
                continue;
            }
            let confirmed = self.trial(pace, confirmation).await?;
            if confirmed.was_kept() {
                return Ok(confirmed);
            }
        }
        Err("the read models or the relay keep up with no pace".into())
    }

    async fn trial(&self, pace: f64, duration: Duration) -> Result<Trial, BenchError> {
        let before = self.machine.cpu();
        let round = self.submit_at(pace, duration).await?;
        let ended = Instant::now();
        let mut clock = CpuClock::default();
        clock.add(&before, &self.machine.cpu());
        let lag_positions = self.lag().await?;
        self.catch_up().await?;
        let trial = Trial {
            pace,
            cores: clock.cores(round.elapsed),
            round,
            lag_positions,
            drained: ended.elapsed(),
        };
        eprintln!(
            "  {NAME:<28} {:>12.0} of {pace:.0} transfers/s, caught up {} positions in {} ms",
            trial.rate(),
            trial.lag_positions,
            trial.drained.as_millis()
        );
        Ok(trial)
    }

    async fn submit_at(&self, per_second: f64, duration: Duration) -> Result<Round, BenchError> {
        let started = Instant::now();
        let pace = Arc::new(Pace {
            started,
            until: started + duration,
            per_second,
            handed_out: AtomicU64::new(0),
        });
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| tokio::spawn(submit(self.population.clone(), Arc::clone(&pace))))
            .collect();
        let mut round = Round::default();
        for caller in callers {
            round.latencies.extend(caller.await??);
        }
        round.operations = u64::try_from(round.latencies.len())?;
        round.elapsed = started.elapsed();
        Ok(round)
    }

    /// Waits until nothing is behind the log.
    async fn catch_up(&self) -> Result<(), BenchError> {
        let caught_up = async {
            while self.lag().await? > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, caught_up)
            .await
            .map_err(|_| "a read model or the relay does not catch up")?
    }

    /// How many positions the slowest read model or the stream lacks.
    async fn lag(&self) -> Result<i64, BenchError> {
        let (head, folded) = head_and_folded(&self.database, self.population.ledger).await?;
        Ok(head - folded.min(self.relayed().await?))
    }

    /// The stream's sequence is the position; none is there before the relay has made it.
    async fn relayed(&self) -> Result<i64, BenchError> {
        let name = format!("DAYBOOK_{}", self.population.ledger);
        match self.jetstream.get_stream(name).await {
            Ok(stream) => Ok(i64::try_from(stream.cached_info().state.last_sequence)?),
            Err(_) => Ok(0),
        }
    }
}

/// How long a log is, and how much of it every read model has.
pub async fn head_and_folded(
    database: &Database,
    ledger: LedgerName,
) -> Result<(i64, i64), BenchError> {
    Ok(sqlx::query_as(LAG)
        .bind(ledger.as_str())
        .fetch_one(database.pool())
        .await?)
}

/// Submits what is due; latencies count from when it was due.
async fn submit(population: Population, pace: Arc<Pace>) -> Result<Vec<u32>, BenchError> {
    let mut latencies = Vec::new();
    while let Some(due) = pace.next_due() {
        tokio::time::sleep_until(due).await;
        let transfer = population.transfer(Choice::Random);
        population.submit(keyed_by_id(transfer)).await?;
        latencies.push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}

impl Pace {
    fn next_due(&self) -> Option<Instant> {
        let number = self.handed_out.fetch_add(1, Ordering::Relaxed);
        let after = Duration::from_secs_f64(number as f64 / self.per_second);
        Some(self.started + after).filter(|due| *due < self.until)
    }
}

impl Trial {
    fn rate(&self) -> f64 {
        self.round.operations as f64 / self.round.elapsed.as_secs_f64()
    }

    fn was_kept(&self) -> bool {
        self.drained <= ALLOWED && self.rate() >= self.pace * KEPT
    }

    fn into_measured(self) -> Measured {
        let notes = BTreeMap::from([
            ("lag_at_end_positions".to_owned(), self.lag_positions as f64),
            (
                "caught_up_after_ms".to_owned(),
                self.drained.as_secs_f64() * 1_000.0,
            ),
            ("seconds".to_owned(), self.round.elapsed.as_secs_f64()),
        ]);
        Measured {
            name: NAME.to_owned(),
            unit: "transfers/s",
            anchor: Some(ANCHOR.to_owned()),
            rate: Spread::of(vec![self.rate()]),
            latency: Latency::of(self.round.latencies),
            cores: self.cores,
            notes,
        }
    }
}
