//! What can be asked of verification cases.

use identity::address::{EmailAddress, PhoneNumber};
use ledger_core::verification::{DocumentKind, ReasonCode};
use ledger_core::{CaseId, OwnerId, ProviderName, TierName, Timestamp};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use workflows::identity_checks::PersonFacts;

use super::names::RetryName;
use crate::text::Text;
use crate::text_formats::{NamePart, WebAddress};

/// A case to open.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct OpenCaseRequest {
    /// Its id, if the caller chooses it (UUID version 7 advised); also the idempotency key when there is no other.
    /// Customers do not: they have one case for each tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<CaseId>>,
    /// About whom.
    pub owner: Text<OwnerId>,
    /// The tier that an approval grants.
    pub tier: Text<TierName>,
    /// When it expires if nothing comes of it; after 30 days when absent. For staff to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
}

/// Documents to ask for.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RequestDocumentsRequest {
    /// Which kinds, such as `passport` or `selfie`: 1 to 64.
    #[oai(validator(min_items = "1", max_items = "64"))]
    pub kinds: Vec<Text<DocumentKind>>,
    /// When the case expires without them; after 30 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
}

/// Providers to hand a case to.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct SubmitCaseRequest {
    /// Which: 1 to 8. The case waits for all of them.
    #[oai(validator(min_items = "1", max_items = "8"))]
    pub providers: Vec<Text<ProviderName>>,
    /// Whom the case is about, as far as the providers demand it; kept sealed until they were asked, and never
    /// written to the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonRequest>,
    /// Where the person's browser goes after a provider's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<Text<WebAddress>>,
}

/// Whom a case is about.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct PersonRequest {
    /// The given names; Onfido demands them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<Text<NamePart>>,
    /// The family name; Onfido demands it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<Text<NamePart>>,
    /// The email address; Digio demands it or an Indian phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<EmailAddress>>,
    /// The phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<PhoneNumber>>,
}

impl SubmitCaseRequest {
    /// What the log must not hold.
    #[must_use]
    pub fn person_facts(&self) -> PersonFacts {
        let person = self.person.as_ref();
        let name = |part: fn(&PersonRequest) -> &Option<Text<NamePart>>| {
            person.and_then(|person| part(person).as_ref().map(|name| name.0.0.clone()))
        };
        PersonFacts {
            given_name: name(|person| &person.given_name),
            family_name: name(|person| &person.family_name),
            email: person
                .and_then(|person| person.email.as_ref())
                .map(|email| email.0.to_string()),
            phone: person
                .and_then(|person| person.phone.as_ref())
                .map(|phone| phone.0.to_string()),
            return_url: self.return_url.as_ref().map(|url| url.0.0.clone()),
        }
    }
}

/// Why something is done, in codes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct CaseReasonsRequest {
    /// Why: at most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "32"))]
    pub reasons: Option<Vec<Text<ReasonCode>>>,
}

/// An approval.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ApproveCaseRequest {
    /// The tier to grant; the one that the case was opened for when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Text<TierName>>,
    /// When the owner is to be verified again; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverify_at: Option<Text<Timestamp>>,
    /// Why: at most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "32"))]
    pub reasons: Option<Vec<Text<ReasonCode>>>,
}

/// A rejection.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RejectCaseRequest {
    /// Whether the owner may try again.
    pub retry: RetryName,
    /// When the case expires if the owner does not; after 30 days when absent. Only where they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// Why: at most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "32"))]
    pub reasons: Option<Vec<Text<ReasonCode>>>,
}

/// A demand that an owner is verified again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RequireReverificationRequest {
    /// When the approval ends without that; after 30 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// Why: at most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "32"))]
    pub reasons: Option<Vec<Text<ReasonCode>>>,
}

/// Reasons as the domain takes them.
#[must_use]
pub fn reason_codes(reasons: Option<&Vec<Text<ReasonCode>>>) -> Vec<ReasonCode> {
    let reasons = reasons.into_iter().flatten();
    reasons.map(|reason| reason.0.clone()).collect()
}
