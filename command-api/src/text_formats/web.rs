//! Formats of what browsers carry.

use std::fmt;

use zeroize::Zeroizing;

use crate::problem::{FieldCode, FieldFault};
use crate::text::TextFormat;

/// What a browser brings back from another issuer: the query of the address it was sent to.
#[derive(Clone)]
pub struct CallbackQuery(pub Zeroizing<String>);

impl fmt::Debug for CallbackQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CallbackQuery(…)")
    }
}

impl fmt::Display for CallbackQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

impl TextFormat for CallbackQuery {
    const FORMAT: &'static str = "callback-query";
    const PATTERN: Option<&'static str> = None;
    const MAX_LENGTH: usize = 16 * 1024;
    const DESCRIPTION: &'static str =
        "The query of the address the issuer sent the browser to, without the question mark.";
    const EXAMPLE: &'static str = "code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj";

    fn read(text: &str) -> Result<Self, FieldFault> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            let detail = format!("must have 1 to {} bytes", Self::MAX_LENGTH);
            return Err(FieldFault::new(FieldCode::InvalidFormat, detail));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

/// An address in the web; whether it may be used is for whoever uses it to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress(pub String);

impl fmt::Display for WebAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TextFormat for WebAddress {
    const FORMAT: &'static str = "uri";
    const PATTERN: Option<&'static str> = Some("^https?://");
    const MAX_LENGTH: usize = 2_048;
    const DESCRIPTION: &'static str =
        "An address that begins with `https://`, or `http://` on this machine.";
    const EXAMPLE: &'static str = "https://console.example.org/signed-in";

    fn read(text: &str) -> Result<Self, FieldFault> {
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        if !is_web || text.len() > Self::MAX_LENGTH {
            return Err(FieldFault::new(
                FieldCode::InvalidFormat,
                Self::DESCRIPTION.to_owned(),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
