//! Sandboxes as they are stored.

use chrono::{DateTime, Utc};
use ledger_core::{LedgerName, Position};
use sqlx::FromRow;

use super::Sandboxes;

/// Why a stored sandbox cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// PostgreSQL failed or cannot be reached.
    #[error("the sandboxes cannot be read")]
    Database(#[from] sqlx::Error),
    /// It is not one that Daybook wrote.
    #[error("the {what} of the sandbox {ledger} cannot be read")]
    Stored {
        /// Its name.
        ledger: String,
        /// What of it.
        what: &'static str,
    },
}

/// How far a sandbox has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxState {
    /// Its log is being written.
    Building,
    /// The source was gone through.
    Complete,
    /// It cannot be built.
    Failed,
}

/// Why a sandbox cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code of the rule that is broken.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// A fork of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Its name.
    pub ledger: LedgerName,
    /// Which ledger is forked.
    pub source: LedgerName,
    /// Up to here its log is copied.
    pub position: Position,
    /// From there to here it is decided again.
    pub until: Position,
    /// The rules that are others, as JSON.
    pub rules: String,
    /// SHA-256 of what was asked.
    pub request_hash: Vec<u8>,
    /// Who asked.
    pub created_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// How far it has come.
    pub state: SandboxState,
    /// How far the source was gone through.
    pub reached: Position,
    /// The last position of its own log.
    pub head: Position,
    /// How many commands were refused.
    pub refused: i64,
    /// How many came to something else.
    pub changed: i64,
    /// How many fell away with others.
    pub fell_away: i64,
    /// How many the rules replaced.
    pub left_out: i64,
    /// Why it cannot be built, if it cannot.
    pub failure: Option<Failure>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    ledger: String,
    source: String,
    position: i64,
    until: i64,
    rules: String,
    request_hash: Vec<u8>,
    created_by: Option<String>,
    created_at: DateTime<Utc>,
    state: String,
    reached: i64,
    head: i64,
    refused: i64,
    changed: i64,
    fell_away: i64,
    left_out: i64,
    failure_code: Option<String>,
    failure_detail: Option<String>,
    ended_at: Option<DateTime<Utc>>,
}

const SELECT: &str = "SELECT sandbox.ledger, source, sandbox.position, until, rules::text AS rules, \
     request_hash, created_by, created_at, state, reached, head.position AS head, refused, changed, \
     fell_away, left_out, failure_code, failure_detail, ended_at \
     FROM daybook.sandbox JOIN daybook.ledger_head AS head ON head.ledger = sandbox.ledger";

impl TryFrom<Row> for Sandbox {
    type Error = SandboxError;

    fn try_from(row: Row) -> Result<Self, SandboxError> {
        let unreadable = |what| SandboxError::Stored {
            ledger: row.ledger.clone(),
            what,
        };
        let position = |value, what| Position::try_new(value).ok_or_else(|| unreadable(what));
        let state = match row.state.as_str() {
            "building" => SandboxState::Building,
            "complete" => SandboxState::Complete,
            "failed" => SandboxState::Failed,
            _ => return Err(unreadable("state")),
        };
        Ok(Self {
            ledger: row.ledger.parse().map_err(|_| unreadable("name"))?,
            source: row.source.parse().map_err(|_| unreadable("source"))?,
            position: position(row.position, "position")?,
            until: position(row.until, "end")?,
            reached: position(row.reached, "progress")?,
            head: position(row.head, "head")?,
            state,
            rules: row.rules,
            request_hash: row.request_hash,
            created_by: row.created_by,
            created_at: row.created_at,
            refused: row.refused,
            changed: row.changed,
            fell_away: row.fell_away,
            left_out: row.left_out,
            failure: row.failure_code.map(|code| Failure {
                code,
                detail: row.failure_detail.unwrap_or_default(),
            }),
            ended_at: row.ended_at,
        })
    }
}

impl Sandboxes {
    /// One sandbox.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub async fn find(&self, ledger: LedgerName) -> Result<Option<Sandbox>, SandboxError> {
        let row: Option<Row> = sqlx::query_as(&format!("{SELECT} WHERE sandbox.ledger = $1"))
            .bind(ledger.as_str())
            .fetch_optional(self.pool())
            .await?;
        row.map(Sandbox::try_from).transpose()
    }

    /// The forks of a ledger, in order of name, `limit` at most after a name.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub async fn of_source(
        &self,
        source: LedgerName,
        after: Option<LedgerName>,
        limit: i64,
    ) -> Result<Vec<Sandbox>, SandboxError> {
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "{SELECT} WHERE source = $1 AND sandbox.ledger > $2 ORDER BY sandbox.ledger LIMIT $3"
        ))
        .bind(source.as_str())
        .bind(after.as_ref().map_or("", LedgerName::as_str))
        .bind(limit)
        .fetch_all(self.pool())
        .await?;
        rows.into_iter().map(Sandbox::try_from).collect()
    }
}
