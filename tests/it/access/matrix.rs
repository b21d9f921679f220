//! Every operation as every role: what the table says is what happens.

use std::collections::BTreeMap;

use identity::permission::{Permission, Reach, Role};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::Doors;

/// Whom operations are for that need no permission.
const WITHOUT_PERMISSION: [&str; 2] = ["public", "signed_in"];

/// An operation of the OpenAPI document.
pub struct Operation {
    pub id: String,
    pub method: Method,
    pub path: String,
    pub permission: String,
}

pub async fn operations(doors: &Doors) -> Vec<Operation> {
    let document = doors
        .get("/openapi.json", &doors.admin)
        .await
        .expect(200)
        .body;
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: filled(path, &doors.node.ledger),
                permission: operation["x-daybook-permission"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{method} {path} says no permission"))
                    .to_owned(),
            });
        }
    }
    operations
}

/// A path with things in it that do not exist.
fn filled(path: &str, ledger: &str) -> String {
    let id = "0190b8a2-5b7e-7c3d-8f00-000000000001";
    [
        ("{ledger}", ledger),
        ("{account_id}", &format!("wallet:{id}:INR")),
        ("{asset}", "INR"),
        ("{owner}", "nobody"),
        ("{tier}", "basic"),
        ("{case_id}", id),
        ("{document_id}", id),
        ("{token}", id),
        ("{subject}", &format!("person:{id}")),
        ("{role}", "support"),
        ("{wallet_id}", id),
        ("{transaction_id}", id),
        ("{hold_id}", id),
        ("{payment_id}", id),
        ("{dispute_id}", id),
        ("{payout_id}", id),
        ("{beneficiary_id}", id),
        ("{settlement_id}", id),
        ("{position}", "1"),
        ("{fork}", "fork"),
        ("{id}", id),
    ]
    .into_iter()
    .fold(path.to_owned(), |path, (name, value)| {
        path.replace(name, value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_says_its_permission_and_asks_every_role_for_it() {
    let doors = Doors::open().await;
    let mut keys = BTreeMap::new();
    for role in Role::ALL {
        keys.insert(*role, doors.node.key(&[*role]).await);
    }
    let operations = operations(&doors).await;
    assert!(operations.len() > 60, "{}", operations.len());
    let mut wrong = Vec::new();
    for operation in &operations {
        let nobody = answer(&doors, operation, None).await;
        let is_public = operation.permission == "public";
        let is_asked = nobody.0 == 401 && nobody.1 == "unauthenticated";
        if is_public == is_asked {
            wrong.push(format!("{} as nobody: {nobody:?}", operation.id));
        }
        if WITHOUT_PERMISSION.contains(&operation.permission.as_str()) {
            continue;
        }
        let permission: Permission = operation.permission.parse().unwrap();
        for (role, key) in &keys {
            let (status, code) = answer(&doors, operation, Some(key)).await;
            let is_refused = status == 403;
            let expected = match permission.reach_of(*role) {
                Some(Reach::All) => !is_refused,
                // A machine owns nothing: it is refused, or told that nothing is there, unless the
                // thing is shared or the body is not even read as far as whose it is.
                Some(Reach::Own) => status != 201,
                None => is_refused && code == "forbidden",
            };
            if !expected || status == 401 || status >= 500 {
                wrong.push(format!("{} as {role}: {status} {code}", operation.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Status and code of an operation with an empty body.
async fn answer(doors: &Doors, operation: &Operation, key: Option<&String>) -> (u16, String) {
    let body = (operation.method != Method::GET).then(|| json!({}));
    let reply = doors
        .call(
            operation.method.clone(),
            &operation.path,
            key.map(String::as_str),
            body,
        )
        .await;
    let code = reply.body.get("code").and_then(Value::as_str);
    (reply.status, code.unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_change_nothing() {
    let doors = Doors::open().await;
    let auditor = doors.node.key(&[Role::Auditor]).await;
    for operation in operations(&doors).await {
        if operation.method == Method::GET
            || WITHOUT_PERMISSION.contains(&operation.permission.as_str())
        {
            continue;
        }
        let (status, _) = answer(&doors, &operation, Some(&auditor)).await;
        assert_eq!(status, 403, "{}", operation.id);
    }
}
