//! One channel of a ledger as server-sent events.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{Stream, stream};
use poem::web::Query;
use poem::web::sse::{Event, SSE};
use poem::{Endpoint, FromRequest, IntoResponse, Request, Response};
use schemas::ErrorCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Shared;
use super::admission::Admitted;
use super::refusal::Refusal;
use super::session::{Resumption, Session, Transport};
use crate::feed::{Item, Next};

/// What a reader sends when it connects again.
const LAST_EVENT_ID: &str = "last-event-id";

/// `GET /v1/ledgers/{ledger}/stream/events`.
pub(super) struct ServerSentEndpoint {
    shared: Arc<Shared>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default = "whole_ledger")]
    channel: String,
    after: Option<i64>,
    /// For the gatekeeper.
    #[serde(rename = "ticket")]
    _ticket: Option<IgnoredAny>,
}

fn whole_ledger() -> String {
    "ledger".to_owned()
}

impl ServerSentEndpoint {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn accept(&self, request: &Request) -> Result<Response, Refusal> {
        if self.shared.closing.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        let admitted = self.shared.admission.admit(request)?;
        let ledger = request.raw_path_param("ledger").unwrap_or_default();
        let gatekeeper = &self.shared.gatekeeper;
        let visitor = gatekeeper.admit(request, ledger.parse().ok()).await?;
        let Query(parameters) = Query::<Parameters>::from_request_without_body(request)
            .await
            .map_err(|_| Refusal::MalformedRequest)?;
        // A reader that connects again repeats its first query, so the header comes first.
        let after = match last_event_id(request)? {
            Some(position) => Some(position),
            None => parameters.after,
        };
        let session = Session::open(&self.shared, ledger, visitor, Transport::ServerSent)
            .await
            .map_err(Refusal::Stream)?;
        subscribe(&session, &parameters.channel, after).await?;
        let events = Reader::start(session, admitted).into_events();
        Ok(SSE::new(events).into_response())
    }
}

impl Endpoint for ServerSentEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        Ok(self
            .accept(&request)
            .await
            .unwrap_or_else(Refusal::into_response))
    }
}

fn last_event_id(request: &Request) -> Result<Option<i64>, Refusal> {
    let Some(id) = request.headers().get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let id = id.to_str().ok().and_then(|id| id.trim().parse().ok());
    id.map(Some).ok_or(Refusal::MalformedRequest)
}

/// A reader cannot ask again by itself: when its position is lost it is told so and begins anew.
async fn subscribe(session: &Session, channel: &str, after: Option<i64>) -> Result<(), Refusal> {
    let resumption = Resumption { after, epoch: None };
    let subscribed = session.subscribe(None, channel, resumption).await;
    let subscribed = match subscribed {
        Err(code @ ErrorCode::UnrecoverablePosition) => {
            session.refuse(None, Some(channel.to_owned()), code);
            session
                .subscribe(None, channel, Resumption::default())
                .await
        }
        other => other,
    };
    subscribed.map_err(|code| match code {
        ErrorCode::MalformedMessage => Refusal::MalformedRequest,
        code => Refusal::Stream(code),
    })
}

/// A reader's end of its session.
struct Reader {
    session: Arc<Session>,
    waiting: VecDeque<Item>,
    /// Ends the session's task when the reader goes.
    _task: DropGuard,
    _admitted: Admitted,
}

impl Reader {
    fn start(session: Session, admitted: Admitted) -> Self {
        let session = Arc::new(session);
        let gone = CancellationToken::new();
        let serving = Arc::clone(&session);
        let until = gone.clone();
        session.shared.clients.spawn(async move {
            tokio::select! {
                () = until.cancelled() => {}
                _ = serving.catch_up() => {}
                _ = serving.beat(|| None) => {}
                _ = serving.watch_standing() => {}
                () = serving.until_shutdown() => until.cancelled().await,
            }
        });
        Self {
            session,
            waiting: VecDeque::new(),
            _task: gone.drop_guard(),
            _admitted: admitted,
        }
    }

    fn into_events(self) -> impl Stream<Item = Event> {
        stream::unfold(self, |mut reader| async move {
            let event = reader.next().await?;
            Some((event, reader))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            match self.waiting.pop_front() {
                Some(Item::Message {
                    kind,
                    resume_after,
                    json,
                }) => {
                    let id = resume_after.map(|position| position.to_string());
                    let event = Event::message(json).event_type(kind);
                    return Some(event.id(id.unwrap_or_default()));
                }
                Some(Item::Event {
                    channel,
                    prev,
                    event,
                }) => {
                    let json = Item::event_json(&channel, prev, &event);
                    let id = event.position.to_string();
                    return Some(Event::message(json).event_type("event").id(id));
                }
                // Replays are asked for on WebSockets alone.
                Some(Item::Ping | Item::Replayed { .. }) => {}
                None => match self.session.peer.next().await {
                    Next::Send(items) => self.waiting = items,
                    Next::Close(_) => return None,
                },
            }
        }
    }
}
