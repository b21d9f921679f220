//! Documents of verification cases, on whole nodes: brought, kept, looked at, removed.

mod addresses;
mod bad_input;
mod bringing;
mod crashes;
mod erasure;
mod files;
mod large;
mod looking;
mod retention;
mod s3;
mod support;
