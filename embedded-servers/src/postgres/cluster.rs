//! The cluster's files: made once, all or nothing, by the version that reads them.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Instant;

use super::{Place, SUPERUSER};
use crate::binaries::postgres_major_of;
use crate::error::ServerError;
use crate::supervise::{Launch, Supervised};

/// Makes the cluster when there is none, checks its version when there is.
///
/// The caller holds the server lock. A cluster is made under another name and renamed when whole,
/// so a start that was cut off leaves nothing that looks like a cluster.
pub(crate) async fn ensure(place: &Place, lock: &File) -> Result<(), ServerError> {
    let version_file = place.cluster.join("PG_VERSION");
    match fs::read_to_string(&version_file) {
        Ok(found) => check_version(place, found.trim()).await,
        Err(fault) if fault.kind() == ErrorKind::NotFound => make(place, lock).await,
        Err(fault) => Err(ServerError::io("read", &version_file)(fault)),
    }
}

async fn check_version(place: &Place, found: &str) -> Result<(), ServerError> {
    let binary = postgres_major_of(&place.bin_dir).await?.to_string();
    if found == binary {
        return Ok(());
    }
    let directory = place.cluster.clone();
    Err(ServerError::ClusterVersion {
        directory,
        found: found.to_owned(),
        binary,
    })
}

async fn make(place: &Place, lock: &File) -> Result<(), ServerError> {
    let started = Instant::now();
    tracing::info!(
        "creating a PostgreSQL cluster in {}",
        place.cluster.display()
    );
    let partial = place.home.join("cluster.partial");
    prepare_empty(&partial, place)?;
    run_initdb(&partial, place, lock).await?;
    fs::rename(&partial, &place.cluster).map_err(ServerError::io("create", &place.cluster))?;
    File::open(&place.home)
        .and_then(|home| home.sync_all())
        .map_err(ServerError::io("sync", &place.home))?;
    tracing::info!(
        duration_ms = started.elapsed().as_millis(),
        "PostgreSQL cluster created"
    );
    Ok(())
}

fn prepare_empty(partial: &Path, place: &Place) -> Result<(), ServerError> {
    match fs::remove_dir_all(partial) {
        Ok(()) => tracing::info!("removing a cluster that was never finished"),
        Err(fault) if fault.kind() == ErrorKind::NotFound => {}
        Err(fault) => return Err(ServerError::io("remove", partial)(fault)),
    }
    DirBuilder::new()
        .mode(0o700)
        .create(partial)
        .map_err(ServerError::io("create", partial))?;
    place.identity.give(partial)
}

async fn run_initdb(partial: &Path, place: &Place, lock: &File) -> Result<(), ServerError> {
    let mut arguments = vec![OsString::from("-D"), partial.as_os_str().to_owned()];
    arguments.extend(
        [
            &format!("--username={SUPERUSER}"),
            "--encoding=UTF8",
            // C collation: text sorts by bytes, the same on every machine.
            "--no-locale",
            "--auth-local=trust",
            "--auth-host=reject",
            "--data-checksums",
            "--no-instructions",
        ]
        .map(OsString::from),
    );
    let mut initdb = Supervised::launch(Launch {
        server: "initdb",
        program: place.bin_dir.join("initdb"),
        arguments,
        environment: place.environment(),
        working_directory: partial.to_path_buf(),
        identity: place.identity,
        log: place.home.join("initdb.log"),
        lock: lock
            .try_clone()
            .map_err(ServerError::io("share the lock of", &place.home))?,
        stop_signal: "TERM",
    })
    .await?;
    let status = initdb.ended().await;
    if status.success() {
        Ok(())
    } else {
        Err(initdb.start_failed(status))
    }
}
