//! Daybook's REST interface: commands, queries, documentation and health on one set of routes.
//!
//! * [`strict_json`], [`parameters`]: reading requests; everything that is wrong is named at once.
//! * [`problem`]: every error, its code and its status.
//! * [`routes`]: the operations, one file per resource; [`representation`]: their JSON.
//! * [`commands`], [`idempotency`]: the way to the executor.
//! * [`access`]: who may call which operation, one table; [`limits`]: how often.
//! * [`checkouts`], `hand_over`: where a deposit is paid; [`notes`]: what is kept beside the log; [`forgetting`].
//! * [`standing`]: how something stood at other times.
//! * [`operations`], [`edge`](mod@edge), [`client_address`]: what all requests have in common.
//! * [`api`]: all of it as one endpoint; [`documentation`], [`health`].
//!
//! Architecture Invariant: nothing here decides about money; every rule is `ledger-core`'s.

pub mod access;
pub mod api;
pub mod batch;
pub mod checkouts;
pub(crate) mod choice;
pub mod client_address;
pub mod commands;
pub mod context;
pub(crate) mod document_body;
pub mod documentation;
pub mod edge;
pub mod explanation;
pub mod forgetting;
pub(crate) mod hand_over;
pub mod health;
pub mod idempotency;
pub mod limits;
pub mod notes;
pub mod operations;
pub mod parameters;
pub mod problem;
pub mod raw_body;
pub mod reading;
pub mod reply;
pub mod representation;
pub mod routes;
pub mod services;
pub mod standing;
pub mod strict_json;
pub mod text;
pub mod text_formats;

pub use api::{Api, ApiDependencies, openapi_yaml};
pub use edge::{EdgeSettings, edge};

#[cfg(test)]
mod tests;
