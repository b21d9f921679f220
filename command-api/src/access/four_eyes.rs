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
    /// What it is asked with is for nobody else to read, and would be kept and shown in the clear.
    #[error(
        "{operation} is no operation for two: its request holds what nobody else may read, and would be kept"
    )]
    Personal {
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

/// Operations whose requests hold what is personal or secret: who pays, where payouts go, who somebody is.
const PERSONAL: [&str; 7] = [
    "create_deposit",
    "add_beneficiary",
    "record_profile",
    "submit_case",
    "find_profiles",
    "add_case_document",
    "open_case_document_upload",
];

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
            if PERSONAL.contains(&operation.as_str()) {
                let operation = operation.clone();
                return Err(FourEyesError::Personal { operation });
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
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{FourEyes, FourEyesError};
    use crate::openapi_yaml;

    /// Fields that no second person may read.
    const PERSONAL_FIELDS: [&str; 12] = [
        "payer",
        "holder_name",
        "account_number",
        "address",
        "email",
        "phone",
        "password",
        "current_password",
        "secret",
        "code",
        "answer",
        "refresh_token",
    ];

    const ASSET_CODE: (&str, &str) = ("register_asset", "code");

    fn of(operation: &str) -> Result<FourEyes, FourEyesError> {
        FourEyes::try_new(&[operation.to_owned()])
    }

    #[test]
    fn only_operations_that_change_something_can_need_a_second_person() {
        for fit in [
            "revert_transaction",
            "request_payout",
            "verify_beneficiary",
            "remove_beneficiary",
            "credit_deposit",
            "give_role",
            "make_machine",
        ] {
            assert!(of(fit).unwrap().includes(fit), "{fit}");
        }
        for unfit in ["get_wallet", "sign_in", "get_me", "decide_approval"] {
            let operation = unfit.to_owned();
            assert_eq!(of(unfit).unwrap_err(), FourEyesError::Unfit { operation });
        }
        for personal in ["create_deposit", "add_beneficiary"] {
            let operation = personal.to_owned();
            let refused = of(personal).unwrap_err();
            assert_eq!(refused, FourEyesError::Personal { operation });
        }
        let operation = "revert".to_owned();
        assert_eq!(
            of("revert").unwrap_err(),
            FourEyesError::Unknown { operation }
        );
    }

    /// The names of a schema's fields, and of the schemas in it.
    fn fields(document: &Value, schema: &Value, found: &mut BTreeSet<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.trim_start_matches("#/components/schemas/");
            return fields(document, &document["components"]["schemas"][name], found);
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            if found.insert(name.clone()) {
                fields(document, inner, found);
            }
        }
        for part in ["allOf", "anyOf", "oneOf"] {
            for inner in schema[part].as_array().into_iter().flatten() {
                fields(document, inner, found);
            }
        }
        if schema["items"].is_object() {
            fields(document, &schema["items"], found);
        }
    }

    #[test]
    fn no_operation_with_a_personal_field_can_need_a_second_person() {
        let document: Value = serde_yaml_ng::from_str(&openapi_yaml()).unwrap();
        let (mut personal, mut fit) = (0, 0);
        let paths = document["paths"].as_object().unwrap().values();
        for operation in paths.flat_map(|methods| methods.as_object().unwrap().values()) {
            let name = operation["operationId"].as_str().unwrap();
            let mut found = BTreeSet::new();
            for content in operation["requestBody"]["content"]
                .as_object()
                .into_iter()
                .flatten()
            {
                fields(&document, &content.1["schema"], &mut found);
            }
            let is_personal = |field: &String| {
                // An asset's code is nobody's.
                PERSONAL_FIELDS.contains(&field.as_str()) && (name, &**field) != ASSET_CODE
            };
            if found.iter().any(is_personal) {
                personal += 1;
                assert!(of(name).is_err(), "{name}: {found:?}");
            } else if of(name).is_ok() {
                fit += 1;
            }
        }
        assert!(personal > 5 && fit > 20, "{personal} {fit}");
    }
}
