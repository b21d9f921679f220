//! The lines of an export: read, hashed and decoded on threads of their own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use ledger_core::event::RecordedEvent;
use ledger_core::{AggregateType, Event, LedgerName, Position, Stream, Timestamp};

use super::VerifyError;
use super::marks::Personal;
use crate::line::{EventLine, leaf_of_line};
use crate::tree::{HASH_BYTES, leaf_hash};

/// Lines handed over at a time.
const CHUNK: usize = 256;
/// Bytes after which a chunk is handed over with fewer lines.
const CHUNK_BYTES: usize = 1 << 20;
/// Chunks that may wait before each who decodes, and behind each.
const WAITING: usize = 4;
/// More than so many decode faster than anybody checks.
const MOST_DECODERS: usize = 4;
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
    pub(super) personal: Personal,
}

/// Lines as they were read, one after the other.
#[derive(Default)]
struct Chunk {
    /// Where in the file the first one begins.
    offset: u64,
    bytes: Vec<u8>,
    /// For each line where it ends in `bytes`, and how long it is in the file.
    lines: Vec<(usize, u64)>,
}

impl Chunk {
    /// An empty one, in the same memory unless that is more than most need.
    fn begin(mut self, offset: u64) -> Self {
        self.bytes.clear();
        self.bytes.shrink_to(2 * CHUNK_BYTES);
        self.lines.clear();
        Self { offset, ..self }
    }
}

/// Gives each line to `check`, in order.
///
/// One thread reads, as many as there are processors hash and decode, each every so many chunks; whoever calls
/// takes them in turn, and so in order. What was checked and what was decoded goes back to whoever made it, who makes
/// the next ones in the same memory.
pub(super) fn with_lines(
    file: &Path,
    mut check: impl FnMut(&Line) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let unreadable = |source| VerifyError::Read {
        file: file.to_owned(),
        source,
    };
    let opened = File::open(file).map_err(unreadable)?;
    let decoders =
        thread::available_parallelism().map_or(1, |count| count.get().min(MOST_DECODERS));
    thread::scope(|scope| {
        let (mut to_decode, mut decoded) = (Vec::new(), Vec::new());
        let (read, again) = channel();
        for _ in 0..decoders {
            let (chunks, waiting) = sync_channel::<Chunk>(WAITING);
            let (lines, ready) = sync_channel::<Vec<Line>>(WAITING);
            let (checked, done) = channel::<Vec<Line>>();
            let read = read.clone();
            scope.spawn(move || {
                for chunk in waiting {
                    let again = done.try_iter().last().unwrap_or_default();
                    if lines.send(decode(&chunk, again)).is_err() {
                        // Nobody checks any more.
                        return;
                    }
                    // Nobody reads any more when it cannot be sent.
                    drop(read.send(chunk));
                }
            });
            to_decode.push(chunks);
            decoded.push((ready, checked));
        }
        let reader = scope.spawn(move || read_chunks(opened, &to_decode, &again));
        for turn in 0_usize.. {
            // The first decoder that has nothing more was given nothing more, nor was any after it.
            let (ready, checked) = &decoded[turn % decoders];
            let Ok(lines) = ready.recv() else {
                break;
            };
            lines.iter().try_for_each(&mut check)?;
            // It has ended when nobody takes it, and frees them here.
            drop(checked.send(lines));
        }
        match reader.join() {
            Ok(read) => read.map_err(unreadable),
            Err(_) => Err(unreadable(std::io::Error::other("the reader failed"))),
        }
    })
}

/// Gives the lines of a file to each of those who decode in turn, and takes what was decoded `again`.
fn read_chunks(
    file: File,
    to_decode: &[SyncSender<Chunk>],
    again: &Receiver<Chunk>,
) -> std::io::Result<()> {
    let mut from = BufReader::with_capacity(BUFFER, file);
    let (mut chunk, mut offset) = (Chunk::default(), 0);
    let mut turns = to_decode.iter().cycle();
    loop {
        let read = read_line(&mut from, MOST_BYTES, &mut chunk.bytes)?;
        if let Some(length) = read {
            chunk.lines.push((chunk.bytes.len(), length));
            offset += length;
        }
        let is_full = chunk.lines.len() == CHUNK || chunk.bytes.len() >= CHUNK_BYTES;
        if is_full || read.is_none() {
            let next = again.try_recv().unwrap_or_default().begin(offset);
            let full = std::mem::replace(&mut chunk, next);
            let sent = turns.next().map(|decoder| decoder.send(full));
            if read.is_none() || !matches!(sent, Some(Ok(()))) {
                return Ok(());
            }
        }
    }
}

/// Adds the next line to `to`, with its line feed: of one that is longer than `most` only the beginning, without.
/// How long it is in the file; `None` at its end.
pub(super) fn read_line(
    from: &mut impl BufRead,
    most: u64,
    to: &mut Vec<u8>,
) -> std::io::Result<Option<u64>> {
    let mut read = from.by_ref().take(most).read_until(b'\n', to)?;
    if read == 0 {
        return Ok(None);
    }
    if !to.ends_with(b"\n") {
        // Too long, or the last one: it counts as one, whatever follows in it.
        read += skip_line(from)?;
    }
    Ok(Some(u64::try_from(read).unwrap_or(u64::MAX)))
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

/// The lines of a chunk, in place of others.
fn decode(chunk: &Chunk, mut lines: Vec<Line>) -> Vec<Line> {
    lines.clear();
    let (mut begin, mut offset) = (0, chunk.offset);
    lines.extend(chunk.lines.iter().map(|(end, length)| {
        let line = line(&chunk.bytes[begin..*end], offset);
        begin = *end;
        offset += length;
        line
    }));
    lines
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
    // Once for the whole line, and not for each text in it.
    let read = match std::str::from_utf8(line) {
        Ok(line) => serde_json::from_str::<EventLine<'_>>(line).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let read = match read {
        Ok(read) => read,
        Err(detail) => return faulty(&detail),
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
            personal: Personal::of(&read),
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
