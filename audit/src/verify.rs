//! Checking an export, offline: that nothing is missing, nothing was changed since it was sealed, what was signed is
//! signed by whom it should be, and every event could be decided as it was.
//!
//! Everything is checked and every difference is a [`Finding`] with a code and, where it has one, a position. Only the
//! rules of the ledger are followed no further than the first event that breaks one: what comes after depends on it.
//!
//! **Memory.** Events stream. Kept are the book (accounts, wallets, holds, payments and the like), 30 to 60 bytes for
//! each transaction, and the keys of other streams. Lines that wait to be checked take a few dozen MiB at most, and
//! more only while lines of many MiB wait.

mod balances;
mod events;
mod folder;
mod lines;
mod marks;
mod report;
mod rules;
mod signed;
mod sums;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;

use crate::checkpoint::Checkpoint;
use crate::cosignature::WitnessKey;
use crate::keys::PublicKey;
use events::Events;
use folder::{SealedHashes, check_tiles};
use lines::with_lines;
use signed::SignedHistory;

pub use report::{Code, Finding, MAX_FINDINGS, Report};

/// The events, one a line.
pub const EVENTS: &str = "events.ndjson";
/// The checkpoint of all of them.
pub const CHECKPOINT: &str = "checkpoint";
/// The public keys, one a line.
pub const KEYS: &str = "keys";
/// The folder of the notes by which keys follow each other.
pub const RECORDS: &str = "records";
/// What the accounts hold, one a line.
pub const BALANCES: &str = "balances.ndjson";

/// More of a small file is not read: what is larger is none of ours.
const MOST_BYTES: u64 = 1 << 21;

/// What to check an export with.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    /// Public keys that are known from elsewhere.
    pub keys: Vec<PublicKey>,
    /// Records of keys that were kept earlier: their files.
    pub records: Vec<PathBuf>,
    /// Checkpoints that were kept earlier: their files.
    pub checkpoints: Vec<PathBuf>,
    /// Witnesses whose cosignatures count.
    pub witnesses: Vec<WitnessKey>,
    /// How many of them must have cosigned the checkpoint; all when absent.
    pub witnesses_needed: Option<usize>,
}

/// Why an export cannot be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("{} cannot be read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An earlier checkpoint is none.
    #[error("{} is no signed checkpoint", .0.display())]
    OldCheckpoint(PathBuf),
    /// A kept record of a key is none.
    #[error("{} is no record of a checkpoint key", .0.display())]
    Record(PathBuf),
}

/// Checks an export.
///
/// # Errors
/// [`VerifyError`]; whatever is wrong with the export itself is in the report.
pub fn verify(folder: &Path, trusted: &Trusted) -> Result<Report, VerifyError> {
    let (mut report, signed) = begin(folder, trusted)?;
    let Some(Checkpoint { head, .. }) = &signed.checkpoint else {
        check(folder, signed, None, &mut report)?;
        return Ok(report);
    };
    let (head, sealed) = (head.clone(), SealedHashes::new(folder, head));
    // By the time the events are read it is known whether the tiles are what they are compared with.
    let (checked, tiles) = thread::scope(|scope| {
        let tiles = scope.spawn(|| check_tiles(folder, &head));
        let checked = check(folder, signed, Some(sealed), &mut report);
        (checked, tiles.join())
    });
    let failed = |_| VerifyError::Read {
        file: folder.join("tile"),
        source: io::Error::other("the tiles could not be checked"),
    };
    if let Some(finding) = tiles.map_err(failed)?? {
        let (mut report, signed) = begin(folder, trusted)?;
        report.find(finding);
        check(folder, signed, None, &mut report)?;
        return Ok(report);
    }
    checked?;
    Ok(report)
}

/// Reads what is signed.
fn begin(folder: &Path, trusted: &Trusted) -> Result<(Report, SignedHistory), VerifyError> {
    let mut report = Report::begin();
    let signed = signed::read(folder, trusted, &mut report)?;
    Ok((report, signed))
}

/// Checks the events and what they add up to.
fn check(
    folder: &Path,
    signed: SignedHistory,
    sealed: Option<SealedHashes>,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let mut events = Events::begin(report, signed, sealed, folder.join(EVENTS));
    with_lines(&folder.join(EVENTS), |line| events.check(line))?;
    let ended = events.finish()?;
    balances::check(folder, ended.as_ref(), report)?;
    report.ok = report.findings.is_empty();
    Ok(())
}

/// Reads a file that may be missing.
fn read_if_there(file: &Path) -> Result<Option<Vec<u8>>, VerifyError> {
    let mut bytes = Vec::new();
    let read =
        fs::File::open(file).and_then(|opened| opened.take(MOST_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(Some(bytes)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(source) => Err(VerifyError::Read {
            file: file.to_owned(),
            source,
        }),
    }
}

/// Reads a file that somebody has named.
fn read_named(file: &Path) -> Result<Vec<u8>, VerifyError> {
    read_if_there(file)?.ok_or_else(|| VerifyError::Read {
        file: file.to_owned(),
        source: io::Error::from(io::ErrorKind::NotFound),
    })
}
