//! What is known of a request besides its parameters and body: its id, its trace, its caller.

use poem::http::{HeaderMap, Method, Uri};
use poem::{FromRequest, Request, RequestBody};
use uuid::Uuid;

use crate::problem::{Problem, catalogue};

/// The header that carries the request's id, in both directions.
pub const REQUEST_ID_HEADER: &str = "X-Request-Id";

const TRACEPARENT_HEADER: &str = "traceparent";
const MAX_REQUEST_ID_LENGTH: usize = 128;

/// Who asks. The one place to change when callers are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    Anonymous,
}

impl Caller {
    /// The name that separates the idempotency keys of callers.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
        }
    }

    /// Who is recorded with the events, if anybody is known.
    #[must_use]
    pub const fn actor(self) -> Option<String> {
        match self {
            Self::Anonymous => None,
        }
    }
}

/// A request as such.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Its id: the caller's, or one of ours.
    pub request_id: String,
    /// What it belongs to across systems: the trace's id, or else the request's.
    pub correlation_id: String,
    /// Who asks.
    pub caller: Caller,
    /// Its method.
    pub method: Method,
    /// Its path and query, as sent.
    pub uri: Uri,
}

impl RequestContext {
    /// Reads the headers; ids that are malformed are replaced, they are no reason to refuse.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let request_id = header(request.headers(), REQUEST_ID_HEADER)
            .filter(|id| is_request_id(id))
            .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
        let correlation_id = header(request.headers(), TRACEPARENT_HEADER)
            .and_then(trace_id)
            .unwrap_or(&request_id)
            .to_owned();
        Self {
            request_id,
            correlation_id,
            caller: Caller::Anonymous,
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    /// The request in a problem's `instance`.
    #[must_use]
    pub fn instance(&self) -> String {
        format!("urn:daybook:request:{}", self.request_id)
    }
}

impl<'a> FromRequest<'a> for RequestContext {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        request.data::<Self>().cloned().ok_or_else(|| {
            Problem::new(catalogue::INTERNAL_FAULT, "the request has no context").into()
        })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_request_id(text: &str) -> bool {
    (1..=MAX_REQUEST_ID_LENGTH).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The trace id of a W3C `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
fn trace_id(traceparent: &str) -> Option<&str> {
    let is_hex = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2);
    let known = trace.bytes().any(|byte| byte != b'0');
    (well_formed && known).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::trace_id;

    #[test]
    fn a_trace_id_is_taken_only_from_a_well_formed_traceparent() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(trace_id(&good), Some(trace));
        for bad in [
            "",
            "00",
            "00-4bf92f-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
