//! People, their sessions and factors; machines, roles, and the record of all of it.

pub mod approvals;
pub mod external_sign_in;
pub mod factors;
pub mod machines;
pub mod oauth;
pub mod people;
pub mod records;
pub mod roles;
pub mod sessions;
pub mod stream_tickets;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use identity::identities::{IdentityError, Refusal};
use identity::principal::Principal;
use identity::sessions::Device;
use identity::subject::Subject;
use ledger_core::Timestamp;
use poem::Request;
use poem::http::header;
use uuid::Uuid;

use crate::context::RequestContext;
use crate::limits::Visit;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource};
use crate::problem::{Problem, catalogue};
use crate::text::Text;
use crate::text_formats::AnyId;

/// An operation on one person, session or machine.
#[derive(Debug)]
pub struct IdParameter {
    /// Which.
    pub id: Uuid,
}

impl ParameterGroup for IdParameter {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let id = from.path::<AnyId>("id", "The id.")?;
        Ok(Self { id: id.0 })
    }
}

/// A list of people or machines, newest first.
#[derive(Debug)]
pub struct BeforeQuery {
    /// Only those before this one.
    pub before: Option<Uuid>,
    /// How many at most.
    pub limit: i64,
}

impl ParameterGroup for BeforeQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let before = from.query::<AnyId>(
            "before",
            "Only those before this one: the last id of the page before.",
        );
        let limit = crate::reading::limit(from);
        Ok(Self {
            before: before?.map(|id| id.0),
            limit: limit?,
        })
    }
}

/// The caller, of an operation that is for callers who are known.
///
/// # Errors
/// `unauthenticated`, when the node does not ask who somebody is.
pub(crate) fn principal(context: &RequestContext) -> Result<&Arc<Principal>, Problem> {
    context.caller.principal().ok_or_else(|| {
        Problem::new(
            catalogue::UNAUTHENTICATED,
            "this is for callers who say who they are",
        )
    })
}

/// The caller as a person who signed in here, and their session.
///
/// # Errors
/// `forbidden` for machines.
pub(crate) fn person(context: &RequestContext) -> Result<(Uuid, Uuid), Problem> {
    let principal = principal(context)?;
    match (principal.subject, principal.session) {
        (Subject::Person(person), Some(session)) => Ok((person, session)),
        _ => Err(Problem::new(
            catalogue::FORBIDDEN,
            "this is for people who have signed in here",
        )),
    }
}

/// Who did something, for the record; a node that does not ask who somebody is says nobody.
pub(crate) fn actor(context: &RequestContext) -> Subject {
    context
        .caller
        .principal()
        .map_or(Subject::External(Uuid::nil()), |principal| {
            principal.subject
        })
}

/// Where a session is begun from.
pub(crate) fn device(request: &Request) -> Device {
    let address = request.data::<Visit>().and_then(Visit::address);
    Device {
        address: address.map(|address| address.to_string()),
        user_agent: request.header(header::USER_AGENT).map(str::to_owned),
    }
}

/// A time as replies write it.
pub(crate) fn time(time: DateTime<Utc>) -> Result<Text<Timestamp>, Problem> {
    Timestamp::try_new(time)
        .map(Text)
        .map_err(|error| Problem::internal(&error))
}

/// A time that may be absent.
pub(crate) fn optional_time(
    value: Option<DateTime<Utc>>,
) -> Result<Option<Text<Timestamp>>, Problem> {
    value.map(time).transpose()
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Refused(refusal) => refusal.into(),
            IdentityError::Database(_) => {
                tracing::warn!(error = %event_store::ErrorChain(&error), "identities are not available");
                Self::new(catalogue::LOG_UNAVAILABLE, "PostgreSQL cannot be reached")
            }
            IdentityError::External(fault) => {
                tracing::warn!(error = %event_store::ErrorChain(&fault), "an issuer cannot be asked");
                Self::new(catalogue::ISSUER_UNAVAILABLE, "try again in a moment")
            }
            IdentityError::Secret(_)
            | IdentityError::Password(_)
            | IdentityError::Totp(_)
            | IdentityError::SecondFactor(_)
            | IdentityError::Signing(_)
            | IdentityError::Stored { .. } => Self::internal(&error),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::new(refusal.code(), refusal.to_string());
        match refusal {
            Refusal::TooManyAttempts { wait } => problem.with_retry_after(wait),
            Refusal::NotFound { what } => problem.with_context(serde_json::json!({ "what": what })),
            Refusal::SignInFailed { code } => {
                problem.with_context(serde_json::json!({ "reason": code }))
            }
            _ => problem,
        }
    }
}
