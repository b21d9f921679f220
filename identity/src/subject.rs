//! Who asks, as a name that is stable for ever: it separates idempotency keys and is recorded with events.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A person, a machine of ours, or somebody whom another issuer vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A person who signs in here.
    Person(Uuid),
    /// A program with a key or a client secret.
    Machine(Uuid),
    /// Somebody known to an external issuer.
    External(Uuid),
}

/// A text that names no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject is `person:`, `machine:` or `external:` and a UUID")]
pub struct SubjectError;

impl Subject {
    /// The subject that an issuer calls `subject`: the UUID version 5 of both in the namespace of URLs, so
    /// that neither can be read from it.
    #[must_use]
    pub fn external(issuer: &str, subject: &str) -> Self {
        let name = format!("{}:{issuer}{subject}", issuer.len());
        Self::External(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
    }

    /// Whether both are one: who signed in here with another issuer is also whom that issuer's own tokens
    /// stand for, under the same id.
    #[must_use]
    pub fn is_same_as(self, other: Self) -> bool {
        match (self, other) {
            (
                Self::Person(left) | Self::External(left),
                Self::Person(right) | Self::External(right),
            )
            | (Self::Machine(left), Self::Machine(right)) => left == right,
            (Self::Machine(_), Self::Person(_) | Self::External(_))
            | (Self::Person(_) | Self::External(_), Self::Machine(_)) => false,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(formatter, "person:{id}"),
            Self::Machine(id) => write!(formatter, "machine:{id}"),
            Self::External(id) => write!(formatter, "external:{id}"),
        }
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text.split_once(':').ok_or(SubjectError)?;
        let id = Uuid::try_parse(id).map_err(|_| SubjectError)?;
        let subject = match kind {
            "person" => Self::Person(id),
            "machine" => Self::Machine(id),
            "external" => Self::External(id),
            _ => return Err(SubjectError),
        };
        // One spelling each.
        (subject.to_string() == text)
            .then_some(subject)
            .ok_or(SubjectError)
    }
}

#[cfg(test)]
mod tests {
    use super::{Subject, SubjectError};
    use uuid::Uuid;

    #[test]
    fn a_subject_has_one_spelling() {
        let id = Uuid::from_u128(0xa1);
        for subject in [
            Subject::Person(id),
            Subject::Machine(id),
            Subject::External(id),
        ] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        for bad in [
            "",
            "person",
            "person:",
            "robot:00000000-0000-0000-0000-0000000000a1",
            "person:00000000-0000-0000-0000-0000000000A1",
            "person:000000000000000000000000000000a1",
        ] {
            assert_eq!(bad.parse::<Subject>(), Err(SubjectError), "{bad}");
        }
    }

    #[test]
    fn a_person_is_the_same_under_both_names_and_no_machine() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(Subject::Person(id).is_same_as(Subject::External(id)));
        assert!(Subject::External(id).is_same_as(Subject::Person(id)));
        assert!(Subject::Machine(id).is_same_as(Subject::Machine(id)));
        assert!(!Subject::Person(id).is_same_as(Subject::External(other)));
        assert!(!Subject::Person(id).is_same_as(Subject::Machine(id)));
        assert!(!Subject::Machine(id).is_same_as(Subject::External(id)));
    }

    #[test]
    fn the_same_name_at_two_issuers_is_two_subjects() {
        let one = Subject::external("https://one.example", "1");
        assert_eq!(one, Subject::external("https://one.example", "1"));
        assert_ne!(one, Subject::external("https://two.example", "1"));
        assert_ne!(Subject::external("a", "\0b"), Subject::external("a\0", "b"));
    }
}
