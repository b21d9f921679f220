//! A ledger with all that its check needs, in a folder.

use std::process::ExitCode;

use audit::export::export;
use projections::{ProjectionStatus, Queries, ReadModelName};

use super::super::{CommandError, access, tell, with_database};
use crate::cli::Export;
use crate::node::AccountsAsStated;
use crate::servers::Folders;
use crate::settings::Settings;

/// How long the accounts may take to know what is in the log.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Exports one ledger, sealed as it is now.
pub(super) async fn run(
    arguments: Export,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    let (master_key, keys) = access::person_keys(settings, &folders.data)?;
    let options = settings.audit.options()?;
    with_database(settings, folders, async |database| {
        let sealer = options.sealer(database.pool(), keys.master_keys(&master_key));
        let queries = Queries::new(&database, ProjectionStatus::default());
        let accounts = [ReadModelName::Accounts];
        if let Err(error) = queries
            .catch_up(arguments.ledger, &accounts, PATIENCE)
            .await
        {
            tell(&format!("the accounts are behind the log: {error}"));
        }
        let balances = AccountsAsStated(queries);
        let (pool, ledger) = (database.pool(), arguments.ledger);
        let exported = export(pool, &sealer, &balances, ledger, &arguments.to).await?;
        if let Some(refused) = &exported.refused {
            tell(&format!(
                "WARNING: {refused}; exported with the last checkpoint"
            ));
        }
        for unwritable in &exported.unwritable {
            tell(&format!("WARNING: event_unwritable: {unwritable}"));
        }
        let head = &exported.checkpoint.checkpoint.head;
        tell(&format!(
            "{}: {} events, sealed at {} with the root {}, in {}",
            arguments.ledger,
            exported.events,
            head.size,
            head.root_text(),
            arguments.to.display()
        ));
        Ok(ExitCode::SUCCESS)
    })
    .await
}
