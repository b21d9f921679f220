//! What connects Daybook with systems outside, one module per system.
//!
//! * [`card_numbers`]: what must not be kept of anybody's words.
//! * [`beancount`]: whole books kept in beancount's plain-text files.
//! * [`gateways`]: payments in and out.
//! * [`messaging`]: codes on their way to people, by email and text message.
//! * [`simulators`]: local servers that speak the protocols of outside systems.
//! * [`outbound`], [`secret`], [`markup`]: what the adapters of outside systems share.

pub mod beancount;
pub mod card_numbers;
pub mod gateways;
pub mod markup;
pub mod messaging;
pub mod outbound;
pub mod secret;
pub mod simulators;
