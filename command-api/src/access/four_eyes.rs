//! Operations that count only when a second person allows them.
//!
//! Which ones is the deployment's choice. A request for one of them is kept and answered with
//! `approval_needed`; when a second person has allowed it, the same request, sent again, is carried out.
//! The request goes the usual way then: its caller must still be who may do it.

use std::collections::BTreeSet;

use chrono::SecondsFormat;
use identity::approvals::{Admission, ApprovalRequest};
use identity::permission::Permission;
use identity::principal::Principal;
use ledger_core::LedgerName;
use poem::{Body, Request};

use super::guard::Gate;
use super::{Requirement, TABLE, requirement_of};
use crate::idempotency::IDEMPOTENCY_KEY_HEADER;
use crate::problem::{Problem, catalogue};
use crate::strict_json::BATCH_BODY_LIMIT;

/// Why an operation cannot need a second person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FourEyesError {
    /// There is no such operation.
    #[error("there is no operation {operation}")]
    Unknown {
        /// Its name.
        operation: String,
    },
    /// It changes nothing, or is the second person's own.
    #[error(
        "{operation} is no operation for two: it needs no permission, changes nothing or decides"
    )]
    Unfit {
        /// Its name.
        operation: String,
    },
}

/// The operations that need a second person.
#[derive(Debug, Clone, Default)]
pub struct FourEyes(BTreeSet<String>);

impl FourEyes {
    /// These operations, by their ids in the OpenAPI document.
    ///
    /// # Errors
    /// [`FourEyesError`].
    pub fn try_new(operations: &[String]) -> Result<Self, FourEyesError> {
        for operation in operations {
            if !TABLE.iter().any(|(known, _)| known == operation) {
                let operation = operation.clone();
                return Err(FourEyesError::Unknown { operation });
            }
            if !is_fit(operation) {
                let operation = operation.clone();
                return Err(FourEyesError::Unfit { operation });
            }
        }
        Ok(Self(operations.iter().cloned().collect()))
    }

    pub(super) fn includes(&self, operation: &str) -> bool {
        self.0.contains(operation)
    }
}

fn is_fit(operation: &str) -> bool {
    match requirement_of(operation) {
        Requirement::Has(Permission::ApprovalsDecide, _)
        | Requirement::Public
        | Requirement::SignedIn => false,
        Requirement::Has(permission, _) => permission.row().is_some_and(|row| row.changes),
    }
}

/// Lets a request through that a second person has allowed.
///
/// # Errors
/// `approval_needed`; problems with the body and the database.
pub(super) async fn admit(
    gate: &Gate,
    request: &mut Request,
    operation: &str,
    permission: Permission,
    principal: &Principal,
    ledger: Option<LedgerName>,
) -> Result<(), Problem> {
    let body = request
        .take_body()
        .into_bytes_limit(BATCH_BODY_LIMIT)
        .await
        .map_err(|error| Problem::from_body(&error))?;
    let text = std::str::from_utf8(&body)
        .ok()
        // What PostgreSQL cannot keep as text, and no JSON has.
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| Problem::new(catalogue::MALFORMED_JSON, "the body is not UTF-8 text"))?;
    let target = request
        .uri()
        .path_and_query()
        .map_or("", |path| path.as_str());
    let admission = gate
        .authenticator()
        .identities()
        .admit(ApprovalRequest {
            subject: principal.subject,
            operation,
            permission,
            ledger,
            method: request.method().as_str(),
            target,
            body: text,
            key: request.header(IDEMPOTENCY_KEY_HEADER),
        })
        .await?;
    match admission {
        Admission::Approved { .. } => {
            request.set_body(Body::from_bytes(body));
            Ok(())
        }
        Admission::Needed {
            approval,
            expires_at,
        } => {
            let detail = "a second person has to allow this; send the same request again then";
            let context = serde_json::json!({
                "approval": approval,
                "expires_at": expires_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            });
            Err(Problem::new(catalogue::APPROVAL_NEEDED, detail).with_context(context))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FourEyes, FourEyesError};

    #[test]
    fn only_operations_that_change_something_can_need_a_second_person() {
        let of = |operation: &str| FourEyes::try_new(&[operation.to_owned()]);
        assert!(
            of("revert_transaction")
                .unwrap()
                .includes("revert_transaction")
        );
        for unfit in ["get_wallet", "sign_in", "get_me", "decide_approval"] {
            let operation = unfit.to_owned();
            assert_eq!(of(unfit).unwrap_err(), FourEyesError::Unfit { operation });
        }
        let operation = "revert".to_owned();
        assert_eq!(
            of("revert").unwrap_err(),
            FourEyesError::Unknown { operation }
        );
    }
}
