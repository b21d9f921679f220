//! Witnesses of logs, over HTTP (C2SP tlog-witness).

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};

use crate::outbound::{BaseUrl, OutboundClient, OutboundError, OutboundStartError};

/// How long a witness may take: it checks a signature and a proof.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Connections to a witness.
#[derive(Debug, Clone)]
pub struct WitnessClient {
    submissions: String,
    client: OutboundClient,
}

/// What a witness has answered, whatever its status.
#[derive(Debug)]
pub struct WitnessReply {
    /// The status.
    pub status: u16,
    /// The content type; empty when there is none.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

impl WitnessClient {
    /// Connections to the witness with this submission prefix.
    ///
    /// # Errors
    /// [`OutboundStartError`].
    pub fn try_new(prefix: &BaseUrl) -> Result<Self, OutboundStartError> {
        Ok(Self {
            submissions: format!("{}/add-checkpoint", prefix.as_str()),
            client: OutboundClient::try_new(prefix)?,
        })
    }

    /// Sends a checkpoint with the proof that it goes on from an earlier one.
    ///
    /// # Errors
    /// [`OutboundError`]; what it says to it is in the reply.
    pub async fn add_checkpoint(&self, body: String) -> Result<WitnessReply, OutboundError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.submissions)
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::new(Bytes::from(body)))
            .map_err(OutboundError::Request)?;
        let answer = self.client.send(request, TIME_LIMIT).await?;
        let content_type = answer.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        Ok(WitnessReply {
            status: answer.status.as_u16(),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: answer.body,
        })
    }
}
