//! Onboarding an owner: from a stranger to a verified customer with a wallet.

mod bad_input;
mod crashes;
mod document;
mod lists;
mod paths;
mod read_models;
mod support;
mod time;
