//! Which user a server runs as.

use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::ServerError;

/// `nobody` on every system we know; it has an entry in the password file, which initdb asks for.
const UNPRIVILEGED: u32 = 65534;

/// The user and group of a child process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Same as this process.
    Current,
    /// Uid and gid 65534 without supplementary groups; only root can choose this.
    Unprivileged,
}

impl Identity {
    /// The identity for a program that refuses to run as root.
    pub(crate) fn never_root() -> Self {
        if rustix::process::geteuid().is_root() {
            Self::Unprivileged
        } else {
            Self::Current
        }
    }

    /// The uid that files of the child must have.
    pub(crate) fn uid(self) -> u32 {
        match self {
            Self::Current => rustix::process::geteuid().as_raw(),
            Self::Unprivileged => UNPRIVILEGED,
        }
    }

    /// Makes `command` run under this identity. Root's supplementary groups are dropped by the
    /// standard library when it sets the uid.
    pub(crate) fn apply(self, command: &mut Command) {
        if self == Self::Unprivileged {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
    }

    /// Gives `path` to this identity; a link at `path` is not followed.
    pub(crate) fn give(self, path: &Path) -> Result<(), ServerError> {
        match self {
            Self::Current => Ok(()),
            Self::Unprivileged => lchown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED))
                .map_err(ServerError::io("change the owner of", path)),
        }
    }

    /// Whether this identity may execute the file, or enter the folder, at `path`.
    ///
    /// Asked of the kernel by a process of that identity: mode bits of every path component, access
    /// lists and mount options all count.
    pub(crate) fn may_execute(self, path: &Path) -> Result<bool, ServerError> {
        if self == Self::Current {
            return Ok(true);
        }
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "test -x \"$1\"", "sh"])
            .arg(path)
            .current_dir("/");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.apply(&mut command);
        let status = command
            .status()
            .map_err(ServerError::io("check access to", path))?;
        Ok(status.success())
    }
}
