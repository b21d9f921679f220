//! What Instamojo's answers mean.
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx without `"success": false` | the entity |
//! | 401, 403 | the key, token or secret is not accepted |
//! | 404 | not found |
//! | other 4xx, or `"success": false`, with a `message` or a field's complaints | refused |
//! | anything else | nonsense |

use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PROVIDER;
use crate::gateways::{GatewayError, Operation, Refusal};
use crate::outbound::Answer;
use crate::providers::shape;

/// The entity of an answer, or what the answer means instead.
pub(super) fn entity<T: DeserializeOwned>(
    operation: Operation,
    answer: &Answer,
) -> Result<T, GatewayError> {
    let status = answer.status;
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(PROVIDER.refused_credentials(operation));
    }
    if status == StatusCode::NOT_FOUND {
        return Err(PROVIDER.not_found(operation));
    }
    let is_good = status.is_success();
    if !is_good && !status.is_client_error() {
        return Err(PROVIDER.nonsense(operation, format!("status {status}")));
    }
    if !is_good || says_no(&answer.body) {
        let body = serde_json::from_slice::<Value>(&answer.body);
        let refusal = body.ok().and_then(|body| refusal(status, &body));
        return Err(match refusal {
            Some(refusal) => GatewayError::Refused {
                provider: PROVIDER,
                operation,
                refusal: Box::new(refusal),
            },
            None => PROVIDER.nonsense(operation, format!("status {status} without a reason")),
        });
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| PROVIDER.nonsense(operation, shape(&error)))
}

/// Whether a good status holds a failure.
fn says_no(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Verdict {
        success: Option<bool>,
    }
    serde_json::from_slice::<Verdict>(body).is_ok_and(|verdict| verdict.success == Some(false))
}

/// The reason: a text, or the first complaint about a field, in `message` or bare.
fn refusal(status: StatusCode, body: &Value) -> Option<Refusal> {
    let told = ["message", "error_description", "error", "detail"]
        .iter()
        .find_map(|name| body.get(name))
        .unwrap_or(body);
    let (field, message) = match told {
        Value::String(message) => (None, message.as_str()),
        Value::Object(fields) => fields.iter().find_map(|(field, complaint)| {
            let text = match complaint {
                Value::Array(all) => all.first().and_then(Value::as_str),
                other => other.as_str(),
            };
            text.map(|text| (Some(field.clone()), text))
        })?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    Some(Refusal {
        status: status.as_u16(),
        code: status.as_u16().to_string(),
        reason: None,
        message: message.chars().take(300).collect(),
        field,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{StatusCode, refusal, says_no};

    #[test]
    fn reasons_come_in_many_shapes() {
        for (body, field, message) in [
            (json!({"success": false, "message": "No"}), None, "No"),
            (
                json!({"success": false, "message": {"amount": ["Too much."]}}),
                Some("amount"),
                "Too much.",
            ),
            (json!({"phone": ["Invalid."]}), Some("phone"), "Invalid."),
            (json!({"error": "invalid_client"}), None, "invalid_client"),
        ] {
            let refusal = refusal(StatusCode::BAD_REQUEST, &body).unwrap();
            assert_eq!(refusal.field.as_deref(), field, "{body}");
            assert_eq!(refusal.message, message, "{body}");
        }
        for body in [json!([]), json!(null), json!({}), json!({"success": false})] {
            assert!(refusal(StatusCode::BAD_REQUEST, &body).is_none(), "{body}");
        }
        assert!(says_no(br#"{"success": false}"#));
        assert!(!says_no(br#"{"success": true}"#));
        assert!(!says_no(br#"{"id": "C1"}"#));
        assert!(!says_no(b"<html>"));
    }
}
