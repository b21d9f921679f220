//! `daybook replay`: the log as NDJSON on standard output.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use audit::line::{ErasedPersons, write_line};
use event_store::{EventFilter, LogReader, StoredEvent};
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
        let Some(head) = reader.head(ledger).await? else {
            return Err(format!("the ledger {ledger} does not exist").into());
        };
        let filter = EventFilter {
            aggregate_type: arguments.aggregate_type,
            aggregate_id: arguments.aggregate_id.clone(),
            event_type: arguments.event_type.clone(),
            wallet: arguments.wallet,
            actor: arguments.actor.clone(),
            ..EventFilter::default()
        };
        let (from, to) = (arguments.from_time, arguments.until_time);
        let (earliest, latest) = reader.positions_between(ledger, from, to).await?;
        let asked = arguments.until.and_then(Position::try_new);
        let ends = [Some(head.position), asked, latest].into_iter().flatten();
        let until = ends.min().unwrap_or(head.position);
        let mut output = BufWriter::new(std::io::stdout().lock());
        let mut lines = Vec::new();
        let mut after = Position::try_new(arguments.after)
            .unwrap_or_default()
            .max(earliest);
        while after < until {
            let looked = reader
                .look_through(ledger, &filter, after, until, PAGE)
                .await?;
            let (events, reached) = (looked.events, looked.reached);
            let erased = {
                let texts: Vec<_> = events.iter().map(StoredEvent::text).collect();
                ErasedPersons::among(&reader, ledger, &texts).await?
            };
            lines.clear();
            for event in &events {
                let event = event.text();
                write_line(&mut lines, ledger, &event, erased.mark(&event))?;
            }
            match output.write_all(&lines) {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written?,
            }
            after = reached;
        }
        match output.flush() {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
