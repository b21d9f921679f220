//! Which pages of other origins may call (CORS, the Fetch standard): none, unless they are configured.
//!
//! Without allowed origins there are no such headers at all. Origins are compared as they are written, and
//! credentials of the browser's own (cookies, client certificates) are never allowed: who asks is in
//! `Authorization`, which a page has to set itself. A preflight is answered here, before anybody is asked
//! who they are, because browsers send it without the headers of the request.
//!
//! The framework's own layer refuses every request with an `Origin` that is not on the list, which
//! browsers send from our own pages as well, and answers without `Vary`, so that a cache between gives one
//! origin's answer to another.

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};
use url::Url;

/// What pages may send.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

/// Headers that pages may send besides those that are always allowed.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, last-event-id, traceparent, x-request-id",
);

/// Headers that pages may read besides those that they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "allow, idempotent-replayed, location, ratelimit, ratelimit-policy, retry-after, \
     www-authenticate, x-request-id",
);

/// How long a browser may remember a preflight, in seconds: the longest that all of them take.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// What a preflight's answer depends on.
const PREFLIGHT_VARIES: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);

const VARIES: HeaderValue = HeaderValue::from_static("origin");

/// An origin that no browser would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is written as browsers write it: https://console.example, with a port unless it is \
     the usual one, without a path"
)]
pub struct OriginError;

/// The origins whose pages may call.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    origins: Vec<HeaderValue>,
}

/// What a request is to the policy.
pub(super) enum Crossing {
    /// There is no policy.
    None,
    /// A program's, one of our own pages' or of a page that may not call: without permission.
    Plain,
    /// Of a page that may call.
    Allowed(HeaderValue),
    /// Its preflight.
    Preflight(HeaderValue),
}

impl Cors {
    /// Lets pages of these origins call.
    ///
    /// # Errors
    /// [`OriginError`].
    pub fn try_new(origins: &[String]) -> Result<Self, OriginError> {
        let origins = origins.iter().map(|origin| {
            // A star is a character of hosts to a URL, and somebody's hope for a pattern here.
            let is_origin = !origin.contains('*')
                && Url::parse(origin).is_ok_and(|url| {
                    ["http", "https"].contains(&url.scheme())
                        && url.origin().ascii_serialization() == *origin
                });
            let value = HeaderValue::from_str(origin).map_err(|_| OriginError)?;
            is_origin.then_some(value).ok_or(OriginError)
        });
        let origins = origins.collect::<Result<_, _>>()?;
        Ok(Self { origins })
    }

    pub(super) fn crossing(&self, request: &Request) -> Crossing {
        if self.origins.is_empty() {
            return Crossing::None;
        }
        let mut named = request.headers().get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (named.next(), named.next()) else {
            return Crossing::Plain;
        };
        if !self.origins.contains(origin) {
            return Crossing::Plain;
        }
        let is_preflight = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if is_preflight {
            Crossing::Preflight(origin.clone())
        } else {
            Crossing::Allowed(origin.clone())
        }
    }
}

impl Crossing {
    /// The answer, when the request is a preflight.
    pub(super) fn answer(&self) -> Option<Response> {
        match self {
            Self::Preflight(_) => Some(StatusCode::NO_CONTENT.into()),
            Self::None | Self::Plain | Self::Allowed(_) => None,
        }
    }

    /// Says in the response what pages may do with it.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        match self {
            Self::None => {}
            Self::Plain => {
                headers.append(header::VARY, VARIES);
            }
            Self::Allowed(origin) => {
                headers.append(header::VARY, VARIES);
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            }
            Self::Preflight(origin) => {
                headers.append(header::VARY, PREFLIGHT_VARIES);
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
                headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
            }
        }
    }
}
