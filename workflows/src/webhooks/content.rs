//! What came: body and headers, sealed apart, each for its own row.

use http::header::{
    AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION,
};
use serde_json::Value;
use uuid::Uuid;

use super::sealing::{Sealing, SealingError};
use super::stored::StoredWebhook;

/// Headers that are not kept: credentials of whoever stands between the provider and us.
const NOT_KEPT: [HeaderName; 3] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE];

/// A webhook as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its headers, without credentials.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Vec<u8>,
}

/// Why there is no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It was kept for as long as it is kept.
    #[error("the webhook's content was forgotten")]
    Forgotten,
    /// It was sealed with another key, or changed.
    #[error(transparent)]
    Sealed(#[from] SealingError),
}

/// A content as it is stored.
#[derive(Debug)]
pub(super) struct SealedContent {
    pub(super) headers: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl SealedContent {
    pub(super) fn of(
        sealing: &dyn Sealing,
        id: Uuid,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Self, SealingError> {
        let headers = stored_headers(headers).to_string();
        Ok(Self {
            headers: sealing.seal(&place(id, "headers"), headers.as_bytes())?,
            body: sealing.seal(&place(id, "body"), body)?,
        })
    }
}

impl StoredWebhook {
    /// What came.
    ///
    /// # Errors
    /// [`ContentError`].
    pub(crate) fn content(&self, sealing: &dyn Sealing) -> Result<Content, ContentError> {
        let (Some(headers), Some(body)) = (&self.headers, &self.body) else {
            return Err(ContentError::Forgotten);
        };
        let headers = sealing.open(&place(self.id, "headers"), headers)?;
        let headers: Value = serde_json::from_slice(&headers).map_err(|_| SealingError)?;
        Ok(Content {
            headers: header_map(&headers),
            body: sealing.open(&place(self.id, "body"), body)?,
        })
    }
}

fn place(id: Uuid, part: &str) -> String {
    format!("webhook/{id}/{part}")
}

/// `[[name, value], ...]`.
fn stored_headers(headers: &HeaderMap) -> Value {
    headers
        .iter()
        .filter(|(name, _)| !NOT_KEPT.contains(name))
        .filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some(Value::from(vec![name.as_str(), value]))
        })
        .collect()
}

fn header_map(stored: &Value) -> HeaderMap {
    let mut map = HeaderMap::new();
    for pair in stored.as_array().into_iter().flatten() {
        let part = |index: usize| pair.get(index).and_then(Value::as_str);
        let (Some(name), Some(value)) = (part(0), part(1)) else {
            continue;
        };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            map.append(name, value);
        }
    }
    map
}
