//! The outermost layer: every request gets an id, a tracing span, a measured duration and the address it
//! comes from, and every error that no operation answered becomes a problem. Responses say how the limits
//! stand that their requests were counted against ([`crate::limits`]), and what pages of other origins may
//! do with them ([`cors`]).

pub mod cors;
mod headers;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use poem::http::{HeaderValue, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use tracing::{Instrument, Span};

use crate::client_address::TrustedProxies;
use crate::context::{REQUEST_ID_HEADER, RequestContext};
use crate::limits::{LimitSettings, Limits, Visit};
use crate::operations::RouteTemplate;
use crate::problem::{Problem, catalogue};
use cors::Cors;

/// The label of requests that no route took.
const UNMATCHED: &str = "unmatched";

/// What the outermost layer is to do; by default there are no limits and other origins may not call.
#[derive(Debug, Clone, Default)]
pub struct EdgeSettings {
    /// How often somebody may ask.
    pub limits: LimitSettings,
    /// The proxies that are trusted to say where requests come from.
    pub trusted_proxies: TrustedProxies,
    /// The origins whose pages may call.
    pub cors: Cors,
}

/// Puts the outermost layer around a server's routes.
pub fn edge<E>(routes: E, settings: EdgeSettings) -> Edge<E> {
    Edge {
        routes,
        limits: Arc::new(Limits::new(&settings.limits)),
        trusted_proxies: settings.trusted_proxies,
        cors: settings.cors,
    }
}

/// Routes with the outermost layer around them.
pub struct Edge<E> {
    routes: E,
    limits: Arc<Limits>,
    trusted_proxies: TrustedProxies,
    cors: Cors,
}

impl<E> Edge<E> {
    /// The limits, to be tidied up now and then.
    #[must_use]
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits)
    }
}

impl<E> Endpoint for Edge<E>
where
    E: Endpoint,
    E::Output: IntoResponse,
{
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let started = Instant::now();
        let context = RequestContext::of(&request);
        let span = span(&context);
        let visit = Visit::new(self.limits(), self.trusted_proxies.client(&request));
        let crossing = self.cors.crossing(&request);
        request.set_data(context.clone());
        request.set_data(visit.clone());
        let mut response = match crossing.answer() {
            Some(response) => response,
            None => {
                self.answered(request, &context)
                    .instrument(span.clone())
                    .await
            }
        };
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&context.request_id) {
            headers.insert(REQUEST_ID_HEADER, id);
        }
        visit.tell(headers);
        crossing.tell(headers);
        headers::add(&mut response);
        measure(&response, &context, &span, started);
        Ok(response)
    }
}

/// Addresses that end with a secret.
const WITH_SECRETS: [&str; 2] = ["/v1/checkouts/", "/v1/document-uploads/"];

impl<E> Edge<E>
where
    E: Endpoint,
    E::Output: IntoResponse,
{
    async fn answered(&self, request: Request, context: &RequestContext) -> Response {
        let call = AssertUnwindSafe(self.routes.call(request)).catch_unwind();
        match call.await {
            Ok(Ok(reply)) => reply.into_response(),
            Ok(Err(error)) => unanswered(error, context),
            Err(_) => {
                tracing::error!("a request panicked outside its handler");
                Problem::new(
                    catalogue::INTERNAL_FAULT,
                    "the request failed inside Daybook",
                )
                .to_response(Some(context.instance()))
            }
        }
    }
}

fn span(context: &RequestContext) -> Span {
    tracing::info_span!(
        "request",
        request.id = %context.request_id,
        correlation.id = %context.correlation_id,
        http.request.method = %context.method,
        url.path = path_for_logs(context.uri.path()),
        http.route = tracing::field::Empty,
        http.response.status_code = tracing::field::Empty,
        event.position = tracing::field::Empty,
    )
}

/// Without what lets whoever reads it pay for somebody else and see who that is, or bring documents for them.
fn path_for_logs(path: &str) -> &str {
    let mut secret = WITH_SECRETS.into_iter();
    secret.find(|begin| path.starts_with(begin)).unwrap_or(path)
}

fn measure(response: &Response, context: &RequestContext, span: &Span, started: Instant) {
    let route = response
        .data::<RouteTemplate>()
        .map_or_else(|| UNMATCHED.to_owned(), |template| template.0.clone());
    span.record("http.route", &route);
    span.record("http.response.status_code", response.status().as_u16());
    let elapsed = started.elapsed();
    span.in_scope(|| {
        tracing::debug!(duration_us = elapsed.as_micros(), "request answered");
    });
    metrics::histogram!(
        "daybook_http_request_duration_seconds",
        "route" => route,
        "method" => method_label(context.method.as_str()),
        "status" => status_class(response.status()),
    )
    .record(elapsed);
}

/// Errors of other parts of the server that are responses in themselves (an upgrade that failed,
/// say) stay what they are.
fn unanswered(error: poem::Error, context: &RequestContext) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    Problem::from_poem(error).to_response(Some(context.instance()))
}

/// Methods are bounded, so that a client cannot make metrics grow.
fn method_label(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("OTHER")
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
