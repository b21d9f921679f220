//! What the tests share: private servers, a database per test, ledgers and money to begin with.

mod ledger;
pub mod node;
pub mod outside;
pub mod program;
mod projected;
pub mod rows;
pub mod servers;
mod tiers;

pub use ledger::{Bench, begin_wallet, deposit, money, submission, transfer};
pub use projected::{Projected, fold, rows_of};
pub use servers::{OwnNats, OwnPostgres, TestDatabase, nats_program, shared_nats_url};
pub use tiers::{begin_wallet_of, limit_everybody, tier};
