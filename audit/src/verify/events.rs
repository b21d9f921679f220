//! The events of an export, one after the other.

use std::fs;
use std::path::{Path, PathBuf};

use ledger_core::book::Book;
use ledger_core::{LedgerName, Timestamp};

use super::folder::SealedHashes;
use super::lines::Line;
use super::marks::Marks;
use super::rules::Rules;
use super::signed::SignedHistory;
use super::{Code, Finding, Report, VerifyError};
use crate::checkpoint::Checkpoint;
use crate::tree::Tree;

/// No line of a transaction is shorter.
const SHORTEST_LINE: u64 = 256;

/// The events, as far as they were read.
pub(super) struct Events<'r> {
    report: &'r mut Report,
    signed: SignedHistory,
    sealed: Option<SealedHashes>,
    tree: Tree,
    expected: u64,
    recorded_at: Option<Timestamp>,
    rules: Rules,
    marks: Marks,
    ledger: Option<LedgerName>,
    /// Whether the rules are still followed: nothing so far was wrong with an event.
    is_followed: bool,
}

impl<'r> Events<'r> {
    /// Before the first event; `file` is where the events are.
    pub(super) fn begin(
        report: &'r mut Report,
        signed: SignedHistory,
        sealed: Option<SealedHashes>,
        file: PathBuf,
    ) -> Self {
        let most = most_transactions(&signed, &file);
        Self {
            report,
            signed,
            sealed,
            tree: Tree::default(),
            expected: 1,
            recorded_at: None,
            rules: Rules::new(file, most),
            marks: Marks::default(),
            ledger: None,
            is_followed: true,
        }
    }

    fn find(&mut self, code: Code, position: u64, detail: impl Into<String>) {
        self.is_followed = false;
        self.report.find(Finding::new(code, Some(position), detail));
    }

    /// Takes the next line.
    pub(super) fn check(&mut self, line: &Line) -> Result<(), VerifyError> {
        self.report.events += 1;
        self.compare_old()?;
        self.tree.push(line.hash, &mut |_| {});
        let envelope = match &line.envelope {
            Ok(envelope) => envelope,
            Err(detail) => {
                self.find(Code::LineMalformed, self.expected, detail.as_str());
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
        let head = self.signed.checkpoint.as_ref().map(|signed| &signed.head);
        let mut is_changed = false;
        if let Some(size) = head.map(|head| head.size) {
            if position > size {
                let detail = format!("the checkpoint is of {size} events");
                self.find(Code::EventBeyondCheckpoint, position, detail);
            } else if let Some(sealed) = &mut self.sealed
                && sealed
                    .leaf(position - 1)?
                    .is_some_and(|known| known != line.hash)
            {
                self.find(Code::EventChanged, position, "it is not what was sealed");
                is_changed = true;
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
        if !is_changed {
            self.compare_times(position, envelope.recorded_at);
        }
        if let Some(finding) = self.marks.take(&envelope.personal, position) {
            self.report.find(finding);
        }
        let event = match &line.event {
            Ok(event) => event,
            Err(detail) => {
                self.find(Code::EventMalformed, position, detail.as_str());
                return Ok(());
            }
        };
        if !self.is_followed {
            return Ok(());
        }
        match self.rules.follow(ledger, event, line.offset)? {
            Ok(is_transaction) => self.report.transactions += u64::from(is_transaction),
            Err(broken) => self.find(broken.code, position, broken.detail),
        }
        Ok(())
    }

    /// Compares the time of an event with that of the checkpoints of which it is the last.
    fn compare_times(&mut self, position: u64, recorded_at: Timestamp) {
        let stated = &mut self.signed.recorded_at;
        let before = stated.partition_point(|(size, _)| *size < position);
        let until = stated.partition_point(|(size, _)| *size <= position);
        // None in most cases: that moves nothing.
        for (_, stated) in stated.drain(..until).skip(before) {
            if stated != Some(recorded_at) {
                let detail =
                    format!("the checkpoint of it was signed with another time than {recorded_at}");
                self.report.find(Finding::new(
                    Code::RecordedAtDiffers,
                    Some(position),
                    detail,
                ));
            }
        }
    }

    /// Compares with the earlier checkpoints of as many events as were read.
    fn compare_old(&mut self) -> Result<(), VerifyError> {
        let size = self.tree.size();
        while self.signed.old.first().is_some_and(|old| old.size == size) {
            let old = self.signed.old.remove(0);
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
    pub(super) fn finish(mut self) -> Result<Option<Book>, VerifyError> {
        self.compare_old()?;
        let read = self.tree.size();
        for old in std::mem::take(&mut self.signed.old) {
            let detail = format!(
                "an earlier checkpoint is of {} events, there are {read}",
                old.size
            );
            self.report
                .find(Finding::new(Code::HistoryTruncated, Some(read + 1), detail));
        }
        if let Some(Checkpoint { head, .. }) = self.signed.checkpoint.take() {
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
        if self.is_followed {
            self.marks.finish(self.report);
        }
        // Where something was wrong with an event, nobody knows what the accounts should hold.
        let is_followed = self.is_followed;
        Ok(self.rules.into_book().filter(|_| is_followed))
    }
}

/// How many transactions there can be at most: room for them is asked for once, and used as they come.
fn most_transactions(signed: &SignedHistory, file: &Path) -> usize {
    let length = fs::metadata(file).map_or(0, |file| file.len());
    let signed = signed
        .checkpoint
        .as_ref()
        .map_or(0, |signed| signed.head.size);
    usize::try_from(signed.min(length / SHORTEST_LINE)).unwrap_or_default()
}
