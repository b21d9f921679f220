//! The enumerations of onboardings, and the domain's types they stand for.

use ledger_core::onboarding::{ContactKind, OnboardingStatus, OnboardingStep};
use projections::queries::onboardings::OnboardingOrder;

use crate::choice::{choice, stands_for};

choice!(
    /// How an onboarding stands.
    OnboardingStatusName {
        /// Something is still missing.
        UnderWay => "under_way",
        /// Everything is done.
        Completed => "completed",
        /// The owner was rejected for good.
        Rejected => "rejected",
        /// The owner has not done in time what was wanted.
        Expired => "expired",
        /// It was called off.
        Cancelled => "cancelled",
    }
);

stands_for!(OnboardingStatusName for OnboardingStatus {
    UnderWay, Completed, Rejected, Expired, Cancelled,
});

choice!(
    /// A step of an onboarding, in order.
    OnboardingStepName {
        /// The owner shows that contacts are theirs.
        Contacts => "contacts",
        /// A verification case finds out who they are.
        Verification => "verification",
        /// Their wallet is opened.
        Wallet => "wallet",
    }
);

stands_for!(OnboardingStepName for OnboardingStep { Contacts, Verification, Wallet });

choice!(
    /// How a step stands.
    StepStatusName {
        /// It comes after others.
        Pending => "pending",
        /// The owner has to do something.
        WaitingForOwner => "waiting_for_owner",
        /// Somebody else is at it.
        InProgress => "in_progress",
        /// It is done.
        Done => "done",
        /// The onboarding ended here.
        Failed => "failed",
    }
);

choice!(
    /// A way to reach an owner.
    ContactKindName {
        /// An email address.
        Email => "email",
        /// A phone number.
        Phone => "phone",
    }
);

stands_for!(ContactKindName for ContactKind { Email, Phone });

choice!(
    /// What is to be done next.
    NextActionName {
        /// Add an email address, or give the code that was sent to it.
        VerifyEmail => "verify_email",
        /// Add a phone number, or give the code that was sent to it.
        VerifyPhone => "verify_phone",
        /// Give the documents that the case asks for.
        SubmitDocuments => "submit_documents",
        /// Nothing, but wait.
        Wait => "wait",
        /// Take up what has expired.
        Resume => "resume",
    }
);

choice!(
    /// What comes first.
    OnboardingOrderName {
        /// What was begun last.
        Newest => "newest",
        /// What has been in its state and step for longest.
        LongestWaiting => "longest_waiting",
    }
);

stands_for!(OnboardingOrderName for OnboardingOrder { Newest, LongestWaiting });
