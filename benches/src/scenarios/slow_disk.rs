//! A disk that takes a millisecond longer for every flush, as a cloud disk does, beside a ledger of
//! row locks: there a hot account waits for one flush per transfer, here many share one.
//!
//! PostgreSQL itself waits: `commit_delay` before every flush, whoever else is committing
//! (`commit_siblings = 0`).

use std::sync::Arc;
use std::time::Duration;

use crate::anchors::row_lock::{RowLockTransfers, RowLocks};
use crate::measure::{Measured, Scenario, alternate};
use crate::node::Node;
use crate::population::{Choice, Population};
use crate::scenarios::engine::{Engine, Key, WALLETS};
use crate::scenarios::rest::{self, Rest};
use crate::{BenchError, Machine, Plan};

/// What is set, and how it is put back.
const SETTINGS: [(&str, &str); 2] = [("commit_delay", "1000"), ("commit_siblings", "0")];

/// How long a setting may take to reach the server's processes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let database = machine.daybook_database().await?;
    let population = Population::alone(&database, WALLETS).await?;
    let (of_node, node) = rest::start(machine).await?;
    let row_locks = RowLocks::new(machine, WALLETS).await?;
    let mut scenarios = scenarios(&population, &row_locks);
    scenarios.extend(rest_scenarios(&of_node, &node)?);
    let measured = match slow_down(machine).await {
        Ok(()) => alternate(machine, plan, scenarios).await,
        Err(error) => Err(error),
    };
    // The scenarios of other groups must not be slowed down by what went wrong here.
    let restored = restore(machine).await;
    population.stop().await;
    node.stop().await?;
    let measured = measured?;
    restored?;
    Ok(measured)
}

fn scenarios(population: &Population, row_locks: &RowLocks) -> Vec<Box<dyn Scenario>> {
    let mut scenarios: Vec<Box<dyn Scenario>> = Vec::new();
    for choice in [Choice::Random, Choice::Hot] {
        scenarios.push(Box::new(RowLockTransfers {
            name: format!("slow_disk_row_lock_{}", choice.name()),
            ledger: row_locks.clone(),
            choice,
        }));
        for callers in [64, 1024] {
            let engine = Engine::single(population, &anchor(choice), callers, choice, Key::Id);
            scenarios.push(Box::new(Engine {
                name: format!("slow_disk_{}", engine.name),
                ..engine
            }));
        }
    }
    scenarios
}

fn rest_scenarios(
    population: &Population,
    node: &Node,
) -> Result<Vec<Box<dyn Scenario>>, BenchError> {
    let mut scenarios: Vec<Box<dyn Scenario>> = Vec::new();
    for choice in [Choice::Random, Choice::Hot] {
        scenarios.push(Box::new(Rest {
            name: format!("slow_disk_rest_{}_64", choice.name()),
            anchor: anchor(choice),
            address: node.address,
            posts: Arc::new(rest::singles(population, choice)?),
            connections: 64,
        }));
    }
    Ok(scenarios)
}

fn anchor(choice: Choice) -> String {
    format!("slow_disk_row_lock_{}_32", choice.name())
}

async fn slow_down(machine: &Machine) -> Result<(), BenchError> {
    for (name, value) in SETTINGS {
        machine
            .administer(&format!("ALTER SYSTEM SET {name} = {value}"))
            .await?;
    }
    reload(machine, |name, value| SETTINGS.contains(&(name, value))).await
}

async fn restore(machine: &Machine) -> Result<(), BenchError> {
    for (name, _) in SETTINGS {
        machine
            .administer(&format!("ALTER SYSTEM RESET {name}"))
            .await?;
    }
    reload(machine, |name, value| !SETTINGS.contains(&(name, value))).await
}

/// Waits until the server works with what was set.
async fn reload(machine: &Machine, is_done: impl Fn(&str, &str) -> bool) -> Result<(), BenchError> {
    machine.administer("SELECT pg_reload_conf()").await?;
    tokio::time::timeout(PATIENCE, async {
        for (name, _) in SETTINGS {
            while !is_done(name, &machine.setting(name).await?) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    })
    .await?
}
