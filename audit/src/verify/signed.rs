//! What is signed: the checkpoint of an export, those that were kept earlier, and by which keys.

use std::fs;
use std::io;
use std::path::Path;

use ledger_core::Timestamp;

use super::{
    CHECKPOINT, Code, Finding, RECORDS, Report, Trusted, VerifyError, read_if_there, read_named,
};
use crate::checkpoint::{Checkpoint, Head};
use crate::cosignature::{Cosigned, WitnessKey};
use crate::keys::{KeyChain, ReadNote, SignatureFault, SignedRecord};
use crate::tree::HASH_BYTES;

/// What the events are compared with.
pub(super) struct SignedHistory {
    /// The checkpoint of the export.
    pub(super) checkpoint: Option<Checkpoint>,
    /// Earlier checkpoints of the same log, in order of size.
    pub(super) old: Vec<Old>,
    /// When checkpoints that are signed rightly say that the last event of their tree was recorded, in order of size.
    pub(super) recorded_at: Vec<(u64, Option<Timestamp>)>,
}

/// An earlier checkpoint that the events are still to come to.
pub(super) struct Old {
    pub(super) size: u64,
    pub(super) root: [u8; HASH_BYTES],
}

/// Reads them, and tells what is wrong with who signed them.
pub(super) fn read(
    folder: &Path,
    trusted: &Trusted,
    report: &mut Report,
) -> Result<SignedHistory, VerifyError> {
    let chain = KeyChain::with_kept(trusted.keys.clone(), &kept(trusted)?, &shown(folder)?);
    let mut history = SignedHistory {
        checkpoint: None,
        old: Vec::new(),
        recorded_at: Vec::new(),
    };
    history.checkpoint = checkpoint(folder, &chain, &mut history.recorded_at, report)?;
    torn_keys(&chain, report);
    if let Some(checkpoint) = &history.checkpoint {
        keys(&chain, &checkpoint.head.origin, report);
        witnesses(trusted, &checkpoint.note, report);
    }
    old_checkpoints(trusted, &chain, &mut history, report)?;
    history.old.sort_unstable_by_key(|old| old.size);
    history.recorded_at.sort_unstable_by_key(|(size, _)| *size);
    Ok(history)
}

/// The records that were kept.
fn kept(trusted: &Trusted) -> Result<Vec<SignedRecord>, VerifyError> {
    let files = trusted.records.iter();
    files
        .map(|file| {
            SignedRecord::read(&read_named(file)?).ok_or_else(|| VerifyError::Record(file.clone()))
        })
        .collect()
}

/// The records in an export; what is none is left out, and introduces nobody.
fn shown(folder: &Path) -> Result<Vec<SignedRecord>, VerifyError> {
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
        let bytes = read_if_there(&file)?;
        records.extend(bytes.and_then(|bytes| SignedRecord::read(&bytes)));
    }
    Ok(records)
}

fn checkpoint(
    folder: &Path,
    chain: &KeyChain,
    recorded_at: &mut Vec<(u64, Option<Timestamp>)>,
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
            recorded_at.push((head.size, head.recorded_at));
            if key.origin() != head.origin {
                let detail = format!("{} is signed by a key of {}", head.origin, key.origin());
                report.find(Finding::new(Code::OriginDiffers, None, detail));
            }
        }
        Err(fault) => report.find(signature_finding(fault, head, "the checkpoint")),
    }
    Ok(Some(checkpoint))
}

/// Whether any key has said two things.
fn torn_keys(chain: &KeyChain, report: &mut Report) {
    for key in chain.torn() {
        let detail = format!("{key} has signed records that differ");
        report.find(Finding::new(Code::KeyRecordDiffers, None, detail));
    }
}

/// Whether what is known of a log's keys fits together.
fn keys(chain: &KeyChain, origin: &str, report: &mut Report) {
    for record in chain.stray(origin) {
        let detail = format!(
            "the kept record that introduces {} is signed by no trusted key",
            record.key
        );
        report.find(Finding::new(Code::KeyRecordUnknown, None, detail));
    }
    let unended: Vec<String> = chain.unended(origin).map(ToString::to_string).collect();
    if unended.len() > 1 {
        let detail = format!(
            "no record ends any of {}, and only the last key has none",
            unended.join(", ")
        );
        report.find(Finding::new(Code::KeyUnended, None, detail));
    }
}

/// Which of the witnesses that count have cosigned the checkpoint.
fn witnesses(trusted: &Trusted, note: &ReadNote, report: &mut Report) {
    if trusted.witnesses.is_empty() {
        return;
    }
    // One that is named twice is still one.
    let mut known: Vec<&WitnessKey> = Vec::new();
    for witness in &trusted.witnesses {
        if !known.contains(&witness) {
            known.push(witness);
        }
    }
    let mut cosigned_by: Vec<String> = Vec::new();
    for witness in &known {
        match witness.has_cosigned(note) {
            Cosigned::Not => {}
            Cosigned::At(_) => cosigned_by.push(witness.to_string()),
            Cosigned::Wrongly => {
                let detail = format!("the cosignature of {witness} is wrong");
                report.find(Finding::new(Code::CosignatureWrong, None, detail));
            }
        }
    }
    let needed = trusted.witnesses_needed.unwrap_or(known.len());
    if cosigned_by.len() < needed {
        let detail = format!(
            "{} of the witnesses have cosigned the checkpoint, {needed} are needed",
            cosigned_by.len()
        );
        report.find(Finding::new(Code::CosignaturesMissing, None, detail));
    }
    report.cosigned_by = Some(cosigned_by);
}

fn old_checkpoints(
    trusted: &Trusted,
    chain: &KeyChain,
    history: &mut SignedHistory,
    report: &mut Report,
) -> Result<(), VerifyError> {
    for file in &trusted.checkpoints {
        let old = Checkpoint::read(&read_named(file)?)
            .map_err(|_| VerifyError::OldCheckpoint(file.clone()))?;
        let (head, checked) = (&old.head, chain.check(&old.note, old.head.size));
        if let Err(fault) = checked {
            report.find(signature_finding(fault, head, "the earlier checkpoint"));
        }
        let new = history.checkpoint.as_ref();
        if new.is_some_and(|new| new.head.origin != head.origin) {
            let detail = format!("the earlier checkpoint is of {}", head.origin);
            report.find(Finding::new(Code::OriginDiffers, None, detail));
            continue;
        }
        if checked.is_ok() {
            history.recorded_at.push((head.size, head.recorded_at));
        }
        history.old.push(Old {
            size: head.size,
            root: head.root,
        });
    }
    Ok(())
}

fn signature_finding(fault: SignatureFault, head: &Head, what: &str) -> Finding {
    let (code, detail) = match fault {
        SignatureFault::Unknown => (Code::SignatureUnknown, "is signed by no trusted key"),
        SignatureFault::Wrong => (Code::SignatureWrong, "has a wrong signature"),
        SignatureFault::Retired => (
            Code::KeyRetired,
            "is signed by a key after which another one counts",
        ),
    };
    Finding::new(
        code,
        None,
        format!("{what} of {} events {detail}", head.size),
    )
}
