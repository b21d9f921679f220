//! What happens by itself: work that nobody asks for at the moment it is done.
//!
//! * [`hold_expiry`]: holds end when their time passes.
//! * [`webhooks`]: what providers tell us is taken in, kept, and processed.
//! * [`process`]: what happens in a ledger leads to [`jobs`], durable work outside it.
//! * [`payments`]: checkouts, refunds and payouts are made at providers; [`routing`] says at which.
//!   What they pay us is taken from their reports ([`settlements`]).
//!   What providers say comes back through [`observer`], in the words of [`translation`].
//! * [`retention`]: what tells of people is forgotten in time.
//!
//! Every piece of work is a command to the executor, so it obeys the same rules as a caller's, and
//! doing it twice, late or on two nodes at once changes nothing.

pub mod gateway_accounts;
pub mod hold_expiry;
pub mod jobs;
pub mod links;
pub mod observer;
pub mod payments;
pub mod process;
pub mod retention;
pub mod routing;
pub mod settlements;
pub mod translation;
pub mod webhooks;
mod work_status;

pub use gateway_accounts::{GatewayAccount, GatewayAccounts, GatewayAccountsError};
pub use hold_expiry::{DueHolds, HoldExpiry};
pub use work_status::{PartStatus, WorkStatus};
