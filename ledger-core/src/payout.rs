//! A payout: money that goes out to a beneficiary through a provider.
//!
//! | state            | Approve          | Decline        | Cancel          | Submit           |
//! |------------------|------------------|----------------|-----------------|------------------|
//! | Absent           | `payout_not_found` | `payout_not_found` | `payout_not_found` | `payout_not_found` |
//! | AwaitingApproval | → Approved, or `payout_approver_is_machine`, `payout_approver_is_requester` | → Declined, or the same | → Cancelled | `payout_awaiting_approval` |
//! | Requested, Approved | `payout_not_awaiting_approval` | the same | → Cancelled | → Submitted, or `beneficiary_not_verified`, a [`crate::provider::RouteRejection`] |
//! | Submitted, Processing, Succeeded | `payout_not_awaiting_approval` | the same | `payout_submitted` | nothing for the same provider, `payout_submitted` for another |
//! | Declined, Cancelled, Failed, Returned | `payout_not_awaiting_approval` | the same | `payout_ended` | `payout_ended` |
//!
//! | state               | not accepted   | processing   | succeeded   | failed   | returned   | cancelled   |
//! |---------------------|----------------|--------------|-------------|----------|------------|-------------|
//! | AwaitingApproval    | `payout_not_submitted` in every column |  |  |  |  |  |
//! | Requested, Approved | nothing if submitted before | `payout_not_submitted` | `payout_not_submitted` | `payout_not_submitted` | `payout_not_submitted` | `payout_not_submitted` |
//! | Submitted           | → Requested, Approved | → Processing | → Succeeded | → Failed | → Returned | → Cancelled |
//! | Processing          | `payout_was_accepted` | –     | → Succeeded | → Failed | → Returned | → Cancelled |
//! | Succeeded           | `payout_was_accepted` | –     | – [^1]      | → Failed | → Returned | → Failed    |
//! | Declined, Cancelled, Failed, Returned | – | – [^2]  | – [^2]      | –        | –          | –           |
//!
//! [^1]: The provider's charge, where it was not known.
//! [^2]: An earlier word of what has ended, by the provider's id of it. Of another payout, or where
//!   none was known, it is `payout_succeeded_after_end`: money has left that nothing reserves.
//!
//! **No second payment.** The money is reserved from the request on. That a provider is about to be
//! asked is recorded before it is asked; from then on it may have the payout, whatever is or is not
//! heard. Only its certain word that it did not take it on (`NotAccepted`), never a timeout, opens
//! the way to another attempt, which has another number and so another idempotency key. To ask the
//! same provider again about the same attempt is no new attempt. If the provider made two of it all the
//! same, the second is noticed by its id there (`payout_reference_differs`). A word about another
//! attempt than the last is not taken for one about the last (`payout_attempt_differs`,
//! `payout_provider_differs`); that an earlier one was not accepted is known.
//!
//! **Late words.** A payout goes submitted → processing → succeeded → failed or returned and never
//! back. What succeeded and fails or is returned later comes back to the wallet by a transaction of
//! its own; until it has succeeded, the hold is voided instead.

mod command;
mod decide;
mod effects;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{NewPayout, ObservedPayout, PayoutAction, PayoutCommand, PayoutObservation};
pub(crate) use effects::hold_of_payout;
pub use event::PayoutEvent;
pub use rejection::PayoutRejection;
pub use state::{EndedPayout, Payout, PayoutStatus, PayoutTerms, SubmittedPayout};

crate::aggregate::impl_observing_aggregate!(
    Payout,
    "payout",
    PayoutCommand,
    PayoutEvent,
    PayoutRejection
);
