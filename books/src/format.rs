//! The formats that books are written in.

use std::fmt;
use std::str::FromStr;

/// A format of books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plain text for beancount, version 3.
    Beancount,
    /// Plain text for hledger.
    Hledger,
    /// Comma-separated values (RFC 4180), one row per entry.
    Csv,
    /// Apache Parquet, one row per entry.
    Parquet,
}

/// A text that names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a format is beancount, hledger, csv or parquet")]
pub struct FormatError;

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Beancount, Self::Hledger, Self::Csv, Self::Parquet];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Beancount => "beancount",
            Self::Hledger => "hledger",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// How the names of its files end, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Beancount => "beancount",
            Self::Hledger => "journal",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// Its media type (IANA), with parameters. The plain-text formats have none of their own.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Beancount | Self::Hledger => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or(FormatError)
    }
}
