//! Texts with a format: how the domain's names, ids, amounts and times appear in requests, replies
//! and the OpenAPI document.
//!
//! One implementation of [`TextFormat`] per type gives its schema, reads it from JSON and from
//! parameters, and says what is wrong with a text that is not one.

use std::borrow::Cow;
use std::fmt;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{
    ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::problem::FieldFault;

/// A type that is written as text of one format.
pub trait TextFormat: Sized + Send + Sync + fmt::Display + 'static {
    /// The format's name in schemas; also how [`crate::strict_json`] finds the check.
    const FORMAT: &'static str;
    /// An ECMA-262 pattern every text of the format matches, if one says enough.
    const PATTERN: Option<&'static str>;
    /// The longest text, in characters.
    const MAX_LENGTH: usize;
    /// What it is, for readers of the OpenAPI document.
    const DESCRIPTION: &'static str;
    /// A text of the format.
    const EXAMPLE: &'static str;

    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read(text: &str) -> Result<Self, FieldFault>;
}

/// A value that is a formatted text on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<T>(pub T);

impl<T> From<T> for Text<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// The schema of a format.
#[must_use]
pub fn schema_of<T: TextFormat>() -> MetaSchema {
    MetaSchema {
        description: Some(T::DESCRIPTION),
        pattern: T::PATTERN.map(str::to_owned),
        min_length: Some(1),
        max_length: Some(T::MAX_LENGTH),
        example: Some(Value::from(T::EXAMPLE)),
        ..MetaSchema::new_with_format("string", T::FORMAT)
    }
}

impl<T: TextFormat> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: TextFormat> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<T>(std::marker::PhantomData<T>);
        impl<T: TextFormat> de::Visitor<'_> for TextVisitor<T> {
            type Value = Text<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<T>, E> {
                T::read(text)
                    .map(Text)
                    .map_err(|fault| E::custom(fault.detail))
            }
        }
        deserializer.deserialize_str(TextVisitor(std::marker::PhantomData))
    }
}

impl<T: TextFormat> Type for Text<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        format!("string_{}", T::FORMAT).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(schema_of::<T>()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

// The derives of `poem-openapi` ask for these; requests are read by serde, see `strict_json`.
impl<T: TextFormat> ParseFromJSON for Text<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value {
            Some(Value::String(text)) => Self::parse_from_parameter(&text),
            other => Err(ParseError::expected_type(other.unwrap_or_default())),
        }
    }
}

impl<T: TextFormat> ParseFromParameter for Text<T> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        T::read(text)
            .map(Self)
            .map_err(|fault| ParseError::custom(fault.detail))
    }
}

impl<T: TextFormat> ToJSON for Text<T> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::from(self.0.to_string()))
    }
}
