//! The two locks of a server's folder.
//!
//! `owner.lock` is held by the owning process alone and answers "is somebody running this?".
//! `server.lock` is inherited by the server and everything it forks and answers "is anything of the
//! last run still alive?". Both are `flock` locks: the kernel frees them however a process ends.
//! Lock order: owner first, then server.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::ServerError;

const OWNER_PID_WAIT: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(20);

/// Proof that this process owns the folder; freed on drop.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes `owner.lock` in `directory` without waiting.
    ///
    /// # Errors
    /// [`ServerError::AlreadyRunning`] with the owner's process id when another owner lives.
    pub(crate) async fn take(server: &'static str, directory: &Path) -> Result<Self, ServerError> {
        let path = directory.join("owner.lock");
        let mut file = open(&path)?;
        if !try_lock(&file, &path)? {
            let directory = directory.to_path_buf();
            let pid = read_owner(&mut file).await;
            return Err(ServerError::AlreadyRunning {
                server,
                directory,
                pid,
            });
        }
        write_owner(&mut file).map_err(ServerError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// Takes `server.lock` in `directory`, waiting until the last run's processes are gone.
///
/// The file goes to the server as an inherited descriptor and is closed here afterwards.
pub(crate) async fn take_server_lock(
    server: &'static str,
    directory: &Path,
    patience: Duration,
) -> Result<File, ServerError> {
    let path = directory.join("server.lock");
    let file = open(&path)?;
    let deadline = Instant::now() + patience;
    let mut told = false;
    while !try_lock(&file, &path)? {
        if Instant::now() >= deadline {
            let directory = directory.to_path_buf();
            return Err(ServerError::AlreadyRunning {
                server,
                directory,
                pid: None,
            });
        }
        if !told {
            tracing::info!(server, "waiting for the previous {server} to end");
            told = true;
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(file)
}

fn open(path: &PathBuf) -> Result<File, ServerError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(ServerError::io("open", path))
}

fn try_lock(file: &File, path: &Path) -> Result<bool, ServerError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(ServerError::io("lock", path)(errno.into())),
    }
}

fn write_owner(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// The owner writes its id just after it took the lock, so an empty file is read again for a while.
async fn read_owner(file: &mut File) -> Option<u32> {
    let deadline = Instant::now() + OWNER_PID_WAIT;
    loop {
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        let pid = read
            .ok()
            .and_then(|_| text.strip_suffix('\n')?.parse().ok());
        if pid.is_some() || Instant::now() >= deadline {
            return pid;
        }
        tokio::time::sleep(POLL).await;
    }
}
