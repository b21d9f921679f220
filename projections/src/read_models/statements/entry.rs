//! Entries that wait to be written.

use chrono::{DateTime, Utc};
use ledger_core::Position;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::copy_rows::CopyRows;

/// Totals after an entry.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) debits: Decimal,
    pub(super) credits: Decimal,
}

impl Totals {
    /// Adds a change, a debit being negative; nothing when that is more than can be kept.
    pub(super) fn add(&mut self, change: Decimal) -> Option<()> {
        let total = if change.is_sign_negative() {
            &mut self.debits
        } else {
            &mut self.credits
        };
        *total = total.checked_add(change.abs())?;
        Some(())
    }
}

/// An entry that waits to be written; two of them wait for every transfer.
pub(super) struct Entry {
    pub(super) account_key: Uuid,
    pub(super) entry_number: i64,
    pub(super) position: Position,
    pub(super) posting: i32,
    pub(super) recorded_at: DateTime<Utc>,
    /// Of the list it is in, after it.
    pub(super) totals: Totals,
    pub(super) dated: Option<Box<Dated>>,
}

/// What an entry has that counts at another time than that of its recording.
pub(super) struct Dated {
    pub(super) effective_at: DateTime<Utc>,
    pub(super) dated_number: i64,
    pub(super) amount: Decimal,
}

/// Where the entries stand, account by account: in an index that is there, the rows of one account then
/// meet the same page; for one that is built later, rows in long sorted runs are cheaper to sort. And
/// whoever reads an account finds its rows together.
pub(super) fn in_order_of_accounts(entries: &[Entry]) -> impl Iterator<Item = usize> + use<> {
    let mut places: Vec<(u128, usize)> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| (entry.account_key.as_u128(), at))
        .collect();
    places.sort_unstable();
    places.into_iter().map(|(_, at)| at)
}

/// Adds the row of an entry that is not dated.
pub(super) fn write_entry(rows: &mut CopyRows, entry: &Entry) {
    rows.row(7)
        .uuid(entry.account_key)
        .timestamp(entry.recorded_at)
        .bigint(entry.entry_number)
        .bigint(entry.position.value())
        .integer(entry.posting)
        .numeric(entry.totals.debits)
        .numeric(entry.totals.credits);
}

/// Adds the row of a dated entry.
pub(super) fn write_dated_entry(rows: &mut CopyRows, entry: &Entry, dated: &Dated) {
    rows.row(10)
        .uuid(entry.account_key)
        .timestamp(entry.recorded_at)
        .timestamp(dated.effective_at)
        .bigint(entry.entry_number)
        .bigint(dated.dated_number)
        .bigint(entry.position.value())
        .integer(entry.posting)
        .numeric(entry.totals.debits)
        .numeric(entry.totals.credits)
        .numeric(dated.amount);
}
