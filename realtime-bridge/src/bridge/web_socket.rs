//! A client on a WebSocket.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use poem::http::header::{self, HeaderValue};
use poem::web::websocket::{Message, WebSocket, WebSocketConfig, WebSocketStream};
use poem::{Endpoint, FromRequest, IntoResponse, Request, Response};
use schemas::{ClientMessage, CloseReason, ErrorCode, ServerMessage};

use super::Shared;
use super::gatekeeper::Visitor;
use super::refusal::Refusal;
use super::replaying::{Pace, Stretch};
use super::session::{Resumption, Session, Transport, explanation};
use crate::feed::{Item, Next};

/// The beginning of what the library says about a frame or message that is too large.
const TOO_BIG: &str = "Space limit exceeded";

/// How a connection ended.
#[derive(Debug, Clone, Copy)]
enum End {
    /// We close it.
    Close(CloseReason),
    /// The client is gone.
    Gone,
}

/// `GET /v1/ledgers/{ledger}/stream`.
pub(super) struct WebSocketEndpoint {
    shared: Arc<Shared>,
}

impl WebSocketEndpoint {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn accept(&self, mut request: Request) -> Result<Response, Refusal> {
        if self.shared.closing.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        let admitted = self.shared.admission.admit(&request)?;
        accept_any_case(&mut request);
        let ledger = request
            .raw_path_param("ledger")
            .unwrap_or_default()
            .to_owned();
        let gatekeeper = &self.shared.gatekeeper;
        let visitor = gatekeeper.admit(&request, ledger.parse().ok()).await?;
        let socket = WebSocket::from_request_without_body(&request)
            .await
            .map_err(|_| Refusal::NotAWebSocket)?;
        let shared = Arc::clone(&self.shared);
        // Poem runs the client in a task that nobody waits for: this token is waited for.
        let token = shared.clients.token();
        let response = socket
            .config(configuration(shared.settings.max_inbound_bytes))
            .on_upgrade(move |stream| async move {
                let _token = token;
                serve(&shared, &ledger, stream, visitor).await;
                drop(admitted);
            })
            .into_response();
        Ok(response)
    }
}

impl Endpoint for WebSocketEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        Ok(self
            .accept(request)
            .await
            .unwrap_or_else(Refusal::into_response))
    }
}

/// The name of a protocol has no case; the framework knows two spellings.
fn accept_any_case(request: &mut Request) {
    let upgrade = request.headers().get(header::UPGRADE);
    if upgrade.is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        request
            .headers_mut()
            .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// The library's own buffers would take 128 KiB for each client.
fn configuration(max_inbound_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(2 << 10)
        .write_buffer_size(4 << 10)
        .max_write_buffer_size(4 << 20)
        .max_message_size(Some(max_inbound_bytes))
        .max_frame_size(Some(max_inbound_bytes))
}

async fn serve(
    shared: &Arc<Shared>,
    ledger: &str,
    socket: WebSocketStream,
    visitor: Arc<dyn Visitor>,
) {
    let farewell = shared.settings.farewell_timeout;
    let (mut sink, mut stream) = socket.split();
    let end = match Session::open(shared, ledger, visitor, Transport::WebSocket).await {
        Ok(session) => run(&session, &mut sink, &mut stream).await,
        Err(code) => refuse(&mut sink, code, farewell).await,
    };
    let reason = match end {
        End::Close(reason) => {
            say_farewell(&mut sink, &mut stream, reason, farewell).await;
            reason.as_str()
        }
        End::Gone => "gone",
    };
    metrics::counter!("daybook_bridge_closed_total", "reason" => reason).increment(1);
}

/// Serves a client until one of its parts ends.
async fn run(
    session: &Session,
    sink: &mut SplitSink<WebSocketStream, Message>,
    stream: &mut SplitStream<WebSocketStream>,
) -> End {
    session.welcome();
    let heard = Heard::default();
    let settings = &session.shared.settings;
    let silence = settings.heartbeat_interval + settings.pong_timeout;
    let on_beat = || {
        session.peer.ping();
        heard
            .is_longer_ago_than(silence)
            .then_some(CloseReason::Silent)
    };
    // Never dropped half-way: what it has taken from the queue would be missing for the client.
    let mut writing = std::pin::pin!(write(session, sink));
    let ended = tokio::select! {
        end = &mut writing => return end,
        end = read(session, stream, &heard) => end,
        reason = session.catch_up() => End::Close(reason),
        reason = session.tell_the_past() => End::Close(reason),
        reason = session.beat(on_beat) => End::Close(reason),
        reason = session.watch_standing() => End::Close(reason),
        () = session.until_shutdown() => End::Close(CloseReason::Shutdown),
    };
    // What waits is still sent, unless the client was cut off.
    match ended {
        End::Gone => End::Gone,
        End::Close(reason) => {
            session.peer.close(reason);
            tokio::time::timeout(settings.farewell_timeout, writing)
                .await
                .unwrap_or(End::Close(reason))
        }
    }
}

/// Sends what waits until the client is to be closed.
async fn write(session: &Session, sink: &mut SplitSink<WebSocketStream, Message>) -> End {
    let stall = session.shared.settings.stall_timeout;
    loop {
        let items = match session.peer.next().await {
            Next::Send(items) => items,
            Next::Close(reason) => return End::Close(reason),
        };
        for item in items {
            match tokio::time::timeout(stall, sink.feed(frame_of(item))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Gone,
                Err(_) => return End::Close(CloseReason::SlowConsumer),
            }
        }
        match tokio::time::timeout(stall, sink.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Gone,
            Err(_) => return End::Close(CloseReason::SlowConsumer),
        }
    }
}

fn frame_of(item: Item) -> Message {
    match item {
        Item::Message { json, .. } => Message::Text(json),
        Item::Event {
            channel,
            prev,
            event,
        } => Message::Text(Item::event_json(&channel, prev, &event)),
        Item::Replayed { channel, event } => Message::Text(Item::replayed_json(&channel, &event)),
        Item::Ping => Message::Ping(Vec::new()),
    }
}

/// Takes what the client sends until it ends.
async fn read(session: &Session, stream: &mut SplitStream<WebSocketStream>, heard: &Heard) -> End {
    while let Some(frame) = stream.next().await {
        heard.now();
        match frame {
            Ok(Message::Text(text)) => {
                // A client that does not read its answers may not ask on.
                session.peer.has_room().await;
                answer(session, &text).await;
                heard.now();
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Binary(_)) => return End::Close(CloseReason::NotText),
            Ok(Message::Close(_)) => return End::Close(CloseReason::Normal),
            Err(error) if error.to_string().starts_with(TOO_BIG) => {
                return End::Close(CloseReason::TooBig);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Other => {
                return End::Close(CloseReason::Broken);
            }
            Err(_) => return End::Gone,
        }
    }
    End::Gone
}

async fn answer(session: &Session, text: &str) {
    let message = match serde_json::from_str(text) {
        Ok(message) => message,
        Err(_) => return session.refuse(None, None, ErrorCode::MalformedMessage),
    };
    let (id, channel, refused) = match message {
        ClientMessage::Subscribe {
            id,
            channel,
            after,
            epoch,
        } => {
            let resumption = Resumption { after, epoch };
            let result = session.subscribe(id, &channel, resumption).await;
            (id, channel, result)
        }
        ClientMessage::Unsubscribe { id, channel } => {
            let result = session.unsubscribe(id, &channel);
            (id, channel, result)
        }
        ClientMessage::Replay {
            id,
            channel,
            after,
            until,
            speed,
            longest_pause_ms,
        } => {
            let stretch = Stretch { after, until };
            let pace = Pace::try_new(speed, longest_pause_ms);
            let result = match pace {
                Some(pace) => session.begin_replay(id, &channel, stretch, pace).await,
                None => Err(ErrorCode::MalformedMessage),
            };
            (id, channel, result)
        }
        ClientMessage::StopReplay { id } => {
            if let Err(code) = session.stop_replay() {
                session.refuse(id, None, code);
            }
            return;
        }
        ClientMessage::Authenticate { id, token } => {
            if let Err(code) = session.renew(id, token.reveal()).await {
                session.refuse(id, None, code);
            }
            return;
        }
        ClientMessage::Ping { id } => return session.peer.send(&ServerMessage::Pong { id }),
    };
    if let Err(code) = refused {
        session.refuse(id, Some(channel), code);
    }
}

/// Says why there is no session; browsers cannot see why a handshake fails.
async fn refuse(
    sink: &mut SplitSink<WebSocketStream, Message>,
    code: ErrorCode,
    farewell: Duration,
) -> End {
    let message = Item::of(&ServerMessage::Error {
        id: None,
        channel: None,
        code,
        message: explanation(code).to_owned(),
        temporary: code.is_temporary(),
    });
    match tokio::time::timeout(farewell, sink.send(frame_of(message))).await {
        Ok(Ok(())) if code == ErrorCode::LedgerNotFound => End::Close(CloseReason::LedgerNotFound),
        Ok(Ok(())) => End::Close(CloseReason::Fault),
        Ok(Err(_)) | Err(_) => End::Gone,
    }
}

/// Closes, and waits for the answer: a socket that is dropped with unread bytes in it is reset, and
/// the client would never see why.
async fn say_farewell(
    sink: &mut SplitSink<WebSocketStream, Message>,
    stream: &mut SplitStream<WebSocketStream>,
    reason: CloseReason,
    farewell: Duration,
) {
    let close = Message::close_with(reason.code(), reason.as_str());
    if !matches!(
        tokio::time::timeout(farewell, sink.send(close)).await,
        Ok(Ok(()))
    ) {
        return;
    }
    let answered = async {
        loop {
            match stream.next().await {
                Some(Ok(Message::Close(_))) | None => return,
                Some(Ok(_)) => {}
                // The frame that is too large stays unread: wait for the client to see the reason.
                Some(Err(_)) if reason == CloseReason::TooBig => std::future::pending().await,
                Some(Err(_)) => return,
            }
        }
    };
    // A client that does not answer was told all the same.
    let _: Result<(), tokio::time::error::Elapsed> = tokio::time::timeout(farewell, answered).await;
}

/// When the client was last heard.
struct Heard(Mutex<Instant>);

impl Default for Heard {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Heard {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_longer_ago_than(&self, limit: Duration) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed() > limit
    }
}
