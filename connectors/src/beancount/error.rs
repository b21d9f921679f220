//! Why an import fails.

use std::path::PathBuf;

use event_store::executor::{Refusal, SubmitError};
use ledger_core::posting::PostingRejection;
use ledger_core::{AssetCode, LedgerName, SystemAccountName};

use super::journal::Origin;
use super::report::Progress;

/// Why books cannot be expressed in a ledger. Nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum MappingError {
    /// An empty file, or one of options and prices only.
    #[error("there are no transactions in the file")]
    NoTransactions,
    /// Two accounts would become the same system account.
    #[error("the accounts {first} and {second} would both become system:{name}; rename one")]
    AccountCollision {
        name: SystemAccountName,
        first: String,
        second: String,
    },
    /// An account's name is longer than a wallet's reference may be.
    #[error("the name of the account {name} is too long")]
    AccountNameTooLong { name: String },
    /// A posting names an account that is never opened.
    #[error("{origin}: the account {name} is never opened")]
    AccountNotOpened { origin: Origin, name: String },
    /// A commodity's name is not an asset code.
    #[error(
        "{origin}: the commodity {currency} cannot be an asset: a code is 1 to 24 capital letters, digits, '.', '_' and '-'"
    )]
    CommodityName { origin: Origin, currency: String },
    /// A number is finer than its asset allows.
    #[error(
        "{origin}: the posting of {number} {asset} to {account} has {found} decimals, {asset} has at most {allowed}"
    )]
    TooManyDecimals {
        origin: Origin,
        account: String,
        number: String,
        asset: AssetCode,
        found: u32,
        allowed: u32,
    },
    /// A number has too many digits to be kept exactly.
    #[error("{origin}: the amount {number} {asset} has more digits than can be kept exactly")]
    AmountTooLarge {
        origin: Origin,
        number: String,
        asset: AssetCode,
    },
    /// A date outside the years a ledger knows.
    #[error("{origin}: a transaction's date is in the years 1900 to 2199")]
    DateOutOfRange { origin: Origin },
    /// The postings break a rule of movement.
    #[error("{origin}")]
    Postings {
        origin: Origin,
        #[source]
        source: PostingRejection,
    },
}

impl MappingError {
    /// The stable code; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTransactions => "beancount_no_transactions",
            Self::AccountCollision { .. } => "beancount_account_collision",
            Self::AccountNameTooLong { .. } => "beancount_account_name_too_long",
            Self::AccountNotOpened { .. } => "beancount_account_not_opened",
            Self::CommodityName { .. } => "beancount_commodity_name",
            Self::TooManyDecimals { .. } => "amount_too_many_decimals",
            Self::AmountTooLarge { .. } => "amount_too_large",
            Self::DateOutOfRange { .. } => "beancount_date_out_of_range",
            Self::Postings { source, .. } => source.code(),
        }
    }
}

/// Why an import fails. What was written before stays; importing again goes on from there.
#[derive(Debug, thiserror::Error)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum ImportError {
    /// The file is not there or may not be read.
    #[error("the file {} cannot be read", path.display())]
    FileNotReadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The path is a folder, a device or the like.
    #[error("{} is not a file", path.display())]
    NotAFile { path: PathBuf },
    /// The interpreter cannot be started.
    #[error("the Python interpreter {} cannot be started", python.display())]
    PythonNotStarted {
        python: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The interpreter does not have beancount.
    #[error("the Python interpreter has no beancount (pip install beancount): {reason}")]
    BeancountNotInstalled { reason: String },
    /// The loader finds the file wrong.
    #[error("beancount finds {total} errors in the file, first: {}", errors.join("; "))]
    BeancountErrors { total: usize, errors: Vec<String> },
    /// The file wants to run code that is not beancount's.
    #[error("the file asks for plugins that are not beancount's own: {}", plugins.join(", "))]
    PluginNotAllowed { plugins: Vec<String> },
    /// The adapter ended without an answer.
    #[error("reading the file failed ({status}): {stderr}")]
    AdapterFailed { status: String, stderr: String },
    /// The adapter's output ends early.
    #[error("what was read from the file ends after {lines} lines, before its end")]
    AdapterCutOff { lines: usize },
    /// The adapter's output is not what this code reads.
    #[error("line {line} of what was read from the file is not understood")]
    AdapterOutput {
        line: usize,
        #[source]
        source: serde_json::Error,
    },
    /// The books cannot be expressed in a ledger.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Other content was imported before under the same file name.
    #[error(
        "other books were imported into {ledger} under the name {source_name} before; import changed books into a new ledger or under another name"
    )]
    Changed {
        ledger: LedgerName,
        source_name: String,
    },
    /// The ledger has the asset already, with fewer decimals than the file needs.
    #[error("the ledger's asset {asset} has {scale} decimals, the file needs {needed}")]
    AssetTooCoarse {
        asset: String,
        scale: u64,
        needed: u32,
    },
    /// The ledger refuses a command.
    #[error("the ledger refuses {what} after {progress} transactions: {}", refusal.detail)]
    Refused {
        what: String,
        progress: Progress,
        refusal: Refusal,
    },
    /// The executor has no outcome.
    #[error("the import stopped after {progress} transactions; run it again to go on")]
    Submit {
        progress: Progress,
        #[source]
        source: SubmitError,
    },
}

impl ImportError {
    /// The stable code; never reused for another.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::FileNotReadable { .. } => "beancount_file_not_readable",
            Self::NotAFile { .. } => "beancount_not_a_file",
            Self::PythonNotStarted { .. } => "python_not_started",
            Self::BeancountNotInstalled { .. } => "beancount_not_installed",
            Self::BeancountErrors { .. } => "beancount_errors",
            Self::PluginNotAllowed { .. } => "beancount_plugin_not_allowed",
            Self::AdapterFailed { .. } => "beancount_adapter_failed",
            Self::AdapterCutOff { .. } | Self::AdapterOutput { .. } => "beancount_adapter_output",
            Self::Mapping(error) => error.code(),
            Self::Changed { .. } => "beancount_file_changed",
            Self::AssetTooCoarse { .. } => "beancount_asset_too_coarse",
            Self::Refused { refusal, .. } => &refusal.code,
            Self::Submit { source, .. } => source.code(),
        }
    }

    pub(super) fn from_refusal(code: &str, total: usize, errors: Vec<String>) -> Self {
        match code {
            "beancount_not_installed" => Self::BeancountNotInstalled {
                reason: errors.join("; "),
            },
            "beancount_plugin_not_allowed" => Self::PluginNotAllowed { plugins: errors },
            _ => Self::BeancountErrors { total, errors },
        }
    }
}
