//! Metadata in requests and replies.

use std::borrow::Cow;

use ledger_core::annotation::{MAX_METADATA_ENTRIES, MAX_METADATA_VALUE_LENGTH, Metadata};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::strict_json::check_unique_keys;

/// The caller's own key and value pairs; kept, returned and never interpreted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MetadataField(pub Metadata);

impl MetadataField {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for MetadataField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Metadata::try_from(check_unique_keys(deserializer)?)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

impl Type for MetadataField {
    const IS_REQUIRED: bool = false;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "Metadata".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let value = MetaSchema {
            max_length: Some(MAX_METADATA_VALUE_LENGTH),
            ..MetaSchema::new("string")
        };
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some(
                "The caller's own key and value pairs: kept, returned and never interpreted. Keys have 1 to 64 printable characters.",
            ),
            max_properties: Some(MAX_METADATA_ENTRIES),
            additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(value)))),
            example: Some(serde_json::json!({ "order": "2026-0042" })),
            ..MetaSchema::new("object")
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ToJSON for MetadataField {
    fn to_json(&self) -> Option<Value> {
        serde_json::to_value(&self.0).ok()
    }
}

impl ParseFromJSON for MetadataField {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default())
            .map_err(|error| ParseError::custom(error.to_string()))
    }
}
