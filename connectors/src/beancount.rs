//! Takes books kept in a beancount file into a ledger, through the ordinary command path.
//!
//! beancount's own loader reads the file, in a Python process ([`Python`]); what it says becomes
//! commands ([`plan()`]), which are submitted in batches ([`import()`]).
//!
//! | beancount | here |
//! |---|---|
//! | `Assets:*`, `Liabilities:*` | a wallet: its reference is the account's name, its overdraft is unlimited, since real books go below zero |
//! | `Expenses:*` | the system account `expenses.…`, normal side credit |
//! | `Income:*`, `Equity:*` | the system account `income.…` or `equity.…`, normal side debit |
//! | a commodity | the ledger's asset of that code; registered, with the decimals the file uses, when no standard has it |
//! | a transaction, also one made by a `pad` | a transaction that counts from 00:00 UTC on its date |
//! | a conversion (at cost or at a price) | what each commodity is off by goes through `system:fx` |
//!
//! **Signs.** A positive number in beancount is what an account receives, so it becomes a credit,
//! a negative one a debit: credits less debits is beancount's own figure for every account. A
//! wallet's balance is that figure; an account of income shows what came out of it as a positive
//! balance, where beancount writes it with a minus.
//!
//! **Exactly once.** Ids and idempotency keys follow from the ledger, the name of the file and the
//! place in it, and every key's hash covers the whole content. So a second import of the same
//! books changes nothing, one that was cut off goes on where it stopped, and other content under
//! the same name is refused before any transaction of it is posted. Comments, blank lines and the place of
//! the file are no part of the content.
//!
//! **Trust.** A file cannot run code: plugins that are not beancount's own are refused. It can
//! include other files that the reader may read, as the loader always allows.

mod account;
mod asset;
mod error;
mod expected;
mod import;
mod journal;
mod plan;
mod python;
mod report;
#[cfg(test)]
mod tests;
mod transaction;

pub use account::{AccountMap, MappedAccount};
pub use error::{ImportError, MappingError};
pub use expected::{ExpectedBalance, ExpectedBalances, MonthEnd, expected_balances};
pub use import::{SubmitCommands, carry_out, import, prepare};
pub use journal::{
    AccountKind, Journal, JournalAccount, JournalPosting, JournalTransaction, Origin,
};
pub use plan::{ImportRequest, Plan, PlannedTransaction, plan};
pub use python::{Python, generate_example};
pub use report::{ImportReport, Progress};
