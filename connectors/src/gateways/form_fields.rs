//! The fields of forms and queries.

/// The decoded fields of a query or form, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormFields(Vec<(String, String)>);

impl FormFields {
    /// Decodes `application/x-www-form-urlencoded`, which is also the form of a query.
    #[must_use]
    pub fn decode(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The field of that name, or nothing when it is missing or there twice.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// All fields.
    #[must_use]
    pub fn as_slice(&self) -> &[(String, String)] {
        &self.0
    }
}
