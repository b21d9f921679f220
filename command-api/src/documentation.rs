//! The OpenAPI document and the pages that show it.
//!
//! `poem-openapi` describes the operations; [`refine`] adds what it has no words for: that request
//! objects refuse unknown fields and take `null` for fields that are left out. Problems, which all
//! operations share, are written once.

use std::collections::BTreeSet;

use poem_openapi::{ExtraHeader, LicenseObject, OpenApi, OpenApiService};
use serde_yaml_ng::{Mapping, Value};

use crate::access::{Requirement, requirement_of};
use crate::context::REQUEST_ID_HEADER;
use crate::problem::CONTENT_TYPE as PROBLEM;

/// Says in the document which permission an operation needs.
const PERMISSION: &str = "x-daybook-permission";

/// The name of the security scheme.
const BEARER: &str = "bearer";

const TITLE: &str = "Daybook";
const DESCRIPTION: &str = "An event-sourced ledger: wallets, transactions and holds on one append-only log per ledger.

A command is acknowledged only when its events are durable; the reply carries their `position`. A query that passes it back as `min_position` sees them. Amounts are strings of decimal digits with exactly their asset's decimals, times are RFC 3339 in UTC with microseconds. Errors are `application/problem+json` (RFC 9457) with a stable `code`.";

/// A service of these operations, with the document's head.
pub fn service<T: OpenApi>(operations: T) -> OpenApiService<T, ()> {
    let request_id = ExtraHeader::new(REQUEST_ID_HEADER)
        .description("The caller's id for this request, 1 to 128 visible ASCII characters; recorded with the events as their correlation id unless there is a `traceparent`.");
    OpenApiService::new(operations, TITLE, env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(
            LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"),
        )
        .server("/")
        .extra_request_header::<Option<String>, _>(request_id)
}

/// The documents of one service.
#[derive(Debug, Clone)]
pub struct Documentation {
    /// The OpenAPI document as YAML.
    pub yaml: String,
    /// The OpenAPI document as JSON.
    pub json: String,
    /// The interactive page: script, style and document in one file, nothing is loaded from
    /// elsewhere.
    pub page: String,
}

impl Documentation {
    /// Writes the documents.
    #[must_use]
    pub fn of<T: OpenApi>(service: &OpenApiService<T, ()>) -> Self {
        let document = refine(&service.spec_yaml());
        let yaml = serde_yaml_ng::to_string(&document).unwrap_or_default();
        let json = serde_json::to_string_pretty(&document).unwrap_or_default();
        // The page embeds the document as described by the derive; ours says more.
        let page = service
            .swagger_ui_html()
            .replacen(&service.spec(), &json, 1);
        Self { yaml, json, page }
    }
}

fn refine(yaml: &str) -> Value {
    let mut document: Value = serde_yaml_ng::from_str(yaml).unwrap_or_default();
    let requests = request_schemas(&document);
    let schemas = document
        .get_mut("components")
        .and_then(|components| components.get_mut("schemas"))
        .and_then(Value::as_mapping_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        if name.as_str().is_some_and(|name| requests.contains(name)) {
            refine_request(schema);
        }
    }
    share_responses(&mut document);
    say_permissions(&mut document);
    whole_numbers(&mut document);
    document
}

/// Problems are the same for all commands and for all queries: each is written once.
fn share_responses(document: &mut Value) {
    let mut shared = Mapping::new();
    let paths = document.get_mut("paths").and_then(Value::as_mapping_mut);
    let operations = paths
        .into_iter()
        .flat_map(Mapping::values_mut)
        .filter_map(Value::as_mapping_mut)
        .flatten();
    for (method, operation) in operations {
        let kind = if method.as_str() == Some("get") {
            "Query"
        } else {
            "Command"
        };
        let responses = operation
            .get_mut("responses")
            .and_then(Value::as_mapping_mut);
        for (status, response) in responses.into_iter().flatten() {
            let status = status.as_str().unwrap_or_default();
            if response
                .get("content")
                .and_then(|content| content.get(PROBLEM))
                .is_none()
            {
                continue;
            }
            let name = format!("{kind}Problem{status}");
            let mut reference = Mapping::new();
            reference.insert(
                "$ref".into(),
                format!("#/components/responses/{name}").into(),
            );
            let whole = std::mem::replace(response, reference.into());
            shared.insert(name.into(), whole);
        }
    }
    if let Some(components) = document
        .get_mut("components")
        .and_then(Value::as_mapping_mut)
    {
        components.insert("responses".into(), shared.into());
    }
}

/// Each operation says which permission it needs, and that a bearer credential shows who asks.
fn say_permissions(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_mapping_mut);
    let operations = paths
        .into_iter()
        .flat_map(Mapping::values_mut)
        .filter_map(Value::as_mapping_mut)
        .flat_map(Mapping::values_mut)
        .filter_map(Value::as_mapping_mut);
    for operation in operations {
        let id = operation.get("operationId").and_then(Value::as_str);
        let permission = match requirement_of(id.unwrap_or_default()) {
            Requirement::Public => {
                operation.insert(PERMISSION.into(), "public".into());
                operation.insert("security".into(), Value::Sequence(Vec::new()));
                continue;
            }
            Requirement::SignedIn => "signed_in",
            Requirement::Has(permission, _) => permission.as_str(),
        };
        operation.insert(PERMISSION.into(), permission.into());
        let mut bearer = Mapping::new();
        bearer.insert(BEARER.into(), Value::Sequence(Vec::new()));
        operation.insert("security".into(), Value::Sequence(vec![bearer.into()]));
    }
    let mut scheme = Mapping::new();
    for (name, value) in [
        ("type", "http"),
        ("scheme", "bearer"),
        ("description", "An access token, or an API key."),
    ] {
        scheme.insert(name.into(), value.into());
    }
    let mut schemes = Mapping::new();
    schemes.insert(BEARER.into(), scheme.into());
    if let Some(components) = document
        .get_mut("components")
        .and_then(Value::as_mapping_mut)
    {
        components.insert("securitySchemes".into(), schemes.into());
    }
}

/// The names of all schemas that are part of a request.
fn request_schemas(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = Vec::new();
    let paths = document.get("paths").and_then(Value::as_mapping);
    for operation in paths
        .into_iter()
        .flat_map(Mapping::values)
        .filter_map(Value::as_mapping)
        .flat_map(Mapping::values)
    {
        open.extend(
            operation
                .get("requestBody")
                .map(references)
                .unwrap_or_default(),
        );
    }
    while let Some(name) = open.pop() {
        if !found.insert(name.clone()) {
            continue;
        }
        let schema = document
            .get("components")
            .and_then(|components| components.get("schemas"))
            .and_then(|schemas| schemas.get(name.as_str()));
        open.extend(schema.map(references).unwrap_or_default());
    }
    found
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Mapping(mapping) => mapping
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value.as_str()) {
                (Some("$ref"), Some(path)) => path
                    .rsplit('/')
                    .next()
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                _ => references(value),
            })
            .collect(),
        Value::Sequence(values) => values.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => {
            Vec::new()
        }
    }
}

fn refine_request(schema: &mut Value) {
    let required: Vec<Value> = schema
        .get("required")
        .and_then(Value::as_sequence)
        .cloned()
        .unwrap_or_default();
    let Some(object) = schema.as_mapping_mut() else {
        return;
    };
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_mapping_mut) {
        for (name, property) in properties {
            if let (false, Some(property)) = (required.contains(name), property.as_mapping_mut()) {
                property.insert("nullable".into(), true.into());
            }
        }
        object.insert("additionalProperties".into(), false.into());
    }
}

/// Bounds are written `18`, not `18.0`.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Mapping(mapping) => mapping.values_mut().for_each(whole_numbers),
        Value::Sequence(values) => values.iter_mut().for_each(whole_numbers),
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().map(|number| number.to_string());
            if let Some(whole) = whole.and_then(|text| text.parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => {}
    }
}

/// The first page: where everything is.
pub const INDEX: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Daybook</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body>
<h1>Daybook</h1>
<p>An event-sourced ledger. This server speaks REST and WebSocket.</p>
<ul>
<li><a href="/docs">Interactive documentation</a></li>
<li><a href="/openapi.yaml">OpenAPI document (YAML)</a>, <a href="/openapi.json">(JSON)</a></li>
<li><a href="/v1/ledgers">Ledgers</a>; the log of one as lines: <code>/v1/ledgers/{ledger}/events</code></li>
<li>Live stream (WebSocket): <code>/v1/ledgers/{ledger}/stream</code></li>
<li><a href="/health/ready">Readiness</a>, <a href="/health/live">liveness</a>, <a href="/metrics">metrics</a></li>
</ul>
</body>
</html>
"#;
