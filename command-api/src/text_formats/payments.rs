//! Formats of what payments and payouts ask for. `Debug` hides what says whose money it is.

use std::fmt;

use chrono::NaiveDate;

use crate::problem::{FieldCode, FieldFault};
use crate::text::TextFormat;

/// A day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub NaiveDate);

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TextFormat for Day {
    const FORMAT: &'static str = "date";
    const PATTERN: Option<&'static str> = Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
    const MAX_LENGTH: usize = 10;
    const DESCRIPTION: &'static str = "A day in UTC: year, month, day.";
    const EXAMPLE: &'static str = "2026-01-31";

    fn read(text: &str) -> Result<Self, FieldFault> {
        let day: Option<NaiveDate> = text.parse().ok();
        day.filter(|day| day.to_string() == text)
            .map(Self)
            .ok_or_else(|| {
                let rule = "a day is written as year, month and day, like 2026-01-31";
                FieldFault::new(FieldCode::InvalidFormat, rule)
            })
    }
}

/// Makes a format of text with a rule for its characters and its length.
macro_rules! plain_format {
    ($(#[$doc:meta])* $name:ident, $format:literal, $pattern:expr, $least:literal, $most:literal,
     $allowed:expr, $example:literal, $description:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(pub String);

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TextFormat for $name {
            const FORMAT: &'static str = $format;
            const PATTERN: Option<&'static str> = $pattern;
            const MAX_LENGTH: usize = $most;
            const DESCRIPTION: &'static str = $description;
            const EXAMPLE: &'static str = $example;

            fn read(text: &str) -> Result<Self, FieldFault> {
                let allowed: fn(&str) -> bool = $allowed;
                let fits = ($least..=$most).contains(&text.chars().count());
                if fits && allowed(text) {
                    return Ok(Self(text.to_owned()));
                }
                Err(FieldFault::new(FieldCode::InvalidFormat, $description))
            }
        }
    };
}

plain_format!(
    /// A country of ISO 3166-1.
    CountryCode,
    "country-code",
    Some("^[A-Z]{2}$"),
    2,
    2,
    |text| text.bytes().all(|byte| byte.is_ascii_uppercase()),
    "IN",
    "A country: two capital letters of ISO 3166-1."
);

plain_format!(
    /// The number of a bank account.
    AccountNumber,
    "account-number",
    Some("^[0-9A-Za-z]{4,34}$"),
    4,
    34,
    |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    "1121431121541121",
    "The number of a bank account: 4 to 34 letters and digits, no spaces."
);

plain_format!(
    /// The code of a bank and its branch.
    RoutingCode,
    "routing-code",
    Some("^[0-9A-Za-z]{4,34}$"),
    4,
    34,
    |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    "HDFC0000001",
    "The code of a bank and its branch, such as an IFSC: 4 to 34 letters and digits."
);

plain_format!(
    /// A UPI address.
    PaymentAddress,
    "upi-address",
    Some("^[A-Za-z0-9._-]{2,64}@[A-Za-z0-9]{2,64}$"),
    5,
    129,
    is_payment_address,
    "asha@okbank",
    "A UPI address: a name, `@`, and the bank's handle."
);

plain_format!(
    /// Whose an account is.
    HolderName,
    "holder-name",
    None,
    1,
    120,
    |text| text.trim() == text && !text.chars().any(char::is_control),
    "Asha Rao",
    "Whose account it is, as the bank has it: 1 to 120 characters without spaces at either end."
);

fn is_payment_address(text: &str) -> bool {
    let Some((name, handle)) = text.split_once('@') else {
        return false;
    };
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (2..=64).contains(&name.len())
        && (2..=64).contains(&handle.len())
        && name.bytes().all(in_name)
        && handle.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_what_banks_take() {
        for good in ["asha@okbank", "a.b_c-1@upi"] {
            assert!(PaymentAddress::read(good).is_ok(), "{good}");
        }
        for bad in [
            "asha",
            "@upi",
            "a@upi",
            "asha@",
            "asha@ok bank",
            "a b@upi",
            "x@y@z",
            "आशा@upi",
        ] {
            assert!(PaymentAddress::read(bad).is_err(), "{bad}");
        }
        assert!(AccountNumber::read("1121431121541121").is_ok());
        for bad in [
            "",
            "123",
            "1234 5678",
            "1234-5678",
            &"1".repeat(35),
            "१२३४५",
        ] {
            assert!(AccountNumber::read(bad).is_err(), "{bad}");
        }
        assert!(HolderName::read("आशा राव").is_ok());
        for bad in ["", " Asha", "Asha\n", "A\u{7}"] {
            assert!(HolderName::read(bad).is_err(), "{bad}");
        }
        for bad in [
            "2026-1-31",
            "2026-02-30",
            "26-01-31",
            "2026-01-31T00:00:00Z",
        ] {
            assert!(Day::read(bad).is_err(), "{bad}");
        }
        let shown = format!("{:?}", AccountNumber("1121431121541121".to_owned()));
        assert!(!shown.contains("1121"), "{shown}");
    }
}
