//! Values that are written now as a text, now as a number.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A text, a number or a truth value as it is written, or nothing. Some providers write the same field in
/// all of these ways, and some numbers have more digits than a 64-bit float keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Loose(Option<String>);

impl Loose {
    pub(crate) fn of(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }

    /// The text without spaces around it, or an empty one.
    pub(crate) fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default().trim()
    }

    /// The text, unless it says nothing.
    pub(crate) fn said(&self) -> Option<&str> {
        let text = self.text();
        let is_nothing = text.is_empty() || text.eq_ignore_ascii_case("null") || text == "NA";
        (!is_nothing).then_some(text)
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        Ok(Self(match text.as_bytes().first() {
            Some(b'"') => Some(serde_json::from_str(text).map_err(serde::de::Error::custom)?),
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => Some(text.to_owned()),
            _ => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::Loose;

    #[test]
    fn texts_and_numbers_are_one_and_keep_their_digits() {
        let read = |json: &str| serde_json::from_str::<Loose>(json).unwrap();
        assert_eq!(read("\" 23907365951 \"").text(), "23907365951");
        assert_eq!(
            read("74300205164123456789012").text(),
            "74300205164123456789012"
        );
        assert_eq!(read("21.80").text(), "21.80");
        assert_eq!(read("1").text(), "1");
        assert_eq!(read("true").text(), "true");
        for nothing in ["null", "\"\"", "\"NULL\"", "[]", "{}"] {
            assert_eq!(read(nothing).said(), None, "{nothing}");
        }
    }
}
