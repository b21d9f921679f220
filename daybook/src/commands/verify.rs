//! `daybook verify`: recomputes everything from the log and compares.

use std::process::ExitCode;

use event_store::LogReader;
use ledger_core::LedgerName;
use projections::verify::{Verified, VerifyError, VerifyProgress, verify};

use super::{CommandError, tell, with_database};
use crate::cli::Verify;
use crate::servers::Folders;
use crate::settings::Settings;

/// What to exit with when a difference was found, so that a script can tell it from trouble.
const DIFFERENCE: u8 = 2;

/// Verifies one ledger or all; stops at the first difference.
pub(super) async fn run(
    arguments: Verify,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    with_database(settings, folders, async |database| {
        let ledgers: Vec<LedgerName> = match arguments.ledger {
            Some(ledger) => vec![ledger],
            None => LogReader::new(database.pool().clone())
                .all_ledgers()
                .await?
                .into_iter()
                .map(|head| head.ledger)
                .collect(),
        };
        if ledgers.is_empty() {
            tell("there is no ledger yet, so nothing to verify");
        }
        for ledger in ledgers {
            match verify(&database, ledger, &mut |progress| show(ledger, progress)).await {
                Ok(verified) => tell(&proved(&verified)),
                Err(VerifyError::Difference(difference)) => {
                    tell(&format!("DIFFERENCE: {difference}"));
                    return Ok(ExitCode::from(DIFFERENCE));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

fn show(ledger: LedgerName, progress: VerifyProgress) {
    match progress {
        VerifyProgress::Log { position, head } => {
            tell(&format!("{ledger}: log {position} of {head}"));
        }
        VerifyProgress::ReadModel(name) => tell(&format!("{ledger}: read model {name}")),
    }
}

fn proved(verified: &Verified) -> String {
    format!(
        "{}: verified to position {}\n  positions are gap-free, every stream is in sequence, \
         recorded time never runs backwards\n  {} transactions balance, the trial balance of every \
         asset is zero\n  {} accounts equal the book, {} read models equal a fresh fold",
        verified.ledger,
        verified.position,
        verified.transactions,
        verified.accounts,
        verified.read_models
    )
}
