//! What requests and replies look like.
//!
//! Requests derive serde's `Deserialize` (how they are read, [`crate::strict_json`]), `Serialize`
//! (how they are hashed, [`crate::idempotency`]) and poem-openapi's `Object` (how they are
//! described). Every one of them refuses unknown fields.

pub mod account;
pub mod annotation;
pub mod answer;
pub mod approval;
pub mod checkpoint;
pub mod choices;
pub mod explanation;
pub mod external_sign_in;
pub mod forks;
pub mod hold;
pub mod identity;
pub mod job;
pub mod ledger;
pub mod oauth;
pub mod onboarding;
pub mod owners;
pub mod payments;
pub mod position;
pub mod profile;
pub mod reports;
pub mod tiers;
pub mod transaction;
pub mod verification;
pub mod views;
pub mod wallet;
pub mod webhook;
