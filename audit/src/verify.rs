//! Checking an export, offline: that nothing is missing, nothing was changed since it was sealed, what was signed is
//! signed by whom it should be, and every event could be decided as it was.
//!
//! Everything is checked and every difference is a [`Finding`] with a code and, where it has one, a position. Only the
//! rules of the ledger are followed no further than the first event that breaks one: what comes after depends on it.
//!
//! **Memory.** Events stream. Kept are the book (accounts, wallets, holds, payments and the like), about 40 bytes for
//! each transaction, and the keys of other streams.

mod balances;
mod folder;
mod lines;
mod rules;
mod sums;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ledger_core::LedgerName;
use serde::Serialize;

use crate::checkpoint::Checkpoint;
use crate::keys::{KeyChain, KeyRecord, PublicKey, ReadNote, SignatureFault};
use crate::tree::{HASH_BYTES, Tree};
use folder::SealedHashes;
use lines::{Line, with_lines};
use rules::Rules;

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

/// The most findings that a report lists.
pub const MAX_FINDINGS: usize = 1_000;

/// What to check an export with.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// Public keys that are known from elsewhere.
    pub keys: Vec<PublicKey>,
    /// Checkpoints that were kept earlier: their files.
    pub checkpoints: Vec<PathBuf>,
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
}

/// What is wrong; the stable words of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The checkpoint of the export is none.
    CheckpointMalformed,
    /// A checkpoint is of another log.
    OriginDiffers,
    /// No trusted key, nor one that follows it, signed a checkpoint.
    SignatureUnknown,
    /// A signature of a checkpoint is wrong.
    SignatureWrong,
    /// A checkpoint is signed by a key after which another one counts.
    KeyRetired,
    /// The tiles are not those of the checkpoint.
    TilesDiffer,
    /// A line is no event.
    LineMalformed,
    /// An event is of another ledger.
    LedgerDiffers,
    /// An event, or several from it on, is not there.
    EventMissing,
    /// An event stands after a later one, or a second time.
    EventOutOfOrder,
    /// An event is after the last that is sealed.
    EventBeyondCheckpoint,
    /// An event is not what was sealed.
    EventChanged,
    /// An event was recorded before the one in front of it.
    TimeBackwards,
    /// An event is not the next of its stream.
    SequenceGap,
    /// An event says nothing that Daybook knows.
    EventMalformed,
    /// An event breaks a rule of the ledger.
    RuleBroken,
    /// The events have another root than the checkpoint.
    RootDiffers,
    /// The events do not begin with those of an earlier checkpoint.
    HistoryRewritten,
    /// The events end before those of an earlier checkpoint.
    HistoryTruncated,
    /// A line of balances is none.
    BalanceMalformed,
    /// An account holds something else than is stated.
    BalanceDiffers,
    /// An account that moved is not stated.
    BalanceMissing,
    /// An account is stated that never moved.
    BalanceUnknown,
    /// Stated debits and credits of an asset differ.
    TrialBalanceDiffers,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// The event, where it is one.
    pub position: Option<u64>,
    /// The account or asset, where it is one.
    pub account: Option<String>,
    /// In words.
    pub detail: String,
}

impl Finding {
    fn new(code: Code, position: Option<u64>, detail: impl Into<String>) -> Self {
        Self {
            code,
            position,
            account: None,
            detail: detail.into(),
        }
    }

    fn of_account(code: Code, account: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code,
            position: None,
            account: Some(account.into()),
            detail: detail.into(),
        }
    }
}

/// What was checked, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The ledger; unknown when no event can be read.
    pub ledger: Option<String>,
    /// The log that the checkpoint is of.
    pub origin: Option<String>,
    /// Events that the checkpoint is of.
    pub size: Option<u64>,
    /// Its root, in base64.
    pub root: Option<String>,
    /// The public key that signed it.
    pub signed_by: Option<String>,
    /// Events that were read.
    pub events: u64,
    /// Transactions among them.
    pub transactions: u64,
    /// Accounts whose balances were compared.
    pub accounts: u64,
    /// Earlier checkpoints with which this one is consistent.
    pub consistent_checkpoints: u64,
    /// What is wrong, at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// What is wrong and not listed.
    pub findings_left_out: u64,
}

impl Report {
    fn begin() -> Self {
        Self {
            ok: false,
            ledger: None,
            origin: None,
            size: None,
            root: None,
            signed_by: None,
            events: 0,
            transactions: 0,
            accounts: 0,
            consistent_checkpoints: 0,
            findings: Vec::new(),
            findings_left_out: 0,
        }
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }
}

/// An earlier checkpoint that the events are still to come to.
struct Old {
    size: u64,
    root: [u8; HASH_BYTES],
}

/// Checks an export.
///
/// # Errors
/// [`VerifyError`]; whatever is wrong with the export itself is in the report.
pub fn verify(folder: &Path, trusted: &Trusted) -> Result<Report, VerifyError> {
    let mut report = Report::begin();
    let chain = KeyChain::new(trusted.keys.clone(), &records(folder)?);
    let checkpoint = checkpoint(folder, &chain, &mut report)?;
    let old = old_checkpoints(trusted, &chain, checkpoint.as_ref(), &mut report)?;
    let sealed = match &checkpoint {
        Some(checkpoint) => SealedHashes::read(folder, &checkpoint.head, &mut report)?,
        None => None,
    };
    let mut events = Events {
        report: &mut report,
        size: checkpoint.as_ref().map(|checkpoint| checkpoint.head.size),
        sealed,
        old,
        tree: Tree::default(),
        expected: 1,
        recorded_at: None,
        rules: Rules::new(folder.join(EVENTS)),
        ledger: None,
        is_followed: true,
    };
    with_lines(&folder.join(EVENTS), |line| events.check(line))?;
    let ended = events.finish(checkpoint.as_ref())?;
    balances::check(folder, ended.as_ref(), &mut report)?;
    report.ok = report.findings.is_empty();
    Ok(report)
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

/// The records of keys in an export; what is none is left out, and introduces nobody.
fn records(folder: &Path) -> Result<Vec<(KeyRecord, ReadNote)>, VerifyError> {
    let folder = folder.join(RECORDS);
    let unreadable = |source| VerifyError::Read {
        file: folder.clone(),
        source,
    };
    let files = match fs::read_dir(&folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unreadable(source)),
    };
    let mut records = Vec::new();
    for file in files {
        let file = file.map_err(unreadable)?.path();
        let Some(bytes) = read_if_there(&file)? else {
            continue;
        };
        if let Ok(note) = ReadNote::read(&bytes)
            && let Some(record) = KeyRecord::read(&note.text)
        {
            records.push((record, note));
        }
    }
    Ok(records)
}

fn signature_finding(fault: SignatureFault, size: u64, what: &str) -> Finding {
    let (code, detail) = match fault {
        SignatureFault::Unknown => (Code::SignatureUnknown, "is signed by no trusted key"),
        SignatureFault::Wrong => (Code::SignatureWrong, "has a wrong signature"),
        SignatureFault::Retired => (
            Code::KeyRetired,
            "is signed by a key after which another one counts",
        ),
    };
    Finding::new(code, None, format!("{what} of {size} events {detail}"))
}

fn checkpoint(
    folder: &Path,
    chain: &KeyChain,
    report: &mut Report,
) -> Result<Option<Checkpoint>, VerifyError> {
    let bytes = read_if_there(&folder.join(CHECKPOINT))?;
    let read = bytes.map(|bytes| Checkpoint::read(&bytes));
    let Some(Ok(checkpoint)) = read else {
        report.find(Finding::new(
            Code::CheckpointMalformed,
            None,
            "the export has no signed checkpoint",
        ));
        return Ok(None);
    };
    let head = &checkpoint.head;
    report.origin = Some(head.origin.clone());
    report.size = Some(head.size);
    report.root = Some(head.root_text());
    match chain.check(&checkpoint.note, head.size) {
        Ok(key) => {
            report.signed_by = Some(key.to_string());
            if key.origin() != head.origin {
                let detail = format!("{} is signed by a key of {}", head.origin, key.origin());
                report.find(Finding::new(Code::OriginDiffers, None, detail));
            }
        }
        Err(fault) => report.find(signature_finding(fault, head.size, "the checkpoint")),
    }
    Ok(Some(checkpoint))
}

fn old_checkpoints(
    trusted: &Trusted,
    chain: &KeyChain,
    checkpoint: Option<&Checkpoint>,
    report: &mut Report,
) -> Result<Vec<Old>, VerifyError> {
    let mut all = Vec::new();
    for file in &trusted.checkpoints {
        let bytes = fs::read(file).map_err(|source| VerifyError::Read {
            file: file.clone(),
            source,
        })?;
        let old = Checkpoint::read(&bytes)
            .map_err(|_| VerifyError::OldCheckpoint(file.clone()))?
            .head;
        let note = ReadNote::read(&bytes).map_err(|_| VerifyError::OldCheckpoint(file.clone()))?;
        if let Err(fault) = chain.check(&note, old.size) {
            report.find(signature_finding(fault, old.size, "the earlier checkpoint"));
        }
        if checkpoint.is_some_and(|new| new.head.origin != old.origin) {
            let detail = format!("the earlier checkpoint is of {}", old.origin);
            report.find(Finding::new(Code::OriginDiffers, None, detail));
            continue;
        }
        all.push(Old {
            size: old.size,
            root: old.root,
        });
    }
    all.sort_unstable_by_key(|old| old.size);
    Ok(all)
}

/// The events, as far as they were read.
struct Events<'r> {
    report: &'r mut Report,
    size: Option<u64>,
    sealed: Option<SealedHashes>,
    old: Vec<Old>,
    tree: Tree,
    expected: u64,
    recorded_at: Option<ledger_core::Timestamp>,
    rules: Rules,
    ledger: Option<LedgerName>,
    /// Whether the rules are still followed: nothing so far was wrong with an event.
    is_followed: bool,
}

impl Events<'_> {
    fn find(&mut self, code: Code, position: u64, detail: impl Into<String>) {
        self.is_followed = false;
        self.report.find(Finding::new(code, Some(position), detail));
    }

    fn check(&mut self, line: Line) -> Result<(), VerifyError> {
        self.report.events += 1;
        self.compare_old()?;
        self.tree.push(line.hash, &mut |_| {});
        let envelope = match line.envelope {
            Ok(envelope) => envelope,
            Err(detail) => {
                self.find(Code::LineMalformed, self.expected, detail);
                self.expected += 1;
                return Ok(());
            }
        };
        let position = envelope.position;
        let ledger = *self.ledger.get_or_insert(envelope.ledger);
        if ledger != envelope.ledger {
            self.find(
                Code::LedgerDiffers,
                position,
                format!("it is of {}", envelope.ledger),
            );
        }
        if position < self.expected {
            let detail = format!("position {} was expected", self.expected);
            self.find(Code::EventOutOfOrder, position, detail);
            return Ok(());
        }
        if position > self.expected {
            let detail = format!("position {position} follows");
            self.find(Code::EventMissing, self.expected, detail);
        }
        self.expected = position + 1;
        if let Some(size) = self.size {
            if position > size {
                let detail = format!("the checkpoint is of {size} events");
                self.find(Code::EventBeyondCheckpoint, position, detail);
            } else if let Some(sealed) = &mut self.sealed
                && sealed
                    .leaf(position - 1)?
                    .is_some_and(|known| known != line.hash)
            {
                self.find(Code::EventChanged, position, "it is not what was sealed");
            }
        }
        if self
            .recorded_at
            .is_some_and(|before| envelope.recorded_at < before)
        {
            let detail = "it was recorded before the event in front of it";
            self.find(Code::TimeBackwards, position, detail);
        }
        self.recorded_at = Some(envelope.recorded_at);
        let event = match line.event {
            Ok(event) => event,
            Err(detail) => {
                self.find(Code::EventMalformed, position, detail);
                return Ok(());
            }
        };
        if !self.is_followed {
            return Ok(());
        }
        match self.rules.follow(ledger, &event, line.offset)? {
            Ok(is_transaction) => self.report.transactions += u64::from(is_transaction),
            Err(broken) => self.find(broken.code, position, broken.detail),
        }
        Ok(())
    }

    /// Compares with the earlier checkpoints of as many events as were read.
    fn compare_old(&mut self) -> Result<(), VerifyError> {
        let size = self.tree.size();
        while self.old.first().is_some_and(|old| old.size == size) {
            let old = self.old.remove(0);
            // What the root is made of is in the tree; were it not, the roots would differ.
            if self.tree.root().is_ok_and(|root| root == old.root) {
                self.report.consistent_checkpoints += 1;
            } else {
                let detail =
                    format!("the first {size} events are not those of the earlier checkpoint");
                self.report
                    .find(Finding::new(Code::HistoryRewritten, Some(size), detail));
            }
        }
        Ok(())
    }

    /// What there is to say at the end; the book, if all events follow from each other.
    fn finish(
        mut self,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Option<ledger_core::book::Book>, VerifyError> {
        self.compare_old()?;
        let read = self.tree.size();
        for old in std::mem::take(&mut self.old) {
            let detail = format!(
                "an earlier checkpoint is of {} events, there are {read}",
                old.size
            );
            self.report
                .find(Finding::new(Code::HistoryTruncated, Some(read + 1), detail));
        }
        if let Some(Checkpoint { head, .. }) = checkpoint {
            if self.expected <= head.size {
                let detail = format!("the checkpoint is of {} events", head.size);
                self.find(Code::EventMissing, self.expected, detail);
            }
            if self.tree.root().ok() != Some(head.root) {
                let detail = "the events are not those that were signed";
                self.report
                    .find(Finding::new(Code::RootDiffers, None, detail));
            }
            let named = self.ledger.map(|ledger| format!("/{ledger}"));
            if named.is_some_and(|named| !head.origin.ends_with(&named)) {
                let detail = format!("the checkpoint is of {}", head.origin);
                self.report
                    .find(Finding::new(Code::OriginDiffers, None, detail));
            }
        }
        self.report.ledger = self.ledger.map(|ledger| ledger.to_string());
        if self.is_followed
            && let Err(broken) = self.rules.ended()
        {
            self.find(broken.code, self.expected - 1, broken.detail);
        }
        // Where something was wrong with an event, nobody knows what the accounts should hold.
        let is_followed = self.is_followed;
        Ok(self.rules.into_book().filter(|_| is_followed))
    }
}
