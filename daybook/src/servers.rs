//! Where PostgreSQL and NATS come from: the configuration, or private servers of our own.
//!
//! Private servers belong to one process at a time. What is needed to reach them stands in a file
//! beside their data, so that a command can be run while `daybook up` is running.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use embedded_servers::{
    BinarySearch, KeptServer, NatsOptions, NatsServer, PostgresOptions, PostgresServer, ServerError,
};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// The database that private servers keep everything in.
const DATABASE: &str = "postgres";

/// The settings of the private PostgreSQL, beyond its own defaults. Everything it acknowledges is
/// durable: `fsync` and `synchronous_commit` stay on.
pub const POSTGRES_SETTINGS: &[(&str, &str)] = &[
    ("max_connections", "200"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
];

/// Where private servers live.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Their data.
    pub data: PathBuf,
    /// Their programs.
    pub servers: PathBuf,
}

/// Why there are no servers.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// Another `daybook up` owns the private servers.
    #[error("Daybook is already running here{}", reach(reached))]
    AlreadyUp {
        /// How to reach it.
        reached: Option<Reach>,
    },
    /// A private server cannot be started.
    #[error(transparent)]
    Private(ServerError),
    /// The file beside the servers' data cannot be written.
    #[error("{} cannot be written", path.display())]
    Reach {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

fn reach(reached: &Option<Reach>) -> String {
    match reached {
        Some(Reach {
            address: Some(address),
            pid,
            ..
        }) => {
            format!(": open http://{address}/ or stop process {pid}")
        }
        Some(Reach {
            address: None, pid, ..
        }) => format!(" as process {pid}"),
        None => String::new(),
    }
}

/// How to reach servers that a running process keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reach {
    /// The process.
    pub pid: u32,
    /// Where it serves HTTP, once it does.
    pub address: Option<String>,
    database_url: String,
    nats_url: String,
}

/// The servers to work with.
#[derive(Debug)]
pub struct Servers {
    /// PostgreSQL.
    pub database_url: String,
    /// NATS.
    pub nats_url: String,
    private: Private,
}

#[derive(Debug, Default)]
struct Private {
    postgres: Option<KeptServer>,
    nats: Option<KeptServer>,
    reach: Option<PathBuf>,
}

impl Servers {
    /// Uses what is configured and starts what is not.
    ///
    /// # Errors
    /// [`ServersError::AlreadyUp`] when another process keeps the private servers.
    pub async fn start(settings: &Settings, folders: &Folders) -> Result<Self, ServersError> {
        let search = BinarySearch::new().with_cache_dir(&folders.servers);
        let mut private = Private::default();
        let database_url = match settings.database.url.get() {
            Some(url) => url.to_owned(),
            None => {
                let server = start_postgres(&search, folders).await?;
                let url = server.database_url(DATABASE);
                private.postgres = Some(KeptServer::keep(server));
                url
            }
        };
        let nats_url = match settings.nats.url.get() {
            Some(url) => url.to_owned(),
            None => {
                let server = start_nats(&search, folders).await?;
                let url = server.url();
                private.nats = Some(KeptServer::keep(server));
                url
            }
        };
        let mut servers = Self {
            database_url,
            nats_url,
            private,
        };
        if servers.is_private() {
            servers.private.reach = Some(reach_file(folders));
            servers.announce(None)?;
        }
        Ok(servers)
    }

    /// As [`Servers::start`], but works with the servers of a running `daybook up` if there is one.
    ///
    /// # Errors
    /// [`ServersError`].
    pub async fn start_or_reach(
        settings: &Settings,
        folders: &Folders,
    ) -> Result<Self, ServersError> {
        match Self::start(settings, folders).await {
            Err(ServersError::AlreadyUp {
                reached: Some(reach),
            }) => Ok(Self {
                database_url: reach.database_url,
                nats_url: reach.nats_url,
                private: Private::default(),
            }),
            started => started,
        }
    }

    /// Tells other processes where HTTP is served.
    ///
    /// # Errors
    /// [`ServersError::Reach`].
    pub fn announce(&self, address: Option<String>) -> Result<(), ServersError> {
        let Some(path) = &self.private.reach else {
            return Ok(());
        };
        let reach = Reach {
            pid: std::process::id(),
            address,
            database_url: self.database_url.clone(),
            nats_url: self.nats_url.clone(),
        };
        write_private(path, &serde_json::to_vec_pretty(&reach).unwrap_or_default()).map_err(
            |source| ServersError::Reach {
                path: path.clone(),
                source,
            },
        )
    }

    /// Whether this process keeps servers of its own.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.private.postgres.is_some() || self.private.nats.is_some()
    }

    /// Stops the private servers in order.
    pub async fn stop(self) {
        if let Some(path) = &self.private.reach {
            drop(fs::remove_file(path));
        }
        for server in [self.private.nats, self.private.postgres]
            .into_iter()
            .flatten()
        {
            if let Err(error) = server.stop().await {
                tracing::warn!(error = %event_store::ErrorChain(&error), "a private server did not stop in order");
            }
        }
    }
}

async fn start_postgres(
    search: &BinarySearch,
    folders: &Folders,
) -> Result<PostgresServer, ServersError> {
    let started = async {
        let programs = search.find_postgres().await?;
        let options = POSTGRES_SETTINGS.iter().fold(
            PostgresOptions::new(programs, folders.data.join("postgres")),
            |options, (name, value)| options.with_setting(*name, *value),
        );
        PostgresServer::start(options).await
    };
    started.await.map_err(|error| own(error, folders))
}

async fn start_nats(search: &BinarySearch, folders: &Folders) -> Result<NatsServer, ServersError> {
    let started = async {
        let program = search.find_nats_server().await?;
        NatsServer::start(NatsOptions::new(program, folders.data.join("nats")).with_password())
            .await
    };
    started.await.map_err(|error| own(error, folders))
}

fn own(error: ServerError, folders: &Folders) -> ServersError {
    match error {
        ServerError::AlreadyRunning { .. } => ServersError::AlreadyUp {
            reached: read_reach(&reach_file(folders)),
        },
        other => ServersError::Private(other),
    }
}

fn reach_file(folders: &Folders) -> PathBuf {
    folders.data.join("reach.json")
}

fn read_reach(path: &Path) -> Option<Reach> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The file holds the password of the private NATS: nobody else may read it.
fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}
