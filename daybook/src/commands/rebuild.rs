//! `daybook rebuild`: a read model anew, beside the live one.

use std::process::ExitCode;

use projections::ReadModelName;
use projections::rebuild::rebuild;

use super::{CommandError, tell, with_database};
use crate::cli::Rebuild;
use crate::servers::Folders;
use crate::settings::Settings;

/// Rebuilds and swaps.
pub(super) async fn run(
    arguments: &Rebuild,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    let name: ReadModelName = arguments.read_model.parse()?;
    with_database(settings, folders, async |database| {
        rebuild(&database, name, &mut |progress| {
            tell(&format!(
                "{name}: {} {} of {}",
                progress.ledger, progress.position, progress.head
            ));
        })
        .await?;
        tell(&format!("{name} is rebuilt and live"));
        Ok(())
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
