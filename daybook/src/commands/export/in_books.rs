//! A ledger's books in a file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use books::writer::Scope;
use books::{BooksRequest, Export as BooksExport, Format};
use event_store::LogReader;
use ledger_core::Position;

use super::super::{CommandError, tell, with_database};
use crate::cli::Export;
use crate::servers::Folders;
use crate::settings::Settings;

/// Writes the books that are asked for.
pub(super) async fn run(
    arguments: Export,
    format: Format,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    let file = file_of(&arguments, format);
    with_database(settings, folders, async |database| {
        let log = LogReader::new(database.pool().clone());
        let ledger = arguments.ledger;
        let head = log
            .head(ledger)
            .await?
            .ok_or_else(|| format!("the ledger {ledger} does not exist"))?
            .position;
        let until = arguments.until.and_then(Position::try_new);
        let until = until.map_or(head, |until| until.min(head));
        let request = BooksRequest {
            scope: Scope {
                ledger,
                until,
                effective_until: arguments.effective_until,
            },
            format,
        };
        let mut export = BooksExport::try_new(log, request)?;
        // Beside the file until it is whole: an export that was cut off must not look like books.
        let mut partial = Partial::create(&file)?;
        while let Some(bytes) = export.next().await? {
            partial.file.write_all(&bytes)?;
        }
        partial.keep()?;
        tell(&format!(
            "{} transactions of {ledger}, as recorded up to position {until}, are in {}",
            export.transactions(),
            file.display()
        ));
        Ok(())
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// The file named, or one of the ledger's name in the folder named.
fn file_of(arguments: &Export, format: Format) -> PathBuf {
    let to = &arguments.to;
    if to.is_dir() {
        return to.join(format!("{}.{}", arguments.ledger, format.extension()));
    }
    to.clone()
}

/// A file that takes its name when it is whole; before that, it is removed with this.
struct Partial<'a> {
    name: &'a Path,
    beside: PathBuf,
    file: std::fs::File,
}

impl<'a> Partial<'a> {
    fn create(name: &'a Path) -> std::io::Result<Self> {
        let mut beside = name.as_os_str().to_owned();
        beside.push(format!(".{}.partial", std::process::id()));
        let beside = PathBuf::from(beside);
        Ok(Self {
            name,
            file: std::fs::File::create_new(&beside)?,
            beside,
        })
    }

    fn keep(self) -> std::io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.beside, self.name)
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // There is none any more when it was kept.
        std::fs::remove_file(&self.beside).unwrap_or_default();
    }
}
