//! The subcommands, one file each.

mod access;
mod admin_key;
mod audit;
mod explain;
mod export;
mod import;
mod rebuild;
mod replay;
mod rotate_master_key;
pub mod schemas;
mod serve;
mod up;
mod verify;
mod what_if;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use event_store::{Database, ErrorChain};

use crate::cli::{Cli, Command};
use crate::servers::{Folders, Servers};
use crate::settings::Settings;

/// What a subcommand may fail with; shown with everything that caused it.
pub type CommandError = Box<dyn Error + Send + Sync>;

/// Connections of a command that serves nothing.
const CONNECTIONS: u32 = 6;

/// Runs one subcommand to its end.
///
/// # Errors
/// Whatever ended it.
pub async fn run(cli: Cli, settings: Settings) -> Result<ExitCode, CommandError> {
    let folders = Folders {
        data: cli.data_dir,
        servers: cli.servers_dir,
    };
    match cli.command {
        Command::Up(arguments) => up::run(arguments, settings, folders).await,
        Command::Serve(arguments) => serve::run(arguments, settings, &folders).await,
        Command::Import(arguments) => import::run(arguments, &settings, &folders).await,
        Command::Replay(arguments) => replay::run(arguments, &settings, &folders).await,
        Command::Explain(arguments) => explain::run(arguments, &settings, &folders).await,
        Command::WhatIf(arguments) => what_if::run(arguments, &settings, &folders).await,
        Command::Verify(arguments) => verify::run(arguments, &settings, &folders).await,
        Command::Export(arguments) => export::run(arguments, &settings, &folders).await,
        Command::Audit(arguments) => audit::run(arguments, &settings, &folders).await,
        Command::Rebuild(arguments) => rebuild::run(&arguments, &settings, &folders).await,
        Command::Schemas(arguments) => schemas::run(&arguments),
        Command::RotateMasterKey => rotate_master_key::run(&settings, &folders).await,
        Command::AdminKey => admin_key::run(&settings, &folders).await,
        Command::NewMasterKey => {
            writeln!(
                std::io::stdout(),
                "{}",
                *identity::secret::new_master_key()?
            )?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Tells a person why nothing (more) happened.
#[must_use]
pub fn report(error: &(dyn Error + 'static)) -> ExitCode {
    tell(&format!("daybook: {}", ErrorChain(error)));
    ExitCode::FAILURE
}

/// Says something to the person at the terminal: on standard error, because standard output is for
/// what was asked for.
pub(crate) fn tell(message: &str) {
    // A terminal that has gone away is no reason to stop.
    drop(writeln!(std::io::stderr(), "{message}"));
}

/// Works with the configured database, or with that of running or private servers, which are stopped
/// again when they were started for this.
async fn with_database<T, F>(
    settings: &Settings,
    folders: &Folders,
    work: impl FnOnce(Database) -> F,
) -> Result<T, CommandError>
where
    F: Future<Output = Result<T, CommandError>>,
{
    // Nothing else is started or reached: a private deployment in this folder has another database.
    if let Some(url) = settings.database.url.get() {
        return in_database(url, work).await;
    }
    let servers = Servers::start_or_reach(settings, folders).await?;
    let done = in_database(&servers.database_url, work).await;
    servers.stop().await;
    done
}

async fn in_database<T, F>(url: &str, work: impl FnOnce(Database) -> F) -> Result<T, CommandError>
where
    F: Future<Output = Result<T, CommandError>>,
{
    let database = Database::connect(url, CONNECTIONS).await?;
    projections::runner::prepare(&database).await?;
    work(database).await
}
