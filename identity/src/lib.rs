//! Who asks, and what they may do.
//!
//! * [`permission`]: the one table of who may do what; [`principal`], [`subject`]: a known caller.
//! * [`identities`]: the people and machines. [`people`], [`codes`], [`password`], [`factors`],
//!   [`second_factor`],
//!   [`sign_in`], [`external_sign_in`], [`sessions`], [`session_policy`]: people. [`machines`]: programs.
//!   [`grants`]: roles. [`approvals`]: what needs a second person. [`records`]: what happened to all of
//!   them.
//! * [`tokens`]: our access tokens; [`external`]: those of other issuers; [`jwt`], [`pkce`], [`totp`]:
//!   the standards. [`authenticate`]: from a credential to a principal.
//! * [`changes`]: what was taken from whom; [`stream_tickets`]: for live streams of browsers.
//! * [`destinations`]: where payouts go, sealed.
//! * [`address`], [`delivery`]: where people are reached, and how codes get there; [`contacts`]: what is theirs,
//!   and reminders.
//! * [`secret`]: the master key and what hangs on it.
//!
//! Architecture Invariant: nothing here knows of HTTP routes, of events or of money.

#![deny(missing_docs)]

pub mod address;
pub mod approvals;
pub mod authenticate;
pub mod changes;
pub mod codes;
pub mod contacts;
pub mod delivery;
pub mod destinations;
pub mod document_reads;
pub mod erasure;
mod error_chain;
pub mod external;
pub mod external_sign_in;
pub mod factors;
pub mod grants;
pub mod identities;
pub mod jwt;
mod lockout;
pub mod machines;
pub mod password;
pub mod people;
pub mod permission;
pub mod pkce;
pub mod principal;
mod randomness;
pub mod records;
pub mod second_factor;
pub mod secret;
pub mod session_policy;
pub mod sessions;
pub mod sign_in;
pub mod stream_tickets;
pub mod subject;
pub mod tokens;
pub mod totp;

pub use randomness::NoRandomness;
