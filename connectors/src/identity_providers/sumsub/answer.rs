//! What Sumsub's answers mean: `{"description","code","correlationId","errorCode","errorName"}`, the last two
//! not always.

use serde::Deserialize;

use crate::identity_providers::fault::ErrorCodes;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    code: i64,
    error_code: Option<i64>,
    error_name: Option<String>,
}

/// `description` is left out: it quotes names and ids.
pub(super) fn codes(body: &[u8]) -> Option<ErrorCodes> {
    let error: ErrorBody = serde_json::from_slice(body).ok()?;
    Some(ErrorCodes {
        code: error.error_code.unwrap_or(error.code).to_string(),
        reason: error
            .error_name
            .map(|name| name.chars().take(100).collect()),
        field: None,
    })
}
