//! Places in the log, as numbers.

use std::borrow::Cow;

use ledger_core::Position;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::parameters::Parameter;
use crate::problem::{FieldCode, FieldFault};

/// A position: 1 for a ledger's first event, 0 for before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PositionNumber(pub Position);

impl From<Position> for PositionNumber {
    fn from(position: Position) -> Self {
        Self(position)
    }
}

impl Parameter for PositionNumber {
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(0.0),
            example: Some(Value::from(42)),
            ..MetaSchema::new_with_format("integer", "int64")
        }
    }

    fn read(text: &str) -> Result<Self, FieldFault> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let position = text.parse().ok().and_then(Position::try_new);
        match position.filter(|_| plain) {
            Some(position) => Ok(Self(position)),
            None => Err(FieldFault::new(
                FieldCode::InvalidFormat,
                "must be a position: a whole number, 0 or more",
            )),
        }
    }
}

impl Type for PositionNumber {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "Position".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(Self::schema()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ToJSON for PositionNumber {
    fn to_json(&self) -> Option<Value> {
        Some(Value::from(self.0.value()))
    }
}

impl ParseFromJSON for PositionNumber {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        value
            .and_then(|value| value.as_i64())
            .and_then(Position::try_new)
            .map(Self)
            .ok_or_else(|| ParseError::custom("not a position"))
    }
}
