//! Asking who somebody is and whether they may, before an operation sees the request.

use std::str::FromStr;
use std::sync::Arc;

use chrono::Utc;
use identity::authenticate::{AuthenticationError, Authenticator};
use identity::document_reads::AskedDocument;
use identity::permission::{Permission, Reach};
use identity::principal::{Denial, Principal};
use ledger_core::{AccountId, CaseId, Holder, LedgerName, OwnerId, PaymentId, PayoutId, WalletId};
use poem::endpoint::BoxEndpoint;
use poem::http::header;
use poem::{Endpoint, EndpointExt, Request, Response};
use projections::queries::payments::rows::{DisputeRow, Document, PaymentRow, PayoutRow};
use uuid::Uuid;

use super::four_eyes::{self, FourEyes};
use super::ownership::Ownership;
use super::{DOCUMENT_DOWNLOAD, Own, Requirement};
use crate::context::{Caller, RequestContext};
use crate::limits::{Group, Party, count_address, count_party};
use crate::problem::{Problem, catalogue};
use crate::strict_json::discard;

/// The longest credential that is looked at, in bytes.
const MAX_CREDENTIAL_LENGTH: usize = 8 * 1024;

/// How much of a body is read whose request comes too often, in bytes: as much as the largest body has.
const DISCARDED: u64 = 2 * 1024 * 1024;

/// Whether callers have to say who they are.
#[derive(Clone)]
pub enum Access {
    /// They need not, and may do everything: for a node that only its own machine reaches, and tests.
    Open,
    /// They must.
    Required(Arc<Gate>),
}

impl Access {
    /// Whether an operation counts only when a second person allows it.
    #[must_use]
    pub fn needs_two(&self, operation: &str) -> bool {
        match self {
            Self::Open => false,
            Self::Required(gate) => gate.four_eyes.includes(operation),
        }
    }
}

/// Knows callers and what they may.
pub struct Gate {
    authenticator: Authenticator,
    ownership: Ownership,
    four_eyes: FourEyes,
}

impl Gate {
    /// Asks these who somebody is and whose something is, and a second person about some operations.
    #[must_use]
    pub const fn new(
        authenticator: Authenticator,
        ownership: Ownership,
        four_eyes: FourEyes,
    ) -> Self {
        Self {
            authenticator,
            ownership,
            four_eyes,
        }
    }

    /// Whose something is.
    #[must_use]
    pub const fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// Whom a request is from, counted against what they may ask of a group of operations.
    ///
    /// # Errors
    /// `unauthenticated`, `credential_invalid`, `log_unavailable`, `too_many_requests`.
    pub(super) async fn principal(
        &self,
        request: &Request,
        group: Group,
    ) -> Result<Arc<Principal>, Problem> {
        let credential = credential(request)?;
        let principal = judged(self.authenticator.authenticate(credential).await)?;
        count_party(request, group, Party::of(principal.subject))?;
        Ok(principal)
    }

    /// Who knows callers.
    pub(super) const fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Who calls, when they may.
    async fn admit(
        &self,
        request: &Request,
        requirement: Requirement,
        group: Group,
    ) -> Result<Caller, Problem> {
        let (permission, own) = match requirement {
            Requirement::Public => return Ok(Caller::Anonymous),
            Requirement::SignedIn => {
                return Ok(Caller::Known(self.principal(request, group).await?));
            }
            Requirement::Has(permission, own) => (permission, own),
        };
        let principal = self.principal(request, group).await?;
        let ledger = path::<LedgerName>(request, "ledger");
        match principal.reach(permission, ledger, Utc::now()) {
            Ok(Reach::All) => Ok(Caller::Known(principal)),
            Ok(Reach::Own) => {
                self.check_own(request, &principal, ledger, own).await?;
                Ok(Caller::OnlyOwn(principal, self.ownership.clone()))
            }
            Err(denial) => Err(denied(denial, permission)),
        }
    }

    async fn check_own(
        &self,
        request: &Request,
        principal: &Principal,
        ledger: Option<LedgerName>,
        own: Own,
    ) -> Result<(), Problem> {
        if matches!(own, Own::Shared | Own::Commands) {
            return Ok(());
        }
        let (Some(owner), Some(ledger)) = (&principal.owner, ledger) else {
            return Err(denied_own());
        };
        if self.ownership.is_sandbox(ledger).await? {
            return Err(not_theirs(own));
        }
        let is_own = match own {
            Own::Shared | Own::Commands => true,
            Own::Nothing => return Err(denied_own()),
            Own::Owner | Own::Onboarding => {
                path::<OwnerId>(request, "owner").is_some_and(|named| named == *owner)
            }
            Own::Wallet => match path(request, "wallet_id") {
                Some(wallet) => self.ownership.is_wallet_of(owner, ledger, wallet).await?,
                None => false,
            },
            Own::Account => match path(request, "account_id") {
                Some(account) => self.ownership.is_account_of(owner, ledger, account).await?,
                None => false,
            },
            Own::Transaction => match path(request, "transaction_id") {
                Some(id) => self.ownership.is_transaction_of(owner, ledger, id).await?,
                None => false,
            },
            Own::Hold => match path(request, "hold_id") {
                Some(hold) => self.ownership.is_hold_of(owner, ledger, hold).await?,
                None => false,
            },
            Own::Deposit => match path::<PaymentId>(request, "payment_id") {
                Some(id) => {
                    self.is_outside_of::<PaymentRow>(owner, ledger, id.as_uuid())
                        .await?
                }
                None => false,
            },
            Own::Payout => match path::<PayoutId>(request, "payout_id") {
                Some(id) => {
                    self.is_outside_of::<PayoutRow>(owner, ledger, id.as_uuid())
                        .await?
                }
                None => false,
            },
            Own::Dispute => match path::<Uuid>(request, "dispute_id") {
                Some(id) => self.is_outside_of::<DisputeRow>(owner, ledger, id).await?,
                None => false,
            },
            Own::Case => match path::<CaseId>(request, "case_id") {
                Some(case) => self.ownership.is_case_of(owner, ledger, case).await?,
                None => false,
            },
            Own::Filter(names) => {
                return self.check_filter(request, owner, ledger, names).await;
            }
        };
        if is_own { Ok(()) } else { Err(not_theirs(own)) }
    }

    async fn is_outside_of<T: Document>(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        id: Uuid,
    ) -> Result<bool, Problem> {
        self.ownership.is_outside_of::<T>(owner, ledger, id).await
    }

    /// A list must be narrowed to the caller by at least one of the parameters, and by no parameter to
    /// somebody else.
    async fn check_filter(
        &self,
        request: &Request,
        owner: &OwnerId,
        ledger: LedgerName,
        names: &[&str],
    ) -> Result<(), Problem> {
        let query = request.uri().query().unwrap_or_default();
        let mut narrowed = false;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !names.contains(&&*name) {
                continue;
            }
            let is_own = match &*name {
                "owner" => value == owner.as_str(),
                "account" => match AccountId::from_str(&value) {
                    Ok(account) => self.ownership.is_account_of(owner, ledger, account).await?,
                    Err(_) => false,
                },
                "wallet" => match WalletId::from_str(&value) {
                    Ok(wallet) => self.ownership.is_wallet_of(owner, ledger, wallet).await?,
                    Err(_) => false,
                },
                _ => match Holder::from_str(&value) {
                    Ok(holder) => self.ownership.is_holder_of(owner, ledger, holder).await?,
                    Err(_) => false,
                },
            };
            if !is_own {
                return Err(denied_own());
            }
            narrowed = true;
        }
        if narrowed {
            return Ok(());
        }
        let detail = format!("give {} of your own", names.join(" or "));
        Err(Problem::new(catalogue::FORBIDDEN, detail))
    }
}

impl Gate {
    /// Holds back what a second person has not allowed.
    async fn ask_second_person(
        &self,
        request: &mut Request,
        operation: &str,
        requirement: Requirement,
        caller: &Caller,
    ) -> Result<(), Problem> {
        let (Requirement::Has(permission, _), Some(principal)) = (requirement, caller.principal())
        else {
            return Ok(());
        };
        if !self.four_eyes.includes(operation) {
            return Ok(());
        }
        let ledger = path::<LedgerName>(request, "ledger");
        four_eyes::admit(self, request, operation, permission, principal, ledger).await
    }
}

/// What became of a credential, as a caller is told.
pub(super) fn judged(
    outcome: Result<Arc<Principal>, AuthenticationError>,
) -> Result<Arc<Principal>, Problem> {
    match outcome {
        Ok(principal) => Ok(principal),
        Err(AuthenticationError::Invalid { reason }) => {
            let detail = format!("the credential is not valid: {reason}");
            Err(Problem::new(catalogue::CREDENTIAL_INVALID, detail))
        }
        Err(AuthenticationError::Fault(error)) => {
            tracing::warn!(
                error = %event_store::ErrorChain(&error),
                "a credential cannot be judged"
            );
            Err(Problem::new(
                catalogue::LOG_UNAVAILABLE,
                "the credential cannot be judged at the moment",
            ))
        }
    }
}

/// A parameter of the path; one that cannot be read is nobody's.
fn path<T: FromStr>(request: &Request, name: &str) -> Option<T> {
    request.raw_path_param(name).and_then(|text| {
        let text = percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .ok()?;
        text.parse().ok()
    })
}

/// The bearer credential (RFC 6750, 2.1): in the header alone, where no log and no history keeps it.
fn credential(request: &Request) -> Result<&str, Problem> {
    let missing = || {
        Problem::new(
            catalogue::UNAUTHENTICATED,
            "say who you are: `Authorization: Bearer …`",
        )
    };
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .ok_or_else(missing)?;
    let (scheme, credential) = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    let credential = credential.trim();
    if credential.is_empty() || credential.len() > MAX_CREDENTIAL_LENGTH {
        let detail = "the credential is empty or too long";
        return Err(Problem::new(catalogue::CREDENTIAL_INVALID, detail));
    }
    Ok(credential)
}

fn denied(denial: Denial, permission: Permission) -> Problem {
    let context = serde_json::json!({ "permission": permission.as_str() });
    let (code, detail) = match denial {
        Denial::Forbidden => (
            catalogue::FORBIDDEN,
            "no role of yours gives this permission here",
        ),
        Denial::OutOfScope => (
            catalogue::SCOPE_MISSING,
            "the credential was not given this permission",
        ),
        Denial::SecondFactorNeeded => (
            catalogue::SECOND_FACTOR_NEEDED,
            "give your second factor again first",
        ),
    };
    Problem::new(code, detail).with_context(context)
}

fn denied_own() -> Problem {
    Problem::new(catalogue::FORBIDDEN, "your role reaches only what is yours")
}

/// The answer for what does not exist: nobody learns that somebody else's is there.
fn not_theirs(own: Own) -> Problem {
    let (code, detail) = match own {
        Own::Wallet => ("wallet_not_found", "there is no such wallet"),
        Own::Account => ("account_not_found", "there is no such account"),
        Own::Transaction => ("transaction_not_found", "there is no such transaction"),
        Own::Hold => ("hold_not_found", "there is no such hold"),
        Own::Deposit => ("payment_not_found", "there is no such deposit"),
        Own::Payout => ("payout_not_found", "there is no such payout"),
        Own::Dispute => (catalogue::DISPUTE_NOT_FOUND, "there is no such dispute"),
        Own::Case => ("case_not_found", "there is no such verification case"),
        Own::Owner => (catalogue::OWNER_NOT_FOUND, "the owner has no wallets"),
        Own::Onboarding => ("onboarding_not_found", "there is no such onboarding"),
        Own::Shared | Own::Commands | Own::Filter(_) | Own::Nothing => return denied_own(),
    };
    Problem::new(code, detail)
}

/// What is asked in front of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Its id in the OpenAPI document; nothing for what is not in it.
    pub operation: &'static str,
    /// Whom it is for.
    pub requirement: Requirement,
    /// What it counts as.
    pub group: Group,
}

impl Asked {
    /// What is for everybody and not in the document.
    #[must_use]
    pub const fn nobody(group: Group) -> Self {
        Self {
            operation: "",
            requirement: Requirement::Public,
            group,
        }
    }
}

/// Puts the questions in front of an operation: whether its caller comes too often, who it is, and whether
/// they may.
pub fn guarded(
    access: &Access,
    asked: Asked,
    endpoint: BoxEndpoint<'static>,
) -> BoxEndpoint<'static> {
    let gate = match access {
        Access::Open => None,
        Access::Required(gate) => Some(Arc::clone(gate)),
    };
    Guarded {
        gate,
        asked,
        endpoint,
    }
    .boxed()
}

struct Guarded {
    /// Nobody is asked without one.
    gate: Option<Arc<Gate>>,
    asked: Asked,
    endpoint: BoxEndpoint<'static>,
}

impl Guarded {
    async fn admit(&self, request: &mut Request) -> Result<Caller, Problem> {
        let Asked {
            operation,
            requirement,
            group,
        } = self.asked;
        count_address(request, group)?;
        let Some(gate) = &self.gate else {
            return Ok(Caller::Anonymous);
        };
        let caller = gate.admit(request, requirement, group).await?;
        gate.ask_second_person(request, operation, requirement, &caller)
            .await?;
        Ok(caller)
    }
}

impl Guarded {
    /// Who is known and is not given a document is recorded. What comes too often, or from nobody, leaves nothing:
    /// there would be no end of it.
    async fn record_refusal(&self, request: &Request, problem: &Problem) {
        let recorded = [
            catalogue::FORBIDDEN,
            catalogue::SCOPE_MISSING,
            catalogue::SECOND_FACTOR_NEEDED,
            catalogue::APPROVAL_NEEDED,
        ];
        let (Some(gate), true) = (&self.gate, recorded.contains(&problem.code())) else {
            return;
        };
        if self.asked.operation != DOCUMENT_DOWNLOAD {
            return;
        }
        let Ok(credential) = credential(request) else {
            return;
        };
        // It was judged a moment ago, and is remembered.
        let Ok(principal) = gate.authenticator.authenticate(credential).await else {
            return;
        };
        let text = |name| request.raw_path_param(name).unwrap_or_default();
        let asked = AskedDocument {
            ledger: path(request, "ledger"),
            case: text("case_id"),
            document: text("document_id"),
            owner: None,
        };
        let identities = gate.authenticator.identities();
        let actor = Some(principal.subject);
        let recorded = identities.record_document_refused(actor, asked, problem.code());
        if let Err(error) = recorded.await {
            tracing::error!(
                error = %event_store::ErrorChain(&error),
                "that somebody was refused a document cannot be recorded"
            );
        }
    }
}

impl Endpoint for Guarded {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        match self.admit(&mut request).await {
            Ok(Caller::Anonymous) => {}
            Ok(caller) => {
                if let Some(context) = request.data::<RequestContext>().cloned() {
                    request.set_data(RequestContext { caller, ..context });
                }
            }
            Err(problem) => {
                self.record_refusal(&request, &problem).await;
                if problem.code() == catalogue::TOO_MANY_REQUESTS {
                    discard(request.take_body(), DISCARDED).await;
                }
                return Err(problem.into());
            }
        }
        self.endpoint.call(request).await
    }
}
