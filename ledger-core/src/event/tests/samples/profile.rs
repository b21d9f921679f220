//! Samples of profiles, sealed as the log has them.

use super::*;
use crate::personal::{Personal, SealedText};
use crate::profile::{ErasureReason, PersonalDetails, ProfileEvent, ProfileField};

/// What a value looks like in the log: 24 bytes of nonce, then the ciphertext and its tag.
fn sealed<T>(text: &str) -> Option<Personal<T>> {
    let key = uuid::Uuid::from_u128(OTHER);
    let sealed = SealedText::try_new(key, text.repeat(10)).unwrap();
    Some(Personal::Sealed(sealed))
}

pub(super) fn current() -> Vec<(&'static str, AggregateType, Event)> {
    let recorded = |details, removed: &[ProfileField]| ProfileEvent::ProfileRecorded {
        owner: owner("customer-7"),
        details,
        removed: removed.iter().copied().collect(),
        by: parsed("person:7"),
    };
    let erased = |reason| ProfileEvent::ProfileErased {
        owner: owner("customer-7"),
        reason,
        by: parsed("person:9"),
    };
    let name = PersonalDetails {
        name: sealed("c2VhbGVk"),
        ..PersonalDetails::default()
    };
    let all = PersonalDetails {
        name: sealed("bmFtZV9f"),
        email: sealed("ZW1haWxf"),
        phone: sealed("cGhvbmVf"),
        date_of_birth: sealed("YmlydGhf"),
        address: sealed("YWRkcmVz"),
        identity_number_ending: sealed("bnVtYmVy"),
    };
    let some = PersonalDetails {
        phone: sealed("cGhvbmVf"),
        ..PersonalDetails::default()
    };
    let events = vec![
        ("minimal", recorded(name, &[])),
        ("full", recorded(all, &[])),
        (
            "removed",
            recorded(some, &[ProfileField::Email, ProfileField::Address]),
        ),
        ("minimal", erased(ErasureReason::Requested)),
        ("full", erased(ErasureReason::RetentionEnded)),
        ("ordered", erased(ErasureReason::Ordered)),
        ("in_error", erased(ErasureReason::RecordedInError)),
    ];
    let events = events.into_iter();
    events
        .map(|(name, event)| {
            (
                name,
                AggregateType::Profile,
                Event::Profile(Box::new(event)),
            )
        })
        .collect()
}
