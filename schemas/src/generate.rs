//! The documents of the contract, generated from its types.
//!
//! Everything is written with its keys in order, so that the text depends on the types alone and
//! not on how a dependency's features are combined.

mod asyncapi;
mod events;
mod messages;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// Why a document could not be written; a fault of this crate.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// JSON could not be written.
    #[error("a JSON document cannot be written")]
    Json(#[from] serde_json::Error),
    /// YAML could not be written.
    #[error("a YAML document cannot be written")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// An event's type does not look like an enum of structs.
    #[error("the schema of {0} is not one of its events")]
    NotAnEvent(&'static str),
}

/// Every generated document: its path below `schemas/` and its text.
///
/// # Errors
/// [`GenerateError`].
pub fn generated() -> Result<Vec<(String, String)>, GenerateError> {
    let mut files = Vec::new();
    for (path, schema) in events::schemas()? {
        files.push((path, json_text(schema)?));
    }
    for (path, schema) in messages::schemas() {
        files.push((path, json_text(schema)?));
    }
    let header = "# Generated from the types in schemas/src; UPDATE_SCHEMAS=1 writes it anew.\n";
    let document = serde_yaml_ng::to_string(&in_order(asyncapi::document()?))?;
    files.push(("asyncapi.yaml".to_owned(), format!("{header}{document}")));
    files.sort();
    Ok(files)
}

fn json_text(schema: Value) -> Result<String, GenerateError> {
    Ok(format!(
        "{}\n",
        serde_json::to_string_pretty(&in_order(schema))?
    ))
}

/// The same value with the keys of every object in order.
fn in_order(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> = object.into_iter().collect();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            let ordered: Map<String, Value> = entries
                .into_iter()
                .map(|(key, value)| (key, in_order(value)))
                .collect();
            Value::Object(ordered)
        }
        Value::Array(values) => Value::Array(values.into_iter().map(in_order).collect()),
        other => other,
    }
}
