//! What Onfido's errors say: `{"error":{"type","message","fields"}}`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::identity_providers::ReasonCode;
use crate::identity_providers::fault::ErrorCodes;

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetails,
}

#[derive(Deserialize)]
struct ErrorDetails {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    fields: Map<String, Value>,
}

/// Of `fields` the names, without what is wrong with them; `message` is left out.
pub(super) fn codes(body: &[u8]) -> Option<ErrorCodes> {
    let ErrorBody { error } = serde_json::from_slice(body).ok()?;
    let fields = ReasonCode::of_all(error.fields.keys().map(String::as_str));
    let fields: Vec<&str> = fields.iter().map(ReasonCode::as_str).collect();
    Some(ErrorCodes {
        code: ReasonCode::of(&error.kind)?.as_str().to_owned(),
        reason: None,
        field: (!fields.is_empty()).then(|| fields.join(",")),
    })
}
