//! Profiles: requests, replies, and what of them is shown to whom may see it.

use std::collections::BTreeSet;

use identity::address::{EmailAddress, PhoneNumber};
use ledger_core::event::RecordedEvent;
use ledger_core::personal::{Personal, PersonalValue};
use ledger_core::profile::{
    CasesInReview, ErasureReason, PersonalDetails, ProfileEvent, ProfileField,
};
use ledger_core::{Event, OwnerId, Timestamp};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::choice::choice;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::{BirthDate, FullName, HomeAddress, NumberEnding};

choice!(
    /// A field of a profile.
    ProfileFieldName {
        /// The name.
        Name => "name",
        /// The email address.
        Email => "email",
        /// The phone number.
        Phone => "phone",
        /// The day of birth.
        DateOfBirth => "date_of_birth",
        /// Where the person lives.
        Address => "address",
        /// How the number of the identity document ends.
        IdentityNumberEnding => "identity_number_ending",
    }
);

impl From<ProfileFieldName> for ProfileField {
    fn from(name: ProfileFieldName) -> Self {
        match name {
            ProfileFieldName::Name => Self::Name,
            ProfileFieldName::Email => Self::Email,
            ProfileFieldName::Phone => Self::Phone,
            ProfileFieldName::DateOfBirth => Self::DateOfBirth,
            ProfileFieldName::Address => Self::Address,
            ProfileFieldName::IdentityNumberEnding => Self::IdentityNumberEnding,
        }
    }
}

choice!(
    /// Why a person is erased.
    ErasureReasonName {
        /// The person asked for it.
        Requested => "requested",
        /// The time for which it had to be kept is over.
        RetentionEnded => "retention_ended",
        /// A court or an authority ordered it.
        Ordered => "ordered",
        /// It should not have been recorded.
        RecordedInError => "recorded_in_error",
    }
);

impl From<ErasureReasonName> for ErasureReason {
    fn from(name: ErasureReasonName) -> Self {
        match name {
            ErasureReasonName::Requested => Self::Requested,
            ErasureReasonName::RetentionEnded => Self::RetentionEnded,
            ErasureReasonName::Ordered => Self::Ordered,
            ErasureReasonName::RecordedInError => Self::RecordedInError,
        }
    }
}

impl From<ErasureReason> for ErasureReasonName {
    fn from(reason: ErasureReason) -> Self {
        match reason {
            ErasureReason::Requested => Self::Requested,
            ErasureReason::RetentionEnded => Self::RetentionEnded,
            ErasureReason::Ordered => Self::Ordered,
            ErasureReason::RecordedInError => Self::RecordedInError,
        }
    }
}

choice!(
    /// What is to become of verification cases in review.
    CasesInReviewName {
        /// They stand in the way: `profile_case_in_review`.
        Prevent => "prevent",
        /// They are rejected for good.
        Close => "close",
    }
);

impl From<CasesInReviewName> for CasesInReview {
    fn from(name: CasesInReviewName) -> Self {
        match name {
            CasesInReviewName::Prevent => Self::Prevent,
            CasesInReviewName::Close => Self::Close,
        }
    }
}

choice!(
    /// How a profile stands.
    ProfileStatusName {
        /// Something is known.
        Known => "known",
        /// The person was erased; nothing is known any more and nothing will be.
        Erased => "erased",
    }
);

/// What is known of an owner as a person; what is not named stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RecordProfileRequest {
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<FullName>>,
    /// The email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<EmailAddress>>,
    /// The phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<PhoneNumber>>,
    /// The day of birth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<Text<BirthDate>>,
    /// Where the person lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Text<HomeAddress>>,
    /// How the number of the identity document ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_number_ending: Option<Text<NumberEnding>>,
    /// What is not known any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[oai(default, validator(max_items = "16"))]
    pub removed: Vec<ProfileFieldName>,
}

impl RecordProfileRequest {
    /// What is to be recorded; `None` when an address is none that the domain takes, which its own format
    /// rules out.
    #[must_use]
    pub fn details(&self) -> Option<PersonalDetails> {
        fn of<T: PersonalValue>(text: Option<&str>) -> Option<Option<Personal<T>>> {
            text.map(|text| text.parse().ok().map(Personal::Clear))
                .map_or(Some(None), |value| value.map(Some))
        }
        Some(PersonalDetails {
            name: self.name.clone().map(|Text(name)| Personal::Clear(name.0)),
            email: of(self.email.as_ref().map(|Text(email)| email.as_str()))?,
            phone: of(self.phone.as_ref().map(|Text(phone)| phone.as_str()))?,
            date_of_birth: self
                .date_of_birth
                .clone()
                .map(|Text(day)| Personal::Clear(day.0)),
            address: self
                .address
                .clone()
                .map(|Text(address)| Personal::Clear(address.0)),
            identity_number_ending: self
                .identity_number_ending
                .clone()
                .map(|Text(ending)| Personal::Clear(ending.0)),
        })
    }

    /// What is not known any more.
    #[must_use]
    pub fn removed(&self) -> BTreeSet<ProfileField> {
        self.removed.iter().copied().map(Into::into).collect()
    }
}

/// Something was recorded of an owner, or all of it was erased.
#[derive(Debug, Serialize, Object)]
pub struct ProfileChanged {
    /// The owner.
    pub owner: Text<OwnerId>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// An order to erase a person.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct EraseProfileRequest {
    /// Why.
    pub reason: ErasureReasonName,
    /// What is to become of the owner's verification cases that are in review; `prevent` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases_in_review: Option<CasesInReviewName>,
}

/// By which address a person is looked for: either of them.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct FindProfilesRequest {
    /// An email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<EmailAddress>>,
    /// A phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<PhoneNumber>>,
}

/// Whom an address is of.
#[derive(Debug, Serialize, Object)]
pub struct FoundProfiles {
    /// The owners whose profile has it.
    pub owners: Vec<String>,
}

/// What is known of an owner as a person.
#[derive(Debug, Serialize, Object)]
pub struct ProfileView {
    /// The owner.
    pub owner: Text<OwnerId>,
    /// Whether anything is known, or all of it was erased.
    pub status: ProfileStatusName,
    /// The full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The day of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    /// Where the person lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How the number of the identity document ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_number_ending: Option<String>,
    /// When something was recorded last, or the person was erased.
    pub changed_at: Text<Timestamp>,
    /// Why the person was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ErasureReasonName>,
    /// The position of the last event.
    pub position: PositionNumber,
}

impl ProfileView {
    /// What these events, already opened, come to; `None` when there are none.
    #[must_use]
    pub fn of(owner: &OwnerId, events: Vec<RecordedEvent>) -> Option<Self> {
        let last = events.last()?;
        let (changed_at, position) = (last.recorded_at, last.position);
        let mut details = PersonalDetails::default();
        let mut reason = None;
        for event in events {
            let Event::Profile(event) = event.event else {
                continue;
            };
            match *event {
                ProfileEvent::ProfileRecorded {
                    details: later,
                    removed,
                    ..
                } => {
                    for field in removed {
                        details.remove(field);
                    }
                    details.update(later);
                }
                ProfileEvent::ProfileErased { reason: why, .. } => {
                    details = PersonalDetails::default();
                    reason = Some(why);
                }
            }
        }
        // Its key may be gone before this node has seen why.
        let is_gone = details
            .fields()
            .iter()
            .any(|(_, field)| field.clear_text().is_none());
        let status = if is_gone || reason.is_some() {
            ProfileStatusName::Erased
        } else {
            ProfileStatusName::Known
        };
        Some(Self {
            owner: owner.clone().into(),
            status,
            name: clear(details.name),
            email: clear(details.email),
            phone: clear(details.phone),
            date_of_birth: clear(details.date_of_birth),
            address: clear(details.address),
            identity_number_ending: clear(details.identity_number_ending),
            changed_at: changed_at.into(),
            reason: reason.map(Into::into),
            position: position.into(),
        })
    }
}

fn clear<T: PersonalValue>(field: Option<Personal<T>>) -> Option<String> {
    match field {
        Some(Personal::Clear(value)) => Some(value.as_str().to_owned()),
        Some(Personal::Sealed(_) | Personal::Withheld | Personal::Erased) | None => None,
    }
}
