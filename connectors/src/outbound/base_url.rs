//! Where an outside system's interface is.

use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;
use serde::{Deserialize, Deserializer, de};

/// Why a text is no base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// No absolute URL, or one with a user, query or fragment.
    #[error("a base URL is `https://host[:port][/path]`")]
    Form,
    /// Credentials would travel in the clear.
    #[error("a base URL begins with https://, or with http:// when its host is this machine")]
    NotSecure,
}

/// The URL before the paths of an interface, without a slash at the end. It is `https`, or `http` on
/// this machine, where the simulators are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    is_secure: bool,
}

impl BaseUrl {
    /// The URL without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| BaseUrlError::Form)?;
        let host = uri.host().ok_or(BaseUrlError::Form)?;
        if host.is_empty() || text.contains(['@', '?', '#']) {
            return Err(BaseUrlError::Form);
        }
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_this_machine(host) => false,
            Some(_) => return Err(BaseUrlError::NotSecure),
            None => return Err(BaseUrlError::Form),
        };
        Ok(Self {
            text: text.trim_end_matches('/').to_owned(),
            is_secure,
        })
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Whether a host is the loopback interface, by name or by address.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{BaseUrl, BaseUrlError};

    #[test]
    fn plain_text_stays_on_this_machine() {
        for (good, kept) in [
            ("https://verify.twilio.com", "https://verify.twilio.com"),
            (
                "https://proxy.example/twilio/",
                "https://proxy.example/twilio",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost/", "http://localhost"),
            ("http://[::1]:9", "http://[::1]:9"),
        ] {
            let url: BaseUrl = good.parse().unwrap();
            assert_eq!(url.as_str(), kept);
        }
        for bad in [
            "http://verify.twilio.com",
            "http://127.0.0.1.example.org",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
        ] {
            assert_eq!(
                bad.parse::<BaseUrl>(),
                Err(BaseUrlError::NotSecure),
                "{bad}"
            );
        }
        for bad in [
            "",
            "verify.twilio.com",
            "/v2",
            "https://user:key@verify.twilio.com",
            "http://localhost@evil.example",
            "https://verify.twilio.com/?a=b",
            "https://verify.twilio.com/#a",
            "https://",
            "https://a b",
        ] {
            assert_eq!(bad.parse::<BaseUrl>(), Err(BaseUrlError::Form), "{bad}");
        }
    }
}
