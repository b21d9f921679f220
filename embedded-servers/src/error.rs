//! Why a server could not be started, watched or stopped.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::binaries::BinaryError;

/// A fault of an embedded server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The server's program is missing or of an unsupported version.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// Another live process owns the folder.
    #[error("{server} in {} is already running{}", directory.display(), owner_text(*pid))]
    AlreadyRunning {
        /// Which server.
        server: &'static str,
        /// The folder both wanted.
        directory: PathBuf,
        /// The owner's process id; absent when the owner has not written it yet or, after a crash,
        /// when the owner is gone and its server has not ended within the waiting time.
        pid: Option<u32>,
    },
    /// The folder for the unix socket was made by someone else, or others may enter it.
    #[error("refusing to use {}: {reason}", path.display())]
    UntrustedDirectory {
        /// The offending folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The folder holds a cluster that this PostgreSQL cannot read.
    #[error(
        "{} was made by PostgreSQL {found}, the program found is PostgreSQL {binary}",
        directory.display()
    )]
    ClusterVersion {
        /// The cluster's folder.
        directory: PathBuf,
        /// Major version that made the cluster.
        found: String,
        /// Major version of the program.
        binary: String,
    },
    /// The server ended before it was ready.
    #[error("{server} ended before it was ready ({status}); its log ends with:\n{log_tail}")]
    StartFailed {
        /// Which program.
        server: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Last lines of its log.
        log_tail: String,
    },
    /// The server was not ready in time and has been killed.
    #[error("{server} was not ready within {timeout:?}; its log ends with:\n{log_tail}")]
    StartTimeout {
        /// Which program.
        server: &'static str,
        /// How long was waited.
        timeout: Duration,
        /// Last lines of its log.
        log_tail: String,
    },
    /// The kernel did not end the server even after SIGKILL.
    #[error("{server} (process {pid}) does not end")]
    StopTimeout {
        /// Which program.
        server: &'static str,
        /// The server's process id.
        pid: u32,
    },
    /// A setting or path cannot be handed to the server.
    #[error("invalid option {name}: {reason}")]
    InvalidOption {
        /// The option's name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server answered, but not as a usable server does.
    #[error("{server} is not usable: {reason}")]
    Unusable {
        /// Which program.
        server: &'static str,
        /// What it said.
        reason: String,
    },
    /// It kept ending soon after each restart.
    #[error("{server} ended {attempts} times in a row, giving up")]
    KeepsEnding {
        /// Which program.
        server: &'static str,
        /// How many times.
        attempts: u32,
    },
    /// The operating system refused something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

impl ServerError {
    /// Stable code of the fault, for logs and for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Binary(fault) => fault.code(),
            Self::AlreadyRunning { .. } => "server_already_running",
            Self::UntrustedDirectory { .. } => "server_untrusted_directory",
            Self::ClusterVersion { .. } => "server_cluster_version",
            Self::StartFailed { .. } => "server_start_failed",
            Self::StartTimeout { .. } => "server_start_timeout",
            Self::StopTimeout { .. } => "server_stop_timeout",
            Self::InvalidOption { .. } => "server_invalid_option",
            Self::Unusable { .. } => "server_unusable",
            Self::KeepsEnding { .. } => "server_keeps_ending",
            Self::Io { .. } => "server_io",
        }
    }

    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

fn owner_text(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}
