//! A hold: an amount reserved on an account until it is captured, voided or expires.
//!
//! | state    | Place         | Capture            | Void              | Expire            |
//! |----------|---------------|--------------------|-------------------|-------------------|
//! | Absent   | → Active, or `hold_expiry_passed`, a [`crate::posting::PostingRejection`] | `hold_not_found` | `hold_not_found` | `hold_not_found` |
//! | Active   | `hold_exists` | → Active (part, the rest kept) or → Captured; `hold_managed`, `hold_expired`, `capture_destination_missing`, `capture_not_an_amount`, `capture_exceeds_hold` | → Voided | → Expired, or `hold_not_due` |
//! | Captured | `hold_exists` | `hold_not_active`  | `hold_not_active` | `hold_not_active` |
//! | Voided   | `hold_exists` | `hold_not_active`  | `hold_not_active` | `hold_not_active` |
//! | Expired  | `hold_exists` | `hold_not_active`  | `hold_not_active` | `hold_not_active` |
//!
//! A hold moves nothing: it only makes its amount unavailable. A capture is two facts in one
//! append: the hold shrinks, and a transaction moves what was captured. A hold past its time can
//! no longer be captured even before its expiry is recorded; until then its amount stays reserved.
//! A hold that a refund or payout placed is ended by it alone: whoever could void it would leave a
//! payout on its way that nothing covers.

mod command;
mod decide;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{CaptureRequest, HoldCommand, HoldRequest, Remainder};
pub use event::{HoldEvent, HoldManager};
pub use rejection::HoldRejection;
pub use state::{ActiveHold, Hold, HoldStatus};

crate::aggregate::impl_aggregate!(Hold, "hold", HoldCommand, HoldEvent, HoldRejection);
