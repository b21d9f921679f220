//! Making sure that a ledger's stream exists, is configured as it must be and holds a beginning of
//! the log, before anything is added to it.
//!
//! | stream                                   | what is done                                  |
//! |------------------------------------------|-----------------------------------------------|
//! | missing                                  | made; it begins at most so far before the head |
//! | configured otherwise                     | updated, and read back                        |
//! | behind the log, or empty after a purge   | continued                                     |
//! | of another log                           | deleted and made anew                         |
//! | ahead of the log, or with another text at its last position | deleted and made anew with the next epoch |

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DirectGetErrorKind, Info};
use event_store::{LogError, LogReader};
use ledger_core::{LedgerName, Position};

use super::RelaySettings;
use crate::log_stream::{self, Epoch};
use crate::nats::Nats;
use crate::publication::{Publication, PublicationError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a stream cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrepareError {
    #[error("JetStream refuses to {action}")]
    JetStream {
        action: &'static str,
        #[source]
        source: Source,
    },
    #[error("the server does not keep these settings of the stream: {0}")]
    Configuration(String),
    #[error("the log cannot be read")]
    Log(#[from] LogError),
    #[error("the log holds what cannot be published")]
    Publication(#[from] PublicationError),
    #[error("the log is empty")]
    EmptyLog,
    #[error("the stream was made or deleted by somebody else just now")]
    Contended,
}

fn failed<E: std::error::Error + Send + Sync + 'static>(
    action: &'static str,
) -> impl FnOnce(E) -> PrepareError {
    move |source| PrepareError::JetStream {
        action,
        source: Box::new(source),
    }
}

/// A stream that can be added to.
pub(super) struct Preparation {
    /// The last position it holds.
    pub(super) last: Position,
    /// The history it is of.
    pub(super) epoch: Epoch,
}

/// Prepares the stream of a ledger; see the module.
pub(super) async fn prepare(
    nats: &Nats,
    log: &LogReader,
    ledger: LedgerName,
    settings: &RelaySettings,
) -> Result<Preparation, PrepareError> {
    let first_epoch = Epoch::of_log(log, ledger)
        .await?
        .ok_or(PrepareError::EmptyLog)?;
    let preparing = Preparing {
        nats,
        log,
        ledger,
        settings,
    };
    let Some(found) = stream_of(nats, ledger).await? else {
        return preparing.create(first_epoch, "missing").await;
    };
    let epoch = match Epoch::of_stream(&found.config) {
        Some(epoch) if epoch.has_same_origin(&first_epoch) => epoch,
        Some(_) => return preparing.replace(first_epoch, "of another log").await,
        // Somebody else's stream under our name, or one whose metadata was edited: its messages
        // decide whether it can stay.
        None => first_epoch,
    };
    if let Some(fault) = preparing.contradiction(&found).await? {
        return preparing.replace(epoch.next(), fault).await;
    }
    preparing.configure(&found.config, &epoch).await?;
    Ok(Preparation {
        last: position_of(found.state.last_sequence),
        epoch,
    })
}

/// The last position of a stream, or the start when there is no stream.
pub(super) async fn last_position(
    nats: &Nats,
    ledger: LedgerName,
) -> Result<Position, PrepareError> {
    let found = stream_of(nats, ledger).await?;
    Ok(found.map_or(Position::START, |info| {
        position_of(info.state.last_sequence)
    }))
}

async fn stream_of(nats: &Nats, ledger: LedgerName) -> Result<Option<Info>, PrepareError> {
    match nats.jetstream().get_stream(log_stream::name(ledger)).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            _ => Err(failed("show the stream")(error)),
        },
    }
}

struct Preparing<'a> {
    nats: &'a Nats,
    log: &'a LogReader,
    ledger: LedgerName,
    settings: &'a RelaySettings,
}

impl Preparing<'_> {
    /// Why the stream cannot be a beginning of the log, if it cannot.
    async fn contradiction(&self, found: &Info) -> Result<Option<&'static str>, PrepareError> {
        let last = position_of(found.state.last_sequence);
        // Read after the stream, so that another relay's newer events are not taken for excess.
        let head = self.log.head(self.ledger).await?;
        if head.is_none_or(|head| head.position < last) {
            return Ok(Some("ahead of the log"));
        }
        if found.state.messages == 0 {
            return Ok(None);
        }
        let Some(message) = self.message_at(last).await? else {
            return Ok(None);
        };
        let before = Position::START.plus(last.value() - 1);
        let stored = self.log.read(self.ledger, before, 1).await?;
        let Some(stored) = stored.first() else {
            return Ok(Some("ahead of the log"));
        };
        let publication = Publication::of_stored(self.ledger, stored)?;
        if message != publication.json.as_bytes() {
            return Ok(Some("not what the log says"));
        }
        Ok(None)
    }

    async fn message_at(&self, position: Position) -> Result<Option<Vec<u8>>, PrepareError> {
        let stream = self
            .nats
            .jetstream()
            .get_stream_no_info(log_stream::name(self.ledger))
            .await
            .map_err(failed("open the stream"))?;
        let Ok(sequence) = u64::try_from(position.value()) else {
            return Ok(None);
        };
        match stream.direct_get(sequence).await {
            Ok(message) => Ok(Some(message.payload.to_vec())),
            Err(error) if matches!(error.kind(), DirectGetErrorKind::NotFound) => Ok(None),
            // A stream under our name that does not allow it yet; the other way always works.
            Err(_) => match stream.get_raw_message(sequence).await {
                Ok(message) => Ok(Some(message.payload.to_vec())),
                Err(error) => match error.kind() {
                    async_nats::jetstream::stream::RawMessageErrorKind::NoMessageFound => Ok(None),
                    _ => Err(failed("show a message")(error)),
                },
            },
        }
    }

    async fn configure(&self, found: &Config, epoch: &Epoch) -> Result<(), PrepareError> {
        let wanted = log_stream::configuration(self.ledger, &self.settings.stream, epoch);
        let different = log_stream::differences(&wanted, found);
        if different.is_empty() {
            return Ok(());
        }
        tracing::info!(
            ledger = %self.ledger,
            settings = different.join(", "),
            "changing the settings of the stream"
        );
        // What the server fixed when the stream was made must be repeated.
        let wanted = Config {
            first_sequence: found.first_sequence,
            ..wanted
        };
        let info = self
            .nats
            .jetstream()
            .update_stream(&wanted)
            .await
            .map_err(failed("change the stream's settings"))?;
        check_kept(&wanted, &info.config)
    }

    async fn replace(
        &self,
        epoch: Epoch,
        cause: &'static str,
    ) -> Result<Preparation, PrepareError> {
        tracing::warn!(
            ledger = %self.ledger,
            stream.epoch = %epoch,
            cause,
            "deleting the stream and making it anew"
        );
        let name = log_stream::name(self.ledger);
        self.nats
            .jetstream()
            .delete_stream(&name)
            .await
            .map_err(failed("delete the stream"))?;
        self.create(epoch, cause).await
    }

    async fn create(&self, epoch: Epoch, cause: &'static str) -> Result<Preparation, PrepareError> {
        let head = self
            .log
            .head(self.ledger)
            .await?
            .ok_or(PrepareError::EmptyLog)?;
        let last = (head.position.value() - self.settings.rebuild_positions).max(0);
        let wanted = Config {
            first_sequence: u64::try_from(last + 1).ok().filter(|first| *first > 1),
            ..log_stream::configuration(self.ledger, &self.settings.stream, &epoch)
        };
        let stream =
            self.nats
                .jetstream()
                .create_stream(&wanted)
                .await
                .map_err(|error| match error.kind() {
                    CreateStreamErrorKind::JetStream(cause)
                        if cause.error_code() == ErrorCode::STREAM_NAME_EXIST =>
                    {
                        PrepareError::Contended
                    }
                    _ => failed("make the stream")(error),
                })?;
        let info = stream.cached_info();
        check_kept(&wanted, &info.config)?;
        metrics::counter!(
            "daybook_relay_streams_made_total",
            "ledger" => self.ledger.to_string(),
            "cause" => cause
        )
        .increment(1);
        // An identical stream that somebody else made just now is taken over as it stands.
        Ok(Preparation {
            last: position_of(info.state.last_sequence).max(Position::START.plus(last)),
            epoch,
        })
    }
}

fn check_kept(wanted: &Config, found: &Config) -> Result<(), PrepareError> {
    let different = log_stream::differences(wanted, found);
    if different.is_empty() {
        Ok(())
    } else {
        Err(PrepareError::Configuration(different.join(", ")))
    }
}

/// A stream sequence as a position; a sequence beyond every position is ahead of every log.
fn position_of(sequence: u64) -> Position {
    i64::try_from(sequence)
        .ok()
        .and_then(Position::try_new)
        .unwrap_or(Position::START.plus(i64::MAX))
}
