//! The books as beancount's loader gives them, line by line from the adapter.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::error::ImportError;

/// Accounts and transactions of one file and all it includes, in beancount's order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Journal {
    /// Every account that is ever opened.
    pub accounts: Vec<JournalAccount>,
    /// Every transaction, by date, then by place in the file.
    pub transactions: Vec<JournalTransaction>,
}

/// Which of beancount's five kinds an account is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// What is owned.
    Assets,
    /// What is owed.
    Liabilities,
    /// Where the books began.
    Equity,
    /// Where money comes from.
    Income,
    /// Where money goes.
    Expenses,
}

impl AccountKind {
    /// The kind's name, in lower case; the file may call the kind otherwise.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assets => "assets",
            Self::Liabilities => "liabilities",
            Self::Equity => "equity",
            Self::Income => "income",
            Self::Expenses => "expenses",
        }
    }
}

/// An account of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalAccount {
    /// Its name, such as `Assets:US:BofA:Checking`.
    pub name: String,
    /// Its kind.
    pub kind: AccountKind,
    /// The day from which it may be used.
    pub opened: NaiveDate,
    /// The day from which it may no longer be used.
    pub closed: Option<NaiveDate>,
    /// The commodities it is limited to; none means any.
    pub currencies: Vec<String>,
}

/// Where something stands, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, as the loader names it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)
    }
}

/// A transaction of the file, complete with what the loader filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalTransaction {
    /// Its date.
    pub date: NaiveDate,
    /// `*`, `!`, or `P` for one made by a `pad`.
    pub flag: String,
    /// With whom; may be empty.
    pub payee: String,
    /// What for; may be empty.
    pub narration: String,
    /// Its tags, in order of the alphabet.
    pub tags: Vec<String>,
    /// Its links, in order of the alphabet.
    pub links: Vec<String>,
    /// Its file. Where something stands is no part of what it says.
    #[serde(skip_serializing)]
    pub file: String,
    /// Its line.
    #[serde(skip_serializing)]
    pub line: u64,
    /// What moves.
    pub postings: Vec<JournalPosting>,
}

impl JournalTransaction {
    /// Where it stands.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            file: self.file.clone(),
            line: self.line,
        }
    }
}

/// One account's part in a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalPosting {
    /// The account's name.
    pub account: String,
    /// How much it receives, or gives when negative; plain decimal digits.
    pub number: String,
    /// Of which commodity.
    pub currency: String,
    /// What one unit cost, such as `212.72 USD`.
    pub cost: Option<String>,
    /// What one unit was priced at.
    pub price: Option<String>,
}

/// What an account holds of one commodity, as beancount adds it up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    pub(super) account: String,
    pub(super) currency: String,
    pub(super) number: String,
}

/// One line of the adapter's output.
#[derive(Debug, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Record {
    Account(JournalAccount),
    Transaction(JournalTransaction),
    MonthEnd {
        last_day: NaiveDate,
        held: Vec<Held>,
    },
    Closing {
        held: Vec<Held>,
    },
    Refused {
        code: String,
        total: usize,
        errors: Vec<String>,
    },
    End {
        lines: usize,
    },
}

impl Record {
    /// Reads the adapter's output, which must be whole and not a refusal.
    pub(super) fn read_all(output: &str) -> Result<Vec<Self>, ImportError> {
        let mut records = Vec::new();
        for line in output.lines() {
            let record =
                serde_json::from_str(line).map_err(|source| ImportError::AdapterOutput {
                    line: records.len() + 1,
                    source,
                })?;
            match record {
                Self::Refused {
                    code,
                    total,
                    errors,
                } => return Err(ImportError::from_refusal(&code, total, errors)),
                Self::End { lines } if lines == records.len() => return Ok(records),
                other => records.push(other),
            }
        }
        Err(ImportError::AdapterCutOff {
            lines: records.len(),
        })
    }
}

impl Journal {
    pub(super) fn from_records(records: Vec<Record>) -> Self {
        let mut journal = Self::default();
        for record in records {
            match record {
                Record::Account(account) => journal.accounts.push(account),
                Record::Transaction(transaction) => journal.transactions.push(transaction),
                Record::MonthEnd { .. }
                | Record::Closing { .. }
                | Record::Refused { .. }
                | Record::End { .. } => {}
            }
        }
        journal
    }
}
