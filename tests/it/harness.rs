//! What the tests share: private servers, a database per test, ledgers and money to begin with.

mod ledger;
mod servers;

pub use ledger::{Bench, begin_wallet, deposit, money, new_metadata, submission, transfer};
pub use servers::{OwnPostgres, TestDatabase, shared_nats_url};
