//! Folders and log files of a server: made private, named short, checked before use.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::ServerError;
use crate::identity::Identity;

/// Parent of the socket folders. Fixed and short: a unix socket path has at most 107 bytes.
const RUNTIME_PARENT: &str = "/tmp";
const LOG_TAIL_BYTES: u64 = 4096;
const LOG_TAIL_LINES: usize = 20;

/// Sixteen hex digits that stand for `path`; equal for equal paths on every run.
pub(crate) fn short_hash(text: &[u8]) -> String {
    Sha256::digest(text)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Creates `directory` and its parents when missing and returns its real path.
pub(crate) fn ensure_directory(directory: &Path) -> Result<PathBuf, ServerError> {
    fs::create_dir_all(directory).map_err(ServerError::io("create", directory))?;
    directory
        .canonicalize()
        .map_err(ServerError::io("resolve", directory))
}

/// The socket folder for the cluster at `home`: mode 0700, owned by `identity`, in `/tmp`.
///
/// # Errors
/// [`ServerError::UntrustedDirectory`] when another user made it first or others may enter it.
pub(crate) fn ensure_runtime_directory(
    home: &Path,
    identity: Identity,
) -> Result<PathBuf, ServerError> {
    let hash = short_hash(home.as_os_str().as_encoded_bytes());
    let owner = rustix::process::geteuid().as_raw();
    ensure_private_directory(
        &Path::new(RUNTIME_PARENT).join(format!("daybook-{owner}-{hash}")),
        identity,
    )
}

fn ensure_private_directory(path: &Path, identity: Identity) -> Result<PathBuf, ServerError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {}
        Err(fault) => return Err(ServerError::io("create", path)(fault)),
    }
    // `symlink_metadata`: a link planted by another user must not be followed.
    let found = fs::symlink_metadata(path).map_err(ServerError::io("inspect", path))?;
    let reason = if !found.is_dir() {
        Some("it is not a folder")
    } else if found.uid() != identity.uid() && found.uid() != rustix::process::geteuid().as_raw() {
        Some("it belongs to another user")
    } else if found.mode() & 0o077 != 0 {
        Some("other users may enter it")
    } else {
        None
    };
    if let Some(reason) = reason {
        return Err(ServerError::UntrustedDirectory {
            path: path.to_path_buf(),
            reason,
        });
    }
    identity.give(path)?;
    Ok(path.to_path_buf())
}

/// Opens a fresh log at `path`; the log of the run before is kept as `<name>.previous`.
pub(crate) fn open_log(path: &Path) -> Result<File, ServerError> {
    let mut previous = path.as_os_str().to_owned();
    previous.push(".previous");
    match fs::rename(path, &previous) {
        Ok(()) => {}
        Err(fault) if fault.kind() == ErrorKind::NotFound => {}
        Err(fault) => return Err(ServerError::io("rename", path)(fault)),
    }
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(ServerError::io("open", path))
}

/// The last lines of the log at `path`, for error messages; says so when it cannot be read.
pub(crate) fn log_tail(path: &Path) -> String {
    read_tail(path).unwrap_or_else(|fault| format!("({} cannot be read: {fault})", path.display()))
}

fn read_tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LOG_TAIL_LINES);
    Ok(lines.get(first..).unwrap_or_default().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("paths-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        ensure_directory(&path).unwrap()
    }

    #[test]
    fn a_link_in_place_of_the_socket_folder_is_refused() {
        let folder = scratch("link");
        let link = folder.join("link");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        let refused = ensure_private_directory(&link, Identity::Current).unwrap_err();
        assert_eq!(refused.code(), "server_untrusted_directory");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_socket_folder_that_others_may_enter_is_refused() {
        let folder = scratch("open");
        let open = folder.join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let refused = ensure_private_directory(&open, Identity::Current).unwrap_err();
        assert!(
            refused.to_string().contains("other users may enter it"),
            "{refused}"
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_socket_folder_made_by_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return; // only root can make a folder that belongs to another user
        }
        let folder = scratch("foreign");
        let foreign = folder.join("foreign");
        DirBuilder::new().mode(0o700).create(&foreign).unwrap();
        std::os::unix::fs::chown(&foreign, Some(4242), Some(4242)).unwrap();
        let refused = ensure_private_directory(&foreign, Identity::never_root()).unwrap_err();
        assert!(
            refused.to_string().contains("belongs to another user"),
            "{refused}"
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_log_is_fresh_and_keeps_one_predecessor() {
        use std::io::Write;
        let folder = scratch("log");
        let path = folder.join("server.log");
        writeln!(open_log(&path).unwrap(), "first").unwrap();
        writeln!(open_log(&path).unwrap(), "second").unwrap();
        assert_eq!(log_tail(&path), "second");
        assert_eq!(log_tail(&folder.join("server.log.previous")), "first");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn hashes_are_stable_over_releases() {
        assert_eq!(
            short_hash(b"/home/somebody/daybook"),
            short_hash(b"/home/somebody/daybook")
        );
        assert_eq!(short_hash(b"abc"), "ba7816bf8f01cfea");
    }
}
