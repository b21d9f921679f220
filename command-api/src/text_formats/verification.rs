//! Formats of what verification cases say instead of personal data, and of what identity providers have to know
//! about people, which `Debug` hides.

use std::fmt;

use connectors::identity_providers::PersonName;
use ledger_core::verification::{ContentHash, DocumentKind, ReasonCode};

use crate::problem::{FieldCode, FieldFault};
use crate::text::TextFormat;

domain_format!(
    DocumentKind,
    "document-kind",
    Some("^[a-z0-9_]{1,40}$"),
    40,
    "passport",
    "What kind of document it is: 1 to 40 lower-case letters, digits and `_`."
);
domain_format!(
    ContentHash,
    "sha256",
    Some("^[0-9a-f]{64}$"),
    64,
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "The SHA-256 of some bytes: 64 lower-case hexadecimal digits."
);
domain_format!(
    ReasonCode,
    "reason-code",
    Some("^[0-9A-Za-z_.:-]{1,64}$"),
    64,
    "DOCUMENT_EXPIRED",
    "Why something was decided: a code of 1 to 64 letters, digits, `_`, `-`, `.` and `:`, and nothing about a person."
);

/// The given or family name of somebody.
#[derive(Clone, PartialEq, Eq)]
pub struct NamePart(pub String);

impl fmt::Debug for NamePart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NamePart(hidden)")
    }
}

impl fmt::Display for NamePart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TextFormat for NamePart {
    const FORMAT: &'static str = "name-part";
    const PATTERN: Option<&'static str> = None;
    const MAX_LENGTH: usize = 100;
    const DESCRIPTION: &'static str = "A given or family name, as identity documents have it: 1 to 100 characters without spaces at either end, and none of `!#$%*=<>;{}\"`.";
    const EXAMPLE: &'static str = "Asha";

    fn read(text: &str) -> Result<Self, FieldFault> {
        let fault = || FieldFault::new(FieldCode::InvalidFormat, Self::DESCRIPTION);
        let name = PersonName::try_new(text, text).map_err(|_| fault())?;
        if name.given() != text {
            return Err(fault());
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{NamePart, TextFormat};

    #[test]
    fn names_are_read_and_not_shown() {
        for good in ["Asha", "आशा", "Rao-O'Neill", "de la Cruz"] {
            assert_eq!(NamePart::read(good).unwrap().0, good);
        }
        for bad in ["", " Asha", "a<b", "a\nb", "\"", &"x".repeat(101)] {
            let told = format!("{:?}", NamePart::read(bad).unwrap_err());
            assert!(!told.contains("Asha"), "{told}");
        }
        assert_eq!(
            format!("{:?}", NamePart("Asha".to_owned())),
            "NamePart(hidden)"
        );
    }
}
