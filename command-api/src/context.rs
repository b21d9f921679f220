//! What is known of a request besides its parameters and body: its id, its trace, its caller.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use chrono::Utc;
use identity::permission::{Permission, Reach};
use identity::principal::Principal;
use ledger_core::{Command, LedgerName};
use poem::http::{HeaderMap, Method, Uri};
use poem::{FromRequest, Request, RequestBody};
use uuid::Uuid;

use crate::access::ownership::Ownership;
use crate::problem::{Problem, catalogue};

/// The header that carries the request's id, in both directions.
pub const REQUEST_ID_HEADER: &str = "X-Request-Id";

const TRACEPARENT_HEADER: &str = "traceparent";
const MAX_REQUEST_ID_LENGTH: usize = 128;

/// The scope of callers who are not known.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// Who asks.
#[derive(Clone)]
pub enum Caller {
    /// Nobody in particular: the node does not ask, or the operation is for everybody.
    Anonymous,
    /// Somebody who may do this with everything in the ledger.
    Known(Arc<Principal>),
    /// Somebody who may do this with what is theirs.
    OnlyOwn(Arc<Principal>, Ownership),
}

impl Caller {
    /// The name that separates the idempotency keys of callers.
    #[must_use]
    pub fn scope(&self) -> Cow<'static, str> {
        self.actor().map_or(Cow::Borrowed(ANONYMOUS), Cow::Owned)
    }

    /// Who is recorded with the events, if anybody is known.
    #[must_use]
    pub fn actor(&self) -> Option<String> {
        self.principal()
            .map(|principal| principal.subject.to_string())
    }

    /// Who it is, if anybody is known.
    #[must_use]
    pub const fn principal(&self) -> Option<&Arc<Principal>> {
        match self {
            Self::Anonymous => None,
            Self::Known(principal) | Self::OnlyOwn(principal, _) => Some(principal),
        }
    }

    /// Whether they may do this with everything in a ledger. Where nobody asks who they are, everybody may.
    #[must_use]
    pub fn may_with_all(&self, permission: Permission, ledger: LedgerName) -> bool {
        self.principal().is_none_or(|principal| {
            principal.reach(permission, Some(ledger), Utc::now()) == Ok(Reach::All)
        })
    }

    /// Whether they may do this where no ledger is named. Where nobody asks who they are, everybody may.
    #[must_use]
    pub fn may_everywhere(&self, permission: Permission) -> bool {
        self.principal()
            .is_none_or(|principal| principal.reach(permission, None, Utc::now()) == Ok(Reach::All))
    }

    /// Refuses commands that concern what is not the caller's, of callers who reach no further.
    ///
    /// # Errors
    /// `forbidden`, and the problem with the database.
    pub async fn check_commands(
        &self,
        ledger: LedgerName,
        commands: &[Command],
    ) -> Result<(), Problem> {
        match self {
            Self::Anonymous | Self::Known(_) => Ok(()),
            Self::OnlyOwn(principal, ownership) => match &principal.owner {
                Some(owner) => ownership.check_commands(owner, ledger, commands).await,
                None => Err(Problem::new(
                    catalogue::FORBIDDEN,
                    "the caller owns nothing",
                )),
            },
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.scope())
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
