//! A private PostgreSQL server on a unix socket.
//!
//! There is no port and no password: the socket is in a folder of mode 0700, so only the user that
//! runs the server, and root, can connect. The superuser is [`SUPERUSER`].

mod cluster;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::error::ServerError;
use crate::identity::Identity;
use crate::lock::{OwnerLock, take_server_lock};
use crate::paths::{ensure_directory, ensure_runtime_directory, log_tail};
use crate::relocate::{home_of, usable_bin_dir};
use crate::supervise::{Launch, ORPHAN_GRACE, Supervised};

pub(crate) const SERVER: &str = "PostgreSQL";
/// Name of the superuser, who needs no password on the private socket.
pub const SUPERUSER: &str = "daybook";
const SOCKET: &str = ".s.PGSQL.5432";
const POLL: Duration = Duration::from_millis(10);
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// How to run a private PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Folder with `postgres` and `initdb`; see [`crate::BinarySearch`].
    pub bin_dir: PathBuf,
    /// Folder for cluster, log and locks; created when missing.
    pub data_dir: PathBuf,
    /// Server settings, as in `postgresql.conf`. Socket and address settings are overridden.
    pub settings: Vec<(String, String)>,
    /// Longest time until the server accepts connections, crash recovery included. Default 120 s.
    pub start_timeout: Duration,
    /// Longest time for an orderly stop before SIGKILL. Default 30 s.
    pub stop_timeout: Duration,
}

impl PostgresOptions {
    /// Options with default time limits and no settings.
    pub fn new(bin_dir: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            bin_dir: bin_dir.into(),
            data_dir: data_dir.into(),
            settings: Vec::new(),
            start_timeout: Duration::from_secs(120),
            stop_timeout: Duration::from_secs(30),
        }
    }

    /// Adds one server setting; a later one of the same name wins.
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

/// A running private PostgreSQL; dropping it stops it in the background.
#[derive(Debug)]
pub struct PostgresServer {
    options: PostgresOptions,
    place: Place,
    process: Supervised,
    _owner: OwnerLock,
}

/// Where this server's parts are, after the question of who may reach them is settled.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) identity: Identity,
    pub(crate) bin_dir: PathBuf,
    /// Holds the cluster, its log and the server lock.
    pub(crate) home: PathBuf,
    pub(crate) cluster: PathBuf,
    pub(crate) socket_dir: PathBuf,
}

impl PostgresServer {
    /// Starts the server, making its cluster on the first start (about a second), and returns when
    /// it accepts connections.
    ///
    /// # Errors
    /// [`ServerError::AlreadyRunning`] when another process owns `data_dir`; otherwise what kept
    /// the server from starting, with the end of its log.
    pub async fn start(options: PostgresOptions) -> Result<Self, ServerError> {
        check_settings(&options.settings)?;
        let data_dir = ensure_directory(&options.data_dir)?;
        let owner = OwnerLock::take(SERVER, &data_dir).await?;
        let place = Place::settle(&options, &data_dir).await?;
        let process = run(&options, &place).await?;
        Ok(Self {
            options,
            place,
            process,
            _owner: owner,
        })
    }

    /// URL of `database` for sqlx: user, socket folder, no password. `postgres` always exists.
    pub fn database_url(&self, database: &str) -> String {
        // The socket folder has only letters, digits, `/` and `-`, so it needs no escaping.
        let socket_dir = self.place.socket_dir.display();
        format!("postgres://{SUPERUSER}@localhost/{database}?host={socket_dir}")
    }

    /// The folder of the unix socket, for programs that take `PGHOST`.
    pub fn socket_dir(&self) -> &Path {
        &self.place.socket_dir
    }

    /// Folder of the client programs that belong to this server.
    pub fn bin_dir(&self) -> &Path {
        &self.place.bin_dir
    }

    /// The server's log.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits until the server ends by itself. Cancel safe.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Stops in order (fast shutdown: open transactions are rolled back), then with SIGKILL.
    ///
    /// # Errors
    /// [`ServerError::StopTimeout`] when even SIGKILL does not end it.
    pub async fn stop(mut self) -> Result<(), ServerError> {
        self.process.stop(self.options.stop_timeout).await?;
        // The socket went with the server; a folder that something else uses stays.
        let _ = fs::remove_dir(&self.place.socket_dir);
        Ok(())
    }

    /// Ends the postmaster with SIGKILL, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// [`ServerError::StopTimeout`] when it does not end.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.process.kill().await
    }

    /// Starts again on the same data and the same URL; stops first when still running.
    ///
    /// # Errors
    /// As [`PostgresServer::start`]; the server is then not running and may be restarted again.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.process.stop(self.options.stop_timeout).await?;
        self.process = run(&self.options, &self.place).await?;
        Ok(())
    }
}

impl Place {
    async fn settle(options: &PostgresOptions, data_dir: &Path) -> Result<Self, ServerError> {
        let identity = Identity::never_root();
        let bin_dir = usable_bin_dir(&options.bin_dir, identity).await?;
        let home = home_of(data_dir, identity)?;
        let socket_dir = ensure_runtime_directory(&home, identity)?;
        let cluster = home.join("cluster");
        Ok(Self {
            identity,
            bin_dir,
            home,
            cluster,
            socket_dir,
        })
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("HOME", self.home.clone().into_os_string()),
            ("LC_ALL", OsString::from("C")),
            ("TZ", OsString::from("UTC")),
        ]
    }
}

async fn run(options: &PostgresOptions, place: &Place) -> Result<Supervised, ServerError> {
    let lock = take_server_lock(SERVER, &place.home, ORPHAN_GRACE * 2).await?;
    cluster::ensure(place, &lock).await?;
    ensure_runtime_directory(&place.home, place.identity)?;
    remove_stale_socket(&place.socket_dir)?;
    let mut environment = place.environment();
    if let Some(pid) = stale_pid(&place.cluster) {
        // After a crash the id in the pid file may by now be some other process, for which the
        // server would refuse to start. The server lock proved that no server of ours is alive;
        // an id given here is not taken for a running server, while the check that no process
        // still uses the old shared memory stays in force.
        environment.push(("PG_GRANDPARENT_PID", OsString::from(pid.to_string())));
    }
    let process = Supervised::launch(Launch {
        server: SERVER,
        program: place.bin_dir.join("postgres"),
        arguments: arguments(options, place),
        environment,
        working_directory: place.cluster.clone(),
        identity: place.identity,
        log: place.home.join("postgres.log"),
        lock,
        stop_signal: "INT",
    })
    .await?;
    wait_until_ready(process, &place.cluster, options.start_timeout).await
}

fn arguments(options: &PostgresOptions, place: &Place) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("-D"), place.cluster.clone().into_os_string()];
    let mut set = |name: &str, value: &str| {
        arguments.push(OsString::from("-c"));
        arguments.push(OsString::from(format!("{name}={value}")));
    };
    set("timezone", "UTC");
    set("log_timezone", "UTC");
    for (name, value) in &options.settings {
        set(name, value);
    }
    // Last, because the last of two settings wins: these make the server private.
    set("listen_addresses", "");
    set("port", "5432");
    set(
        "unix_socket_directories",
        &place.socket_dir.to_string_lossy(),
    );
    set("unix_socket_permissions", "0700");
    set("logging_collector", "off");
    arguments
}

fn check_settings(settings: &[(String, String)]) -> Result<(), ServerError> {
    for (name, value) in settings {
        let named = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
        let reason = if name.is_empty() || !name.chars().all(named) {
            "a setting's name has letters, digits, `_` and `.`"
        } else if name.eq_ignore_ascii_case("data_directory") {
            "the data folder is not a setting"
        } else if value.contains('\0') {
            "a value cannot hold a zero byte"
        } else {
            continue;
        };
        return Err(ServerError::InvalidOption {
            name: name.clone(),
            reason,
        });
    }
    Ok(())
}

/// The process id that the last run left in the cluster's pid file.
fn stale_pid(cluster: &Path) -> Option<u32> {
    read_pid_file(cluster)?.lines().next()?.trim().parse().ok()
}

fn read_pid_file(cluster: &Path) -> Option<String> {
    fs::read_to_string(cluster.join("postmaster.pid")).ok()
}

/// Called under the server lock, so nobody listens there.
fn remove_stale_socket(socket_dir: &Path) -> Result<(), ServerError> {
    for name in [SOCKET.to_owned(), format!("{SOCKET}.lock")] {
        let path = socket_dir.join(name);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {}
            Err(fault) => return Err(ServerError::io("remove", &path)(fault)),
        }
    }
    Ok(())
}

/// Ready is when the pid file names this process and ends with the line `ready`, as `pg_ctl` reads it.
async fn wait_until_ready(
    mut process: Supervised,
    cluster: &Path,
    patience: Duration,
) -> Result<Supervised, ServerError> {
    let started = Instant::now();
    let mut told = started;
    loop {
        if let Some(status) = process.try_ended() {
            return Err(process.start_failed(status));
        }
        if is_ready(cluster, process.pid()) {
            let duration_ms = started.elapsed().as_millis();
            tracing::debug!(
                server.pid = process.pid(),
                duration_ms,
                "PostgreSQL is ready"
            );
            return Ok(process);
        }
        if started.elapsed() >= patience {
            process.kill().await?;
            let log_tail = log_tail(process.log());
            return Err(ServerError::StartTimeout {
                server: SERVER,
                timeout: patience,
                log_tail,
            });
        }
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            tracing::info!(
                "PostgreSQL is starting, {} s so far",
                started.elapsed().as_secs()
            );
        }
        tokio::time::sleep(POLL).await;
    }
}

fn is_ready(cluster: &Path, pid: u32) -> bool {
    let Some(text) = read_pid_file(cluster) else {
        return false;
    };
    let mut lines = text.lines().map(str::trim);
    lines.next() == Some(pid.to_string().as_str()) && lines.next_back() == Some("ready")
}
