//! What a read model is, and its checkpoint.

use async_trait::async_trait;
use event_store::LogError;
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use sqlx::PgConnection;

/// The schema a read model's tables stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// The tables that queries read.
    Live,
    /// The tables that are being built to replace the live ones.
    Next,
    /// Tables of one connection, gone with it.
    Temporary,
}

impl Tables {
    /// The schema's name.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Live => "read_models",
            Self::Next => "read_models_next",
            Self::Temporary => "pg_temp",
        }
    }

    /// A statement with `{schema}` replaced.
    #[must_use]
    pub fn sql(self, statement: &str) -> String {
        statement.replace("{schema}", self.schema())
    }
}

/// Why events could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// PostgreSQL failed; trying again may help.
    #[error("PostgreSQL failed while folding")]
    Database(#[from] sqlx::Error),
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[source] LogError),
    /// An event does not fit the rows before it.
    #[error("the event at position {position} cannot be applied: {reason}")]
    Event {
        /// The event.
        position: Position,
        /// What does not fit.
        reason: String,
    },
}

impl From<LogError> for FoldError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Database(error) => Self::Database(error),
            other => Self::Log(other),
        }
    }
}

impl FoldError {
    /// Whether trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().is_none_or(|code| {
                ["08", "25P0", "40", "53", "55", "57", "58"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            Self::Database(_) => true,
            Self::Log(_) | Self::Event { .. } => false,
        }
    }
}

/// A fold of the log into tables.
#[async_trait]
pub trait ReadModel: Send + Sync {
    /// Its name, as in `daybook rebuild <name>`.
    fn name(&self) -> &'static str;

    /// Raised when its tables or its fold change; the live tables are then built anew.
    fn version(&self) -> i32;

    /// Its tables. Each has a column `ledger`.
    fn tables(&self) -> &'static [&'static str];

    /// The statements that make its tables; `{schema}` stands for their schema.
    fn definition(&self) -> &'static [&'static str];

    /// Folds events that follow what was folded before, writing a fixed number of statements
    /// however many events there are.
    ///
    /// # Errors
    /// [`FoldError`]; the caller then rolls back.
    async fn fold(
        &self,
        connection: &mut PgConnection,
        tables: Tables,
        ledger: LedgerName,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError>;
}

/// Makes the tables of a read model.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn create_tables(
    connection: &mut PgConnection,
    read_model: &dyn ReadModel,
    tables: Tables,
) -> Result<(), sqlx::Error> {
    for statement in read_model.definition() {
        sqlx::query(&tables.sql(statement))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Removes the tables of a read model, if they are there.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn drop_tables(
    connection: &mut PgConnection,
    read_model: &dyn ReadModel,
    tables: Tables,
) -> Result<(), sqlx::Error> {
    for table in read_model.tables() {
        let statement = format!("DROP TABLE IF EXISTS {}.{table}", tables.schema());
        sqlx::query(&statement).execute(&mut *connection).await?;
    }
    Ok(())
}
