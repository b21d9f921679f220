//! A profile: what is known of an owner as a person.
//!
//! | state  | Record | Erase |
//! |--------|--------|-------|
//! | Absent | → Known, or `profile_empty` | → Erased, or `profile_case_in_review` |
//! | Known  | Known, or `profile_empty`, or nothing when all it removes is not there | → Erased, or `profile_case_in_review` |
//! | Erased | `profile_erased` | nothing |
//!
//! Every field is [personal](crate::personal): sealed under a key of this owner in this ledger alone. An
//! erasure is the last event of the stream. From then on nothing may be recorded, the key is destroyed by
//! whoever follows the log, and the earlier events stay as they are, and say nothing any more.
//!
//! **A case in review** stands in the way of an erasure: nobody ends the examination of themselves by asking
//! to be forgotten. Compliance can have such cases closed with it (rejected for good, in the same append).
//! Of an erased owner no case is opened or goes on; one can still be rejected, expire or be reset, and what
//! providers say is noted ([`crate::verification`]).
//!
//! The owner's id stays, here and on wallets, and must not tell of the person by itself.

mod command;
mod decide;
mod details;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{CasesInReview, ProfileAction, ProfileCommand};
pub use details::{PersonalDetails, ProfileField};
pub use event::{ErasureReason, ProfileEvent};
pub use rejection::ProfileRejection;
pub use state::{KnownProfile, Profile};

crate::aggregate::impl_observing_aggregate!(
    Profile,
    "profile",
    ProfileCommand,
    ProfileEvent,
    ProfileRejection
);
