//! What tells of a person: sealed, shown to few, found by its address, and erased for ever.

mod afterwards;
mod erasure;
mod everywhere;
mod keys;
mod profiles;
mod search;
pub mod support;
mod town;
