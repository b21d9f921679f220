//! What connects Daybook with systems outside, one module per system.
//!
//! * [`card_numbers`]: what must not be kept of anybody's words.
//! * [`beancount`]: whole books kept in beancount's plain-text files.
//! * [`gateways`]: payments in and out.
//! * [`identity_providers`]: people's identities checked.
//! * [`messaging`]: codes on their way to people, by email and text message.
//! * [`witness`]: who cosigns checkpoints of logs.
//! * [`simulators`]: local servers that speak the protocols of outside systems.
//! * [`providers`]: what the adapters of gateways and identity providers share.
//! * [`outbound`], [`secret`], [`markup`]: what the adapters of all outside systems share.

pub mod beancount;
pub mod card_numbers;
pub mod gateways;
pub mod identity_providers;
pub mod markup;
pub mod messaging;
pub mod outbound;
pub mod providers;
pub mod secret;
pub mod simulators;
pub mod witness;
