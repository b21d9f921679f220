//! Checkpoints of logs on NATS, so that whoever follows the stream keeps them.

use async_nats::HeaderMap;
use async_nats::jetstream::context::{CreateStreamError, PublishError};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use ledger_core::LedgerName;

use crate::nats::Nats;

/// The stream of the checkpoints of all ledgers.
pub const STREAM: &str = "DAYBOOK_CHECKPOINTS";

/// What their subjects begin with. Not `daybook.`, below which each ledger has its own stream.
const SUBJECT: &str = "daybook_checkpoints";

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointPublishError {
    /// The stream cannot be made.
    #[error("the stream {STREAM} cannot be made")]
    Stream(#[from] CreateStreamError),
    /// NATS did not take it.
    #[error("NATS did not take a checkpoint")]
    Publish(#[from] PublishError),
}

impl Nats {
    /// Publishes a signed checkpoint of a ledger, of which `id` says which it is. The stream keeps all of them and
    /// lets nobody take one out.
    ///
    /// # Errors
    /// [`CheckpointPublishError`]; trying again does no harm.
    pub async fn publish_checkpoint(
        &self,
        ledger: LedgerName,
        id: &str,
        note: &str,
    ) -> Result<(), CheckpointPublishError> {
        self.jetstream()
            .get_or_create_stream(Config {
                name: STREAM.to_owned(),
                description: Some("Signed checkpoints of the ledgers' logs".to_owned()),
                subjects: vec![format!("{SUBJECT}.*")],
                retention: RetentionPolicy::Limits,
                discard: DiscardPolicy::Old,
                storage: StorageType::File,
                deny_delete: true,
                deny_purge: true,
                allow_direct: true,
                ..Config::default()
            })
            .await?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{ledger}-{id}").as_str());
        let subject = format!("{SUBJECT}.{ledger}");
        self.jetstream()
            .publish_with_headers(subject, headers, note.to_owned().into())
            .await?
            .await?;
        Ok(())
    }
}
