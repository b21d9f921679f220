//! What a row of the tabular formats says: one row per entry, two entries per posting, the debit first.

use ledger_core::posting::NormalSide;

use super::{WriteError, cause, metadata};
use crate::journal::{BookedPosting, BookedTransaction};
use crate::naming::account_name;

/// What all entries of a transaction share.
pub(super) struct Shared<'a> {
    pub transaction: &'a BookedTransaction,
    pub id: String,
    pub cause: &'static str,
    pub cause_id: Option<String>,
    pub reference: Option<&'a str>,
    pub metadata: Option<String>,
}

impl<'a> Shared<'a> {
    pub(super) fn of(transaction: &'a BookedTransaction) -> Result<Self, WriteError> {
        let (cause, cause_id) = cause(&transaction.cause);
        Ok(Self {
            transaction,
            id: transaction.id.to_string(),
            cause,
            cause_id,
            reference: transaction
                .reference
                .as_ref()
                .map(|reference| reference.as_str()),
            metadata: metadata(transaction)?,
        })
    }

    /// The entries, in order, each with the number of its posting: 0, 1, 2 …
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'a>> + 'a {
        let postings = self.transaction.postings.iter();
        postings.enumerate().flat_map(|(number, posting)| {
            [NormalSide::Debit, NormalSide::Credit].map(|side| Entry {
                number,
                posting,
                side,
            })
        })
    }
}

/// One side of a posting.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub number: usize,
    pub posting: &'a BookedPosting,
    pub side: NormalSide,
}

impl Entry<'_> {
    /// Whether it is the first of its transaction, which alone has the caller's metadata: they can be large, and
    /// a transaction has up to 2,000 entries.
    pub(super) const fn is_first(&self) -> bool {
        self.number == 0 && matches!(self.side, NormalSide::Debit)
    }

    pub(super) const fn side(&self) -> &'static str {
        match self.side {
            NormalSide::Debit => "debit",
            NormalSide::Credit => "credit",
        }
    }

    /// Our name of the account, its name in the books, and our name of the account on the other side.
    pub(super) fn accounts(&self) -> [String; 3] {
        let (own, other) = match self.side {
            NormalSide::Debit => (self.posting.debited, self.posting.credited),
            NormalSide::Credit => (self.posting.credited, self.posting.debited),
        };
        [
            own.id.to_string(),
            account_name(own.id.holder, own.side),
            other.id.to_string(),
        ]
    }
}
