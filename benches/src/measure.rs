//! Rounds of a scenario, and what is said about them.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::machine::{CpuClock, Machine};
use crate::{BenchError, Plan};

/// Something that can be measured again and again.
#[async_trait]
pub trait Scenario: Send {
    /// Its name in the report.
    fn name(&self) -> String;

    /// What is counted.
    fn unit(&self) -> &'static str {
        "transfers/s"
    }

    /// The scenario of the same run that it is compared with.
    fn anchor(&self) -> Option<String> {
        None
    }

    /// Makes ready for a round; not measured.
    async fn prepare(&mut self) -> Result<(), BenchError> {
        Ok(())
    }

    /// Measures for about this long.
    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError>;
}

/// What one round did.
#[derive(Debug, Default)]
pub struct Round {
    /// What was counted.
    pub operations: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// How long each request took, in microseconds; empty where there are no requests.
    pub latencies: Vec<u32>,
}

/// A scenario's rounds, summed up.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The scenario.
    pub name: String,
    /// What was counted.
    pub unit: &'static str,
    /// Its anchor.
    pub anchor: Option<String>,
    /// The median of the rounds, and the lowest and highest.
    pub rate: Spread,
    /// Latencies over all rounds, in microseconds.
    pub latency: Option<Latency>,
    /// Cores used by each process, on average.
    pub cores: BTreeMap<String, f64>,
    /// Anything else worth writing down.
    pub notes: BTreeMap<String, f64>,
}

/// A median between a lowest and a highest.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// The lowest.
    pub lowest: f64,
    /// The median.
    pub median: f64,
    /// The highest.
    pub highest: f64,
}

/// Percentiles in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// Half are faster.
    pub p50: u32,
    /// One in a hundred is slower.
    pub p99: u32,
    /// The slowest.
    pub max: u32,
}

/// Runs every scenario once per round, one after the other.
pub async fn alternate(
    machine: &Machine,
    plan: &Plan,
    mut scenarios: Vec<Box<dyn Scenario>>,
) -> Result<Vec<Measured>, BenchError> {
    scenarios.retain(|scenario| plan.wants(&scenario.name()));
    let mut rounds: Vec<Vec<Round>> = scenarios.iter().map(|_| Vec::new()).collect();
    let mut clocks: Vec<CpuClock> = scenarios.iter().map(|_| CpuClock::default()).collect();
    for _ in 0..plan.rounds {
        for ((scenario, rounds), clock) in scenarios.iter_mut().zip(&mut rounds).zip(&mut clocks) {
            scenario.prepare().await?;
            let before = machine.cpu();
            let round = scenario.round(plan.round).await?;
            clock.add(&before, &machine.cpu());
            eprintln!(
                "  {:<28} {:>12.0} {}",
                scenario.name(),
                rate(&round),
                scenario.unit()
            );
            rounds.push(round);
        }
    }
    Ok(scenarios
        .iter()
        .zip(rounds)
        .zip(clocks)
        .map(|((scenario, rounds), clock)| sum_up(&**scenario, rounds, &clock))
        .collect())
}

fn sum_up(scenario: &dyn Scenario, rounds: Vec<Round>, clock: &CpuClock) -> Measured {
    let elapsed: Duration = rounds.iter().map(|round| round.elapsed).sum();
    let rate = Spread::of(rounds.iter().map(rate).collect());
    let latencies = rounds
        .into_iter()
        .flat_map(|round| round.latencies)
        .collect();
    Measured {
        name: scenario.name(),
        unit: scenario.unit(),
        anchor: scenario.anchor(),
        rate,
        latency: Latency::of(latencies),
        cores: clock.cores(elapsed),
        notes: BTreeMap::new(),
    }
}

/// The fastest of the scenarios whose names begin with `prefix`, under a name of its own.
pub fn best_of(measured: &[Measured], prefix: &str, name: &str) -> Option<Measured> {
    let best = measured
        .iter()
        .filter(|measured| measured.name.starts_with(prefix))
        .max_by(|one, other| one.rate.median.total_cmp(&other.rate.median))?;
    Some(Measured {
        name: name.to_owned(),
        ..best.clone()
    })
}

fn rate(round: &Round) -> f64 {
    round.operations as f64 / round.elapsed.as_secs_f64()
}

impl Spread {
    /// Of at least one value.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            lowest: at(0),
            median: at(values.len() / 2),
            highest: at(values.len().saturating_sub(1)),
        }
    }
}

impl Latency {
    /// Of all requests; `None` when there were none.
    pub fn of(mut latencies: Vec<u32>) -> Option<Self> {
        latencies.sort_unstable();
        let at = |share: f64| {
            let index = (latencies.len() as f64 * share) as usize;
            latencies
                .get(index.min(latencies.len().saturating_sub(1)))
                .copied()
        };
        Some(Self {
            p50: at(0.5)?,
            p99: at(0.99)?,
            max: at(1.0)?,
        })
    }
}

/// Someone who makes one request after the other, such as over a connection of its own.
pub trait Caller: Send + 'static {
    /// Makes the next request and tells how many operations it was.
    fn request(&mut self) -> impl Future<Output = Result<u64, BenchError>> + Send;
}

struct Numbered<F> {
    number: usize,
    request: F,
}

impl<F, R> Caller for Numbered<F>
where
    F: Fn(usize) -> R + Send + Sync + 'static,
    R: Future<Output = Result<u64, BenchError>> + Send,
{
    async fn request(&mut self) -> Result<u64, BenchError> {
        (self.request)(self.number).await
    }
}

/// Lets `callers` repeat a request until the time is over. Each call of `request` makes one caller's
/// next request and tells how many operations it was.
pub async fn repeat<F, R>(
    callers: usize,
    duration: Duration,
    request: F,
) -> Result<Round, BenchError>
where
    F: Fn(usize) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<u64, BenchError>> + Send,
{
    let callers = (0..callers).map(|number| Numbered {
        number,
        request: request.clone(),
    });
    repeat_each(callers.collect(), duration).await
}

/// Lets every caller repeat its request until the time is over.
pub async fn repeat_each<C: Caller>(
    callers: Vec<C>,
    duration: Duration,
) -> Result<Round, BenchError> {
    let started = Instant::now();
    let until = started + duration;
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|caller| tokio::spawn(repeat_until(caller, until)))
        .collect();
    let mut round = Round::default();
    for task in tasks {
        let (operations, latencies) = task.await??;
        round.operations += operations;
        round.latencies.extend(latencies);
    }
    round.elapsed = started.elapsed();
    Ok(round)
}

async fn repeat_until(
    mut caller: impl Caller,
    until: Instant,
) -> Result<(u64, Vec<u32>), BenchError> {
    let mut operations = 0;
    let mut latencies = Vec::new();
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok((operations, latencies));
        }
        operations += caller.request().await?;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}
