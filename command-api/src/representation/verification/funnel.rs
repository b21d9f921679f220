//! How many verification cases come how far, and how long it takes.

use ledger_core::ProviderName;
use poem_openapi::Object;
use projections::queries::verification::{FunnelPath, FunnelStep};
use serde::Serialize;

use super::names::CaseStatusName;
use crate::text::Text;

/// A step that cases came to in a period. A case counts once until it begins anew: by a reset, or when its owner
/// is to be verified again.
#[derive(Debug, Serialize, Object)]
pub struct FunnelStepView {
    /// Of those handed to this provider; of all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text<ProviderName>>,
    /// The step: the state that they came to.
    pub step: CaseStatusName,
    /// How many cases came to it.
    pub cases: i64,
    /// The median time from their beginning to the step, in milliseconds: the lower of the two in the middle.
    pub median_since_begun_ms: i64,
    /// The steps that they came from.
    pub from: Vec<FunnelPathView>,
}

/// A step that cases came from.
#[derive(Debug, Serialize, Object)]
pub struct FunnelPathView {
    /// Which.
    pub step: CaseStatusName,
    /// How many cases came from it.
    pub cases: i64,
    /// The median time that they had been there, in milliseconds: the lower of the two in the middle.
    pub median_ms: i64,
}

impl From<FunnelStep> for FunnelStepView {
    fn from(step: FunnelStep) -> Self {
        Self {
            provider: step.provider.map(Text),
            step: step.step.into(),
            cases: step.cases,
            median_since_begun_ms: step.since_begun_ms,
            from: step.from.into_iter().map(FunnelPathView::from).collect(),
        }
    }
}

impl From<FunnelPath> for FunnelPathView {
    fn from(path: FunnelPath) -> Self {
        Self {
            step: path.step.into(),
            cases: path.cases,
            median_ms: path.since_step_ms,
        }
    }
}
