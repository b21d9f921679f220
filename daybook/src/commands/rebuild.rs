//! `daybook rebuild`: read models anew, beside the live ones.

use std::process::ExitCode;

use projections::ReadModelName;
use projections::read_models::UnknownReadModel;
use projections::rebuild::rebuild_together;

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
    let names = names(&arguments.read_models)?;
    let texts: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let together = texts.join(", ");
    with_database(settings, folders, async |database| {
        rebuild_together(&database, &names, &mut |progress| {
            tell(&format!(
                "{together}: {} {} of {}",
                progress.ledger, progress.position, progress.head
            ));
        })
        .await?;
        for name in &names {
            tell(&format!("{name} is rebuilt and live"));
        }
        Ok(())
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// The read models asked for; `all` means every one.
fn names(asked: &[String]) -> Result<Vec<ReadModelName>, UnknownReadModel> {
    if asked.iter().any(|name| name == "all") {
        return Ok(ReadModelName::ALL.to_vec());
    }
    asked.iter().map(|name| name.parse()).collect()
}
