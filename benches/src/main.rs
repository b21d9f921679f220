//! The benchmark program: scenarios and their anchors, side by side in one run.
//!
//! Everything runs on a private PostgreSQL with `fsync` and `synchronous_commit` on, with the
//! settings that `daybook up` uses. Scenarios of one group alternate (A B C A B C), so that a
//! machine that grows slower in the middle touches all of them; compare ratios, not runs.
//!
//! `./dev bench` prints a table and writes `target/bench/report.json`.

#![allow(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program divides, and prints for people; no money is touched here"
)]

mod anchors;
mod http;
mod machine;
mod measure;
mod node;
mod population;
mod report;
mod scenarios;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use machine::Machine;
use measure::Measured;
use report::Report;

/// What a benchmark may fail with; any fault ends the run.
pub type BenchError = Box<dyn Error + Send + Sync>;

/// As in the program that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The first argument with which the program is a Daybook node instead.
pub const NODE: &str = "node";

/// Measures Daybook against its anchors.
#[derive(Debug, Parser)]
#[command(name = "./dev bench")]
struct Arguments {
    /// A one-minute version: one short round of each scenario.
    #[arg(long)]
    quick: bool,
    /// Only the groups with these names.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only the scenarios with these names.
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<String>,
    /// Rounds of each scenario.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of each round.
    #[arg(long)]
    seconds: Option<f64>,
    /// Wallets of the long log.
    #[arg(long)]
    cold_wallets: Option<u32>,
    /// Events of the long log.
    #[arg(long)]
    cold_events: Option<u32>,
    /// Where the programs of PostgreSQL and NATS are kept.
    #[arg(long, env = "DAYBOOK_SERVERS_DIR", default_value = ".daybook/servers")]
    servers_dir: PathBuf,
    /// Where the report is written.
    #[arg(long, default_value = "target/bench/report.json")]
    report: PathBuf,
}

/// How long and how often to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Rounds of each scenario.
    pub rounds: usize,
    /// The length of a round.
    pub round: Duration,
    /// Whether large data sets are made small.
    pub size: Size,
    /// How long the long log is.
    pub log: LogSize,
    /// The scenarios asked for; all when empty.
    scenarios: Vec<String>,
}

impl Plan {
    /// Whether a scenario is to be measured.
    pub fn wants(&self, scenario: &str) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario)
    }
}

/// How much data the scenarios that need much work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// What the figures are quoted for.
    Full,
    /// A hundredth.
    Quick,
}

/// How much stands in the log that is too large for memory.
#[derive(Debug, Clone, Copy)]
pub struct LogSize {
    /// Wallets, at least 10.
    pub wallets: u32,
    /// Events of all kinds.
    pub events: u32,
}

impl Arguments {
    fn plan(&self) -> Plan {
        let (rounds, seconds, size) = if self.quick {
            (1, 0.75, Size::Quick)
        } else {
            (3, 4.0, Size::Full)
        };
        let (wallets, events) = match size {
            Size::Full => (1_000_000, 10_000_000),
            Size::Quick => (10_000, 100_000),
        };
        Plan {
            rounds: self.rounds.unwrap_or(rounds).max(1),
            round: Duration::from_secs_f64(self.seconds.unwrap_or(seconds)),
            size,
            log: LogSize {
                wallets: self.cold_wallets.unwrap_or(wallets).max(10),
                events: self.cold_events.unwrap_or(events),
            },
            scenarios: self.scenario.clone(),
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    if arguments.nth(1).as_deref() == Some(NODE) {
        let command_line = std::iter::once("daybook".to_owned()).chain(arguments);
        return daybook::run(daybook::cli::Cli::parse_from(command_line));
    }
    // What Daybook warns of while it is measured spoils the figures and must be seen.
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing_subscriber::filter::LevelFilter::WARN.into())
                .from_env_lossy(),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return daybook::commands::report(&error),
    };
    match runtime.block_on(run(&Arguments::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => daybook::commands::report(&*error),
    }
}

async fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let plan = arguments.plan();
    let mut machine = Machine::start(&arguments.servers_dir).await?;
    let mut measured: Vec<Measured> = Vec::new();
    for group in scenarios::GROUPS {
        if arguments.only.is_empty() || arguments.only.iter().any(|name| name == group.name) {
            eprintln!("{}: {}", group.name, group.about);
            measured.extend((group.run)(&mut machine, &plan).await?);
        }
    }
    machine.stop().await?;
    let report = Report::new(measured);
    report.write(&arguments.report)?;
    println!("{}", report.table());
    eprintln!("written to {}", arguments.report.display());
    Ok(())
}
