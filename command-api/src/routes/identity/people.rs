//! Registering, verifying addresses, resetting passwords; and what staff do about people.

use identity::people::{Person, Standing};
use poem_openapi::OpenApi;
use uuid::Uuid;

use super::{BeforeQuery, IdParameter, actor, optional_time, time};
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::reply::{Accepted, Answer, Nothing};
use crate::representation::identity::{
    AddressRequest, CodeRequest, PersonList, PersonView, RegisterRequest, Registered,
    ResetPasswordRequest, SessionList, address,
};
use crate::routes::Part;
use crate::routes::identity::sessions::session_list;
use crate::services::Services;
use crate::strict_json::StrictJson;
use crate::text_formats::AnyId;

/// Operations about people.
#[derive(Clone)]
pub struct PeopleOperations(pub Services);

#[OpenApi]
impl PeopleOperations {
    /// Register with an email address or a phone number; a code is sent to it.
    #[oai(
        path = "/v1/people",
        method = "post",
        operation_id = "register",
        tag = "Part::People"
    )]
    async fn register(
        &self,
        request: StrictJson<RegisterRequest>,
    ) -> Result<Accepted<Registered>, CommandProblem> {
        let StrictJson(request) = request;
        let address = address(request.email.as_ref(), request.phone.as_ref())?;
        let id = self
            .0
            .identities()
            .register(&address, request.password.0.0)
            .await?;
        Ok(Accepted(Registered {
            id: AnyId(id).into(),
        }))
    }

    /// Show that an address is yours, by the code that was sent to it.
    #[oai(
        path = "/v1/people/:id/verification",
        method = "post",
        operation_id = "verify_address",
        tag = "Part::People"
    )]
    async fn verify(
        &self,
        parameters: Parameters<IdParameter>,
        request: StrictJson<CodeRequest>,
    ) -> Result<Nothing, CommandProblem> {
        let (Parameters(IdParameter { id }), StrictJson(request)) = (parameters, request);
        self.0
            .identities()
            .verify_address(id, &request.code.0.0)
            .await?;
        Ok(Nothing)
    }

    /// Ask for a code with which to set a new password; answered alike whether anybody has the address.
    #[oai(
        path = "/v1/password-resets",
        method = "post",
        operation_id = "request_password_reset",
        tag = "Part::People"
    )]
    async fn request_reset(
        &self,
        request: StrictJson<AddressRequest>,
    ) -> Result<Nothing, CommandProblem> {
        let StrictJson(request) = request;
        let address = address(request.email.as_ref(), request.phone.as_ref())?;
        self.0.identities().begin_password_reset(&address).await?;
        Ok(Nothing)
    }

    /// Set a new password with the code; every session of yours ends.
    #[oai(
        path = "/v1/password-resets/confirmation",
        method = "post",
        operation_id = "reset_password",
        tag = "Part::People"
    )]
    async fn reset(
        &self,
        request: StrictJson<ResetPasswordRequest>,
    ) -> Result<Nothing, CommandProblem> {
        let StrictJson(request) = request;
        let address = address(request.email.as_ref(), request.phone.as_ref())?;
        self.0
            .identities()
            .reset_password(&address, &request.code.0.0, request.password.0.0)
            .await?;
        Ok(Nothing)
    }

    /// List people, newest first.
    #[oai(
        path = "/v1/people",
        method = "get",
        operation_id = "list_people",
        tag = "Part::People"
    )]
    async fn people(
        &self,
        parameters: Parameters<BeforeQuery>,
    ) -> Result<Answer<PersonList>, QueryProblem> {
        let Parameters(query) = parameters;
        let people = self
            .0
            .identities()
            .people(query.before, query.limit)
            .await?;
        let items = people
            .into_iter()
            .map(view)
            .collect::<Result<_, Problem>>()?;
        Ok(Answer(PersonList { items }))
    }

    /// Get a person.
    #[oai(
        path = "/v1/people/:id",
        method = "get",
        operation_id = "get_person",
        tag = "Part::People"
    )]
    async fn person(
        &self,
        parameters: Parameters<IdParameter>,
    ) -> Result<Answer<PersonView>, QueryProblem> {
        let Parameters(IdParameter { id }) = parameters;
        Ok(Answer(view(self.0.identities().person(id).await?)?))
    }

    /// Keep a person from signing in; their sessions end.
    #[oai(
        path = "/v1/people/:id/block",
        method = "post",
        operation_id = "block_person",
        tag = "Part::People"
    )]
    async fn block(
        &self,
        context: RequestContext,
        parameters: Parameters<IdParameter>,
    ) -> Result<Nothing, CommandProblem> {
        let Parameters(IdParameter { id }) = parameters;
        self.check_manages(&context, id).await?;
        self.0
            .identities()
            .set_blocked(id, Standing::Blocked, actor(&context))
            .await?;
        Ok(Nothing)
    }

    /// Let a person sign in again.
    #[oai(
        path = "/v1/people/:id/unblock",
        method = "post",
        operation_id = "unblock_person",
        tag = "Part::People"
    )]
    async fn unblock(
        &self,
        context: RequestContext,
        parameters: Parameters<IdParameter>,
    ) -> Result<Nothing, CommandProblem> {
        let Parameters(IdParameter { id }) = parameters;
        self.check_manages(&context, id).await?;
        self.0
            .identities()
            .set_blocked(id, Standing::Welcome, actor(&context))
            .await?;
        Ok(Nothing)
    }

    /// List the sessions of a person.
    #[oai(
        path = "/v1/people/:id/sessions",
        method = "get",
        operation_id = "list_person_sessions",
        tag = "Part::People"
    )]
    async fn sessions(
        &self,
        parameters: Parameters<IdParameter>,
    ) -> Result<Answer<SessionList>, QueryProblem> {
        let Parameters(IdParameter { id }) = parameters;
        let sessions = self.0.identities().sessions(id).await?;
        Ok(Answer(session_list(sessions)?))
    }

    /// End every session of a person.
    #[oai(
        path = "/v1/people/:id/sessions",
        method = "delete",
        operation_id = "end_person_sessions",
        tag = "Part::People"
    )]
    async fn end_sessions(
        &self,
        context: RequestContext,
        parameters: Parameters<IdParameter>,
    ) -> Result<Nothing, CommandProblem> {
        let Parameters(IdParameter { id }) = parameters;
        self.check_manages(&context, id).await?;
        self.0
            .identities()
            .end_sessions(id, actor(&context))
            .await?;
        Ok(Nothing)
    }
}

impl PeopleOperations {
    /// Only administrators act on people who work here.
    async fn check_manages(&self, context: &RequestContext, person: Uuid) -> Result<(), Problem> {
        if let Some(principal) = context.caller.principal() {
            self.0.identities().check_manages(principal, person).await?;
        }
        Ok(())
    }
}

fn view(person: Person) -> Result<PersonView, Problem> {
    Ok(PersonView {
        id: AnyId(person.id).into(),
        owner: person.owner,
        created_at: time(person.created_at)?,
        blocked_at: optional_time(person.blocked_at)?,
        has_authenticator: person.has_authenticator,
    })
}
