//! Where checkpoints are kept besides the database, so that others can hold us to them.

use std::io::Write;
use std::path::PathBuf;

use async_trait::async_trait;
use ledger_core::LedgerName;

use crate::store::StoredCheckpoint;

/// Why a checkpoint was not kept elsewhere.
pub type SinkFault = Box<dyn std::error::Error + Send + Sync>;

/// Something that keeps checkpoints. It may be given the same one again.
#[async_trait]
pub trait CheckpointSink: Send + Sync + std::fmt::Debug {
    /// What it is, for logs.
    fn name(&self) -> &'static str;

    /// Keeps one.
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

    async fn keep(
        &self,
        ledger: LedgerName,
        checkpoint: &StoredCheckpoint,
    ) -> Result<(), SinkFault> {
        let folder = self.0.join(ledger.as_str());
        let StoredCheckpoint {
            checkpoint,
            key_number,
            ..
        } = checkpoint;
        // In order of size when they are listed by name.
        let name = format!("{:020}-{key_number}.checkpoint", checkpoint.head.size);
        let text = checkpoint.text.clone();
        let written = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            let file = folder.join(&name);
            match std::fs::read(&file) {
                Ok(known) if known == text.as_bytes() => return Ok(()),
                // Never written over: the same key has signed two histories, and this proves it.
                Ok(_) => {
                    let told = format!("another checkpoint is kept as {}", file.display());
                    return Err(std::io::Error::other(told));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            // A half-written file is never seen under its name.
            let new = folder.join(format!(".{name}.{}.new", std::process::id()));
            let mut opened = std::fs::File::create(&new)?;
            opened.write_all(text.as_bytes())?;
            opened.sync_all()?;
            std::fs::rename(&new, &file)
        });
        Ok(written.await??)
    }
}
