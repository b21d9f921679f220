//! A payment: money that comes in through a provider.
//!
//! What happens outside is *observed*: by a webhook, an answer or a fetch, late, twice and in any
//! order. An observation says how far something has come, and a payment only ever gets further, so
//! an observation that says nothing new changes nothing, and the order of arrival does not matter.
//! The columns are what is observed; "–" is nothing.
//!
//! | state              | awaiting payer  | failed    | expired   | authorized   | released  | captured    |
//! |--------------------|-----------------|-----------|-----------|--------------|-----------|-------------|
//! | Absent             | –               | –         | –         | –            | –         | [^1]        |
//! | Created            | → AwaitingPayer | → Failed  | → Expired | → Authorized | → Expired | → Captured  |
//! | AwaitingPayer      | –               | → Failed  | → Expired | → Authorized | → Expired | → Captured  |
//! | Failed             | – [^2]          | – [^3]    | → Expired | → Authorized | → Expired | → Captured  |
//! | Expired            | –               | – [^3]    | – [^4]    | → Authorized [^5] | – [^3] | → Captured |
//! | Authorized         | – [^2]          | – [^3]    | – [^2]    | – [^3]       | → Expired | → Captured  |
//! | Captured, PartiallyRefunded, Refunded, Disputed | – | – | – | –           | –         | – [^6]      |
//!
//! [^1]: The money is recorded as a payment of its own, in suspense ([`UnexpectedReason`]).
//! [^2]: Noted where it is new (the page is open, the page ended); the state stays.
//! [^3]: The same attempt: nothing. Another attempt is noted; the state stays.
//! [^4]: Noted where the page had not ended but an authorization had.
//! [^5]: Not for an attempt that was released before: that word is older.
//! [^6]: The provider's charge, where it was not known. Another attempt that was captured too is
//!   recorded as a payment of its own, in suspense. Another amount of the same attempt is
//!   `captured_amount_differs`.
//!
//! An attempt (the provider's own payment) goes failed → authorized → released → captured and never
//! back; the page goes created → open → failed → expired. The state is what both come to: authorized
//! if any attempt is, else expired, else failed, else what the page is.
//!
//! | command         | Absent              | before its money arrived         | after              |
//! |-----------------|---------------------|----------------------------------|--------------------|
//! | Create          | → Created, or `payment_expiry_passed`, a [`crate::provider::RouteRejection`], a [`crate::posting::PostingRejection`] | `payment_exists` | `payment_exists` |
//! | Reroute         | `payment_not_found` | another provider is asked, or `payment_not_open` | `payment_not_open` |
//! | Expire          | `payment_not_found` | → Expired, or `payment_not_open` when authorized | `payment_not_open` |
//! | Credit          | `payment_not_found` | `payment_not_captured`           | out of suspense, or `payment_not_in_suspense`, `payment_in_motion` |
//! | RequestRefund   | `payment_not_found` | `payment_not_captured`           | a hold, or `refund_exists`, `refund_exceeds_payment` |
//! | ObserveRefund   | `payment_not_found` | `payment_not_captured`           | see [`Refund`]     |
//! | ObserveDispute  | `payment_not_found` | `payment_not_captured`           | see [`Dispute`]    |
//!
//! Refunded is what was refunded in full, Disputed what has an open or lost dispute. A refund or
//! dispute that is heard of before its payment's capture is refused for now (`payment_not_captured`
//! is transient): whoever brings it fetches the payment and asks again.
//!
//! A capture, refund or dispute is of one attempt. Where another attempt's money is the payment's, or
//! the attempt's money was taken in as no payment's before, it concerns the payment
//! [`unexpected_payment_id`] and is decided there.
//!
//! **Money.** [`Payment::effects`] says what each event moves, in the same append. Money that is not
//! what was expected, or that no wallet can take, goes to suspense and the event says so.

mod anew;
mod arrived;
mod captured;
mod command;
mod decide;
mod dispute;
mod effects;
mod event;
mod evolve;
mod refund;
mod rejection;
mod state;
mod taken;
#[cfg(test)]
mod tests;

use crate::identifier::{PaymentId, ProviderName, ProviderReference, RefundId, derived_id};

pub use captured::{CapturedPayment, FeesRecorded};
pub use command::{
    DisputeObservation, NewPayment, ObservedDispute, ObservedMoney, ObservedPayment,
    ObservedRefund, PaymentAction, PaymentCommand, PaymentObservation, RefundObservation,
};
pub use dispute::{Dispute, DisputePhase, DisputeState};
pub(crate) use effects::hold_of_refund;
pub use event::{MadeGood, PaymentEvent, Returned, SuspenseReason, UnexpectedReason};
pub use refund::{Refund, RefundState};
pub use rejection::PaymentRejection;
pub use state::{Attempt, AttemptState, Checkout, OpenPayment, Payment, PaymentStatus};
pub use taken::Taken;

crate::aggregate::impl_observing_aggregate!(
    Payment,
    "payment",
    PaymentCommand,
    PaymentEvent,
    PaymentRejection
);

/// The id under which money is recorded that belongs to no payment of ours.
#[must_use]
pub fn unexpected_payment_id(provider: ProviderName, attempt: &ProviderReference) -> PaymentId {
    PaymentId::new(derived_id(&[
        "unexpected payment",
        provider.as_str(),
        attempt.as_str(),
    ]))
}

/// The id of a refund that was made at the provider and not asked for here.
#[must_use]
pub fn provider_refund_id(provider: ProviderName, refund: &ProviderReference) -> RefundId {
    RefundId::new(derived_id(&[
        "provider refund",
        provider.as_str(),
        refund.as_str(),
    ]))
}
