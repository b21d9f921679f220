//! `daybook schemas`: writes the generated documents.

use std::path::Path;
use std::process::ExitCode;

use super::{CommandError, tell};
use crate::cli::Schemas;

/// Every generated document, by its path below `schemas/`.
///
/// # Errors
/// Those of generating.
pub fn documents() -> Result<Vec<(String, String)>, CommandError> {
    let mut documents = schemas::generated()?;
    documents.push(("openapi.yaml".to_owned(), command_api::openapi_yaml()));
    Ok(documents)
}

/// Writes what has changed.
pub(super) fn run(arguments: &Schemas) -> Result<ExitCode, CommandError> {
    for (path, text) in documents()? {
        let path = arguments.folder.join(path);
        if std::fs::read_to_string(&path).is_ok_and(|written| written == text) {
            continue;
        }
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text)?;
        tell(&format!("wrote {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}
