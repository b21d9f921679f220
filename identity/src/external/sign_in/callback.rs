//! What the browser brings back from the issuer (RFC 6749, 4.1.2).

use std::fmt;

use zeroize::Zeroizing;

use super::SignInFault;

/// The longest query that a browser brings back.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// What the browser brought back in the query of the redirect URI. `Debug` hides the code.
#[derive(Clone, Default)]
pub struct CallbackParameters {
    pub(super) code: Option<Zeroizing<String>>,
    pub(super) state: Option<Zeroizing<String>>,
    pub(super) issuer: Option<String>,
    pub(super) error: Option<String>,
}

impl CallbackParameters {
    /// Reads a query, without its `?`. Other parameters are ignored (RFC 6749, 4.1.2).
    ///
    /// # Errors
    /// [`SignInFault::Callback`] when it is too long or a parameter is there twice (RFC 6749, 3.1).
    pub fn try_from_query(query: &str) -> Result<Self, SignInFault> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(SignInFault::Callback);
        }
        let mut found = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            let is_repeated = match name.as_ref() {
                "code" => found.code.replace(Zeroizing::new(value)).is_some(),
                "state" => found.state.replace(Zeroizing::new(value)).is_some(),
                "iss" => found.issuer.replace(value).is_some(),
                "error" => found.error.replace(value).is_some(),
                _ => false,
            };
            if is_repeated {
                return Err(SignInFault::Callback);
            }
        }
        Ok(found)
    }

    /// The `state`, to find the pending sign-in by.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_ref().map(|state| state.as_str())
    }
}

impl fmt::Debug for CallbackParameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallbackParameters")
            .field("issuer", &self.issuer)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{CallbackParameters, MAX_QUERY_BYTES};

    #[test]
    fn a_query_has_each_parameter_once() {
        let query = "code=a%2Bb&state=s+t&iss=https%3A%2F%2Fid.example.org&session_state=1&x=1&x=2";
        let found = CallbackParameters::try_from_query(query).unwrap();
        assert_eq!(found.code.as_ref().unwrap().as_str(), "a+b");
        assert_eq!(found.state(), Some("s t"));
        assert_eq!(found.issuer.as_deref(), Some("https://id.example.org"));
        assert!(found.error.is_none());
        let shown = format!("{found:?}");
        assert!(!shown.contains("a+b") && !shown.contains("s t"), "{shown}");
        for query in [
            "code=a&code=b",
            "state=a&state=a",
            "iss=a&iss=b",
            "error=a&error=",
        ] {
            assert!(
                CallbackParameters::try_from_query(query).is_err(),
                "{query}"
            );
        }
        let long = format!("code={}", "a".repeat(MAX_QUERY_BYTES));
        assert!(CallbackParameters::try_from_query(&long).is_err());
        assert!(
            CallbackParameters::try_from_query("")
                .unwrap()
                .state()
                .is_none()
        );
    }
}
