//! Imports of beancount files: the mapping, the submitting, and real files through real beancount.
//! Messages: the adapters against simulators, the simulators against the providers' own clients.
//! Payments: gateways against simulators, the simulators against the providers' own clients.
//! Identities: the same for identity providers.
//!
//! The tests in `files`, `messaging::smtp`, `messaging::twilio_client`, `gateways::*_client` and
//! `identity_providers::*_client` need an
//! interpreter with beancount and what `tests/requirements.txt` names: the environment's
//! `DAYBOOK_PYTHON`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod files;
mod gateways;
mod identity_providers;
mod journals;
mod mapping;
mod memory_ledger;
mod messaging;
mod naming;
mod submitting;
