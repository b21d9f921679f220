//! The connection to NATS.
//!
//! It reconnects by itself for ever; whoever uses it must expect it to be down. What was sent while
//! it was down may still arrive later, so every publish carries the stream sequence it expects.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectOptions, Event, ServerAddr};

/// The oldest NATS server that Daybook runs on: older ones accept atomic batches without being
/// atomic, or write each message of a batch to disk by itself.
pub const OLDEST_NATS: (i64, i64) = (2, 15);

/// How long one request to JetStream may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// A half-open connection is noticed after about two of these.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Why NATS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The URL is not one of NATS, or the credentials in it are refused.
    #[error("the NATS URL cannot be used")]
    Url(#[source] async_nats::ConnectError),
    /// The server is too old.
    #[error("NATS {found} is too old, {}.{} or newer is needed", OLDEST_NATS.0, OLDEST_NATS.1)]
    TooOld {
        /// The server's version.
        found: String,
    },
    /// There is no connection at the moment.
    #[error("there is no connection to NATS")]
    Disconnected,
}

/// A connection to NATS, shared by relay and bridge.
#[derive(Debug, Clone)]
pub struct Nats {
    client: Client,
    jetstream: jetstream::Context,
}

impl Nats {
    /// Begins to connect and waits at most `patience` for the server; a server that cannot be
    /// reached by then is no error, because the connection is made once it can.
    ///
    /// # Errors
    /// [`NatsError::Url`], and [`NatsError::TooOld`] when the server was reached.
    pub async fn connect(url: &str, patience: Duration) -> Result<Self, NatsError> {
        let client = credentials(url)?
            .name("daybook")
            .retry_on_initial_connect()
            .ping_interval(PING_INTERVAL)
            .connection_timeout(REQUEST_TIMEOUT)
            .request_timeout(Some(REQUEST_TIMEOUT))
            .event_callback(|event| async move { report(&event) })
            .connect(url)
            .await
            .map_err(NatsError::Url)?;
        let jetstream = ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .build(client.clone());
        let nats = Self { client, jetstream };
        let connected = async {
            while nats.check() == Err(Unusable::Disconnected) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(patience, connected).await.is_err() {
            tracing::warn!("NATS cannot be reached yet; live events come from PostgreSQL");
        }
        match nats.ready() {
            Err(NatsError::Disconnected) | Ok(()) => Ok(nats),
            Err(error) => Err(error),
        }
    }

    /// Whether the server is connected and new enough, at this moment.
    ///
    /// # Errors
    /// [`NatsError::Disconnected`] and [`NatsError::TooOld`].
    pub fn ready(&self) -> Result<(), NatsError> {
        self.check().map_err(|unusable| match unusable {
            Unusable::Disconnected => NatsError::Disconnected,
            Unusable::TooOld => NatsError::TooOld {
                found: self.client.server_info().version,
            },
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    fn check(&self) -> Result<(), Unusable> {
        let known = self.client.try_server_info().is_some();
        if !known || self.client.connection_state() != State::Connected {
            return Err(Unusable::Disconnected);
        }
        let (major, minor) = OLDEST_NATS;
        if !self.client.is_server_compatible(major, minor, 0) {
            return Err(Unusable::TooOld);
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    Disconnected,
    TooOld,
}

/// The user and password of a URL, which the client does not take from it by itself.
fn credentials(url: &str) -> Result<ConnectOptions, NatsError> {
    let address: ServerAddr = url
        .parse()
        .map_err(|error| NatsError::Url(std::io::Error::into(error)))?;
    Ok(match (address.username(), address.password()) {
        (Some(user), Some(password)) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        (Some(token), None) => ConnectOptions::with_token(token.to_owned()),
        (None, _) => ConnectOptions::new(),
    })
}

fn report(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("the connection to NATS is lost"),
        other => tracing::debug!(event = %other, "NATS"),
    }
}
