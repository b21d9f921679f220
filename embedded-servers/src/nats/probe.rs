//! Asking a starting server where it listens and what it is.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

use super::SERVER;
use crate::binaries::accept_nats;
use crate::error::ServerError;

const GREETING_PATIENCE: Duration = Duration::from_secs(2);
/// Greetings are about 500 bytes; more means that something else answered.
const GREETING_BYTES: u64 = 64 * 1024;

/// What a nats-server says of itself in the first line it sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Greeting {
    version: String,
    #[serde(default)]
    jetstream: bool,
}

impl Greeting {
    /// # Errors
    /// [`ServerError::Unusable`] when the server is too old or has no JetStream.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let unusable = |reason| ServerError::Unusable {
            server: SERVER,
            reason,
        };
        accept_nats(&self.version).map_err(unusable)?;
        if self.jetstream {
            Ok(())
        } else {
            Err(unusable("JetStream is off".to_owned()))
        }
    }
}

#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
}

/// The port named in a ports file; nothing while the file is missing or half written.
pub(crate) fn port_in(ports_file: &Path) -> Option<u16> {
    let ports: Ports = serde_json::from_str(&fs::read_to_string(ports_file).ok()?).ok()?;
    ports.nats.first()?.rsplit(':').next()?.parse().ok()
}

/// Connects and reads the first line; nothing while the server does not answer.
pub(crate) async fn greeting_of(port: u16) -> Option<Greeting> {
    tokio::time::timeout(GREETING_PATIENCE, read_greeting(port))
        .await
        .ok()?
}

async fn read_greeting(port: u16) -> Option<Greeting> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    let mut line = String::new();
    BufReader::new(stream.take(GREETING_BYTES))
        .read_line(&mut line)
        .await
        .ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_or_one_without_jetstream_is_unusable() {
        let greeting = |version: &str, jetstream| Greeting {
            version: version.into(),
            jetstream,
        };
        greeting("2.15.1", true).check().unwrap();
        assert_eq!(
            greeting("2.14.0", true).check().unwrap_err().code(),
            "server_unusable"
        );
        assert_eq!(
            greeting("2.15.1", false).check().unwrap_err().code(),
            "server_unusable"
        );
    }
}
