//! `daybook export`: a ledger as an auditor takes it home.

mod in_books;
mod verifiable;

use std::process::ExitCode;

use super::CommandError;
use crate::cli::{Export, ExportFormat};
use crate::servers::Folders;
use crate::settings::Settings;

/// Exports one ledger.
pub(super) async fn run(
    arguments: Export,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    match arguments.format {
        ExportFormat::Ndjson if arguments.until.is_some() || arguments.effective_until.is_some() => {
            Err("--until and --effective-until are for books: --format beancount, hledger, csv or parquet".into())
        }
        ExportFormat::Ndjson => verifiable::run(arguments, settings, folders).await,
        ExportFormat::Books(format) => in_books::run(arguments, format, settings, folders).await,
    }
}
