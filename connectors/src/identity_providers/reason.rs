//! Why a provider decided as it did, as codes.

use std::fmt;

/// The longest code, in characters.
const LONGEST: usize = 64;

/// The most codes of one decision.
const MOST: usize = 32;

/// A provider's code for a reason: letters, digits, `_`, `-` and `.`, at most 64 of them. Everything else in
/// what the provider says becomes `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(String);

impl ReasonCode {
    /// The code of a provider's text, or nothing for an empty one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let is_kept = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
        };
        let code: String = text
            .trim()
            .chars()
            .take(LONGEST)
            .map(|character| if is_kept(character) { character } else { '_' })
            .collect();
        (!code.is_empty()).then_some(Self(code))
    }

    /// The codes of texts, each once, in order, the first 32 of them.
    pub(super) fn of_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut codes = Vec::new();
        for code in texts.into_iter().filter_map(Self::of) {
            if codes.len() < MOST && !codes.contains(&code) {
                codes.push(code);
            }
        }
        codes
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ReasonCode;

    #[test]
    fn codes_are_codes() {
        let code = |text: &str| ReasonCode::of(text).map(|code| code.to_string());
        assert_eq!(
            code("UNSATISFACTORY_PHOTOS"),
            Some("UNSATISFACTORY_PHOTOS".to_owned())
        );
        assert_eq!(
            code("Document <expired>\n"),
            Some("Document__expired_".to_owned())
        );
        assert_eq!(code("é"), Some("_".to_owned()));
        assert_eq!(code(&"x".repeat(100)).unwrap().len(), 64);
        assert_eq!(code("  "), None);
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let many = ReasonCode::of_all(many.iter().map(String::as_str).chain(["0", ""]));
        assert_eq!(many.len(), 32);
        assert_eq!(ReasonCode::of_all(["a", "b", "a"]).len(), 2);
    }
}
