//! `daybook replay`: the log as NDJSON on standard output.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use audit::line::{ErasedPersons, write_line};
use event_store::{EventFilter, LogReader};
use ledger_core::Position;

use super::{CommandError, with_database};
use crate::cli::Replay;
use crate::servers::Folders;
use crate::settings::Settings;

/// Events read at a time.
const PAGE: i64 = 1_000;

/// Writes the events that are asked for; ends quietly when nobody reads any more (`| head`).
pub(super) async fn run(
    arguments: Replay,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    with_database(settings, folders, async |database| {
        let reader = LogReader::new(database.pool().clone());
        let ledger = arguments.ledger;
        if reader.head(ledger).await?.is_none() {
            return Err(format!("the ledger {ledger} does not exist").into());
        }
        let filter = EventFilter {
            aggregate_type: arguments.aggregate_type,
            aggregate_id: arguments.aggregate_id.clone(),
            event_type: None,
            recorded_until: arguments.until_time,
            until: arguments.until.and_then(Position::try_new),
        };
        let mut output = BufWriter::new(std::io::stdout().lock());
        let mut lines = Vec::new();
        let mut after = Position::try_new(arguments.after).unwrap_or_default();
        loop {
            let events = reader.read_filtered(ledger, &filter, after, PAGE).await?;
            let Some(last) = events
                .last()
                .and_then(|event| Position::try_new(event.position))
            else {
                break;
            };
            let erased = ErasedPersons::among(&reader, ledger, &events).await?;
            lines.clear();
            for event in &events {
                write_line(&mut lines, ledger, event, erased.mark(event))?;
            }
            match output.write_all(&lines) {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written?,
            }
            after = last;
        }
        match output.flush() {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
