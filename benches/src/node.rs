//! A real node in a process of its own: this program run again as `daybook serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::machine::Machine;
use crate::{BenchError, NODE};

/// What `daybook serve` says when it is ready, before its address.
const READY: &str = "Daybook serves http://";

/// How long a node may take to start and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running node. Dropped without being stopped, it is killed.
pub struct Node {
    child: Child,
    /// Where it serves HTTP.
    pub address: SocketAddr,
}

/// What nodes of one database are started with.
pub struct Site {
    folder: PathBuf,
    database_url: String,
    nats_url: String,
}

impl Site {
    /// A database of the machine, and its NATS.
    pub fn new(machine: &Machine, database_url: &str) -> Self {
        Self {
            folder: machine.folder().to_owned(),
            database_url: database_url.to_owned(),
            nats_url: machine.nats_url(),
        }
    }

    /// The program as `daybook` with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Result<Command, BenchError> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(NODE)
            .args(arguments)
            // No `daybook.toml` that happens to lie about may change what is measured.
            .current_dir(&self.folder)
            .env("DATABASE_URL", &self.database_url)
            .env("NATS_URL", &self.nats_url)
            .env("DAYBOOK__AUTH__MODE", "open")
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }
}

impl Node {
    /// Starts the parts in `roles`; `settings` are variables of its environment.
    pub async fn start(
        site: &Site,
        roles: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self, BenchError> {
        Self::configured(site, roles, settings, None).await
    }

    /// The same with a file of settings.
    pub async fn configured(
        site: &Site,
        roles: &str,
        settings: &[(&str, &str)],
        file: Option<&str>,
    ) -> Result<Self, BenchError> {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--roles", roles];
        arguments.extend(file.into_iter().flat_map(|file| ["--config", file]));
        let mut child = site
            .command(&arguments)?
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child
            .stderr
            .take()
            .ok_or("the node has no standard error")?;
        let mut lines = BufReader::new(stderr).lines();
        let address = tokio::time::timeout(PATIENCE, address(&mut lines)).await??;
        tokio::spawn(pass_on(lines));
        Ok(Self { child, address })
    }

    /// The id of its process.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(mut self) -> Result<(), BenchError> {
        let process = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(process) = process {
            kill_process(process, Signal::TERM)?;
        }
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the node ended with {status}").into())
        }
    }
}

async fn address(lines: &mut Lines<BufReader<ChildStderr>>) -> Result<SocketAddr, BenchError> {
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = line.strip_prefix(READY) {
            return Ok(address.trim_end_matches('/').parse()?);
        }
        eprintln!("node: {line}");
    }
    Err("the node ended before it served".into())
}

/// What a node warns of spoils the figures and must be seen.
async fn pass_on(mut lines: Lines<BufReader<ChildStderr>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        if line != "stopping" {
            eprintln!("node: {line}");
        }
    }
}
