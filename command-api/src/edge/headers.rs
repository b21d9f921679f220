//! What every response tells browsers: take it for what it says it is, show it in nobody's frame, send our
//! addresses to nobody, and run nothing that is not ours (OWASP Secure Headers).
//!
//! Whoever ends TLS in front of Daybook adds `Strict-Transport-Security`: only they know of TLS.

use poem::Response;
use poem::http::{HeaderName, HeaderValue, header};

/// Of pages: their scripts and styles are in them, and nothing is loaded from elsewhere.
const PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);

/// Of everything else, which is not for showing.
const NOT_A_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
];

/// Adds them; a policy that the response has of its own stays.
pub(super) fn add(response: &mut Response) {
    let is_page = response
        .content_type()
        .is_some_and(|kind| kind.starts_with("text/html"));
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(if is_page { PAGE } else { NOT_A_PAGE });
}
