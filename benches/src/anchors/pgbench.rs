//! PostgreSQL's own benchmark: the TPC-B-like transaction of `pgbench`
//! (<https://www.postgresql.org/docs/current/pgbench.html>), the program that came with the server,
//! with prepared statements, over the server's socket.
//!
//! Scale 20, so that its branches' rows are not all that is waited for; measured with several
//! numbers of clients, of which the best counts.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::process::Command;

use crate::BenchError;
use crate::machine::Machine;
use crate::measure::{Round, Scenario};

/// The name of the best of all numbers of clients.
pub const BEST: &str = "pgbench_tpcb";

/// How the names of the single numbers of clients begin.
pub const EACH: &str = "pgbench_tpcb_";

/// Numbers of clients.
const CLIENTS: [usize; 4] = [1, 4, 8, 16];

const SCALE: &str = "20";

/// One number of clients.
pub struct Pgbench {
    program: PathBuf,
    database_url: String,
    clients: usize,
}

impl Pgbench {
    /// Makes a database and its tables; one scenario for each number of clients.
    pub async fn prepare(machine: &mut Machine) -> Result<Vec<Box<dyn Scenario>>, BenchError> {
        let program = find(machine)?;
        let database_url = machine.new_database().await?;
        let arguments = ["--initialize", "--quiet", "--scale", SCALE, &database_url];
        run(&program, &arguments).await?;
        Ok(CLIENTS
            .iter()
            .map(|clients| -> Box<dyn Scenario> {
                Box::new(Self {
                    program: program.clone(),
                    database_url: database_url.clone(),
                    clients: *clients,
                })
            })
            .collect())
    }
}

/// Beside the server's programs, or else that of another PostgreSQL: what it sends is the same.
fn find(machine: &Machine) -> Result<PathBuf, BenchError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    std::iter::once(machine.postgres_programs().to_owned())
        .chain(std::env::split_paths(&path))
        .chain(installed)
        .map(|folder| folder.join("pgbench"))
        .find(|program| program.is_file())
        .ok_or_else(|| "there is no pgbench beside PostgreSQL, nor in PATH".into())
}

async fn run(program: &PathBuf, arguments: &[&str]) -> Result<String, BenchError> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(format!("pgbench ended with {}: {reason}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[async_trait]
impl Scenario for Pgbench {
    fn name(&self) -> String {
        format!("{EACH}{}", self.clients)
    }

    fn unit(&self) -> &'static str {
        "transactions/s"
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let seconds = duration.as_secs().max(1).to_string();
        let threads = std::thread::available_parallelism()?.get();
        let arguments = [
            "--no-vacuum",
            "--protocol=prepared",
            &format!("--client={}", self.clients),
            &format!("--jobs={}", threads.min(self.clients)),
            &format!("--time={seconds}"),
            &self.database_url,
        ];
        let output = run(&self.program, &arguments).await?;
        let operations: u64 = number_after(&output, "number of transactions actually processed: ")?;
        let rate: f64 = number_after(&output, "tps = ")?;
        Ok(Round {
            operations,
            elapsed: Duration::from_secs_f64(operations as f64 / rate),
            latencies: Vec::new(),
        })
    }
}

fn number_after<T: std::str::FromStr>(output: &str, label: &str) -> Result<T, BenchError> {
    output
        .lines()
        .find_map(|line| line.strip_prefix(label))
        .and_then(|rest| rest.split([' ', '/']).next()?.parse().ok())
        .ok_or_else(|| format!("pgbench does not say {label:?}: {output}").into())
}
