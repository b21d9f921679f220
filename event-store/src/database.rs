//! Connecting to PostgreSQL.
//!
//! The service works as the role `daybook_service`, which the migrations make: it may append events
//! and never change them. Every pooled connection takes that role on before it is used.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, Row};

/// The oldest major version of PostgreSQL that Daybook runs on.
pub const OLDEST_POSTGRES: u32 = 15;
/// The newest major version of PostgreSQL that Daybook is tested with.
pub const NEWEST_POSTGRES: u32 = 18;

/// How long a pooled connection may have been idle before it is tested.
const PING_AFTER: Duration = Duration::from_millis(100);

/// The role the service works as.
const SERVICE_ROLE: &str = "daybook_service";

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL is not one of PostgreSQL.
    #[error("the database URL cannot be read")]
    Url(#[source] sqlx::Error),
    /// The server cannot be reached or refuses.
    #[error("PostgreSQL cannot be reached")]
    Connect(#[source] sqlx::Error),
    /// The server is too old.
    #[error("PostgreSQL {found} is too old, {OLDEST_POSTGRES} or newer is needed")]
    TooOld {
        /// The server's major version.
        found: u32,
    },
    /// A migration failed.
    #[error("the database cannot be migrated")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

/// A migrated database.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    options: PgConnectOptions,
}

impl Database {
    /// Connects, checks the server's version and migrates; `connections` bounds the pool.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn connect(url: &str, connections: u32) -> Result<Self, DatabaseError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(DatabaseError::Url)?
            .application_name("daybook")
            // Without this, a user called like a schema of ours would find tables there by chance.
            .options([("search_path", "public")])
            .log_statements(tracing::log::LevelFilter::Trace)
            .log_slow_statements(tracing::log::LevelFilter::Debug, Duration::from_secs(5));
        migrate(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            // A ping per use would double the round trips; one after a pause finds the connections
            // that died meanwhile, so that a restart of PostgreSQL costs no request.
            .test_before_acquire(false)
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    Ok(metadata.idle_for < PING_AFTER || connection.ping().await.is_ok())
                })
            })
            .after_connect(|connection, _| Box::pin(take_service_role(connection)))
            .after_release(|connection, _| Box::pin(is_outside_transaction(connection)))
            .connect_lazy_with(options.clone());
        Ok(Self { pool, options })
    }

    /// The pool for reads and projections.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection of its own, outside the pool: for a writer or a listener.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn dedicated_connection(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        take_service_role(&mut connection).await?;
        Ok(connection)
    }
}

async fn take_service_role(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Idle transactions would hold the head's row for ever when a client vanishes without a word.
    let settings = format!(
        "SET ROLE {SERVICE_ROLE}; SET idle_in_transaction_session_timeout = '60s'; SET TIME ZONE 'UTC'"
    );
    connection.execute(settings.as_str()).await.map(|_| ())
}

/// Whether a connection that is given back has no database transaction open; if it has, the pool closes
/// it. A caller dropped while its `BEGIN` is under way leaves one that sqlx does not know of, and whoever
/// got the connection next would read an old snapshot and might not be allowed to write.
async fn is_outside_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // Outside a transaction, a statement is a transaction of its own and they begin together. Sent as
    // plain text, because the parts of a prepared statement count as statements.
    let row = connection
        .fetch_one("SELECT now() = statement_timestamp()")
        .await?;
    row.try_get(0)
}

async fn migrate(options: &PgConnectOptions) -> Result<(), DatabaseError> {
    let mut connection = PgConnection::connect_with(options)
        .await
        .map_err(DatabaseError::Connect)?;
    let version: String = sqlx::query_scalar("SHOW server_version_num")
        .fetch_one(&mut connection)
        .await
        .map_err(DatabaseError::Connect)?;
    let found = version.parse::<u32>().unwrap_or(0) / 10_000;
    if found < OLDEST_POSTGRES {
        return Err(DatabaseError::TooOld { found });
    }
    if found > NEWEST_POSTGRES {
        tracing::warn!(
            postgres.version = found,
            "PostgreSQL is newer than any Daybook was tested with"
        );
    }
    MIGRATIONS
        .run(&mut connection)
        .await
        .map_err(DatabaseError::Migrate)?;
    connection.close().await.map_err(DatabaseError::Connect)
}
