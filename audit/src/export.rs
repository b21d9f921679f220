//! What an auditor takes home: a folder with a ledger's events, the checkpoint of them, the keys, the tiles and what
//! the accounts are stated to hold.
//!
//! All of it is true at one position: that of the read model of accounts when it was read. What was changed in the
//! database is exported as it is, for the auditor to find; a log that is not sealed any more because of that is
//! exported with the last checkpoint that was signed.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use event_store::{LogError, LogReader};
use ledger_core::{LedgerName, Position};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::line::{ErasedPersons, EventLineError, write_line, write_unwritable};
use crate::sealer::{SealError, Sealer};
use crate::store::{StoreError, StoredCheckpoint};
use crate::tree::{HASH_BYTES, tile_path, tiles_of};
use crate::verify::{BALANCES, CHECKPOINT, EVENTS, KEYS, RECORDS};

/// The most events that are named of those that cannot be written.
pub const MAX_UNWRITABLE: usize = 100;

/// Events read at a time.
pub const PAGE: i64 = 1_000;
/// Pages read at once.
const AHEAD: usize = 3;
/// What a line takes, about.
const LINE_BYTES: usize = 640;
/// Tiles read at a time.
const TILES: usize = 256;
/// How often the accounts are read anew when they cannot be sealed as they were read.
const ATTEMPTS: u32 = 50;
/// The pause before that.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a ledger was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is something in the folder already.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A file cannot be written.
    #[error("{} cannot be written", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What the accounts hold cannot be read.
    #[error("the balances cannot be read")]
    Balances(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no checkpoint to export with.
    #[error("the ledger cannot be sealed")]
    Seal(#[from] SealError),
    /// What is sealed cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// What an account is stated to hold: gross totals, not a balance of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalanceLine {
    /// `<holder>:<asset>`.
    pub account: String,
    /// Everything that left through it, in the asset's major unit.
    pub posted_debits: String,
    /// Everything that arrived through it.
    pub posted_credits: String,
    /// What holds reserve of it.
    pub pending_debits: String,
}

impl BalanceLine {
    /// Writes it with its line feed.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, mut to: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut to, self)?;
        to.write_all(b"\n")
    }
}

/// Where it is stated what accounts hold.
#[async_trait]
pub trait StatedBalances: Send + Sync {
    /// Writes every account of a ledger that ever moved, in order; the position at which all of that is true.
    ///
    /// # Errors
    /// Whatever prevents it.
    async fn write(
        &self,
        ledger: LedgerName,
        to: &mut (dyn Write + Send),
    ) -> Result<Position, Box<dyn std::error::Error + Send + Sync>>;
}

/// What was exported.
#[derive(Debug)]
pub struct Exported {
    /// The checkpoint.
    pub checkpoint: StoredCheckpoint,
    /// Lines of events that were written.
    pub events: u64,
    /// What cannot be written of events, at most [`MAX_UNWRITABLE`]: a line that is no event has their place.
    pub unwritable: Vec<EventLineError>,
    /// Why it is not a new checkpoint: the log is not what was sealed.
    pub refused: Option<SealError>,
}

/// Exports a ledger into a folder that is empty or not there yet.
///
/// # Errors
/// [`ExportError`]; what was written so far is left without its checkpoint.
pub async fn export(
    pool: &PgPool,
    sealer: &Sealer,
    balances: &dyn StatedBalances,
    ledger: LedgerName,
    folder: &Path,
) -> Result<Exported, ExportError> {
    let folder = Folder::begin(folder)?;
    let (checkpoint, refused) = stated(sealer, balances, ledger, &folder).await?;
    let checkpoint = cosigned(sealer, ledger, checkpoint).await?;
    let size = checkpoint.checkpoint.head.size;
    let (events, unwritable) = events(pool, ledger, size, &folder).await?;
    tiles(sealer, ledger, size, &folder).await?;
    let keys = sealer.store().keys(ledger).await?;
    let lines: String = keys.iter().map(|key| format!("{}\n", key.key)).collect();
    folder.write(KEYS, lines.as_bytes())?;
    for key in &keys {
        if let Some(record) = &key.record {
            folder.write(&format!("{RECORDS}/{}", key.number), record.as_bytes())?;
        }
    }
    folder.write(CHECKPOINT, checkpoint.checkpoint.text.as_bytes())?;
    Ok(Exported {
        checkpoint,
        events,
        unwritable,
        refused,
    })
}

/// Writes what the accounts hold, and seals the ledger as it was then.
async fn stated(
    sealer: &Sealer,
    balances: &dyn StatedBalances,
    ledger: LedgerName,
    folder: &Folder,
) -> Result<(StoredCheckpoint, Option<SealError>), ExportError> {
    let mut attempts = 0;
    loop {
        let mut to = folder.create(BALANCES)?;
        let position = balances
            .write(ledger, &mut to)
            .await
            .map_err(ExportError::Balances)?;
        to.flush()
            .map_err(|source| folder.unwritable(BALANCES, source))?;
        let size = u64::try_from(position.value()).unwrap_or_default();
        attempts += 1;
        let refused = match sealer.seal_at(ledger, size).await {
            Ok(checkpoint) if size > 0 => return Ok((checkpoint, None)),
            // The read model has not begun, the accounts are those of another log, or others were faster.
            Ok(_) | Err(SealError::Size { .. } | SealError::Contended(_))
                if attempts < ATTEMPTS =>
            {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Ok(checkpoint) => return Ok((checkpoint, None)),
            Err(refused @ SealError::Tampered { .. }) => refused,
            Err(error) => return Err(error.into()),
        };
        return match sealer.store().latest(ledger).await? {
            Some(checkpoint) => Ok((checkpoint, Some(refused))),
            None => Err(refused.into()),
        };
    }
}

/// The checkpoint with what witnesses say of it.
async fn cosigned(
    sealer: &Sealer,
    ledger: LedgerName,
    checkpoint: StoredCheckpoint,
) -> Result<StoredCheckpoint, ExportError> {
    sealer
        .ask_witnesses(ledger, &checkpoint, &mut Vec::new())
        .await?;
    let size = checkpoint.checkpoint.head.size;
    let with = sealer.store().checkpoint_of_size(ledger, size).await?;
    Ok(with
        .filter(|with| with.key_number == checkpoint.key_number)
        .unwrap_or(checkpoint))
}

/// Some events as they are written.
#[derive(Default)]
struct Page {
    lines: Vec<u8>,
    events: u64,
    unwritable: Vec<EventLineError>,
}

/// Writes the events, as they are now, up to and with a position.
async fn events(
    pool: &PgPool,
    ledger: LedgerName,
    size: u64,
    folder: &Folder,
) -> Result<(u64, Vec<EventLineError>), ExportError> {
    let log = LogReader::new(pool.clone());
    let until = Position::START.plus(i64::try_from(size).unwrap_or(i64::MAX));
    let (mut next, mut ahead) = (Position::START, VecDeque::new());
    let mut to = folder.create(EVENTS)?;
    let (mut written, mut unwritable) = (0, Vec::new());
    loop {
        while next < until && ahead.len() < AHEAD {
            let (log, after) = (log.clone(), next);
            next = until.min(after.plus(PAGE));
            ahead.push_back(tokio::spawn(page(log, ledger, (after, next), until)));
        }
        let Some(page) = ahead.pop_front() else {
            break;
        };
        let page = page
            .await
            .map_err(|failed| folder.unwritable(EVENTS, io::Error::other(failed)))??;
        to.write_all(&page.lines)
            .map_err(|source| folder.unwritable(EVENTS, source))?;
        written += page.events;
        unwritable.extend(page.unwritable);
        unwritable.truncate(MAX_UNWRITABLE);
    }
    to.flush()
        .map_err(|source| folder.unwritable(EVENTS, source))?;
    Ok((written, unwritable))
}

/// The events after a position, up to and with another, of an export that ends at `end`.
async fn page(
    log: LogReader,
    ledger: LedgerName,
    (after, until): (Position, Position),
    end: Position,
) -> Result<Page, LogError> {
    let read = log.read_page(ledger, after, until).await?;
    let events = read.events().collect::<Result<Vec<_>, _>>()?;
    let erased = ErasedPersons::among_until(&log, ledger, &events, end).await?;
    let mut page = Page {
        lines: Vec::with_capacity(events.len() * LINE_BYTES),
        ..Page::default()
    };
    for event in &events {
        if let Err(error) = write_line(&mut page.lines, ledger, event, erased.mark(event)) {
            // Whoever checks the export is shown where something stands that Daybook has not written.
            write_unwritable(&mut page.lines, ledger, &error);
            page.unwritable.push(error);
        }
        page.events += 1;
    }
    Ok(page)
}

/// Writes the tiles of the tree of exactly this size.
async fn tiles(
    sealer: &Sealer,
    ledger: LedgerName,
    size: u64,
    folder: &Folder,
) -> Result<(), ExportError> {
    let all: Vec<_> = tiles_of(size).collect();
    for some in all.chunks(TILES) {
        let places: Vec<_> = some.iter().map(|(place, _)| *place).collect();
        let tiles = sealer.store().tiles_there(ledger, &places).await?;
        for (place, width) in some {
            // One that is missing is missed by whoever checks the export.
            if let Some(hashes) = tiles
                .0
                .get(place)
                .and_then(|tile| tile.get(..width * HASH_BYTES))
            {
                folder.write(&tile_path(*place, *width), hashes)?;
            }
        }
    }
    Ok(())
}

/// The folder that is written to.
struct Folder(PathBuf);

impl Folder {
    fn begin(folder: &Path) -> Result<Self, ExportError> {
        let begun = Self(folder.to_owned());
        fs::create_dir_all(folder).map_err(|source| begun.unwritable("", source))?;
        let mut files = fs::read_dir(folder).map_err(|source| begun.unwritable("", source))?;
        if files.next().is_some() {
            return Err(ExportError::NotEmpty(folder.to_owned()));
        }
        Ok(begun)
    }

    fn create(&self, name: &str) -> Result<BufWriter<File>, ExportError> {
        let file = File::create(self.0.join(name));
        let file = file.map_err(|source| self.unwritable(name, source))?;
        // Whole pages of events go past it.
        Ok(BufWriter::with_capacity(1 << 16, file))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let file = self.0.join(name);
        let folder = file.parent().unwrap_or(&self.0);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&file, bytes))
            .map_err(|source| self.unwritable(name, source))
    }

    fn unwritable(&self, name: &str, source: io::Error) -> ExportError {
        ExportError::Write {
            file: self.0.join(name),
            source,
        }
    }
}
