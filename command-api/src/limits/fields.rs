//! The fields of responses that say how limits stand: lists of strings with parameters (RFC 9651).

use std::fmt::Write;

use poem::http::{HeaderName, HeaderValue};

use super::limiter::Standing;

/// What the limits are.
pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How they stand.
pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The policies of up to two limits as one field.
pub(super) fn joined(first: Option<&str>, second: Option<&str>) -> Option<HeaderValue> {
    let policies: Vec<&str> = first.into_iter().chain(second).collect();
    if policies.is_empty() {
        return None;
    }
    HeaderValue::from_str(&policies.join(", ")).ok()
}

/// How up to two limits stand as one field.
pub(super) fn standing(first: Option<Standing>, second: Option<Standing>) -> Option<HeaderValue> {
    let mut text = String::with_capacity(96);
    for standing in first.into_iter().chain(second) {
        let Standing {
            name,
            remaining,
            reset_seconds,
            ..
        } = standing;
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing into a string cannot fail.
        write!(text, "{comma}\"{name}\";r={remaining};t={reset_seconds}").ok()?;
    }
    if text.is_empty() {
        return None;
    }
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
}
