//! JSON Schemas of what is published and of what is said on a live connection.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::message::{ClientMessage, ServerMessage};
use crate::published::PublishedEvent;

/// The schemas with their paths.
pub(super) fn schemas() -> Vec<(String, Value)> {
    vec![
        document::<ClientMessage>("client_message"),
        document::<ServerMessage>("server_message"),
        document::<PublishedEvent>("published_event"),
    ]
}

fn document<T: JsonSchema>(name: &str) -> (String, Value) {
    let mut settings = SchemaSettings::draft2020_12();
    settings.contract = schemars::generate::Contract::Serialize;
    let mut schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    let path = format!("messages/{name}.v1.json");
    schema.insert("$id".to_owned(), json!(format!("daybook:{path}")));
    (path, schema.to_value())
}
