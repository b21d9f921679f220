//! The onboarding of an owner: contacts are verified, a tier is granted, a wallet is opened.
//!
//! | state | Start | Advance | Remind | Expire | Cancel | Resume |
//! |---|---|---|---|---|---|---|
//! | Absent | → Contacts, or `tier_not_found`, `onboarding_out_of_range`, `asset_not_found`, `wallet_exists` | `onboarding_not_found` | `onboarding_not_found` | `onboarding_not_found` | `onboarding_not_found` | `onboarding_not_found` |
//! | Contacts | nothing, or `onboarding_exists` for another tier | as below | Contacts, or nothing | → Expired, or `onboarding_not_due` | → Cancelled | nothing |
//! | Verification | nothing, or `onboarding_exists` for another tier | as below | Verification, or nothing | → Expired, or `onboarding_not_due` | → Cancelled | nothing |
//! | Wallet | nothing, or `onboarding_exists` for another tier | as below | nothing | `onboarding_not_due` | → Cancelled | nothing |
//! | Completed | nothing, or → Contacts for another tier | nothing | nothing | nothing | `onboarding_ended` | `onboarding_ended` |
//! | Rejected | `onboarding_ended` | nothing | nothing | nothing | `onboarding_ended` | → Contacts for staff, `onboarding_ended` for others |
//! | Expired | `onboarding_ended` | nothing | nothing | nothing | → Cancelled | → Contacts |
//! | Cancelled | `onboarding_ended` | nothing | nothing | nothing | nothing | → Contacts for staff, `onboarding_ended` for others |
//!
//! **Advance** says which contacts are verified now, and looks at the owner's case, grants and wallet as
//! they stand in the same decision. It leads to one event after the other until there is nothing new:
//!
//! | what is seen | what follows |
//! |---|---|
//! | a contact that is needed was verified, or is verified no more | `OnboardingContactVerified`, `OnboardingContactRemoved` |
//! | the case, or what was granted without one, stands otherwise than before | `OnboardingVerificationSeen` |
//! | the case was rejected for good | `OnboardingRejected`: → Rejected |
//! | the case has expired while its owner was waited for | `OnboardingExpired`: → Expired |
//! | the owner is waited for now, or has got another time | `OnboardingOwnerAwaited` |
//! | contacts are verified, a tier is granted, and the wallet is open and the owner's | `OnboardingCompleted`: → Completed |
//!
//! Which of Contacts, Verification and Wallet it is in follows from what is still missing, the first of
//! them: a contact that is verified no more leads back, and so does a tier that is taken back. While the
//! wallet is there already, it waits for the others.
//!
//! **Whoever is waited for** has a time. The owner is, for contacts, and while the case wants something of
//! them: then the time is the case's own, where it has one. Reminders are counted by such a wait. While
//! somebody else is to act, nothing is due.
//!
//! **What is not here.** No address, name or number: of a contact only the kind.

mod command;
mod decide;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;
mod words;

pub use command::{AssetsKnown, OnboardingAction, OnboardingCommand, Reopen, Seen, WalletSeen};
pub use event::OnboardingEvent;
pub use rejection::OnboardingRejection;
pub use state::{Awaited, Course, Onboarding, OnboardingStatus};
pub use words::{ContactKind, OnboardingStep, OnboardingTerms, VerificationStanding};

crate::aggregate::impl_observing_aggregate!(
    Onboarding,
    "onboarding",
    OnboardingCommand,
    OnboardingEvent,
    OnboardingRejection
);

/// The most assets that one onboarding names.
pub const MAX_ASSETS: usize = 32;
