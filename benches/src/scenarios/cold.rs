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
use event_store::executor::{ExecutorSettings, Executors};
use event_store::{Database, LogSignal};
use projections::AccountsReadModel;
use tokio_util::sync::CancellationToken;

use crate::machine::resident_mebibytes;
use crate::measure::{Measured, Round, Scenario, alternate};
use crate::node::Node;
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

/// Scenarios over wallets that are in memory when a round begins.
struct Warm(Engine);

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let url = machine.new_database().await?;
    let database = machine.migrated(&url).await?;
    let wallets = log::fill(&database, &url, plan.log).await?;
    let cached = (wallets.len() / 100).max(1_000).min(wallets.len() / 2);
    let all = Population::over(bounded_executors(&database, cached), wallets)?;
    let small = machine.daybook_database().await?;
    let alone = Population::alone(&small, FEW).await?;
    let follower = Follower::start(&database, all.ledger);
    let measured = alternate(machine, plan, scenarios(&all, &alone, cached)).await;
    all.executors.stop().await;
    alone.executors.stop().await;
    let mut measured = measured?;
    measured.extend(over_rest(machine, plan, &url, &all, cached).await?);
    follower.stop().await?;
    Ok(measured)
}

fn bounded_executors(database: &Database, cached: usize) -> Executors {
    Executors::new(
        database.clone(),
        LogSignal::start(database, CancellationToken::new()),
        Arc::new(AccountsReadModel::new(database.pool().clone())),
        ExecutorSettings {
            cached_entities: cached,
            cached_keys: cached,
            ..ExecutorSettings::default()
        },
    )
}

fn scenarios(all: &Population, alone: &Population, cached: usize) -> Vec<Box<dyn Scenario>> {
    let engine = |name: String, anchor: &str, population: &Population, callers| Engine {
        name,
        ..Engine::single(population, anchor, callers, Choice::Random, Key::Kept)
    };
    let warm = all.only(cached / 2);
    let mut scenarios: Vec<Box<dyn Scenario>> = Vec::new();
    for callers in [64, 1024] {
        let anchor = format!("warm_{callers}");
        scenarios.push(Box::new(Warm(engine(
            anchor.clone(),
            &anchor,
            &warm,
            callers,
        ))));
        let name = format!("cold_{callers}");
        scenarios.push(Box::new(engine(name, &anchor, all, callers)));
    }
    for (name, population) in [("growth_10", alone), ("growth_10m", &all.only(FEW))] {
        scenarios.push(Box::new(Warm(engine(
            name.to_owned(),
            "growth_10",
            population,
            64,
        ))));
    }
    scenarios
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
    let node = Node::start(machine, url, "api", &settings).await?;
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
impl Scenario for Warm {
    fn name(&self) -> String {
        self.0.name()
    }

    fn anchor(&self) -> Option<String> {
        self.0.anchor().filter(|anchor| *anchor != self.name())
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let population = &self.0.population;
        for wallets in population.wallets.chunks(2 * AT_ONCE) {
            let transfers = wallets
                .chunks_exact(2)
                .map(|two| population.between(two[0], two[1]));
            population.submit(submission(transfers.collect())).await?;
        }
        self.0.round(duration).await
    }
}
