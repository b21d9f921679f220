//! The lines of an export: read, hashed and decoded on a thread of their own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread;

use ledger_core::event::RecordedEvent;
use ledger_core::{AggregateType, Event, LedgerName, Position, Stream, Timestamp};

use super::VerifyError;
use crate::line::{EventLine, leaf_of_line};
use crate::tree::{HASH_BYTES, leaf_hash};

/// Lines handed over at a time.
const CHUNK: usize = 512;
/// Chunks that may wait.
const WAITING: usize = 8;
/// The longest line: a thousand postings take a fiftieth of it.
const MOST_BYTES: u64 = 16 << 20;
/// Bytes read at a time.
const BUFFER: usize = 1 << 20;

/// A line.
pub(super) struct Line {
    /// Where in the file it begins.
    pub(super) offset: u64,
    /// The hash of its leaf.
    pub(super) hash: [u8; HASH_BYTES],
    /// What stands around the event.
    pub(super) envelope: Result<Envelope, String>,
    /// The event.
    pub(super) event: Result<RecordedEvent, String>,
}

/// What stands around an event.
pub(super) struct Envelope {
    pub(super) ledger: LedgerName,
    pub(super) position: u64,
    pub(super) recorded_at: Timestamp,
}

/// Gives each line to `check`, in order.
pub(super) fn with_lines(
    file: &Path,
    mut check: impl FnMut(Line) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let unreadable = |source| VerifyError::Read {
        file: file.to_owned(),
        source,
    };
    let opened = File::open(file).map_err(unreadable)?;
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Vec<Line>>(WAITING);
        let reader = scope.spawn(move || -> Result<(), std::io::Error> {
            let mut from = BufReader::with_capacity(BUFFER, opened);
            let (mut text, mut offset) = (Vec::new(), 0);
            let mut chunk = Vec::with_capacity(CHUNK);
            loop {
                text.clear();
                let mut read = (&mut from).take(MOST_BYTES).read_until(b'\n', &mut text)?;
                if read == 0 {
                    break;
                }
                chunk.push(line(&text, offset));
                if !text.ends_with(b"\n") {
                    // Too long, or the last one: it counts as one, whatever follows in it.
                    read += skip_line(&mut from)?;
                }
                offset += u64::try_from(read).unwrap_or_default();
                if chunk.len() == CHUNK && sender.send(std::mem::take(&mut chunk)).is_err() {
                    // Nobody checks any more.
                    return Ok(());
                }
            }
            drop(sender.send(chunk));
            Ok(())
        });
        for chunk in &receiver {
            for line in chunk {
                check(line)?;
            }
        }
        match reader.join() {
            Ok(read) => read.map_err(unreadable),
            Err(_) => Err(unreadable(std::io::Error::other("the reader failed"))),
        }
    })
}

/// Passes over what is left of a line; how many bytes that are.
fn skip_line(from: &mut impl BufRead) -> std::io::Result<usize> {
    let mut skipped = 0;
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        from.consume(length);
        skipped += length;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

fn line(text: &[u8], offset: u64) -> Line {
    let (line, is_whole) = match text.strip_suffix(b"\n") {
        Some(line) => (line, true),
        None => (text, false),
    };
    let hash = leaf_hash(&leaf_of_line(line));
    let faulty = |detail: &str| Line {
        offset,
        hash,
        envelope: Err(detail.to_owned()),
        event: Err(detail.to_owned()),
    };
    if !is_whole {
        return faulty("the line has no line feed, or is too long");
    }
    let read: EventLine<'_> = match serde_json::from_slice(line) {
        Ok(read) => read,
        Err(error) => return faulty(&error.to_string()),
    };
    let Some(position) = u64::try_from(read.position).ok().filter(|at| *at > 0) else {
        return faulty("a position is 1 or more");
    };
    Line {
        offset,
        hash,
        envelope: Ok(Envelope {
            ledger: read.ledger,
            position,
            recorded_at: read.recorded_at,
        }),
        event: event(&read),
    }
}

/// The event of a line.
pub(super) fn event(line: &EventLine<'_>) -> Result<RecordedEvent, String> {
    let kind: AggregateType = line
        .aggregate_type
        .parse()
        .map_err(|error: ledger_core::event::DecodeError| error.to_string())?;
    let stream = Stream::parse(kind, &line.aggregate_id).map_err(|error| error.to_string())?;
    if stream.aggregate_id() != line.aggregate_id {
        return Err(format!("{} is not how an id is written", line.aggregate_id));
    }
    let event = Event::from_payload(
        kind,
        &line.event_type,
        &line.event_version,
        line.payload.get(),
    )
    .map_err(|error| event_store::ErrorChain(&error).to_string())?;
    let metadata = serde_json::from_str(line.metadata.get()).map_err(|error| error.to_string())?;
    Ok(RecordedEvent {
        position: Position::try_new(line.position).ok_or("a position is 1 or more")?,
        recorded_at: line.recorded_at,
        stream,
        sequence: line.sequence,
        event,
        metadata,
    })
}
