//! What PayU's answers mean. Nearly all of them have status 200.
//!
//! | answer | meaning |
//! |---|---|
//! | JSON with `status` 1 | done, or queued |
//! | a text or `msg` with `Requests limit reached` | too many calls |
//! | a text or `msg` about the hash or the key; 401, 403 | the key or salt is not accepted |
//! | `status` 0 with 116, `… not exists`, `Not Found` | not found |
//! | … with 106, `token already used …` | the reference was used: what is there decides |
//! | … with 101, 102, 120, 126, 127, 226 | still in progress |
//! | … with 214 | the same refund within five minutes: later |
//! | … with `Refund request failed` | failed; what was done is not known |
//! | other `status` 0 | refused |
//! | anything else | nonsense |

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::PROVIDER;
use crate::gateways::{GatewayError, Operation, Refusal};
use crate::outbound::Answer;
use crate::providers::loose::Loose;
use crate::providers::shape;

/// How long PayU refuses the same amount of the same transaction.
const SAME_REFUND_PAUSE: Duration = Duration::from_secs(300);

/// What answers have in common; which of it is there depends on the command.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Reply {
    #[serde(default)]
    pub status: Loose,
    #[serde(default, alias = "message")]
    pub msg: Loose,
    #[serde(default)]
    pub error_code: Loose,
    #[serde(default)]
    pub request_id: Loose,
    #[serde(default)]
    pub txn_update_id: Loose,
    #[serde(default)]
    pub bank_ref_num: Loose,
    pub transaction_details: Option<Box<RawValue>>,
    #[serde(rename = "Txn_details")]
    pub settled: Option<Box<RawValue>>,
    pub result: Option<Box<RawValue>>,
}

impl Reply {
    pub(super) fn is_done(&self) -> bool {
        self.status.text() == "1"
    }

    /// Whether our token is refused because it was used.
    pub(super) fn is_token_used(&self) -> bool {
        self.error_code.text() == "106" || says(self.msg.text(), "token already")
    }

    /// What a reply that is not done means.
    pub(super) fn refusal(&self, operation: Operation) -> GatewayError {
        let (code, message) = (self.error_code.text(), self.msg.text());
        let provider = PROVIDER;
        if code == "116" || says(message, "not exists") || says(message, "not found") {
            return PROVIDER.not_found(operation);
        }
        match code {
            "101" | "102" | "120" | "126" | "127" | "226" => {
                return GatewayError::InProgress {
                    provider,
                    operation,
                };
            }
            "214" => {
                return GatewayError::RateLimited {
                    provider,
                    retry_after: Some(SAME_REFUND_PAUSE),
                };
            }
            _ => {}
        }
        if says(message, "request failed") {
            return GatewayError::Failed {
                provider,
                operation,
                status: 200,
            };
        }
        GatewayError::Refused {
            provider,
            operation,
            refusal: Box::new(Refusal {
                status: 200,
                code: code.to_owned(),
                reason: None,
                message: message.chars().take(300).collect(),
                field: None,
            }),
        }
    }
}

/// Reads an answer, and sorts what has nothing to do with the command.
pub(super) fn reply(operation: Operation, answer: &Answer) -> Result<Reply, GatewayError> {
    if matches!(answer.status.as_u16(), 401 | 403) {
        return Err(PROVIDER.refused_credentials(operation));
    }
    if !answer.status.is_success() {
        return Err(PROVIDER.nonsense(operation, format!("status {}", answer.status)));
    }
    let reply = serde_json::from_slice::<Reply>(&answer.body);
    let text = match &reply {
        Ok(reply) if reply.is_done() => "",
        Ok(reply) => reply.msg.text(),
        Err(_) => std::str::from_utf8(&answer.body).unwrap_or_default(),
    };
    // A page of HTML may speak of anything.
    let text = if text.len() <= 300 { text } else { "" };
    if says(text, "limit reached") {
        return Err(GatewayError::RateLimited {
            provider: PROVIDER,
            retry_after: None,
        });
    }
    if ["hash", "invalid key", "key is invalid", "merchant key"]
        .iter()
        .any(|word| says(text, word))
    {
        return Err(PROVIDER.refused_credentials(operation));
    }
    let reply = reply.map_err(|error| PROVIDER.nonsense(operation, shape(&error)))?;
    match reply.status.text() {
        "0" | "1" => Ok(reply),
        _ => Err(PROVIDER.nonsense(operation, "neither done nor refused")),
    }
}

fn says(text: &str, words: &str) -> bool {
    text.to_ascii_lowercase().contains(words)
}
