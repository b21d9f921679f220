//! What a read model is, and its checkpoint.

use async_trait::async_trait;
use event_store::LogError;
use ledger_core::event::RecordedEvent;
use ledger_core::{LedgerName, Position};
use sqlx::{Executor, PgConnection};

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
    /// A row is not one that a projector of this version wrote; a rebuild mends it.
    #[error("a row of {table} cannot be read or written: {reason}")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
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
            Self::Log(_) | Self::Event { .. } | Self::Row { .. } => false,
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

    /// Its tables.
    fn tables(&self) -> &'static [&'static str];

    /// Tables that earlier versions had, to be removed with those that are replaced.
    fn former_tables(&self) -> &'static [&'static str] {
        &[]
    }

    /// The condition that picks the rows of ledger `$1` from one of its tables.
    fn rows_of_ledger(&self, _table: &str) -> &'static str {
        "ledger = $1"
    }

    /// The statements that make its tables; `{schema}` stands for their schema.
    fn definition(&self) -> &'static [&'static str];

    /// The statements that make the indexes which folding from the start does without.
    fn indexes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Begins to fold one ledger.
    fn begin(&self, ledger: LedgerName, before: Before) -> Box<dyn Fold>;

    /// Folds events that follow what is in the tables, by itself.
    ///
    /// # Errors
    /// [`FoldError`]; the caller then rolls back.
    async fn fold(
        &self,
        connection: &mut PgConnection,
        tables: Tables,
        ledger: LedgerName,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        let mut fold = self.begin(ledger, Before::InTables);
        fold.page(&mut Place { connection, tables }, events).await
    }
}

/// What was folded before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing: the tables were made in the same database transaction, the fold starts with the log
    /// and remembers whatever it will need.
    Nothing,
    /// What the tables say; a fold asks them for what it needs, and remembers some of it.
    InTables,
}

impl Before {
    /// The most rows to remember when the tables can be asked again.
    const REMEMBERED: usize = 200_000;

    /// Whether a memory of so many rows is to be given up.
    pub(crate) fn is_too_much(self, remembered: usize) -> bool {
        self == Self::InTables && remembered > Self::REMEMBERED
    }
}

/// Rows to sum up in memory before they are written, at most.
pub(crate) const ROWS_IN_MEMORY: usize = 500_000;

/// Where to write.
#[derive(Debug)]
pub struct Place<'c> {
    /// The connection, in a database transaction.
    pub connection: &'c mut PgConnection,
    /// The tables.
    pub tables: Tables,
}

impl Place<'_> {
    /// A statement with `{schema}` replaced.
    #[must_use]
    pub fn sql(&self, statement: &str) -> String {
        self.tables.sql(statement)
    }
}

/// A fold under way, in one ledger. It remembers what it has seen, so it is good for nothing once a
/// database transaction that it has written in was rolled back.
#[async_trait]
pub trait Fold: Send {
    /// Asks the tables for what these events need to know of those before them.
    ///
    /// # Errors
    /// [`FoldError`].
    async fn recall(
        &mut self,
        _place: &mut Place<'_>,
        _events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        Ok(())
    }

    /// Adds an event that follows those before it.
    ///
    /// # Errors
    /// [`FoldError::Event`].
    fn add(&mut self, event: &RecordedEvent) -> Result<(), FoldError>;

    /// Whether so much waits to be written that it should be.
    fn is_full(&self) -> bool;

    /// Writes what was added, in a fixed number of statements however much that is.
    ///
    /// # Errors
    /// [`FoldError`].
    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError>;

    /// Writes the changes to rows written before, which needs the indexes.
    ///
    /// # Errors
    /// [`FoldError`].
    async fn settle(&mut self, _place: &mut Place<'_>) -> Result<(), FoldError> {
        Ok(())
    }

    /// Folds events and writes what they change.
    ///
    /// # Errors
    /// [`FoldError`].
    async fn page(
        &mut self,
        place: &mut Place<'_>,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        self.recall(place, events).await?;
        for event in events {
            self.add(event)?;
        }
        self.write(place).await?;
        self.settle(place).await
    }
}

/// Makes the tables of a read model, with their indexes.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn create_tables(
    connection: &mut PgConnection,
    read_model: &dyn ReadModel,
    tables: Tables,
) -> Result<(), sqlx::Error> {
    run_all(connection, read_model.definition(), tables).await?;
    run_all(connection, read_model.indexes(), tables).await
}

/// Runs statements of a definition.
///
/// # Errors
/// Those of PostgreSQL.
pub(crate) async fn run_all(
    connection: &mut PgConnection,
    statements: &[&str],
    tables: Tables,
) -> Result<(), sqlx::Error> {
    for statement in statements {
        connection.execute(tables.sql(statement).as_str()).await?;
    }
    Ok(())
}

/// Removes the tables of a read model, and those it had, if they are there.
///
/// # Errors
/// Those of PostgreSQL.
pub async fn drop_tables(
    connection: &mut PgConnection,
    read_model: &dyn ReadModel,
    tables: Tables,
) -> Result<(), sqlx::Error> {
    for table in read_model.tables().iter().chain(read_model.former_tables()) {
        let statement = format!("DROP TABLE IF EXISTS {}.{table}", tables.schema());
        sqlx::query(&statement).execute(&mut *connection).await?;
    }
    Ok(())
}
