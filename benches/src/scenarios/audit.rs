//! What an auditor costs: sealing new events, proving one, exporting a ledger and checking the export.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use audit::export::export;
use audit::sealer::{SealSettings, Sealer};
use audit::verify::{Trusted, verify};
use daybook::node::{AccountsAsStated, PersonKeys};
use event_store::Database;
use identity::secret::{MasterKey, new_master_key};
use ledger_core::{LedgerName, Position};
use projections::rebuild::rebuild_together;
use projections::{ProjectionStatus, Queries, ReadModelName, runner};

use super::history::fill;
use crate::measure::{Measured, Round, Scenario, alternate};
use crate::population::Population;
use crate::scenarios::engine::WALLETS;
use crate::{BenchError, Machine, Plan, Size};

/// Seals what was written since the round before.
struct Seal {
    population: Population,
    transfers: usize,
    sealer: Sealer,
}

/// Proves events at random.
struct Prove {
    sealer: Sealer,
    ledger: LedgerName,
}

/// Exports the whole ledger; a round is one export.
struct Export {
    database: Database,
    sealer: Sealer,
    ledger: LedgerName,
    folder: tempfile::TempDir,
    number: u32,
}

/// Checks an export; a round is one check.
struct Verify {
    database: Database,
    sealer: Sealer,
    ledger: LedgerName,
    folder: tempfile::TempDir,
    export: Option<PathBuf>,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let url = machine.new_database().await?;
    let database = machine.migrated(&url).await?;
    runner::prepare(&database).await?;
    let population = Population::alone(&database, WALLETS).await?;
    let transfers = match plan.size {
        Size::Full => 200_000,
        Size::Quick => 20_000,
    };
    fill(&population, transfers).await?;
    let master_key = Arc::new(MasterKey::from_text(&new_master_key()?)?);
    let keys = PersonKeys::Kept {
        previous: Vec::new(),
    };
    let sealer = Sealer::new(
        database.pool(),
        keys.master_keys(&master_key),
        SealSettings::default(),
    );
    let ledger = population.ledger;
    sealer.seal(ledger).await?;
    let scenarios: Vec<Box<dyn Scenario>> = vec![
        Box::new(Seal {
            population: population.clone(),
            transfers,
            sealer: sealer.clone(),
        }),
        Box::new(Prove {
            sealer: sealer.clone(),
            ledger,
        }),
        Box::new(Export {
            database: database.clone(),
            sealer: sealer.clone(),
            ledger,
            folder: tempfile::tempdir()?,
            number: 0,
        }),
        Box::new(Verify {
            database,
            sealer,
            ledger,
            folder: tempfile::tempdir()?,
            export: None,
        }),
    ];
    let measured = alternate(machine, plan, scenarios).await?;
    population.stop().await;
    Ok(measured)
}

/// Brings the accounts up to date; no projector runs here.
async fn fold(database: &Database) -> Result<(), BenchError> {
    rebuild_together(database, &[ReadModelName::Accounts], &mut |_| {}).await?;
    Ok(())
}

async fn exported(
    database: &Database,
    sealer: &Sealer,
    ledger: LedgerName,
    folder: &std::path::Path,
) -> Result<u64, BenchError> {
    let balances = AccountsAsStated(Queries::new(database, ProjectionStatus::default()));
    Ok(export(database.pool(), sealer, &balances, ledger, folder)
        .await?
        .events)
}

fn round(operations: u64, started: Instant) -> Round {
    Round {
        operations,
        elapsed: started.elapsed(),
        latencies: Vec::new(),
    }
}

#[async_trait]
impl Scenario for Seal {
    fn name(&self) -> String {
        "seal".to_owned()
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    async fn prepare(&mut self) -> Result<(), BenchError> {
        fill(&self.population, self.transfers).await
    }

    async fn round(&mut self, _duration: Duration) -> Result<Round, BenchError> {
        let before = self.sealer.store().sealed(self.population.ledger).await?;
        let started = Instant::now();
        let sealed = self.sealer.seal(self.population.ledger).await?;
        Ok(round(
            sealed.checkpoint.head.size - before.tree.size(),
            started,
        ))
    }
}

#[async_trait]
impl Scenario for Prove {
    fn name(&self) -> String {
        "prove_event".to_owned()
    }

    fn unit(&self) -> &'static str {
        "proofs/s"
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let size = self.sealer.store().sealed(self.ledger).await?.tree.size();
        let started = Instant::now();
        let mut latencies = Vec::new();
        while started.elapsed() < duration {
            let position = i64::try_from(fastrand::u64(1..=size))?;
            let position = Position::try_new(position).unwrap_or_default();
            let asked = Instant::now();
            self.sealer.prove_event(self.ledger, position).await?;
            latencies.push(u32::try_from(asked.elapsed().as_micros())?);
        }
        Ok(Round {
            operations: u64::try_from(latencies.len())?,
            elapsed: started.elapsed(),
            latencies,
        })
    }
}

#[async_trait]
impl Scenario for Export {
    fn name(&self) -> String {
        "export".to_owned()
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    async fn prepare(&mut self) -> Result<(), BenchError> {
        fold(&self.database).await
    }

    async fn round(&mut self, _duration: Duration) -> Result<Round, BenchError> {
        self.number += 1;
        let folder = self.folder.path().join(self.number.to_string());
        let started = Instant::now();
        let events = exported(&self.database, &self.sealer, self.ledger, &folder).await?;
        Ok(round(events, started))
    }
}

#[async_trait]
impl Scenario for Verify {
    fn name(&self) -> String {
        "verify_export".to_owned()
    }

    fn unit(&self) -> &'static str {
        "events/s"
    }

    async fn prepare(&mut self) -> Result<(), BenchError> {
        if self.export.is_none() {
            fold(&self.database).await?;
            let folder = self.folder.path().join("export");
            exported(&self.database, &self.sealer, self.ledger, &folder).await?;
            self.export = Some(folder);
        }
        Ok(())
    }

    async fn round(&mut self, _duration: Duration) -> Result<Round, BenchError> {
        let folder = self.export.clone().ok_or("there is no export")?;
        let keys = self.sealer.store().keys(self.ledger).await?;
        let trusted = Trusted {
            keys: keys.into_iter().map(|key| key.key).collect(),
            checkpoints: Vec::new(),
        };
        let started = Instant::now();
        let report = tokio::task::spawn_blocking(move || verify(&folder, &trusted)).await??;
        if !report.ok {
            return Err(format!("the export is wrong: {:?}", report.findings).into());
        }
        Ok(round(report.events, started))
    }
}
