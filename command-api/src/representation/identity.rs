//! People, sessions, machines and roles: requests and the replies to them.

use identity::address::{Address, EmailAddress, PhoneNumber};
use identity::permission::{Permission, Role};
use identity::principal::{Grant, Ledgers};
use identity::subject::Subject;
use ledger_core::annotation::Reference;
use ledger_core::{LedgerName, OwnerId, Timestamp};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::{FieldCode, FieldError, FieldFault, Problem};
use crate::text::Text;
use crate::text_formats::{AnyId, Secret};

/// Somebody who registers; with an email address or a phone number.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Their email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<EmailAddress>>,
    /// Their phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<PhoneNumber>>,
    /// Their password: 8 to 128 characters that are not easily guessed.
    pub password: Text<Secret>,
}

/// A registration; a code is on its way to the address.
#[derive(Debug, Serialize, Object)]
pub struct Registered {
    /// The person's id. Given for an address that somebody else has as well: no code fits then.
    pub id: Text<AnyId>,
}

/// A code that was received.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    /// The code: six digits.
    pub code: Text<Secret>,
}

/// An address: an email address or a phone number.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct AddressRequest {
    /// An email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<EmailAddress>>,
    /// A phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<PhoneNumber>>,
}

/// A new password, with the code that was received.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ResetPasswordRequest {
    /// The email address the code went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<EmailAddress>>,
    /// The phone number the code went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<PhoneNumber>>,
    /// The code.
    pub code: Text<Secret>,
    /// The new password.
    pub password: Text<Secret>,
}

/// Somebody who signs in; with an email address or a phone number.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// Their email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<EmailAddress>>,
    /// Their phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<PhoneNumber>>,
    /// Their password.
    pub password: Text<Secret>,
    /// What their authenticator shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<Text<Secret>>,
    /// One of their recovery codes, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_code: Option<Text<Secret>>,
    /// A factor of another kind, where the deployment has any, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<OtherFactor>,
}

/// A second factor of a kind that the deployment has besides.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct OtherFactor {
    /// Which kind.
    pub kind: Text<Reference>,
    /// What the person gives.
    pub answer: Text<Secret>,
}

/// A refresh token that was received.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token of the session.
    pub refresh_token: Text<Secret>,
}

/// A session that goes on.
#[derive(Debug, Serialize, Object)]
pub struct SessionTokens {
    /// The session.
    pub session_id: Text<AnyId>,
    /// The person.
    pub person_id: Text<AnyId>,
    /// Sent with every request: `Authorization: Bearer …`.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// How long the access token is good for, in seconds.
    pub expires_in: u64,
    /// Good once, for the next access token. One that comes twice ends the session.
    pub refresh_token: String,
    /// When the session ends if it is not refreshed before.
    pub idle_at: Text<Timestamp>,
}

/// A ticket for a live stream.
#[derive(Debug, Serialize, Object)]
pub struct StreamTicket {
    /// Good once: `?ticket=…` on a live stream.
    pub ticket: String,
    /// How long it is good for, in seconds.
    pub expires_in: u64,
}

/// A second factor: one of them.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorRequest {
    /// What the authenticator shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<Text<Secret>>,
    /// A recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_code: Option<Text<Secret>>,
    /// A factor of another kind, where the deployment has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<OtherFactor>,
}

/// A change of password.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordRequest {
    /// The password until now.
    pub old_password: Text<Secret>,
    /// The password from now on.
    pub new_password: Text<Secret>,
}

/// An authenticator to be set up.
#[derive(Debug, Serialize, Object)]
pub struct AuthenticatorEnrolment {
    /// To be shown as a QR code.
    pub uri: String,
    /// To be typed, in base 32.
    pub secret: String,
}

/// Recovery codes; shown this once.
#[derive(Debug, Serialize, Object)]
pub struct RecoveryCodes {
    /// The codes, each good once.
    pub codes: Vec<String>,
}

/// Who the caller is.
#[derive(Debug, Serialize, Object)]
pub struct Me {
    /// The caller.
    pub subject: Text<Subject>,
    /// The owner of the caller's wallets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Text<OwnerId>>,
    /// The caller's roles.
    pub roles: Vec<RoleView>,
    /// The permissions the credential is narrowed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Text<Permission>>>,
    /// The session, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Text<AnyId>>,
    /// When the second factor was last given in the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_factor_at: Option<Text<Timestamp>>,
}

/// A role and where it holds.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RoleView {
    /// The role.
    pub role: Text<Role>,
    /// The ledger; everywhere when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Text<LedgerName>>,
}

/// Roles.
#[derive(Debug, Serialize, Object)]
pub struct RoleList {
    /// The roles.
    pub items: Vec<RoleView>,
}

/// A person.
#[derive(Debug, Serialize, Object)]
pub struct PersonView {
    /// The person's id.
    pub id: Text<AnyId>,
    /// The owner of their wallets.
    pub owner: String,
    /// When they registered.
    pub created_at: Text<Timestamp>,
    /// Since when they are blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_at: Option<Text<Timestamp>>,
    /// Whether they have confirmed an authenticator.
    pub has_authenticator: bool,
}

/// People.
#[derive(Debug, Serialize, Object)]
pub struct PersonList {
    /// The people, newest first.
    pub items: Vec<PersonView>,
}

/// A session.
#[derive(Debug, Serialize, Object)]
pub struct SessionView {
    /// The session's id.
    pub id: Text<AnyId>,
    /// When it was begun.
    pub started_at: Text<Timestamp>,
    /// When it was last refreshed.
    pub used_at: Text<Timestamp>,
    /// Its absolute end.
    pub expires_at: Text<Timestamp>,
    /// The address it was begun from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The program it was begun with, by its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// Sessions.
#[derive(Debug, Serialize, Object)]
pub struct SessionList {
    /// The sessions that go on, newest first.
    pub items: Vec<SessionView>,
}

/// How a machine shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum MachineKindName {
    /// With its id and a secret at `/oauth/token`.
    Client,
    /// With a key in every request.
    ApiKey,
}

/// A machine to be made.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct MakeMachineRequest {
    /// How it shows who it is.
    pub kind: MachineKindName,
    /// What people call it.
    pub name: Text<Reference>,
    /// Its roles.
    #[oai(validator(max_items = "50"))]
    pub roles: Vec<RoleView>,
    /// The permissions it may use at most; all that its roles give when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_items = "1", max_items = "50"))]
    pub scopes: Option<Vec<Text<Permission>>>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
}

/// A machine that was made; the secret is shown this once.
#[derive(Debug, Serialize, Object)]
pub struct MachineMade {
    /// Its id; a client's id at `/oauth/token`.
    pub id: Text<AnyId>,
    /// A client's secret, or the whole key.
    pub secret: String,
}

/// A machine.
#[derive(Debug, Serialize, Object)]
pub struct MachineView {
    /// Its id.
    pub id: Text<AnyId>,
    /// `client` or `api_key`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// The part of its key that is no secret.
    pub prefix: String,
    /// The permissions it may use at most; empty for all that its roles give.
    pub scopes: Vec<String>,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub made_at: Text<Timestamp>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Text<Timestamp>>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Text<Timestamp>>,
}

/// Machines.
#[derive(Debug, Serialize, Object)]
pub struct MachineList {
    /// The machines, newest first.
    pub items: Vec<MachineView>,
}

/// Something that happened to people, machines or roles.
#[derive(Debug, Serialize, Object)]
pub struct RecordView {
    /// Its place among all records.
    pub number: i64,
    /// When.
    pub at: Text<Timestamp>,
    /// What.
    pub kind: String,
    /// Who did it, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// To whom or what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// In which ledger; `*` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// More; its fields depend on the kind.
    pub details: Value,
}

/// Records.
#[derive(Debug, Serialize, Object)]
pub struct RecordList {
    /// The records, newest first.
    pub items: Vec<RecordView>,
}

/// The one address of a request that takes either kind.
///
/// # Errors
/// `invalid_request` when there is none, or there are both.
pub fn address(
    email: Option<&Text<EmailAddress>>,
    phone: Option<&Text<PhoneNumber>>,
) -> Result<Address, Problem> {
    match (email, phone) {
        (Some(Text(email)), None) => Ok(Address::Email(email.clone())),
        (None, Some(Text(phone))) => Ok(Address::Phone(phone.clone())),
        (None, None) | (Some(_), Some(_)) => {
            let detail = "give either `email` or `phone`".to_owned();
            let fault = FieldFault::new(FieldCode::InvalidFormat, detail);
            Err(Problem::invalid_request(vec![fault.at_pointer("")]))
        }
    }
}

/// The most roles and scopes of a machine.
const MAX_ITEMS: usize = 50;

impl MakeMachineRequest {
    /// Refuses lists of no use: without a scope a machine could do nothing.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn check(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        if self.roles.len() > MAX_ITEMS {
            errors.push(items(FieldCode::TooManyItems, "/roles"));
        }
        match self.scopes.as_deref() {
            Some([]) => errors.push(items(FieldCode::TooFewItems, "/scopes")),
            Some(scopes) if scopes.len() > MAX_ITEMS => {
                errors.push(items(FieldCode::TooManyItems, "/scopes"));
            }
            Some(_) | None => {}
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid_request(errors))
        }
    }
}

fn items(code: FieldCode, pointer: &str) -> FieldError {
    let detail = format!("must have 1 to {MAX_ITEMS} items");
    FieldFault::new(code, detail).at_pointer(pointer)
}

impl From<&RoleView> for Grant {
    fn from(view: &RoleView) -> Self {
        Self {
            role: view.role.0,
            ledgers: view
                .ledger
                .map_or(Ledgers::All, |Text(ledger)| Ledgers::One(ledger)),
        }
    }
}

impl From<Grant> for RoleView {
    fn from(grant: Grant) -> Self {
        Self {
            role: grant.role.into(),
            ledger: match grant.ledgers {
                Ledgers::All => None,
                Ledgers::One(ledger) => Some(ledger.into()),
            },
        }
    }
}
