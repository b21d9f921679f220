//! The kinds of values that tell of a person.

use std::fmt;
use std::str::FromStr;

/// A text that is no value of its kind. It does not say the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct PersonalValueError {
    /// The rule that it breaks.
    pub rule: &'static str,
}

/// A value that tells of a person. Those of this crate cannot be serialised, and their `Debug` hides them.
pub trait PersonalValue: FromStr<Err = PersonalValueError> + Send + Sync {
    /// What it says.
    fn as_str(&self) -> &str;
}

macro_rules! personal_value {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl PersonalValue for $name {
            fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = PersonalValueError;

            fn from_str(text: &str) -> Result<Self, PersonalValueError> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(PersonalValueError { rule: $rule })
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    };
}

fn is_printable(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

personal_value!(
    /// A person's name, as they write it.
    PersonName,
    "a name is 1 to 200 printable characters without spaces at either end",
    |text| is_printable(text, 200)
);
personal_value!(
    /// An email address, in the normal form in which it is looked up: `local@domain` in lower case.
    EmailText,
    "an email address is `local@domain` in lower case, at most 254 visible ASCII characters",
    |text| {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let parts = text.rsplit_once('@');
        let has_parts = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        is_visible
            && has_parts
            && text.len() <= 254
            && !text.bytes().any(|byte| byte.is_ascii_uppercase())
    }
);
personal_value!(
    /// A phone number in the form of E.164, such as `+919876543210`.
    PhoneText,
    "a phone number is `+` and 7 to 15 digits, the first of them no 0",
    |text| text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    })
);
personal_value!(
    /// The day on which a person was born.
    DateOfBirth,
    "a date of birth is a day like 1990-12-31, from 1900 on",
    |text| {
        let day = chrono::NaiveDate::from_str(text).ok();
        let written = day.map(|day| day.format("%Y-%m-%d").to_string());
        written.as_deref() == Some(text) && text >= "1900-01-01" && text.len() == 10
    }
);
personal_value!(
    /// Where a person lives, in lines, as an envelope has it.
    PostalAddress,
    "an address is 1 to 500 printable characters in lines, without empty space at either end",
    |text| {
        (1..=500).contains(&text.chars().count())
            && text.trim() == text
            && !text
                .chars()
                .any(|character| character.is_control() && character != '\n')
    }
);
personal_value!(
    /// How the number of a person's identity document ends: enough to tell two documents apart, and never
    /// the number.
    IdentityNumberEnding,
    "the ending of a number is 1 to 4 letters and digits",
    |text| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
);
