//! Read models: folds of the log into tables that answer questions.
//!
//! * [`read_model`]: what a read model is; [`read_models`]: one file each.
//! * [`checkpoint`]: how far each has come, and who may move it on.
//! * [`runner`]: projectors, which fold the log into the live tables as it grows.
//! * [`rebuild`]: folding anew beside the live tables, and swapping.
//! * [`verify`]: proving that log, book and read models agree.
//! * [`queries`], which answers from them.
//!
//! Architecture Invariant: every row is a function of the log. Nothing here reads a clock or draws
//! a number, and folding does not depend on how the log is cut into batches.

pub mod checkpoint;
mod copy_rows;
pub mod queries;
pub mod read_model;
pub mod read_models;
pub mod rebuild;
pub mod runner;
pub mod status;
pub mod verify;

pub use queries::Queries;
pub use read_models::{ReadModelName, accounts::AccountsReadModel};
pub use runner::Projectors;
pub use status::ProjectionStatus;
