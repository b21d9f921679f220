//! What Digio's errors say: `{"code","message","details"}`, the code a text or a number.

use serde::Deserialize;

use crate::identity_providers::ReasonCode;
use crate::identity_providers::fault::ErrorCodes;
use crate::providers::loose::Loose;

#[derive(Deserialize)]
struct ErrorBody {
    code: Loose,
}

/// `message` and `details` are left out.
pub(super) fn codes(body: &[u8]) -> Option<ErrorCodes> {
    let error: ErrorBody = serde_json::from_slice(body).ok()?;
    let code = ReasonCode::of(error.code.said()?)?;
    Some(ErrorCodes {
        code: code.as_str().to_owned(),
        reason: None,
        field: None,
    })
}
