//! What is done with a long log: rebuilding every read model from it, and replaying it as NDJSON.

use std::process::Stdio;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use event_store::{Database, LogReader};
use projections::rebuild::rebuild_together;
use projections::{ReadModelName, runner};
use tokio::process::Command;

use crate::measure::{Measured, Round, Scenario, alternate};
use crate::node::Site;
use crate::population::{Choice, Population, submission};
use crate::scenarios::engine::WALLETS;
use crate::{BenchError, Machine, Plan, Size};

/// Transfers of one submission while the log is filled.
const AT_ONCE: usize = 1_000;

/// Submissions under way while the log is filled.
const FILLERS: usize = 4;

/// Rebuilds every read model; a round is one rebuild, however long it takes.
struct RebuildAll {
    database: Database,
    events: u64,
}

/// Writes the log to nowhere; a round is the whole log.
struct Replay {
    command: Command,
    events: u64,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let url = machine.new_database().await?;
    let database = machine.migrated(&url).await?;
    runner::prepare(&database).await?;
    let population = Population::alone(&database, WALLETS).await?;
    let transfers = match plan.size {
        Size::Full => 1_000_000,
        Size::Quick => 50_000,
    };
    fill(&population, transfers).await?;
    population.stop().await;
    let head = LogReader::new(database.pool().clone())
        .head(population.ledger)
        .await?
        .ok_or("the ledger has no events")?;
    let events = u64::try_from(head.position.value())?;
    let mut command = Site::new(machine, &url).command(&["replay", "--ledger", "main"])?;
    command.stdout(Stdio::null());
    let scenarios: Vec<Box<dyn Scenario>> = vec![
        Box::new(RebuildAll { database, events }),
        Box::new(Replay { command, events }),
    ];
    alternate(machine, plan, scenarios).await
}

/// Makes transfers, as many as are asked for.
pub(super) async fn fill(population: &Population, transfers: usize) -> Result<(), BenchError> {
    let submissions = transfers / AT_ONCE;
    let mut fillers = tokio::task::JoinSet::new();
    for filler in 0..FILLERS {
        let population = population.clone();
        fillers.spawn(async move {
            for _ in (filler..submissions).step_by(FILLERS) {
                let transfers = (0..AT_ONCE).map(|_| population.transfer(Choice::Random));
                population.submit(submission(transfers.collect())).await?;
            }
            Ok::<_, BenchError>(())
        });
    }
    fillers.join_all().await.into_iter().collect()
}

#[async_trait]
impl Scenario for RebuildAll {
    fn name(&self) -> String {
        "rebuild_all".to_owned()
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    async fn round(&mut self, _duration: Duration) -> Result<Round, BenchError> {
        let started = Instant::now();
        rebuild_together(&self.database, &ReadModelName::ALL, &mut |_| {}).await?;
        Ok(Round {
            operations: self.events,
            elapsed: started.elapsed(),
            latencies: Vec::new(),
        })
    }
}

#[async_trait]
impl Scenario for Replay {
    fn name(&self) -> String {
        "replay".to_owned()
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    async fn round(&mut self, _duration: Duration) -> Result<Round, BenchError> {
        let started = Instant::now();
        let status = self.command.status().await?;
        if !status.success() {
            return Err(format!("the replay ended with {status}").into());
        }
        Ok(Round {
            operations: self.events,
            elapsed: started.elapsed(),
            latencies: Vec::new(),
        })
    }
}
