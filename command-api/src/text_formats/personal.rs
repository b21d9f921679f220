//! Formats of what tells of a person. `Debug` hides it.

use std::fmt;

use ledger_core::personal::{
    DateOfBirth, IdentityNumberEnding, PersonName, PersonalValue, PostalAddress,
};

use crate::problem::{FieldCode, FieldFault};
use crate::text::TextFormat;

/// Makes a format of a value of the domain, which cannot be written by itself.
macro_rules! personal_format {
    ($(#[$doc:meta])* $name:ident, $value:ty, $format:literal, $most:literal, $example:literal,
     $description:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub $value);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.0.as_str())
            }
        }

        impl TextFormat for $name {
            const FORMAT: &'static str = $format;
            const PATTERN: Option<&'static str> = None;
            const MAX_LENGTH: usize = $most;
            const DESCRIPTION: &'static str = $description;
            const EXAMPLE: &'static str = $example;

            fn read(text: &str) -> Result<Self, FieldFault> {
                text.parse()
                    .map(Self)
                    .map_err(|error: <$value as std::str::FromStr>::Err| {
                        FieldFault::new(FieldCode::InvalidFormat, error.to_string())
                    })
            }
        }
    };
}

personal_format!(
    /// A person's name.
    FullName,
    PersonName,
    "person-name",
    200,
    "Asha Rao",
    "A person's name, as they write it: 1 to 200 characters without spaces at either end."
);
personal_format!(
    /// The day of a birth.
    BirthDate,
    DateOfBirth,
    "date-of-birth",
    10,
    "1990-12-31",
    "The day on which a person was born: year, month, day, from 1900 on."
);
personal_format!(
    /// Where somebody lives.
    HomeAddress,
    PostalAddress,
    "postal-address",
    500,
    "1 MG Road\nBengaluru 560001",
    "Where a person lives, in lines: 1 to 500 characters."
);
personal_format!(
    /// The end of a document's number.
    NumberEnding,
    IdentityNumberEnding,
    "identity-number-ending",
    4,
    "4321",
    "How the number of an identity document ends: 1 to 4 letters and digits, never the whole number."
);
