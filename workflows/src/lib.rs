//! What happens by itself: work that nobody asks for at the moment it is done.
//!
//! * [`hold_expiry`]: holds end when their time passes.
//!
//! Every piece of work is a command to the executor, so it obeys the same rules as a caller's, and
//! doing it twice, late or on two nodes at once changes nothing.

pub mod hold_expiry;

pub use hold_expiry::{DueHolds, HoldExpiry};
