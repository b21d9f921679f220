//! What a crash leaves in a folder: files beside the place of an object, named after it with `#` and a number.
//! No list of objects has them.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::StorageFault;

/// Folders in one another at most: ledger, case, document.
const DEPTH: u8 = 3;

/// Removes them.
pub(super) async fn remove(folder: PathBuf, before: DateTime<Utc>) -> Result<u64, StorageFault> {
    let walk = tokio::task::spawn_blocking(move || {
        let mut removed = 0;
        walk(&folder, before.into(), DEPTH, &mut removed).map(|()| removed)
    });
    match walk.await {
        Ok(Ok(removed)) => Ok(removed),
        Ok(Err(error)) => Err(StorageFault::Unavailable(Box::new(error))),
        Err(error) => Err(StorageFault::Unavailable(Box::new(error))),
    }
}

fn walk(
    folder: &Path,
    before: SystemTime,
    depth: u8,
    removed: &mut u64,
) -> Result<(), std::io::Error> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 1 {
            walk(&entry.path(), before, depth - 1, removed)?;
        } else if kind.is_file() && is_leftover(&entry.path(), &entry.metadata()?, before) {
            std::fs::remove_file(entry.path())?;
            *removed += 1;
        }
    }
    Ok(())
}

fn is_leftover(path: &Path, metadata: &Metadata, before: SystemTime) -> bool {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let is_beside = name
        .and_then(|name| name.rsplit_once('#'))
        .is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
    is_beside && metadata.modified().is_ok_and(|written| written < before)
}
