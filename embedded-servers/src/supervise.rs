//! One server process under a guard that ends it when its owner dies.
//!
//! The guard is a small `sh` script (`guard.sh`): the server's parent, in a process group of its
//! own, holding one end of a socket whose other end is here. It needs no helper binary, so any host
//! process can use it, and no `unsafe` between fork and exec. The socket is close-on-exec here, so
//! no other child of the host keeps it open.
//!
//! Nothing here is bound to an async runtime: a server may outlive the runtime that started it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::error::ServerError;
use crate::identity::Identity;
use crate::paths::{log_tail, open_log};

const GUARD: &str = include_str!("guard.sh");
/// How long the guard waits between the polite signal and SIGKILL once the owner is gone.
pub(crate) const ORPHAN_GRACE: Duration = Duration::from_secs(10);
const ORPHAN_GRACE_TENTHS: &str = "100";
/// How long the kernel may take to end a process after SIGKILL, and `sh` to start.
const KERNEL_PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// The only search path the guard and the servers get.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What to run and how.
pub(crate) struct Launch {
    pub(crate) server: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// The child's environment; nothing but the search path is inherited, so that for example a
    /// `PGPORT` or `NATS_URL` of the host has no effect.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    pub(crate) working_directory: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) log: PathBuf,
    pub(crate) lock: File,
    /// Signal for an orderly stop, without `SIG`.
    pub(crate) stop_signal: &'static str,
}

/// A running server. Dropping it lets the guard stop the server in order, in the background.
#[derive(Debug)]
pub(crate) struct Supervised {
    server: &'static str,
    stop_signal: &'static str,
    log: PathBuf,
    control: UnixStream,
    /// The guard; its exit is the server's exit. Taken out on drop only.
    guard: Option<Child>,
    ended: Option<ExitStatus>,
    pid: u32,
}

impl Supervised {
    /// Starts the guard, which starts the server, and waits for the server's process id.
    pub(crate) async fn launch(launch: Launch) -> Result<Self, ServerError> {
        let (control, guard_end) =
            UnixStream::pair().map_err(ServerError::io("open a socket for", &launch.program))?;
        control
            .set_nonblocking(true)
            .map_err(ServerError::io("set up", &launch.program))?;
        let guard = spawn_guard(&launch, guard_end)?;
        let mut supervised = Self {
            server: launch.server,
            stop_signal: launch.stop_signal,
            log: launch.log,
            control,
            guard: Some(guard),
            ended: None,
            pid: 0,
        };
        supervised.pid = supervised.read_pid(&launch.program).await?;
        Ok(supervised)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// How the server ended, when it has.
    pub(crate) fn try_ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none()
            && let Some(guard) = &mut self.guard
        {
            self.ended = guard.try_wait().ok().flatten();
            if self.ended.is_some() {
                // Should the guard's shell alone have been killed, this ends the server as well.
                let _ = self.control.shutdown(Shutdown::Both);
            }
        }
        self.ended
    }

    /// Waits until the server ends by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.try_ended() {
                return status;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends the stop signal, waits up to `patience`, then kills.
    pub(crate) async fn stop(&mut self, patience: Duration) -> Result<(), ServerError> {
        self.signal(self.stop_signal);
        if !self.ended_within(patience).await {
            tracing::warn!(
                server = self.server,
                server.pid = self.pid,
                "{} did not stop within {patience:?}, killing it",
                self.server
            );
            self.kill().await?;
        }
        Ok(())
    }

    /// Sends SIGKILL and waits until the process is gone.
    pub(crate) async fn kill(&mut self) -> Result<(), ServerError> {
        self.signal("KILL");
        if self.ended_within(KERNEL_PATIENCE).await {
            Ok(())
        } else {
            Err(ServerError::StopTimeout {
                server: self.server,
                pid: self.pid,
            })
        }
    }

    /// The fault to report when the server ended while it should have become ready.
    pub(crate) fn start_failed(&self, status: ExitStatus) -> ServerError {
        ServerError::StartFailed {
            server: self.server,
            status,
            log_tail: log_tail(&self.log),
        }
    }

    async fn ended_within(&mut self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.ended()).await.is_ok()
    }

    /// Asks the guard to send `signal`. A guard that is gone has no server to send it to.
    fn signal(&mut self, signal: &str) {
        if let Err(fault) = writeln!(self.control, "{signal}") {
            tracing::debug!(server = self.server, %fault, "the guard is gone");
        }
    }

    async fn read_pid(&mut self, program: &Path) -> Result<u32, ServerError> {
        let deadline = Instant::now() + KERNEL_PATIENCE;
        let mut answer = Vec::new();
        while Instant::now() < deadline {
            let mut buffer = [0_u8; 32];
            match self.control.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {
                    tokio::time::sleep(POLL).await;
                }
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) => {
                    return Err(ServerError::io("read from the guard of", program)(fault));
                }
            }
            let text = String::from_utf8_lossy(&answer);
            if let Some(pid) = text.strip_suffix('\n').and_then(|text| text.parse().ok()) {
                return Ok(pid);
            }
        }
        // A server that ends at once takes the guard with it, possibly before the id was sent.
        match tokio::time::timeout(KERNEL_PATIENCE, self.ended()).await {
            Ok(status) => Err(self.start_failed(status)),
            Err(_) => Err(ServerError::StopTimeout {
                server: self.server,
                pid: 0,
            }),
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // Closing alone would do, but a thread that reaps the guard may not hold the socket open.
        let _ = self.control.shutdown(Shutdown::Both);
        if self.try_ended().is_none()
            && let Some(mut guard) = self.guard.take()
        {
            std::thread::spawn(move || guard.wait());
        }
    }
}

fn spawn_guard(launch: &Launch, guard_end: UnixStream) -> Result<Child, ServerError> {
    let log = open_log(&launch.log)?;
    let lock = launch
        .lock
        .try_clone()
        .map_err(ServerError::io("share the lock of", &launch.log))?;
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            GUARD,
            "guard",
            launch.stop_signal,
            ORPHAN_GRACE_TENTHS,
        ])
        .arg(&launch.program)
        .args(&launch.arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&launch.working_directory)
        .stdin(Stdio::from(OwnedFd::from(guard_end)))
        .stdout(Stdio::from(lock))
        .stderr(Stdio::from(log))
        .process_group(0);
    launch.identity.apply(&mut command);
    command
        .spawn()
        .map_err(ServerError::io("start", &launch.program))
}
