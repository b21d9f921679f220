//! Where a person is reached: an email address or a phone number, in one normal form each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest email address (RFC 5321, 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL_LENGTH: usize = 254;
/// The longest local part (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_LENGTH: usize = 64;
/// The digits of a phone number with its country code (ITU-T E.164): at most fifteen; no country has
/// numbers of fewer than seven.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No email address.
    #[error(
        "an email address is `local@domain`, at most 254 ASCII characters, without quotes or comments"
    )]
    Email,
    /// No phone number.
    #[error("a phone number is `+` with the country code and 7 to 15 digits in all")]
    Phone,
}

/// An email address in lower case, of the plain form `local@domain`: quoted local parts, comments and
/// addresses by number are refused, as no provider gives them out. Shown only in part by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

/// A phone number in the form of E.164, `+919876543210`. Shown only in part by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

/// An email address or a phone number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// Reached by email.
    Email(EmailAddress),
    /// Reached by text message.
    Phone(PhoneNumber),
}

impl EmailAddress {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PhoneNumber {
    /// The number with its `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number's digits, country code first.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }
}

impl Address {
    /// Takes a stored address back; nothing when it is none of ours.
    pub(crate) fn of_stored(kind: &str, value: &str) -> Option<Self> {
        match kind {
            "email" => value.parse().ok().map(Self::Email),
            "phone" => value.parse().ok().map(Self::Phone),
            _ => None,
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(address) => address.as_str(),
            Self::Phone(number) => number.as_str(),
        }
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Email)?;
        let is_local = (1..=MAX_LOCAL_LENGTH).contains(&local.len())
            && local.split('.').all(|atom| !atom.is_empty())
            && local.bytes().all(is_local_byte);
        let is_domain = domain.contains('.') && domain.split('.').all(is_domain_label);
        if is_local && is_domain && text.len() <= MAX_EMAIL_LENGTH {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(AddressError::Email)
        }
    }
}

/// `atext` of RFC 5322, 3.2.3, and the dot between atoms.
fn is_local_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

fn is_domain_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl FromStr for PhoneNumber {
    type Err = AddressError;

    /// Spaces, dots, hyphens and brackets between the digits are taken out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.trim().strip_prefix('+').ok_or(AddressError::Phone)?;
        let digits: String = rest
            .chars()
            .filter(|character| !matches!(character, ' ' | '.' | '-' | '(' | ')'))
            .collect();
        let is_number = PHONE_DIGITS.contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number {
            Ok(Self(format!("+{digits}")))
        } else {
            Err(AddressError::Phone)
        }
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        write!(formatter, "…@{domain}")
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(self.0.len().saturating_sub(2)..).unwrap_or("");
        write!(formatter, "+…{shown}")
    }
}

macro_rules! text_serde {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

text_serde!(EmailAddress);
text_serde!(PhoneNumber);

#[cfg(test)]
mod tests {
    use super::{AddressError, EmailAddress, PhoneNumber};

    #[test]
    fn an_email_address_has_one_normal_form() {
        let address: EmailAddress = "Asha.Rao+wallet@Example.ORG".parse().unwrap();
        assert_eq!(address.as_str(), "asha.rao+wallet@example.org");
        assert_eq!(format!("{address:?}"), "…@example.org");
        for bad in [
            "",
            "a",
            "@example.org",
            "a@",
            "a@localhost",
            "a b@example.org",
            "a@exa mple.org",
            ".a@example.org",
            "a..b@example.org",
            "a@-example.org",
            "a@example..org",
            "\"a\"@example.org",
            "a@[127.0.0.1]",
            "a@example.org\r\nBcc: b@example.org",
            "é@example.org",
            "a@example.org ",
            "a@b@example.org,",
        ] {
            assert_eq!(
                bad.parse::<EmailAddress>(),
                Err(AddressError::Email),
                "{bad}"
            );
        }
        assert!(
            format!("{}@example.org", "a".repeat(65))
                .parse::<EmailAddress>()
                .is_err()
        );
    }

    #[test]
    fn a_phone_number_has_one_normal_form() {
        let number: PhoneNumber = " +91 98765-43210".parse().unwrap();
        assert_eq!(number.as_str(), "+919876543210");
        assert_eq!(number.digits(), "919876543210");
        assert_eq!(format!("{number:?}"), "+…10");
        for bad in [
            "",
            "+",
            "9876543210",
            "+012345678",
            "+12345",
            "+1234567890123456",
            "+91 98765x3210",
            "++919876543210",
            "+९८७६५४३२१०",
        ] {
            assert_eq!(
                bad.parse::<PhoneNumber>(),
                Err(AddressError::Phone),
                "{bad}"
            );
        }
    }
}
