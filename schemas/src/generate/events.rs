//! One JSON Schema for the `data` of each type and version of event.

use ledger_core::beneficiary::BeneficiaryEvent;
use ledger_core::hold::HoldEvent;
use ledger_core::ledger::LedgerEvent;
use ledger_core::onboarding::OnboardingEvent;
use ledger_core::owner::OwnerEvent;
use ledger_core::payment::PaymentEvent;
use ledger_core::payout::PayoutEvent;
use ledger_core::profile::ProfileEvent;
use ledger_core::settlement::SettlementEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::verification::CaseEvent;
use ledger_core::wallet::WalletEvent;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::GenerateError;

/// The version of every event so far; an event that gets a second one gets its own entry here.
const VERSION: &str = "1";

/// The schemas with their paths.
pub(super) fn schemas() -> Result<Vec<(String, Value)>, GenerateError> {
    let mut schemas = Vec::new();
    for event in all_data()? {
        let name = format!("{}.v{VERSION}.json", event.name);
        let mut schema = event.schema;
        if let Some(object) = schema.as_object_mut() {
            object.insert(
                "$schema".to_owned(),
                json!("https://json-schema.org/draft/2020-12/schema"),
            );
            object.insert("$id".to_owned(), json!(format!("daybook:events/{name}")));
            object.insert("title".to_owned(), json!(event.name));
            let used = used_definitions(object.values(), &event.definitions);
            if let Some(used) = used {
                object.insert("$defs".to_owned(), used);
            }
        }
        schemas.push((format!("events/{name}"), schema));
    }
    Ok(schemas)
}

/// The names of every type of event, in order of aggregate.
pub(super) fn names() -> Result<Vec<String>, GenerateError> {
    Ok(all_data()?.into_iter().map(|event| event.name).collect())
}

struct DataSchema {
    name: String,
    schema: Value,
    definitions: Value,
}

fn all_data() -> Result<Vec<DataSchema>, GenerateError> {
    let mut all = data_of::<LedgerEvent>("LedgerEvent")?;
    all.extend(data_of::<WalletEvent>("WalletEvent")?);
    all.extend(data_of::<TransactionEvent>("TransactionEvent")?);
    all.extend(data_of::<HoldEvent>("HoldEvent")?);
    all.extend(data_of::<PaymentEvent>("PaymentEvent")?);
    all.extend(data_of::<PayoutEvent>("PayoutEvent")?);
    all.extend(data_of::<BeneficiaryEvent>("BeneficiaryEvent")?);
    all.extend(data_of::<SettlementEvent>("SettlementEvent")?);
    all.extend(data_of::<OwnerEvent>("OwnerEvent")?);
    all.extend(data_of::<CaseEvent>("CaseEvent")?);
    all.extend(data_of::<ProfileEvent>("ProfileEvent")?);
    all.extend(data_of::<OnboardingEvent>("OnboardingEvent")?);
    Ok(all)
}

/// Takes the schema of an aggregate's events apart: each variant is an object with one key.
fn data_of<E: JsonSchema>(type_name: &'static str) -> Result<Vec<DataSchema>, GenerateError> {
    let mut root: Schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<E>();
    let definitions = root.remove("$defs").unwrap_or_else(|| json!({}));
    let Some(Value::Array(variants)) = root.remove("oneOf") else {
        return Err(GenerateError::NotAnEvent(type_name));
    };
    let mut all = Vec::new();
    for mut variant in variants {
        let description = variant.get("description").cloned();
        let Some(Value::Object(properties)) = variant.get_mut("properties").map(Value::take) else {
            return Err(GenerateError::NotAnEvent(type_name));
        };
        for (name, mut schema) in properties {
            if let (Some(object), Some(description)) = (schema.as_object_mut(), &description) {
                object.insert("description".to_owned(), description.clone());
            }
            all.push(DataSchema {
                name,
                schema,
                definitions: definitions.clone(),
            });
        }
    }
    Ok(all)
}

/// Those definitions that the values refer to, directly or not.
fn used_definitions<'a>(
    values: impl IntoIterator<Item = &'a Value>,
    definitions: &Value,
) -> Option<Value> {
    let mut waiting: Vec<&Value> = values.into_iter().collect();
    let mut used = serde_json::Map::new();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(object) => waiting.extend(object.values()),
            Value::Array(values) => waiting.extend(values),
            Value::String(text) => {
                let Some(name) = text.strip_prefix("#/$defs/") else {
                    continue;
                };
                if let Some(definition) = definitions.get(name)
                    && !used.contains_key(name)
                {
                    used.insert(name.to_owned(), definition.clone());
                    waiting.push(definition);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    (!used.is_empty()).then_some(Value::Object(used))
}
