//! What a provider may be told about a person, and texts about one that must not show.

use std::fmt;

use identity::address::{EmailAddress, PhoneNumber};

/// The longest part of a name that providers take, in characters.
const LONGEST_NAME: usize = 100;

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 100 characters and none of `!#$%*=<>;{{}}\"` or control characters")]
pub struct PersonNameError;

/// A person's name, in two parts, as identity documents have it. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonName {
    given: String,
    family: String,
}

impl PersonName {
    /// Takes the parts of a name without spaces around them.
    ///
    /// # Errors
    /// [`PersonNameError`], which is Onfido's rule and the narrowest.
    pub fn try_new(given: &str, family: &str) -> Result<Self, PersonNameError> {
        let part = |text: &str| {
            let text = text.trim();
            let is_allowed =
                |character: char| !character.is_control() && !"!#$%*=<>;{}\"".contains(character);
            let is_name = !text.is_empty()
                && text.chars().count() <= LONGEST_NAME
                && text.chars().all(is_allowed);
            is_name.then(|| text.to_owned()).ok_or(PersonNameError)
        };
        Ok(Self {
            given: part(given)?,
            family: part(family)?,
        })
    }

    /// The given names.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The family name.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PersonName(hidden)")
    }
}

/// Whom a case is about, as far as it is known. A provider is told what it demands of this and no more.
/// `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Wanted where [`PersonDemand::name`](super::PersonDemand) says so.
    pub name: Option<PersonName>,
    /// This or the phone is wanted where [`PersonDemand::contact`](super::PersonDemand) says so.
    pub email: Option<EmailAddress>,
    /// Not sent where the email address is.
    pub phone: Option<PhoneNumber>,
}

impl fmt::Debug for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Person").finish_non_exhaustive()
    }
}

/// A text about or for a person. `Debug` does not show it, and it cannot be serialized.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalText(String);

impl PersonalText {
    /// Takes a text as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PersonalText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::{PersonName, PersonNameError};

    #[test]
    fn names_are_names() {
        let name = PersonName::try_new(" Asha ", "Rao-O'Neill").unwrap();
        assert_eq!((name.given(), name.family()), ("Asha", "Rao-O'Neill"));
        assert_eq!(format!("{name:?}"), "PersonName(hidden)");
        assert!(PersonName::try_new("आशा", "राव").is_ok());
        for bad in ["", "  ", "a<b", "a\nb", "\"", &"x".repeat(101)] {
            assert_eq!(PersonName::try_new(bad, "Rao"), Err(PersonNameError));
            assert_eq!(PersonName::try_new("Asha", bad), Err(PersonNameError));
        }
    }
}
