//! Cases: one person, one level, one provider.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Attempt, Person, PersonalText, ProviderId, ReasonCode, Reference, Reported};

/// How the person gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// By a page of the provider, to which a browser is sent.
    Page,
    /// By a token for the provider's software in a page or application of ours.
    Token,
}

/// A case to be opened. Another attempt has the same content.
#[derive(Debug, Clone)]
pub struct CaseRequest {
    /// Our name for it.
    pub reference: Reference,
    /// Whether it may have been opened already.
    pub attempt: Attempt,
    /// What is checked, by the name or id under which it is set up at the provider: a level of Sumsub, a
    /// workflow of Onfido, a template of Digio.
    pub level: String,
    /// Whom it is about.
    pub person: Person,
    /// How the person gets in.
    pub entry: EntryKind,
    /// How long the way in is valid; clipped to what the provider allows.
    pub entry_lifetime: Duration,
    /// Where the browser goes afterwards.
    pub return_url: Url,
}

/// A person's way in. Whoever has it can act as that person, and Digio's holds their contact, so `Debug`
/// shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub enum CaseEntry {
    /// A page to which the browser is sent.
    Page {
        /// The page.
        url: Url,
    },
    /// A token for the provider's software.
    Token {
        /// The token.
        token: PersonalText,
    },
}

impl fmt::Debug for CaseEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { url } => formatter
                .debug_struct("Page")
                .field("host", &url.host_str())
                .finish_non_exhaustive(),
            Self::Token { .. } => formatter.debug_struct("Token").finish_non_exhaustive(),
        }
    }
}

/// An open case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedCase {
    /// The provider's id.
    pub case_id: ProviderId,
    /// The person's way in.
    pub entry: CaseEntry,
}

/// Which case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseLookup {
    /// By the provider's id, where the answer to its opening came.
    Id(ProviderId),
    /// By our reference, where it did not.
    Reference(Reference),
}

/// Whether a rejected person may try again in the same case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// They may, and the case goes on when they do.
    Allowed,
    /// They may not. Another decision may still come, by people of the provider or ours.
    Final,
}

/// How far a case is, as its provider sees it now.
///
/// It is not a history: of two observations the later one may be the older fact, and none is the end. A
/// rejection is followed by an approval, an approval by a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaseStatus {
    /// The person has something to hand in.
    AwaitingPerson,
    /// What was handed in is checked.
    Pending,
    /// People look at it, the provider's or ours.
    InReview,
    /// The person passed, at the level of the case.
    Approved,
    /// The person did not pass.
    Rejected(Retry),
    /// What was decided does not hold any more; the person starts over. Only webhooks say this word: who
    /// fetches is told [`AwaitingPerson`](Self::AwaitingPerson).
    Reset,
    /// The person's time is over.
    Expired,
    /// It was closed or removed without a decision that holds.
    Withdrawn,
    /// The provider could not carry it out.
    Failed,
}

impl CaseStatus {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::AwaitingPerson,
        Self::Pending,
        Self::InReview,
        Self::Approved,
        Self::Rejected(Retry::Allowed),
        Self::Rejected(Retry::Final),
        Self::Reset,
        Self::Expired,
        Self::Withdrawn,
        Self::Failed,
    ];

    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingPerson => "awaiting_person",
            Self::Pending => "pending",
            Self::InReview => "in_review",
            Self::Approved => "approved",
            Self::Rejected(Retry::Allowed) => "rejected_retry",
            Self::Rejected(Retry::Final) => "rejected_final",
            Self::Reset => "reset",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Failed => "failed",
        }
    }
}

/// What a provider says of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseObservation {
    /// The provider's id.
    pub case_id: ProviderId,
    /// Our reference, where the provider repeats it.
    pub reference: Option<Reference>,
    /// The level, workflow or template that it is about, where the provider says so.
    pub level: Option<String>,
    /// In our words.
    pub status: Reported<CaseStatus>,
    /// In the provider's words, as many of them as it takes.
    pub provider_status: String,
    /// Why, in the provider's codes.
    pub reasons: Vec<ReasonCode>,
    /// What the person may be told, in the provider's words.
    pub message_for_person: Option<PersonalText>,
    /// When the provider says this came about; nothing where it says so only of something else. What was
    /// fetched is how it is when it is fetched, whatever this says.
    pub occurred_at: Option<DateTime<Utc>>,
}
