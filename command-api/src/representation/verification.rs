//! Verification cases: requests, replies and views.

pub mod documents;
pub mod funnel;
pub mod names;
pub mod requests;
pub mod timeline;
pub mod views;

use ledger_core::verification::{Finding, ObservedFinding, ReasonCode, Retry};
use ledger_core::{CaseId, ProviderName, ProviderReference, Timestamp};
use poem_openapi::Object;
use serde::Serialize;

use crate::representation::position::PositionNumber;
use crate::text::Text;

use names::{FindingName, RetryName};

/// A case that was opened.
#[derive(Debug, Serialize, Object)]
pub struct CaseOpened {
    /// Its id.
    pub id: Text<CaseId>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// A case about which something was done.
#[derive(Debug, Serialize, Object)]
pub struct CaseChanged {
    /// Its id.
    pub id: Text<CaseId>,
    /// The position of the last event, or of the end of the log when nothing was to be done.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// What a provider says of a case.
#[derive(Debug, Serialize, Object)]
pub struct FindingView {
    /// Who says so.
    pub provider: Text<ProviderName>,
    /// The provider's own id of the applicant, check or request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<ProviderReference>>,
    /// What.
    pub says: FindingName,
    /// Until when an approval holds; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Text<Timestamp>>,
    /// What a rejection leaves open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryName>,
    /// Why, in the provider's codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Text<ReasonCode>>,
    /// When it came about, by the provider's clock.
    pub observed_at: Text<Timestamp>,
}

/// A finding by its parts: its name, until when it holds, what it leaves open, and why.
struct FindingParts {
    says: FindingName,
    valid_until: Option<Timestamp>,
    retry: Option<Retry>,
    reasons: Vec<ReasonCode>,
}

impl FindingParts {
    fn of(finding: &Finding) -> Self {
        let bare = |says| Self {
            says,
            valid_until: None,
            retry: None,
            reasons: Vec::new(),
        };
        match finding {
            Finding::Pending => bare(FindingName::Pending),
            Finding::Review => bare(FindingName::Review),
            Finding::Approved { valid_until } => Self {
                valid_until: *valid_until,
                ..bare(FindingName::Approved)
            },
            Finding::Rejected { retry, reasons } => Self {
                retry: Some(*retry),
                reasons: reasons.clone(),
                ..bare(FindingName::Rejected)
            },
            Finding::Expired => bare(FindingName::Expired),
            Finding::Reset => bare(FindingName::Reset),
        }
    }
}

impl From<&ObservedFinding> for FindingView {
    fn from(observed: &ObservedFinding) -> Self {
        let parts = FindingParts::of(&observed.finding);
        Self {
            provider: observed.provider.into(),
            reference: observed.reference.clone().map(Text),
            says: parts.says,
            valid_until: parts.valid_until.map(Text),
            retry: parts.retry.map(Into::into),
            reasons: texts(parts.reasons),
            observed_at: observed.observed_at.into(),
        }
    }
}

fn texts<T>(values: impl IntoIterator<Item = T>) -> Vec<Text<T>> {
    values.into_iter().map(Text).collect()
}
