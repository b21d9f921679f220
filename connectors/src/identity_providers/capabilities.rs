//! What identity providers can do, as data.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A provider of identity checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Sumsub.
    Sumsub,
    /// Onfido.
    Onfido,
    /// Digio, in India.
    Digio,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::Sumsub, Self::Onfido, Self::Digio];

    /// Its name in URLs, settings and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sumsub => "sumsub",
            Self::Onfido => "onfido",
            Self::Digio => "digio",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A call to a provider. Circuits open per provider and operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// [`IdentityProvider::open_case`](super::IdentityProvider::open_case).
    OpenCase,
    /// [`IdentityProvider::fetch_case`](super::IdentityProvider::fetch_case).
    FetchCase,
    /// [`IdentityProvider::fetch_documents`](super::IdentityProvider::fetch_documents).
    FetchDocuments,
    /// [`IdentityProvider::reset_case`](super::IdentityProvider::reset_case).
    ResetCase,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 4] = [
        Self::OpenCase,
        Self::FetchCase,
        Self::FetchDocuments,
        Self::ResetCase,
    ];

    /// Its name in metrics and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenCase => "open_case",
            Self::FetchCase => "fetch_case",
            Self::FetchDocuments => "fetch_documents",
            Self::ResetCase => "reset_case",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a case must tell of the person. What is not demanded is not sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PersonDemand {
    /// The name is wanted.
    pub name: bool,
    /// An email address or a phone number is wanted.
    pub contact: bool,
}

/// What a provider can do and demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// What it has.
    pub operations: &'static [Operation],
    /// Whether a case can be found by our reference alone, which makes opening it again harmless.
    pub is_found_by_reference: bool,
    /// What it asks about the person.
    pub person: PersonDemand,
    /// How long a way in may be valid at most.
    pub longest_entry: Duration,
    /// How often the same thing may be asked at most.
    pub least_polling_interval: Duration,
}

impl Capabilities {
    /// Whether the provider has the operation.
    #[must_use]
    pub fn supports(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }
}
