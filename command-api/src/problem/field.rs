//! What can be wrong with one field or parameter.

use std::borrow::Cow;

use poem_openapi::Object;
use serde::Serialize;

macro_rules! field_codes {
    ($($(#[$doc:meta])* $name:ident => $code:literal,)*) => {
        /// What is wrong with one field or parameter; stable, never reused for another fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FieldCode {
            $($(#[$doc])* $name,)*
        }

        impl FieldCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as callers see it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

field_codes! {
    /// A field that must be there is not.
    MissingField => "missing_field",
    /// There is no such field.
    UnknownField => "unknown_field",
    /// The same key occurs twice in one object.
    DuplicateField => "duplicate_field",
    /// A number where a string belongs, and the like.
    WrongType => "wrong_type",
    /// A string that is not written as its format asks.
    InvalidFormat => "invalid_format",
    /// Not one of the values that are possible.
    NotAllowed => "not_allowed",
    /// A string with too many characters.
    TooLong => "too_long",
    /// A string with too few characters.
    TooShort => "too_short",
    /// A list or object with too many entries.
    TooManyItems => "too_many_items",
    /// A list or object with too few entries.
    TooFewItems => "too_few_items",
    /// A number that is too small or too large.
    OutOfRange => "out_of_range",
    /// Two fields of which only one may be there.
    ConflictingFields => "conflicting_fields",
    /// An amount that is not plain decimal digits: a sign, an exponent, `NaN`.
    AmountMalformed => "amount_malformed",
    /// An amount of zero or less.
    AmountNotPositive => "amount_not_positive",
    /// An amount finer than any asset.
    AmountTooManyDecimals => "amount_too_many_decimals",
    /// An amount with more digits than can be kept exactly.
    AmountTooLarge => "amount_too_large",
    /// A query parameter that must be there is not.
    MissingParameter => "missing_parameter",
    /// There is no such query parameter.
    UnknownParameter => "unknown_parameter",
    /// The same query parameter or header occurs twice.
    DuplicateParameter => "duplicate_parameter",
    /// A cursor that this list with these filters did not give.
    InvalidCursor => "invalid_cursor",
    /// An idempotency key that is not 1 to 255 visible ASCII characters.
    InvalidIdempotencyKey => "invalid_idempotency_key",
}

/// What is wrong with a value, before it is known where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// The code.
    pub code: FieldCode,
    /// The rule it breaks, for people.
    pub detail: Cow<'static, str>,
}

impl FieldFault {
    /// A fault.
    #[must_use]
    pub fn new(code: FieldCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    /// The fault of the body's value at a JSON pointer.
    #[must_use]
    pub fn at_pointer(self, pointer: impl Into<String>) -> FieldError {
        FieldError {
            pointer: Some(pointer.into()),
            parameter: None,
            code: self.code.code().to_owned(),
            detail: self.detail.into_owned(),
        }
    }

    /// The fault of a path or query parameter or a header.
    #[must_use]
    pub fn at_parameter(self, parameter: impl Into<String>) -> FieldError {
        FieldError {
            pointer: None,
            parameter: Some(parameter.into()),
            code: self.code.code().to_owned(),
            detail: self.detail.into_owned(),
        }
    }
}

/// One field or parameter that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub struct FieldError {
    /// Where it stands in the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The path or query parameter or header, when it is not in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The stable code of the fault.
    pub code: String,
    /// The rule it breaks, for people.
    pub detail: String,
}

impl FieldError {
    /// The same of a body that is a part of another one, at a JSON pointer.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Self {
        let own = self.pointer.take().unwrap_or_default();
        self.pointer = Some(format!("{pointer}{own}"));
        self
    }

    /// The field for people.
    #[must_use]
    pub fn place(&self) -> &str {
        match (&self.pointer, &self.parameter) {
            (Some(pointer), _) if pointer.is_empty() => "the body",
            (Some(pointer), _) => pointer,
            (None, Some(parameter)) => parameter,
            (None, None) => "the request",
        }
    }
}
