//! Where checkpoints are kept besides the database, so that others can hold us to them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use ledger_core::LedgerName;

use crate::checkpoint::Checkpoint;
use crate::store::StoredCheckpoint;

/// Why a checkpoint was not kept elsewhere.
pub type SinkFault = Box<dyn std::error::Error + Send + Sync>;

/// The file that says which checkpoint was kept last.
const LAST: &str = ".last";

/// Something that keeps checkpoints. It may be given the same one again.
#[async_trait]
pub trait CheckpointSink: Send + Sync + std::fmt::Debug {
    /// What it is, for logs.
    fn name(&self) -> &'static str;

    /// The number of the last checkpoint of a ledger that it was given and has; 0 when it has none, also when what
    /// it had is gone.
    ///
    /// # Errors
    /// Whatever prevents it; it is tried again.
    async fn last(&self, ledger: LedgerName) -> Result<i64, SinkFault>;

    /// Keeps one. They come in order of their numbers.
    ///
    /// # Errors
    /// Whatever prevents it; it is tried again.
    async fn keep(
        &self,
        ledger: LedgerName,
        checkpoint: &StoredCheckpoint,
    ) -> Result<(), SinkFault>;
}

/// A folder with a folder for each ledger and a file for each checkpoint.
#[derive(Debug, Clone)]
pub struct CheckpointFolder(pub PathBuf);

#[async_trait]
impl CheckpointSink for CheckpointFolder {
    fn name(&self) -> &'static str {
        "folder"
    }

    async fn last(&self, ledger: LedgerName) -> Result<i64, SinkFault> {
        let file = self.0.join(ledger.as_str()).join(LAST);
        let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(file));
        match read.await? {
            // What is no number is as good as lost: all are given again, which changes none that is there.
            Ok(text) => Ok(text.trim().parse().unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    async fn keep(&self, ledger: LedgerName, stored: &StoredCheckpoint) -> Result<(), SinkFault> {
        let folder = self.0.join(ledger.as_str());
        let stored = stored.clone();
        Ok(tokio::task::spawn_blocking(move || keep(&folder, &stored)).await??)
    }
}

fn keep(folder: &Path, stored: &StoredCheckpoint) -> io::Result<()> {
    let checkpoint = &stored.checkpoint;
    std::fs::create_dir_all(folder)?;
    // In order of size when they are listed by name.
    let name = format!(
        "{:020}-{}.checkpoint",
        checkpoint.head.size, stored.key_number
    );
    let known = match std::fs::read(folder.join(&name)) {
        Ok(known) => Some(known),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    match known.map(|known| Checkpoint::read(&known)) {
        None => write(folder, &name, checkpoint.text.as_bytes())?,
        // The same, perhaps with signatures of other witnesses.
        Some(Ok(known)) if known.note.text == checkpoint.note.text => {}
        // Never written over: the same key has signed two histories, and this proves it.
        Some(_) => {
            let file = folder.join(&name);
            let told = format!("another checkpoint is kept as {}", file.display());
            return Err(io::Error::other(told));
        }
    }
    write(folder, LAST, format!("{}\n", stored.number).as_bytes())
}

/// Writes a file so that half of it is never seen under its name, nor lost with the machine.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = folder.join(format!(".{name}.{}.new", std::process::id()));
    let mut opened = std::fs::File::create(&new)?;
    opened.write_all(bytes)?;
    opened.sync_all()?;
    std::fs::rename(&new, folder.join(name))?;
    std::fs::File::open(folder)?.sync_all()
}
