//! What happens by itself: work that nobody asks for at the moment it is done.
//!
//! * [`hold_expiry`]: holds end when their time passes.
//! * [`webhooks`]: what providers tell us is taken in, kept, and processed.
//! * [`process`]: what happens in a ledger leads to [`jobs`], durable work outside it.
//! * [`payments`]: checkouts, refunds and payouts are made at providers; [`routing`] says at which.
//!   What they pay us is taken from their reports ([`settlements`]).
//!   What providers say comes back through [`observer`], in the words of [`translation`].
//! * [`forks`]: forks of ledgers are built.
//! * [`gateway_accounts`], [`identity_accounts`]: the accounts at providers, and where their webhooks go.
//! * [`documents`]: documents of cases are kept as long as they have to be, and what storing them left is removed.
//! * [`verification`]: cases expire and approvals become due to be renewed.
//! * [`erasure`]: what is left of a person who was erased is destroyed, wherever it is.
//! * [`identity_checks`]: cases are handed to identity providers, and what these say comes back.
//! * [`onboarding`]: owners come from their first contact to a wallet, and are reminded on the way.
//! * [`retention`]: what tells of people is forgotten in time.
//!
//! Every piece of work is a command to the executor, so it obeys the same rules as a caller's, and
//! doing it twice, late or on two nodes at once changes nothing.

mod accounts;
pub mod documents;
pub mod erasure;
pub mod forks;
pub mod gateway_accounts;
pub mod hold_expiry;
pub mod identity_accounts;
pub mod identity_checks;
pub mod jobs;
pub mod links;
pub mod observer;
pub mod onboarding;
pub mod payments;
pub mod process;
pub mod retention;
pub mod routing;
pub mod settlements;
pub mod translation;
mod turns;
pub mod verification;
pub mod webhooks;
mod work_status;

pub use accounts::{Account, Accounts, AccountsError};
pub use gateway_accounts::{GatewayAccount, GatewayAccounts, GatewayAccountsError};
pub use hold_expiry::{DueHolds, HoldExpiry};
pub use identity_accounts::{IdentityAccount, IdentityAccounts, IdentityAccountsError, Levels};
pub use work_status::{PartStatus, WorkStatus};
