//! Signing in and out, and the caller's own sessions.

use identity::second_factor::SecondFactor;
use identity::sessions::{Continued, Session};
use identity::sign_in::Credentials;
use poem::Request;
use poem_openapi::OpenApi;

use super::{IdParameter, actor, device, optional_time, person, principal, time};
use crate::context::RequestContext;
use crate::parameters::Parameters;
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::problem::{FieldCode, FieldFault, Problem};
use crate::reply::{Answer, Nothing, Started};
use crate::representation::identity::{
    Me, OtherFactor, RefreshRequest, SecondFactorRequest, SessionList, SessionTokens, SessionView,
    SignInRequest, address,
};
use crate::routes::Part;
use crate::services::Services;
use crate::strict_json::StrictJson;
use crate::text::Text;
use crate::text_formats::{AnyId, Secret};

/// Operations about sessions.
#[derive(Clone)]
pub struct SessionOperations(pub Services);

#[OpenApi]
impl SessionOperations {
    /// Sign in. Those who have confirmed an authenticator give its code as well.
    #[oai(
        path = "/v1/sessions",
        method = "post",
        operation_id = "sign_in",
        tag = "Part::Sessions"
    )]
    async fn sign_in(
        &self,
        raw: &Request,
        request: StrictJson<SignInRequest>,
    ) -> Result<Started<SessionTokens>, CommandProblem> {
        let StrictJson(request) = request;
        let credentials = Credentials {
            address: address(request.email.as_ref(), request.phone.as_ref())?,
            password: request.password.0.0,
            second_factor: second_factor(
                request.totp,
                request.recovery_code,
                request.second_factor,
            )?,
        };
        let continued = self
            .0
            .identities()
            .sign_in(credentials, &device(raw))
            .await?;
        Ok(Started(session_tokens(&self.0, continued).await?))
    }

    /// Go on with a session: the next access and refresh token.
    #[oai(
        path = "/v1/sessions/refresh",
        method = "post",
        operation_id = "refresh_session",
        tag = "Part::Sessions"
    )]
    async fn refresh(
        &self,
        request: StrictJson<RefreshRequest>,
    ) -> Result<Started<SessionTokens>, CommandProblem> {
        let StrictJson(request) = request;
        let continued = self
            .0
            .identities()
            .refresh(&request.refresh_token.0.0)
            .await?;
        Ok(Started(session_tokens(&self.0, continued).await?))
    }

    /// Who the caller is, and what roles they have.
    #[oai(
        path = "/v1/me",
        method = "get",
        operation_id = "get_me",
        tag = "Part::Sessions"
    )]
    async fn me(&self, context: RequestContext) -> Result<Answer<Me>, QueryProblem> {
        let principal = principal(&context)?;
        Ok(Answer(Me {
            subject: principal.subject.into(),
            owner: principal.owner.clone().map(Text),
            roles: principal
                .grants
                .iter()
                .map(|grant| (*grant).into())
                .collect(),
            scopes: principal
                .scopes
                .as_ref()
                .map(|scopes| scopes.iter().map(|scope| (*scope).into()).collect()),
            session_id: principal.session.map(|session| AnyId(session).into()),
            second_factor_at: optional_time(principal.second_factor_at)?,
        }))
    }

    /// List the caller's sessions.
    #[oai(
        path = "/v1/me/sessions",
        method = "get",
        operation_id = "list_my_sessions",
        tag = "Part::Sessions"
    )]
    async fn sessions(&self, context: RequestContext) -> Result<Answer<SessionList>, QueryProblem> {
        let (person, _) = person(&context)?;
        let sessions = self.0.identities().sessions(person).await?;
        Ok(Answer(session_list(sessions)?))
    }

    /// End one of the caller's sessions.
    #[oai(
        path = "/v1/me/sessions/:id",
        method = "delete",
        operation_id = "end_my_session",
        tag = "Part::Sessions"
    )]
    async fn end(
        &self,
        context: RequestContext,
        parameters: Parameters<IdParameter>,
    ) -> Result<Nothing, CommandProblem> {
        let Parameters(IdParameter { id }) = parameters;
        let (person, _) = person(&context)?;
        self.0.identities().end_session(person, id).await?;
        Ok(Nothing)
    }

    /// Sign out everywhere: end all of the caller's sessions.
    #[oai(
        path = "/v1/me/sessions",
        method = "delete",
        operation_id = "end_my_sessions",
        tag = "Part::Sessions"
    )]
    async fn end_all(&self, context: RequestContext) -> Result<Nothing, CommandProblem> {
        let (person, _) = person(&context)?;
        let by = actor(&context);
        self.0.identities().end_sessions(person, by).await?;
        Ok(Nothing)
    }

    /// Give the second factor again, as sensitive operations ask; it counts for ten minutes.
    #[oai(
        path = "/v1/me/step-up",
        method = "post",
        operation_id = "step_up",
        tag = "Part::Sessions"
    )]
    async fn step_up(
        &self,
        context: RequestContext,
        request: StrictJson<SecondFactorRequest>,
    ) -> Result<Nothing, CommandProblem> {
        let StrictJson(request) = request;
        let (person, session) = person(&context)?;
        let factor = second_factor(request.totp, request.recovery_code, request.second_factor)?;
        let factor = factor.ok_or_else(one_factor)?;
        self.0
            .identities()
            .step_up(person, session, &factor)
            .await?;
        Ok(Nothing)
    }
}

/// What a client needs to go on with a session.
pub(super) async fn session_tokens(
    services: &Services,
    continued: Continued,
) -> Result<SessionTokens, Problem> {
    let access = services
        .tokens()
        .of_session(continued.person, continued.session, continued.idle_at)
        .await?;
    Ok(SessionTokens {
        session_id: AnyId(continued.session).into(),
        person_id: AnyId(continued.person).into(),
        access_token: access.text,
        token_type: "Bearer".to_owned(),
        expires_in: access.expires_in.as_secs(),
        refresh_token: continued.refresh_token.to_string(),
        idle_at: time(continued.idle_at)?,
    })
}

/// The second factor of a request, if it has one.
pub(super) fn second_factor(
    totp: Option<Text<Secret>>,
    recovery_code: Option<Text<Secret>>,
    other: Option<OtherFactor>,
) -> Result<Option<SecondFactor>, Problem> {
    let other = other.map(|other| SecondFactor::Other {
        kind: other.kind.0.to_string(),
        answer: other.answer.0.0,
    });
    let given = [
        totp.map(|Text(Secret(code))| SecondFactor::Totp(code)),
        recovery_code.map(|Text(Secret(code))| SecondFactor::Recovery(code)),
        other,
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (factor, None) => Ok(factor),
        (_, Some(_)) => Err(one_factor()),
    }
}

fn one_factor() -> Problem {
    let detail = "give one of `totp`, `recovery_code` and `second_factor`".to_owned();
    let fault = FieldFault::new(FieldCode::InvalidFormat, detail);
    Problem::invalid_request(vec![fault.at_pointer("")])
}

/// Sessions as replies write them.
pub(super) fn session_list(sessions: Vec<Session>) -> Result<SessionList, Problem> {
    let view = |session: Session| {
        Ok(SessionView {
            id: AnyId(session.id).into(),
            started_at: time(session.started_at)?,
            used_at: time(session.used_at)?,
            expires_at: time(session.expires_at)?,
            address: session.address,
            user_agent: session.user_agent,
        })
    };
    let items = sessions
        .into_iter()
        .map(view)
        .collect::<Result<_, Problem>>()?;
    Ok(SessionList { items })
}
