//! Which provider is asked, and why: kept in the event, so that an auditor sees it years later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::Reference;
use crate::identifier::ProviderName;

/// The most providers that one decision weighs.
pub const MAX_CANDIDATES: usize = 32;

/// A decision between providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Who is asked.
    pub provider: ProviderName,
    /// Who was weighed, in order of preference; the one who is asked is among them.
    pub candidates: Vec<Candidate>,
    /// The rule that decided, by its name and version in the configuration.
    pub rule: Reference,
    /// Why, for people.
    pub reason: Reference,
    /// Whose failure led to this decision, if it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// A provider that was weighed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Who.
    pub provider: ProviderName,
    /// Why it could not be chosen; absent when it could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Reference>,
}

/// An earlier choice that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Who was asked before.
    pub from: ProviderName,
    /// How it failed.
    pub reason: Reference,
}

/// Why a decision between providers is refused; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum RouteRejection {
    /// Too many providers.
    #[error("a route weighs at most {limit} candidates, this one {found}")]
    TooManyCandidates { limit: usize, found: usize },
    /// The provider was not weighed, or was ruled out.
    #[error("the provider {provider} is not among the candidates that could be chosen")]
    NotACandidate { provider: ProviderName },
}

impl RouteRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooManyCandidates { .. } => "route_too_many_candidates",
            Self::NotACandidate { .. } => "route_provider_not_a_candidate",
        }
    }
}

impl Route {
    /// Judges the decision itself.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn check(&self) -> Result<(), RouteRejection> {
        if self.candidates.len() > MAX_CANDIDATES {
            return Err(RouteRejection::TooManyCandidates {
                limit: MAX_CANDIDATES,
                found: self.candidates.len(),
            });
        }
        let chosen = self
            .candidates
            .iter()
            .any(|candidate| candidate.provider == self.provider && candidate.excluded.is_none());
        if chosen {
            Ok(())
        } else {
            Err(RouteRejection::NotACandidate {
                provider: self.provider,
            })
        }
    }
}
