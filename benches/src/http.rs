//! A load generator that costs little: one keep-alive connection per caller, one request at a time,
//! bodies rendered beforehand.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::BenchError;
use crate::measure::Caller;

/// What is posted, to where, and what is expected.
pub struct Posts {
    /// The path.
    pub path: Uri,
    /// Bodies to choose from.
    pub bodies: Vec<Bytes>,
    /// The status of success.
    pub status: StatusCode,
    /// Transfers in each body.
    pub transfers: u64,
    /// Who says that they post, to a node that asks.
    pub authorization: Option<HeaderValue>,
}

/// A connection that posts bodies at random, each under a new idempotency key.
pub struct Poster {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    posts: Arc<Posts>,
}

impl Poster {
    /// Connects.
    pub async fn connect(address: SocketAddr, posts: Arc<Posts>) -> Result<Self, BenchError> {
        Ok(Self {
            sender: open(address).await?,
            host: address.to_string().parse()?,
            posts,
        })
    }

    /// As many connections as asked for, spread over the addresses in turn, as a balancer of
    /// connections in front of them would.
    pub async fn connect_all(
        addresses: &[SocketAddr],
        posts: &Arc<Posts>,
        connections: usize,
    ) -> Result<Vec<Self>, BenchError> {
        let mut posters = Vec::with_capacity(connections);
        for address in addresses.iter().cycle().take(connections) {
            posters.push(Self::connect(*address, Arc::clone(posts)).await?);
        }
        Ok(posters)
    }

    fn next_request(&self) -> Result<Request<Full<Bytes>>, BenchError> {
        let body = fastrand::choice(&self.posts.bodies).ok_or("there is nothing to post")?;
        let mut request = Request::post(self.posts.path.clone())
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", Uuid::new_v4().to_string());
        if let Some(authorization) = &self.posts.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        Ok(request.body(Full::new(body.clone()))?)
    }
}

impl Caller for Poster {
    async fn request(&mut self) -> Result<u64, BenchError> {
        let request = self.next_request()?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status == self.posts.status {
            return Ok(self.posts.transfers);
        }
        let body = String::from_utf8_lossy(&body);
        Err(format!("{status} to {}: {body}", self.posts.path).into())
    }
}

/// One connection.
pub async fn open(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, BenchError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // How it ends is seen by whoever sends the next request.
    tokio::spawn(connection);
    Ok(sender)
}
