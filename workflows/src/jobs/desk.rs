//! What operators see of the queue, and do about dead letters.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgPool;
use sqlx::{FromRow, Postgres, QueryBuilder};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It will be done, or tried again.
    Waiting,
    /// It is being done.
    Running,
    /// It failed too often: a dead letter.
    Dead,
}

/// A text that names no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job is waiting, running or dead")]
pub struct JobStateError;

impl JobState {
    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = JobStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Waiting, Self::Running, Self::Dead]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(JobStateError)
    }
}

/// Which jobs.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Only in this state.
    pub state: Option<JobState>,
    /// Only of this kind.
    pub task: Option<String>,
    /// Only those before this one.
    pub before: Option<i64>,
}

/// A job, as operators see it. What it works on are ids; nothing about people is in it.
#[derive(Debug, Clone, FromRow)]
pub struct JobRecord {
    /// Its number.
    pub id: i64,
    /// Its kind.
    pub task: String,
    /// What it works on.
    pub payload: Value,
    /// See [`JobState`].
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// How often it is tried before it is a dead letter.
    pub max_attempts: i32,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it is done, or tried again.
    pub run_at: DateTime<Utc>,
    /// When it was put in.
    pub created_at: DateTime<Utc>,
}

/// What became of an operator's wish.
#[derive(Debug, Clone)]
pub enum JobChange {
    /// It is done; the job as it was before.
    Done(Box<JobRecord>),
    /// The job is no dead letter.
    NotDead(Box<JobRecord>),
    /// There is no such job: it was done, or never was.
    NotFound,
}

/// The queue, for operators; cheap to clone.
#[derive(Debug, Clone)]
pub struct JobsDesk {
    pool: PgPool,
}

/// Those that were replaced while they ran are among them: if they fail they are dead letters at once, and
/// nothing else takes them away.
const RECORDS: &str = "SELECT * FROM ( \
    SELECT jobs.id, tasks.identifier AS task, jobs.payload, \
        CASE WHEN jobs.locked_at IS NOT NULL THEN 'running' \
             WHEN jobs.attempts >= jobs.max_attempts THEN 'dead' ELSE 'waiting' END AS state, \
        jobs.attempts::integer AS attempts, jobs.max_attempts::integer AS max_attempts, \
        jobs.last_error, jobs.run_at, jobs.created_at \
    FROM graphile_worker._private_jobs AS jobs \
    JOIN graphile_worker._private_tasks AS tasks ON tasks.id = jobs.task_id \
    ) AS job WHERE true";

impl JobsDesk {
    /// The queue in this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn list(
        &self,
        filter: &JobFilter,
        limit: i64,
    ) -> Result<Vec<JobRecord>, sqlx::Error> {
        let mut query = QueryBuilder::<Postgres>::new(RECORDS);
        if let Some(state) = filter.state {
            query.push(" AND state = ").push_bind(state.as_str());
        }
        if let Some(task) = &filter.task {
            query.push(" AND task = ").push_bind(task.clone());
        }
        if let Some(before) = filter.before {
            query.push(" AND id < ").push_bind(before);
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
        query.build_query_as().fetch_all(&self.pool).await
    }

    /// One job.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn get(&self, id: i64) -> Result<Option<JobRecord>, sqlx::Error> {
        sqlx::query_as(&format!("{RECORDS} AND id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
    }

    /// Has a dead letter tried again, from the first attempt on.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn retry(&self, id: i64) -> Result<JobChange, sqlx::Error> {
        let query = "SELECT id FROM graphile_worker.reschedule_jobs(ARRAY[$1::bigint], \
                     run_at => now(), attempts => 0)";
        self.change(id, query).await
    }

    /// Throws a dead letter away.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn discard(&self, id: i64) -> Result<JobChange, sqlx::Error> {
        let query = "SELECT id FROM graphile_worker.complete_jobs(ARRAY[$1::bigint])";
        self.change(id, query).await
    }

    async fn change(&self, id: i64, query: &str) -> Result<JobChange, sqlx::Error> {
        let Some(job) = self.get(id).await? else {
            return Ok(JobChange::NotFound);
        };
        if job.state != JobState::Dead.as_str() {
            return Ok(JobChange::NotDead(Box::new(job)));
        }
        // Nobody takes a dead letter, so it is still one; the library's functions leave running jobs alone.
        sqlx::query(query).bind(id).fetch_all(&self.pool).await?;
        Ok(JobChange::Done(Box::new(job)))
    }
}
