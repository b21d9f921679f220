//! The OpenAPI document and the pages around it.

use poem::http::StatusCode;
use serde_json::Value;

use super::server::Server;
use crate::openapi_yaml;

async fn text(server: &Server, path: &str) -> String {
    let response = server.client.get(path).send().await;
    response.assert_status_is_ok();
    response.0.into_body().into_string().await.unwrap()
}

#[tokio::test]
async fn the_served_document_is_the_one_the_function_writes() {
    let server = Server::accepting();
    assert_eq!(text(&server, "/openapi.yaml").await, openapi_yaml());
    assert_eq!(openapi_yaml(), openapi_yaml());
    let json: Value = serde_json::from_str(&text(&server, "/openapi.json").await).unwrap();
    let yaml: Value = serde_yaml_ng::from_str(&openapi_yaml()).unwrap();
    assert_eq!(json, yaml);
}

#[tokio::test]
async fn the_interactive_page_loads_nothing_from_elsewhere() {
    let server = Server::accepting();
    let page = text(&server, "/docs").await;
    assert!(page.contains("post_transaction"));
    assert!(
        page.contains("\"additionalProperties\": false"),
        "the refined document is shown"
    );
    let head = page.split("<script").next().unwrap();
    assert!(!page.contains("<script src"), "a script is loaded");
    assert!(!head.contains("<link"), "a style or font is loaded");
    assert!(!head.contains("@import"), "a style is loaded");
    assert!(text(&server, "/").await.contains("/docs"));
}

#[test]
fn request_objects_refuse_unknown_fields_and_say_so() {
    let document: Value = serde_yaml_ng::from_str(&openapi_yaml()).unwrap();
    let schemas = &document["components"]["schemas"];
    let request = &schemas["PostTransactionRequest"];
    assert_eq!(request["additionalProperties"], false);
    assert_eq!(request["properties"]["reference"]["nullable"], true);
    let posting = &schemas["PostingRequest"];
    assert_eq!(posting["additionalProperties"], false);
    assert_eq!(posting["properties"]["amount"]["type"], "string");
    assert_eq!(posting["properties"]["amount"]["format"], "decimal");
    assert!(posting["properties"]["amount"]["nullable"].is_null());
    assert_eq!(request["properties"]["postings"]["maxItems"], 1_000);
    assert!(schemas["Problem"]["additionalProperties"].is_null());
}

#[test]
fn every_operation_has_its_errors_its_tag_and_described_parameters() {
    let document: Value = serde_yaml_ng::from_str(&openapi_yaml()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
            assert!(operation["summary"].is_string(), "{name}");
            assert!(operation["operationId"].is_string(), "{name}");
            // The standards of OAuth have errors of their own.
            let is_standard = operation["tags"][0] == "OAuth";
            // Who delivers a webhook is told by its signature, not by a permission.
            let is_signed = operation["operationId"] == "receive_webhook";
            // A browser is told by a page that there is none.
            let is_page = operation["operationId"] == "open_checkout_page";
            let statuses = ["400", "401", "403", "404", "429", "500", "503"];
            for status in statuses
                .iter()
                .filter(|status| !is_standard || **status == "429")
                .filter(|status| !is_signed || **status != "403")
                .filter(|status| !is_page || !["403", "404"].contains(status))
            {
                let shared = operation["responses"][status]["$ref"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{name} has no {status}"));
                let problem = document.pointer(shared.trim_start_matches('#')).unwrap();
                let schema = &problem["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{name} {status}");
            }
            let none = Vec::new();
            let parameters = operation["parameters"].as_array().unwrap_or(&none);
            for parameter in parameters {
                assert!(parameter["description"].is_string(), "{name} {parameter}");
                assert!(
                    parameter["schema"]["type"].is_string(),
                    "{name} {parameter}"
                );
            }
            let has_key = parameters
                .iter()
                .any(|one| one["name"] == "Idempotency-Key");
            let is_of_ledger = path.starts_with("/v1/ledgers");
            // One shows a secret once, which would have to be kept under a key, and of which few may be open; the
            // other is a question that must not stand in an address.
            // Sealing what is sealed gives the same checkpoint, a key is replaced once, and a fork's name is its key.
            let keyless = [
                "open_case_document_upload",
                "find_profiles",
                "seal_ledger",
                "replace_checkpoint_key",
                "create_fork",
            ];
            let is_keyless = keyless.iter().any(|name| operation["operationId"] == *name);
            let wants_key = is_of_ledger && method != "get" && !is_keyless;
            assert_eq!(has_key, wants_key, "{name}");
            assert!(operation["x-daybook-permission"].is_string(), "{name}");
        }
    }
}

#[tokio::test]
async fn liveness_needs_nothing_and_readiness_needs_the_database() {
    let server = Server::accepting();
    assert_eq!(text(&server, "/health/live").await, r#"{"status":"live"}"#);
    let response = server.client.get("/health/ready").send().await;
    response.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    let body: Value = response.0.into_body().into_json().await.unwrap();
    assert_eq!(body["status"], "failed");
    assert_eq!(body["components"][0]["name"], "database");
    server
        .client
        .get("/metrics")
        .send()
        .await
        .assert_status_is_ok();
}
