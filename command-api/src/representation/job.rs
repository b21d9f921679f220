//! Work outside the ledger, as operators see it.

use ledger_core::Timestamp;
use poem_openapi::Object;
use serde::Serialize;
use serde_json::Value;

use crate::text::Text;

/// A job.
#[derive(Debug, Serialize, Object)]
pub struct JobView {
    /// Its number.
    pub number: i64,
    /// Its kind, such as `execute_refund`.
    pub task: String,
    /// What it works on; its fields depend on the kind.
    pub payload: Value,
    /// `waiting`, `running`, or `dead`: it failed too often and waits for an operator.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// How often it is tried at most.
    pub max_attempts: i32,
    /// Why it failed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is done, or tried again.
    pub run_at: Text<Timestamp>,
    /// When it was put in.
    pub created_at: Text<Timestamp>,
}

/// Jobs, newest first.
#[derive(Debug, Serialize, Object)]
pub struct JobList {
    /// The jobs.
    pub items: Vec<JobView>,
}
