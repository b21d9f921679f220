//! Enumerations: values that are one of a few names, in bodies, replies and parameters.

/// Makes an enumeration that is written by name everywhere.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            fn of_name(text: &str) -> Option<Self> {
                Self::ALL.iter().find(|value| value.as_str() == text).copied()
            }
        }

        impl $crate::parameters::Parameter for $name {
            fn schema() -> poem_openapi::registry::MetaSchema {
                poem_openapi::registry::MetaSchema {
                    enum_items: Self::ALL
                        .iter()
                        .map(|value| serde_json::Value::from(value.as_str()))
                        .collect(),
                    ..poem_openapi::registry::MetaSchema::new("string")
                }
            }

            fn read(text: &str) -> Result<Self, $crate::problem::FieldFault> {
                Self::of_name(text).ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    $crate::problem::FieldFault::new(
                        $crate::problem::FieldCode::NotAllowed,
                        format!("must be one of: {}", names.join(", ")),
                    )
                })
            }
        }

        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new(
                    <Self as $crate::parameters::Parameter>::schema(),
                ))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(
                value: Option<serde_json::Value>,
            ) -> poem_openapi::types::ParseResult<Self> {
                value
                    .as_ref()
                    .and_then(serde_json::Value::as_str)
                    .and_then(Self::of_name)
                    .ok_or_else(|| poem_openapi::types::ParseError::custom("not a possible value"))
            }
        }

        impl poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                Some(serde_json::Value::from(self.as_str()))
            }
        }
    };
}

/// Makes an enumeration that stands for one of the domain's, in both directions.
macro_rules! stands_for {
    ($name:ident for $domain:ident { $($variant:ident),+ $(,)? }) => {
        impl From<$name> for $domain {
            fn from(name: $name) -> Self {
                match name {
                    $($name::$variant => Self::$variant,)+
                }
            }
        }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value {
                    $($domain::$variant => Self::$variant,)+
                }
            }
        }
    };
}

pub(crate) use {choice, stands_for};
