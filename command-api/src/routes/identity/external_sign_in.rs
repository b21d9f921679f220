//! Signing in with another issuer.

use poem::Request;
use poem_openapi::OpenApi;

use super::{device, time};
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::reply::{Answer, Started};
use crate::representation::external_sign_in::{
    BeginSignInRequest, FinishSignInRequest, IssuerList, SignInBegun,
};
use crate::representation::identity::SessionTokens;
use crate::routes::Part;
use crate::routes::identity::sessions::session_tokens;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// Operations for people whom another issuer knows.
#[derive(Clone)]
pub struct ExternalSignInOperations(pub Services);

#[OpenApi]
impl ExternalSignInOperations {
    /// List the issuers that people can sign in with.
    #[oai(
        path = "/v1/issuers",
        method = "get",
        operation_id = "list_issuers",
        tag = "Part::Sessions"
    )]
    async fn issuers(&self) -> Result<Answer<IssuerList>, QueryProblem> {
        let issuers = self.0.authenticator.sign_in_issuers();
        Ok(Answer(IssuerList {
            items: issuers.map(str::to_owned).collect(),
        }))
    }

    /// Begin to sign in with an issuer: where to send the browser, and what it keeps until it is back.
    #[oai(
        path = "/v1/external-sign-ins",
        method = "post",
        operation_id = "begin_external_sign_in",
        tag = "Part::Sessions"
    )]
    async fn begin(
        &self,
        request: StrictJson<BeginSignInRequest>,
    ) -> Result<Started<SignInBegun>, CommandProblem> {
        let StrictJson(request) = request;
        let begun = self
            .0
            .authenticator
            .begin_external_sign_in(&request.issuer.0.0, &request.redirect_uri.0.0)
            .await?;
        Ok(Started(SignInBegun {
            url: begun.url,
            binding: begun.binding.to_string(),
            expires_at: time(begun.expires_at)?,
        }))
    }

    /// Finish signing in, with what the issuer gave the browser to bring back. Good once.
    #[oai(
        path = "/v1/external-sign-ins/completion",
        method = "post",
        operation_id = "finish_external_sign_in",
        tag = "Part::Sessions"
    )]
    async fn finish(
        &self,
        raw: &Request,
        request: StrictJson<FinishSignInRequest>,
    ) -> Result<Started<SessionTokens>, CommandProblem> {
        let StrictJson(request) = request;
        let continued = self
            .0
            .authenticator
            .finish_external_sign_in(&request.query.0.0, &request.binding.0.0, &device(raw))
            .await?;
        Ok(Started(session_tokens(&self.0, continued).await?))
    }
}
