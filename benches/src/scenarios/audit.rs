//! What verifiable history costs: sealing beside the executor, proofs from a large tree, exports and their check.

mod tree;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use audit::sealer::{SealSettings, Sealer};
use daybook::node::PersonKeys;
use event_store::LogReader;
use identity::secret::{MasterKey, new_master_key};
use ledger_core::LedgerName;
use projections::rebuild::rebuild;
use projections::{ReadModelName, runner};
use sqlx::{Connection, Executor, PgConnection};
use tokio::process::Command;

use crate::measure::{Measured, Round, Scenario, alternate};
use crate::node::{Node, Site};
use crate::population::{Choice, Population};
use crate::scenarios::engine::{Engine, Key, WALLETS};
use crate::scenarios::history::fill;
use crate::{BenchError, Machine, Plan, Size};

use tree::Proofs;

/// The folder of the last export.
const LAST: &str = "last";

/// How often the sealer of a node seals while the executor runs.
const INTERVAL_MS: &str = "1000";

/// Seals a whole log, of which nothing is sealed; a round is one.
struct Seal {
    /// Of the database, as its owner.
    url: String,
    sealer: Sealer,
    ledger: LedgerName,
    events: u64,
}

/// Exports the whole log into a new folder; a round is one.
struct Export {
    command: Command,
    /// Below which the folders are.
    below: PathBuf,
    exports: u32,
    events: u64,
}

/// Checks the export that was made last; a round is one.
struct Verify {
    command: Command,
    below: PathBuf,
    events: u64,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let url = machine.new_database().await?;
    let database = machine.migrated(&url).await?;
    runner::prepare(&database).await?;
    let key = new_master_key()?;
    let kept = PersonKeys::Kept {
        previous: Vec::new(),
    };
    let master_key = std::sync::Arc::new(MasterKey::from_text(&key)?);
    let settings = SealSettings::default();
    let sealer = Sealer::new(database.pool(), kept.master_keys(&master_key), settings);
    let mut measured = beside_the_executor(machine, plan, &key).await?;
    let (transfers, leaves) = match plan.size {
        Size::Full => (1_000_000, 10_000_000),
        Size::Quick => (50_000, 1_000_000),
    };
    let population = Population::alone(&database, WALLETS).await?;
    fill(&population, transfers).await?;
    population.stop().await;
    let ledger = population.ledger;
    rebuild(&database, ReadModelName::Accounts, &mut |_| {}).await?;
    let head = LogReader::new(database.pool().clone()).head(ledger).await?;
    let head = head.ok_or("the ledger has no events")?;
    let events = u64::try_from(head.position.value())?;
    let proofs = Proofs::over(sealer.clone(), &database, leaves).await?;
    let seal = Seal {
        url: url.clone(),
        sealer: sealer.clone(),
        ledger,
        events,
    };
    measured.extend(alternate(machine, plan, vec![Box::new(seal), Box::new(proofs)]).await?);
    measured.extend(export_and_verify(machine, plan, &url, &key, &sealer, ledger, events).await?);
    Ok(measured)
}

/// The executor at full speed beside a node, which seals what it writes or does not, in turn.
async fn beside_the_executor(
    machine: &mut Machine,
    plan: &Plan,
    key: &str,
) -> Result<Vec<Measured>, BenchError> {
    let (mut scenarios, mut sides): (Vec<Box<dyn Scenario>>, _) = (Vec::new(), Vec::new());
    for (name, is_sealed) in [("engine_unsealed", false), ("engine_sealed", true)] {
        let url = machine.new_database().await?;
        let database = machine.migrated(&url).await?;
        let population = Population::alone(&database, WALLETS).await?;
        // Without a master key a node signs nothing, and is otherwise the same.
        let mut settings = vec![("DAYBOOK__AUDIT__INTERVAL_MS", INTERVAL_MS)];
        if is_sealed {
            settings.push(("DAYBOOK__AUTH__MASTER_KEY", key));
        }
        let node = Node::start(&Site::new(machine, &url), "sealer", &settings).await?;
        let anchor = "engine_unsealed";
        scenarios.push(Box::new(Engine {
            name: name.to_owned(),
            ..Engine::single(&population, anchor, 1024, Choice::Random, Key::Id)
        }));
        sides.push((population, node));
    }
    let measured = alternate(machine, plan, scenarios).await?;
    for (population, node) in sides {
        population.stop().await;
        node.stop().await?;
    }
    Ok(measured)
}

async fn export_and_verify(
    machine: &mut Machine,
    plan: &Plan,
    url: &str,
    key: &str,
    sealer: &Sealer,
    ledger: LedgerName,
    events: u64,
) -> Result<Vec<Measured>, BenchError> {
    sealer.seal(ledger).await?;
    let keys = sealer.store().keys(ledger).await?;
    let public = keys.first().ok_or("the ledger has no key")?.key.to_string();
    let below = machine.folder().join("exports");
    tokio::fs::create_dir_all(&below).await?;
    let site = Site::new(machine, url);
    let command = |arguments: &[&str]| -> Result<Command, BenchError> {
        let mut command = site.command(arguments)?;
        command
            .env("DAYBOOK__AUTH__MASTER_KEY", key)
            .current_dir(&below)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        Ok(command)
    };
    let scenarios: Vec<Box<dyn Scenario>> = vec![
        Box::new(Export {
            command: command(&["export", "--ledger", "main", "--to", LAST])?,
            below: below.clone(),
            exports: 0,
            events,
        }),
        Box::new(Verify {
            command: command(&["audit", "verify", LAST, "--key", &public])?,
            below: below.clone(),
            events,
        }),
    ];
    alternate(machine, plan, scenarios).await
}

/// Runs a command over so many events.
async fn over(command: &mut Command, events: u64) -> Result<Round, BenchError> {
    let started = Instant::now();
    let status = command.status().await?;
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok(Round {
        operations: events,
        elapsed: started.elapsed(),
        latencies: Vec::new(),
    })
}

#[async_trait]
impl Scenario for Seal {
    fn name(&self) -> String {
        "audit_seal".to_owned()
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    async fn prepare(&mut self) -> Result<(), BenchError> {
        // What is sealed cannot be taken back, except by a superuser without triggers.
        let mut connection = PgConnection::connect(&self.url).await?;
        for statement in [
            "SET session_replication_role = replica",
            "DELETE FROM audit.cosignature WHERE ledger = 'main'",
            "DELETE FROM audit.checkpoint WHERE ledger = 'main'",
            "DELETE FROM audit.tile WHERE ledger = 'main'",
            "DELETE FROM audit.log WHERE ledger = 'main'",
        ] {
            connection.execute(statement).await?;
        }
        Ok(())
    }

    async fn round(&mut self, _duration: Duration) -> Result<Round, BenchError> {
        let started = Instant::now();
        let sealed = self.sealer.seal(self.ledger).await?;
        if sealed.checkpoint.head.size != self.events {
            return Err("not everything was sealed".into());
        }
        Ok(Round {
            operations: self.events,
            elapsed: started.elapsed(),
            latencies: Vec::new(),
        })
    }
}

#[async_trait]
impl Scenario for Export {
    fn name(&self) -> String {
        "audit_export".to_owned()
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    /// Earlier exports stay: ext4 searches all of the files that were deleted lately before it makes a new one.
    async fn prepare(&mut self) -> Result<(), BenchError> {
        if self.exports > 0 {
            let kept = self.below.join(self.exports.to_string());
            tokio::fs::rename(self.below.join(LAST), kept).await?;
        }
        self.exports += 1;
        Ok(())
    }

    async fn round(&mut self, _duration: Duration) -> Result<Round, BenchError> {
        over(&mut self.command, self.events).await
    }
}

#[async_trait]
impl Scenario for Verify {
    fn name(&self) -> String {
        "audit_verify".to_owned()
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    /// An auditor checks what has long been written: the disk takes no part of what is measured.
    async fn prepare(&mut self) -> Result<(), BenchError> {
        let flushed = Command::new("sync").arg("-f").arg(&self.below).status();
        match flushed.await?.success() {
            true => Ok(()),
            false => Err("the export cannot be flushed".into()),
        }
    }

    async fn round(&mut self, _duration: Duration) -> Result<Round, BenchError> {
        over(&mut self.command, self.events).await
    }
}
