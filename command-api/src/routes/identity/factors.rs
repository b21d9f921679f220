//! The caller's own password, addresses and second factors.

use poem_openapi::OpenApi;

use super::{person, principal};
use crate::context::RequestContext;
use crate::problem::responses::CommandProblem;
use crate::problem::{Problem, catalogue};
use crate::reply::{Nothing, Started};
use crate::representation::identity::{
    AddressRequest, AuthenticatorEnrolment, ChangePasswordRequest, CodeRequest, RecoveryCodes,
    address,
};
use crate::routes::Part;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// Operations about the caller's own factors.
#[derive(Clone)]
pub struct FactorOperations(pub Services);

#[OpenApi]
impl FactorOperations {
    /// Add an address of yours; a code is sent to it, to be given to `verification`.
    #[oai(
        path = "/v1/me/addresses",
        method = "post",
        operation_id = "add_my_address",
        tag = "Part::Sessions"
    )]
    async fn add_address(
        &self,
        context: RequestContext,
        request: StrictJson<AddressRequest>,
    ) -> Result<Nothing, CommandProblem> {
        let StrictJson(request) = request;
        let (person, _) = person(&context)?;
        let address = address(request.email.as_ref(), request.phone.as_ref())?;
        self.0.identities().add_address(person, &address).await?;
        Ok(Nothing)
    }

    /// Change your password; every session of yours ends, this one too.
    #[oai(
        path = "/v1/me/password",
        method = "put",
        operation_id = "change_my_password",
        tag = "Part::Sessions"
    )]
    async fn change_password(
        &self,
        context: RequestContext,
        request: StrictJson<ChangePasswordRequest>,
    ) -> Result<Nothing, CommandProblem> {
        let StrictJson(request) = request;
        let (person, _) = person(&context)?;
        self.0
            .identities()
            .change_password(person, request.old_password.0.0, request.new_password.0.0)
            .await?;
        Ok(Nothing)
    }

    /// Begin to set up an authenticator; it counts once it is confirmed.
    #[oai(
        path = "/v1/me/authenticator",
        method = "post",
        operation_id = "enrol_authenticator",
        tag = "Part::Sessions"
    )]
    async fn enrol(
        &self,
        context: RequestContext,
    ) -> Result<Started<AuthenticatorEnrolment>, CommandProblem> {
        let (person, _) = person(&context)?;
        let enrolment = self
            .0
            .identities()
            .enrol_authenticator(person, &person.to_string())
            .await?;
        Ok(Started(AuthenticatorEnrolment {
            uri: enrolment.uri.to_string(),
            secret: enrolment.secret.to_string(),
        }))
    }

    /// Confirm the authenticator by its first code; the recovery codes are shown this once.
    #[oai(
        path = "/v1/me/authenticator/confirmation",
        method = "post",
        operation_id = "confirm_authenticator",
        tag = "Part::Sessions"
    )]
    async fn confirm(
        &self,
        context: RequestContext,
        request: StrictJson<CodeRequest>,
    ) -> Result<Started<RecoveryCodes>, CommandProblem> {
        let StrictJson(request) = request;
        let (person, _) = person(&context)?;
        let codes = self
            .0
            .identities()
            .confirm_authenticator(person, &request.code.0.0)
            .await?;
        Ok(Started(recovery_codes(&codes)))
    }

    /// Remove the authenticator; asks for a fresh second factor.
    #[oai(
        path = "/v1/me/authenticator",
        method = "delete",
        operation_id = "remove_authenticator",
        tag = "Part::Sessions"
    )]
    async fn remove(&self, context: RequestContext) -> Result<Nothing, CommandProblem> {
        let (person, _) = person(&context)?;
        check_stepped_up(&context)?;
        self.0.identities().remove_authenticator(person).await?;
        Ok(Nothing)
    }

    /// Make new recovery codes; those before are good no more. Asks for a fresh second factor.
    #[oai(
        path = "/v1/me/recovery-codes",
        method = "post",
        operation_id = "make_recovery_codes",
        tag = "Part::Sessions"
    )]
    async fn make_codes(
        &self,
        context: RequestContext,
    ) -> Result<Started<RecoveryCodes>, CommandProblem> {
        let (person, _) = person(&context)?;
        check_stepped_up(&context)?;
        let codes = self.0.identities().make_recovery_codes(person).await?;
        Ok(Started(recovery_codes(&codes)))
    }
}

/// Factors are changed only by whoever has just given one.
fn check_stepped_up(context: &RequestContext) -> Result<(), Problem> {
    if principal(context)?.is_stepped_up(chrono::Utc::now()) {
        return Ok(());
    }
    Err(Problem::new(
        catalogue::SECOND_FACTOR_NEEDED,
        "give your second factor again first",
    ))
}

fn recovery_codes(codes: &[zeroize::Zeroizing<String>]) -> RecoveryCodes {
    RecoveryCodes {
        codes: codes.iter().map(|code| code.to_string()).collect(),
    }
}
