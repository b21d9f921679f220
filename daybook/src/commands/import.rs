//! `daybook import`: other programs' books, through the ordinary command path.

use std::process::ExitCode;
use std::sync::Arc;

use connectors::beancount::{ImportRequest, Progress, Python, import};
use event_store::LogSignal;
use event_store::executor::Executors;
use projections::AccountsReadModel;
use tokio_util::sync::CancellationToken;

use super::{CommandError, tell, with_database};
use crate::cli::Import;
use crate::servers::Folders;
use crate::settings::Settings;

/// Who owns the wallets of imported books.
const OWNER: &str = "household";

/// Imports a file as a node of its own; a running `daybook up` sees the events like any others.
pub(super) async fn run(
    arguments: Import,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    let Import::Beancount {
        file,
        ledger,
        python,
    } = arguments;
    let request = ImportRequest::new(&file, ledger, OWNER.parse()?);
    let python = Python::new(python);
    with_database(settings, folders, async |database| {
        let shutdown = CancellationToken::new();
        let signal = LogSignal::start(&database, shutdown.clone());
        let accounts = Arc::new(AccountsReadModel::new(database.pool().clone()));
        let executors =
            Executors::new(database.clone(), signal, accounts, settings.executor.into());
        let imported = load(&request, &executors, &python).await;
        executors.stop().await;
        shutdown.cancel();
        imported
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// Imports a file, telling how far it is.
pub(super) async fn load(
    request: &ImportRequest,
    executors: &Executors,
    python: &Python,
) -> Result<(), CommandError> {
    let report = import(request, executors, python, |progress: Progress| {
        tell(&format!("  {progress} transactions"));
    })
    .await?;
    tell(&report.to_string());
    Ok(())
}
