//! The private servers of a run, and the processor time their processes use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use embedded_servers::{BinarySearch, NatsOptions, NatsServer, PostgresOptions, PostgresServer};
use event_store::Database;
use sqlx::{Connection, Executor, PgConnection};

use crate::BenchError;

/// Clock ticks of /proc per second; fixed at 100 for every program on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Connections of a scenario's pool.
const CONNECTIONS: u32 = 16;

/// The servers of a run.
pub struct Machine {
    postgres: PostgresServer,
    nats: NatsServer,
    databases: u32,
    folder: tempfile::TempDir,
}

/// Processor seconds used so far, by group of processes.
pub type CpuReading = BTreeMap<String, f64>;

/// Processor seconds used in the rounds of one scenario.
#[derive(Debug, Default)]
pub struct CpuClock {
    seconds: CpuReading,
}

impl Machine {
    /// Starts them in a folder that is removed afterwards.
    pub async fn start(servers: &Path) -> Result<Self, BenchError> {
        let folder = scratch_folder()?;
        let search = BinarySearch::new().with_cache_dir(servers);
        let options = daybook::servers::POSTGRES_SETTINGS.iter().fold(
            PostgresOptions::new(
                search.find_postgres().await?,
                folder.path().join("postgres"),
            ),
            |options, (name, value)| options.with_setting(*name, *value),
        );
        let nats = NatsOptions::new(search.find_nats_server().await?, folder.path().join("nats"));
        Ok(Self {
            postgres: PostgresServer::start(options).await?,
            nats: NatsServer::start(nats).await?,
            databases: 0,
            folder,
        })
    }

    /// The URL of a new, empty database.
    pub async fn new_database(&mut self) -> Result<String, BenchError> {
        self.databases += 1;
        let name = format!("bench_{}", self.databases);
        self.administer(&format!("CREATE DATABASE {name}")).await?;
        Ok(self.postgres.database_url(&name))
    }

    /// A new database with Daybook's schema.
    pub async fn daybook_database(&mut self) -> Result<Database, BenchError> {
        let url = self.new_database().await?;
        self.migrated(&url).await
    }

    /// A database with Daybook's schema, also for a node that is given its URL.
    pub async fn migrated(&self, url: &str) -> Result<Database, BenchError> {
        Ok(Database::connect(url, CONNECTIONS).await?)
    }

    /// Runs a statement as superuser.
    pub async fn administer(&self, statement: &str) -> Result<(), BenchError> {
        let mut connection = PgConnection::connect(&self.postgres.database_url("postgres")).await?;
        connection.execute(statement).await?;
        Ok(())
    }

    /// A setting, as a new connection finds it: its number without the unit.
    pub async fn setting(&self, name: &str) -> Result<String, BenchError> {
        let mut connection = PgConnection::connect(&self.postgres.database_url("postgres")).await?;
        let setting = sqlx::query_scalar("SELECT setting FROM pg_settings WHERE name = $1")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        Ok(setting)
    }

    /// The programs that came with PostgreSQL.
    pub fn postgres_programs(&self) -> &Path {
        self.postgres.bin_dir()
    }

    /// A folder that is removed at the end of the run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of NATS.
    pub fn nats_url(&self) -> String {
        self.nats.url()
    }

    /// Processor time used so far by this program, PostgreSQL, NATS and nodes.
    pub fn cpu(&self) -> CpuReading {
        let processes = processes();
        let own = std::process::id();
        let mut reading = CpuReading::new();
        for process in &processes {
            let of = if process.id == own {
                "bench"
            } else if process.id == self.postgres.pid() || process.parent == self.postgres.pid() {
                "postgres"
            } else if process.id == self.nats.pid() {
                "nats"
            } else if process.parent == own && process.name == program_name() {
                "node"
            } else {
                continue;
            };
            *reading.entry(of.to_owned()).or_default() += process.seconds;
        }
        reading
    }

    /// Stops the servers.
    pub async fn stop(self) -> Result<(), BenchError> {
        self.nats.stop().await?;
        self.postgres.stop().await?;
        Ok(())
    }
}

impl CpuClock {
    /// Adds what was used between two readings.
    pub fn add(&mut self, before: &CpuReading, after: &CpuReading) {
        for (of, seconds) in after {
            let used = seconds - before.get(of).copied().unwrap_or_default();
            *self.seconds.entry(of.clone()).or_default() += used;
        }
    }

    /// Cores used on average over a time.
    pub fn cores(&self, elapsed: Duration) -> BTreeMap<String, f64> {
        self.seconds
            .iter()
            .map(|(of, seconds)| (of.clone(), seconds / elapsed.as_secs_f64()))
            .filter(|(_, cores)| *cores >= 0.005)
            .collect()
    }
}

struct Process {
    id: u32,
    parent: u32,
    name: String,
    /// Own time, and that of children that have ended.
    seconds: f64,
}

fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        // `self` and `thread-self` are this process once more.
        .filter(|entry| {
            let name = entry.file_name();
            name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
        })
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            parse_stat(&stat)
        })
        .collect()
}

/// The layout of proc_pid_stat(5): `pid (name) state ppid …`, with times from field 14.
fn parse_stat(stat: &str) -> Option<Process> {
    let (id, rest) = stat.split_once(" (")?;
    let (name, fields) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = fields
        .get(11..15)?
        .iter()
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    Some(Process {
        id: id.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        name: name.to_owned(),
        seconds: ticks / TICKS_PER_SECOND,
    })
}

fn program_name() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_default()
}

fn scratch_folder() -> Result<tempfile::TempDir, BenchError> {
    let folder = tempfile::Builder::new()
        .prefix("daybook-bench-")
        .tempdir()?;
    // PostgreSQL does not run as root; as another user it has to get through to its own folder.
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), permissions)?;
    Ok(folder)
}

/// The resident memory of a process, in MiB.
pub fn resident_mebibytes(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{process}/status"))).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024.0)
}
