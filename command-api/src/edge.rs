//! The outermost layer: every request gets an id, a tracing span and a measured duration, and every
//! error that no operation answered becomes a problem.

mod headers;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use poem::http::{HeaderValue, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use tracing::Instrument;

use crate::context::{REQUEST_ID_HEADER, RequestContext};
use crate::operations::RouteTemplate;
use crate::problem::{Problem, catalogue};

/// The label of requests that no route took.
const UNMATCHED: &str = "unmatched";

/// Puts the outermost layer around a server's routes.
pub fn edge<E>(routes: E) -> Edge<E> {
    Edge { routes }
}

/// Routes with the outermost layer around them.
#[derive(Debug)]
pub struct Edge<E> {
    routes: E,
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
        let span = tracing::info_span!(
            "request",
            request.id = %context.request_id,
            correlation.id = %context.correlation_id,
            http.request.method = %context.method,
            url.path = context.uri.path(),
            http.route = tracing::field::Empty,
            http.response.status_code = tracing::field::Empty,
            event.position = tracing::field::Empty,
        );
        request.set_data(context.clone());
        let call = AssertUnwindSafe(self.routes.call(request)).catch_unwind();
        let mut response = match call.instrument(span.clone()).await {
            Ok(Ok(reply)) => reply.into_response(),
            Ok(Err(error)) => unanswered(error, &context),
            Err(_) => {
                tracing::error!(parent: &span, "a request panicked outside its handler");
                Problem::new(
                    catalogue::INTERNAL_FAULT,
                    "the request failed inside Daybook",
                )
                .to_response(Some(context.instance()))
            }
        };
        if let Ok(id) = HeaderValue::from_str(&context.request_id) {
            response.headers_mut().insert(REQUEST_ID_HEADER, id);
        }
        headers::add(&mut response);
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
        Ok(response)
    }
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
