//! What waits for a second person: requests and the replies to them.

use ledger_core::Timestamp;
use ledger_core::annotation::Reference;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::text::Text;
use crate::text_formats::AnyId;

/// A request that waits for a second person, or did.
#[derive(Debug, Serialize, Object)]
pub struct ApprovalView {
    /// Its id.
    pub id: Text<AnyId>,
    /// Whether it waits, and what became of it.
    pub status: ApprovalStatus,
    /// Who asked.
    pub requested_by: String,
    /// For which operation.
    pub operation: String,
    /// Which permission it takes; the second person needs it too.
    pub permission: String,
    /// In which ledger, if in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// The request's method.
    pub method: String,
    /// Its path and query, as sent.
    pub target: String,
    /// Its body, as sent.
    pub body: String,
    /// When it was asked for.
    pub requested_at: Text<Timestamp>,
    /// Until when it may be decided, and used.
    pub expires_at: Text<Timestamp>,
    /// The second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When they decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Text<Timestamp>>,
    /// What they had to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When the request was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Text<Timestamp>>,
}

/// Where an approval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Nobody has decided.
    Waiting,
    /// A second person allowed it: the same request is carried out when it comes again.
    Approved,
    /// A second person refused it.
    Refused,
    /// It was allowed, and the request was carried out.
    Used,
    /// Nobody decided in time, or it was not used in time.
    Expired,
}

/// Approvals.
#[derive(Debug, Serialize, Object)]
pub struct ApprovalList {
    /// The approvals, newest first.
    pub items: Vec<ApprovalView>,
}

/// What a second person says.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// Whether the request may be carried out.
    pub decision: Decision,
    /// Why; whoever asked can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Text<Reference>>,
}

/// What a second person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Decision {
    /// It may be carried out.
    Approve,
    /// It may not.
    Refuse,
}
