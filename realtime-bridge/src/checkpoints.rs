//! Checkpoints of logs on NATS, so that whoever follows the stream keeps them.

use async_nats::HeaderMap;
use async_nats::jetstream::context::{CreateStreamError, PublishError};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageError, LastRawMessageErrorKind, RetentionPolicy,
    StorageType, Stream,
};
use ledger_core::LedgerName;

use crate::nats::Nats;

/// The stream of the checkpoints of all ledgers.
pub const STREAM: &str = "DAYBOOK_CHECKPOINTS";

/// What their subjects begin with. Not `daybook.`, below which each ledger has its own stream.
const SUBJECT: &str = "daybook_checkpoints";

/// The header with the number of a checkpoint among those of its ledger.
const NUMBER: &str = "Daybook-Checkpoint-Number";

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointPublishError {
    /// The stream cannot be made.
    #[error("the stream {STREAM} cannot be made")]
    Stream(#[from] CreateStreamError),
    /// The last message cannot be read.
    #[error("the stream {STREAM} cannot be read")]
    Read(#[from] LastRawMessageError),
    /// NATS did not take it.
    #[error("NATS did not take a checkpoint")]
    Publish(#[from] PublishError),
}

impl Nats {
    /// The number of the checkpoint of a ledger that was published last; 0 when none is there, or none that says it.
    ///
    /// # Errors
    /// [`CheckpointPublishError`].
    pub async fn last_checkpoint(&self, ledger: LedgerName) -> Result<i64, CheckpointPublishError> {
        let stream = self.checkpoints().await?;
        let subject = format!("{SUBJECT}.{ledger}");
        let last = stream.get_last_raw_message_by_subject(&subject).await;
        let headers = match last {
            Ok(last) => last.headers,
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                return Ok(0);
            }
            Err(error) => return Err(error.into()),
        };
        let number = headers
            .get(NUMBER)
            .and_then(|number| number.as_str().parse().ok());
        Ok(number.unwrap_or_default())
    }

    /// Publishes a signed checkpoint of a ledger with its number; `id` says which it is, so that the same one is
    /// kept once when it is published again soon. The stream keeps all of them and lets nobody take one out.
    ///
    /// # Errors
    /// [`CheckpointPublishError`]; trying again does no harm.
    pub async fn publish_checkpoint(
        &self,
        ledger: LedgerName,
        number: i64,
        id: &str,
        note: &str,
    ) -> Result<(), CheckpointPublishError> {
        self.checkpoints().await?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{ledger}-{id}").as_str());
        headers.insert(NUMBER, number.to_string().as_str());
        let subject = format!("{SUBJECT}.{ledger}");
        self.jetstream()
            .publish_with_headers(subject, headers, note.to_owned().into())
            .await?
            .await?;
        Ok(())
    }

    /// The stream, made unless it is there.
    async fn checkpoints(&self) -> Result<Stream, CreateStreamError> {
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
            .await
    }
}
