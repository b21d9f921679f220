//! Random access to far more wallets than are kept in memory, and what a long log costs.
//!
//! `cold` is over all wallets of a long log with a cache of a hundredth of them, `warm` over half
//! as many as the cache holds, through the same executor. `growth` is over four wallets on a log of
//! ten events and on the long one. The memory is that of a node in a process of its own.

mod follow;
mod log;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_store::Database;
use event_store::executor::ExecutorSettings;
use projections::runner;

use crate::machine::resident_mebibytes;
use crate::measure::{Measured, Round, Scenario, alternate};
use crate::node::{Node, Site};
use crate::population::{Choice, Population, submission};
use crate::scenarios::engine::{Engine, Key};
use crate::scenarios::rest::{self, Rest};
use crate::{BenchError, Machine, Plan};

use follow::Follower;

/// Wallets of the `growth` scenarios: with the ledger's opening and a deposit each, a log of ten
/// events after one transfer.
const FEW: usize = 4;

/// Transfers of one submission while wallets are touched.
const AT_ONCE: usize = 500;

/// What is in memory when a round begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// Every wallet of the scenario.
    Warm,
    /// Whatever the rounds before left there.
    Cold,
}

/// Transfers on a log that the accounts read model follows.
struct Followed {
    engine: Engine,
    database: Database,
    memory: Memory,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let url = machine.new_database().await?;
    let database = machine.migrated(&url).await?;
    let wallets = log::fill(&database, &url, plan.log).await?;
    let cached = (wallets.len() / 100).max(1_000).min(wallets.len() / 2);
    let all = Population::over(&database, bounded(cached), wallets)?;
    let short = machine.daybook_database().await?;
    runner::prepare(&short).await?;
    let made = Population::alone(&short, FEW).await?;
    made.stop().await;
    // The same settings, and a projector on either log, so that only their lengths differ.
    let few = Population::over(&short, bounded(cached), made.wallets.to_vec())?;
    let followers = [Follower::start(&database), Follower::start(&short)];
    let mut scenarios = accesses(&database, &all, cached);
    scenarios.push(growth("growth_10", &short, &few));
    scenarios.push(growth("growth_10m", &database, &all.only(FEW)));
    let measured = alternate(machine, plan, scenarios).await;
    all.stop().await;
    few.stop().await;
    let mut measured = measured?;
    measured.extend(over_rest(machine, plan, &url, &all, cached).await?);
    for follower in followers {
        follower.stop().await?;
    }
    Ok(measured)
}

fn bounded(cached: usize) -> ExecutorSettings {
    ExecutorSettings {
        cached_entities: cached,
        cached_keys: cached,
        ..ExecutorSettings::default()
    }
}

fn accesses(database: &Database, all: &Population, cached: usize) -> Vec<Box<dyn Scenario>> {
    let warm = all.only(cached / 2);
    let mut scenarios: Vec<Box<dyn Scenario>> = Vec::new();
    for callers in [64, 1024] {
        let anchor = format!("warm_{callers}");
        for (name, population, memory) in [
            (anchor.clone(), &warm, Memory::Warm),
            (format!("cold_{callers}"), all, Memory::Cold),
        ] {
            scenarios.push(Box::new(Followed {
                engine: Engine {
                    name,
                    ..Engine::single(population, &anchor, callers, Choice::Random, Key::Id)
                },
                database: database.clone(),
                memory,
            }));
        }
    }
    scenarios
}

fn growth(name: &str, database: &Database, population: &Population) -> Box<dyn Scenario> {
    Box::new(Followed {
        engine: Engine {
            name: name.to_owned(),
            ..Engine::single(population, "growth_10", 64, Choice::Random, Key::Id)
        },
        database: database.clone(),
        memory: Memory::Warm,
    })
}

/// The same over REST, for the memory of a node that does nothing else.
async fn over_rest(
    machine: &Machine,
    plan: &Plan,
    url: &str,
    all: &Population,
    cached: usize,
) -> Result<Vec<Measured>, BenchError> {
    let cached = cached.to_string();
    let settings = [
        ("DAYBOOK__EXECUTOR__CACHED_ENTITIES", cached.as_str()),
        ("DAYBOOK__EXECUTOR__CACHED_KEYS", cached.as_str()),
    ];
    let node = Node::start(&Site::new(machine, url), "api", &settings).await?;
    let rest: Box<dyn Scenario> = Box::new(Rest {
        name: "cold_rest_64".to_owned(),
        anchor: "rest_random_64".to_owned(),
        address: node.address,
        posts: Arc::new(rest::singles(all, Choice::Random)?),
        connections: 64,
    });
    let mut measured = alternate(machine, plan, vec![rest]).await?;
    let resident = node.process().and_then(resident_mebibytes);
    for (measured, resident) in measured.iter_mut().zip(resident) {
        measured.notes.insert("resident_mib".to_owned(), resident);
    }
    node.stop().await?;
    Ok(measured)
}

#[async_trait]
impl Scenario for Followed {
    fn name(&self) -> String {
        self.engine.name()
    }

    fn anchor(&self) -> Option<String> {
        self.engine.anchor().filter(|anchor| *anchor != self.name())
    }

    async fn prepare(&mut self) -> Result<(), BenchError> {
        let population = &self.engine.nodes[0];
        if self.memory == Memory::Warm {
            for wallets in population.wallets.chunks(2 * AT_ONCE) {
                let transfers = wallets
                    .chunks_exact(2)
                    .map(|two| population.between(two[0], two[1]));
                population.submit(submission(transfers.collect())).await?;
            }
        }
        // What an earlier round left to fold must not be folded at this one's expense.
        follow::caught_up(&self.database, population.ledger).await
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        self.engine.round(duration).await
    }
}
