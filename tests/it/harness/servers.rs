//! One PostgreSQL and one NATS for the whole test binary, and servers of their own for the tests
//! that kill them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use embedded_servers::{BinarySearch, NatsOptions, NatsServer, PostgresOptions, PostgresServer};
use event_store::Database;
use sqlx::{Connection, Executor, PgConnection};

const TEMPLATE: &str = "daybook_template";

struct Shared {
    socket_url: String,
    nats_url: String,
}

/// Servers that live as long as the test binary; they die with it whatever happens to it.
fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let folder = scratch_folder();
                let postgres = start_postgres(&folder.join("postgres"), FAST).await;
                let nats = start_nats(&folder.join("nats")).await;
                make_template(
                    &postgres.database_url("postgres"),
                    &postgres.database_url(TEMPLATE),
                )
                .await;
                let socket_url = postgres.database_url("postgres");
                sender
                    .send(Shared {
                        socket_url,
                        nats_url: nats.url(),
                    })
                    .unwrap();
                std::future::pending::<()>().await;
                drop((postgres, nats));
            });
        });
        receiver.recv().expect("the test servers start")
    })
}

/// The NATS server all tests share; streams are kept apart by the ledgers' names.
pub fn shared_nats_url() -> &'static str {
    &shared().nats_url
}

/// Nothing here has to survive a power cut.
const FAST: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("synchronous_commit", "on"),
    ("max_connections", "300"),
    ("shared_buffers", "256MB"),
    ("autovacuum_naptime", "10min"),
];

fn scratch_folder() -> PathBuf {
    let root = std::env::temp_dir();
    for entry in std::fs::read_dir(&root).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(pid) = name.strip_prefix("daybook-it-")
            && !Path::new("/proc").join(pid).exists()
        {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
    let folder = root.join(format!("daybook-it-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn binaries() -> BinarySearch {
    let cache = std::env::var_os("DAYBOOK_SERVERS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.daybook/servers"),
        PathBuf::from,
    );
    BinarySearch::new().with_cache_dir(cache)
}

async fn start_postgres(folder: &Path, settings: &[(&str, &str)]) -> PostgresServer {
    let programs = binaries().find_postgres().await.unwrap();
    let options = settings.iter().fold(
        PostgresOptions::new(programs, folder),
        |options, (name, value)| options.with_setting(*name, *value),
    );
    PostgresServer::start(options).await.unwrap()
}

async fn start_nats(folder: &Path) -> NatsServer {
    let program = binaries().find_nats_server().await.unwrap();
    NatsServer::start(NatsOptions::new(program, folder))
        .await
        .unwrap()
}

async fn make_template(admin_url: &str, template_url: &str) {
    let mut admin = PgConnection::connect(admin_url).await.unwrap();
    admin
        .execute(format!("CREATE DATABASE {TEMPLATE}").as_str())
        .await
        .unwrap();
    Database::connect(template_url, 4)
        .await
        .unwrap()
        .pool()
        .close()
        .await;
}

fn next_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A folder that no other test uses, which is gone when the tests are.
pub fn new_folder(name: &str) -> PathBuf {
    let root = std::env::temp_dir().join(format!("daybook-it-{}", std::process::id()));
    root.join(format!("{name}-{}", next_number()))
}

/// The nats-server program, for tests that kill theirs.
pub async fn nats_program() -> PathBuf {
    binaries().find_nats_server().await.unwrap()
}

/// A migrated database of the test's own.
pub struct TestDatabase {
    pub url: String,
    pub database: Database,
}

impl TestDatabase {
    pub async fn create() -> Self {
        let admin_url = tokio::task::spawn_blocking(|| shared().socket_url.clone())
            .await
            .unwrap();
        let name = format!("test_{}", next_number());
        let mut admin = PgConnection::connect(&admin_url).await.unwrap();
        admin
            .execute(format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}").as_str())
            .await
            .unwrap();
        let url = admin_url.replace("/postgres?", &format!("/{name}?"));
        let database = Database::connect(&url, 16).await.unwrap();
        Self { url, database }
    }

    /// A connection that may do what the service may not.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

/// A PostgreSQL that a test may kill, with a migrated database in it.
pub struct OwnPostgres {
    pub server: PostgresServer,
    pub database: Database,
    _folder: tempfile::TempDir,
}

impl OwnPostgres {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL may run as another user than the test.
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), permissions).unwrap();
        let server = start_postgres(&folder.path().join("postgres"), FAST).await;
        let database = Database::connect(&server.database_url("postgres"), 16)
            .await
            .unwrap();
        Self {
            server,
            database,
            _folder: folder,
        }
    }
}

/// A NATS that a test may kill.
pub struct OwnNats {
    pub server: NatsServer,
    _folder: tempfile::TempDir,
}

impl OwnNats {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = start_nats(&folder.path().join("nats")).await;
        Self {
            server,
            _folder: folder,
        }
    }
}
