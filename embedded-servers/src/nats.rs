//! A private nats-server with JetStream on a loopback port.
//!
//! Other users of the machine can reach a loopback port. [`NatsAccess::Password`] keeps them out:
//! the password is made on the first start and kept with mode 0600 beside the store.

mod config;
mod probe;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::error::ServerError;
use crate::identity::Identity;
use crate::lock::{OwnerLock, take_server_lock};
use crate::paths::{ensure_directory, log_tail};
use crate::supervise::{Launch, ORPHAN_GRACE, Supervised};
use config::{Secret, USER};

pub(crate) const SERVER: &str = "nats-server";
const POLL: Duration = Duration::from_millis(10);

/// Which port the server listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsPort {
    /// A free port that the system picks.
    Any,
    /// This port; the start fails when it is taken.
    Fixed(u16),
}

/// Who may use the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsAccess {
    /// Everybody who can connect to 127.0.0.1.
    AnyLocalUser,
    /// Who knows the password in [`NatsServer::url`]. Note that async-nats does not read the user
    /// and password of a URL; they have to be given to its `ConnectOptions`.
    Password,
}

/// How to run a private nats-server.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The nats-server program; see [`crate::BinarySearch`].
    pub executable: PathBuf,
    /// Folder for the store, configuration, log and locks; created when missing.
    pub data_dir: PathBuf,
    /// Port on 127.0.0.1. Default: any.
    pub port: NatsPort,
    /// Who may use it. Default: any local user.
    pub access: NatsAccess,
    /// Soft limit of the server's heap in MiB (`GOMEMLIMIT`). Default 1024. A server that needs more
    /// for its subjects does hardly anything but collect garbage.
    pub memory_limit_mebibytes: u32,
    /// Longest time until the server accepts connections. Default 60 s.
    pub start_timeout: Duration,
    /// Longest time for an orderly stop before SIGKILL. Default 15 s.
    pub stop_timeout: Duration,
}

impl NatsOptions {
    /// Options with the defaults named at the fields.
    pub fn new(executable: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            executable: executable.into(),
            data_dir: data_dir.into(),
            port: NatsPort::Any,
            access: NatsAccess::AnyLocalUser,
            memory_limit_mebibytes: 1024,
            start_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(15),
        }
    }

    /// Listens on this port instead of any.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = NatsPort::Fixed(port);
        self
    }

    /// Asks clients for a password.
    #[must_use]
    pub fn with_password(mut self) -> Self {
        self.access = NatsAccess::Password;
        self
    }
}

/// A running private nats-server; dropping it stops it in the background.
#[derive(Debug)]
pub struct NatsServer {
    options: NatsOptions,
    data_dir: PathBuf,
    secret: Option<Secret>,
    port: u16,
    process: Supervised,
    _owner: OwnerLock,
}

impl NatsServer {
    /// Starts the server and returns when it accepts connections and JetStream is up.
    ///
    /// # Errors
    /// [`ServerError::AlreadyRunning`] when another process owns `data_dir`; otherwise what kept
    /// the server from starting, with the end of its log.
    pub async fn start(options: NatsOptions) -> Result<Self, ServerError> {
        let data_dir = ensure_directory(&options.data_dir)?;
        let owner = OwnerLock::take(SERVER, &data_dir).await?;
        let secret = match options.access {
            NatsAccess::AnyLocalUser => None,
            NatsAccess::Password => Some(Secret::load_or_make(&data_dir.join("nats.secret"))?),
        };
        let (process, port) = run(&options, &data_dir, secret.as_ref()).await?;
        Ok(Self {
            options,
            data_dir,
            secret,
            port,
            process,
            _owner: owner,
        })
    }

    /// URL for clients. With [`NatsAccess::Password`] it holds the password: do not log it.
    pub fn url(&self) -> String {
        match &self.secret {
            Some(secret) => format!("nats://{USER}:{}@127.0.0.1:{}", secret.reveal(), self.port),
            None => format!("nats://127.0.0.1:{}", self.port),
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's log.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Process id of the server.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits until the server ends by itself. Cancel safe.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Stops in order, then with SIGKILL.
    ///
    /// # Errors
    /// [`ServerError::StopTimeout`] when even SIGKILL does not end it.
    pub async fn stop(mut self) -> Result<(), ServerError> {
        self.process.stop(self.options.stop_timeout).await
    }

    /// Ends the server with SIGKILL, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// [`ServerError::StopTimeout`] when it does not end.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.process.kill().await
    }

    /// Starts again on the same store, port and password, so that clients reconnect by themselves;
    /// stops first when still running.
    ///
    /// # Errors
    /// As [`NatsServer::start`]; the server is then not running and may be restarted again.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.process.stop(self.options.stop_timeout).await?;
        let options = self.options.clone().with_port(self.port);
        (self.process, self.port) = run(&options, &self.data_dir, self.secret.as_ref()).await?;
        Ok(())
    }
}

async fn run(
    options: &NatsOptions,
    data_dir: &Path,
    secret: Option<&Secret>,
) -> Result<(Supervised, u16), ServerError> {
    let lock = take_server_lock(SERVER, data_dir, ORPHAN_GRACE * 2).await?;
    let ports_dir = empty_ports_directory(data_dir)?;
    let config = config::write(data_dir, secret)?;
    let port = match options.port {
        NatsPort::Any => OsString::from("-1"),
        NatsPort::Fixed(port) => OsString::from(port.to_string()),
    };
    let arguments = vec![
        OsString::from("-c"),
        config.into_os_string(),
        OsString::from("-a"),
        OsString::from("127.0.0.1"),
        OsString::from("-p"),
        port,
        OsString::from("--ports_file_dir"),
        ports_dir.clone().into_os_string(),
    ];
    let memory_limit = format!("{}MiB", options.memory_limit_mebibytes);
    let process = Supervised::launch(Launch {
        server: SERVER,
        program: options.executable.clone(),
        arguments,
        environment: vec![
            ("GOMEMLIMIT", OsString::from(memory_limit)),
            ("HOME", data_dir.as_os_str().to_owned()),
        ],
        working_directory: data_dir.to_path_buf(),
        identity: Identity::Current,
        log: data_dir.join("nats.log"),
        lock,
        stop_signal: "TERM",
    })
    .await?;
    wait_until_ready(process, &ports_dir, options.start_timeout).await
}

/// A ports file is named after a process id, which may come again after a crash.
fn empty_ports_directory(data_dir: &Path) -> Result<PathBuf, ServerError> {
    let ports_dir = ensure_directory(&data_dir.join("ports"))?;
    for entry in fs::read_dir(&ports_dir).map_err(ServerError::io("list", &ports_dir))? {
        let path = entry.map_err(ServerError::io("list", &ports_dir))?.path();
        fs::remove_file(&path).map_err(ServerError::io("remove", &path))?;
    }
    Ok(ports_dir)
}

async fn wait_until_ready(
    mut process: Supervised,
    ports_dir: &Path,
    patience: Duration,
) -> Result<(Supervised, u16), ServerError> {
    let started = Instant::now();
    let ports_file = ports_dir.join(format!("nats-server_{}.ports", process.pid()));
    loop {
        if let Some(status) = process.try_ended() {
            return Err(process.start_failed(status));
        }
        if let Some(port) = probe::port_in(&ports_file)
            && let Some(greeting) = probe::greeting_of(port).await
        {
            greeting.check()?;
            let duration_ms = started.elapsed().as_millis();
            tracing::debug!(
                server.pid = process.pid(),
                duration_ms,
                "nats-server is ready"
            );
            return Ok((process, port));
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
        tokio::time::sleep(POLL).await;
    }
}
