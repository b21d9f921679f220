//! Instamojo's message authentication code: HMAC-SHA1 in lower-case hexadecimal over the decoded values
//! of a form, ordered by their keys without regard to case and joined by `|`.
//!
//! It does not cover the keys, and a `|` inside a value moves the borders between values. So required
//! keys are asked for by name, `|` is refused, and the caller asks before it believes.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::gateways::FormFields;
use crate::providers::signature::hexadecimal;

/// The field that holds the code.
pub const MAC_FIELD: &str = "mac";

/// The code of a form without its [`MAC_FIELD`].
#[must_use]
pub fn form_mac(salt: &str, fields: &FormFields) -> String {
    let mut fields: Vec<(String, &str)> = fields
        .as_slice()
        .iter()
        .filter(|(key, _)| key != MAC_FIELD)
        .map(|(key, value)| (key.to_lowercase(), value.as_str()))
        .collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    // HMAC takes a key of any length (RFC 2104), so there is no error to pass on; if there were one, the
    // empty text would fit no code.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt.as_bytes()) else {
        return String::new();
    };
    for (place, (_, value)) in fields.iter().enumerate() {
        if place > 0 {
            mac.update(b"|");
        }
        mac.update(value.as_bytes());
    }
    hexadecimal(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::form_mac;
    use crate::gateways::FormFields;

    /// The example of Instamojo's documentation.
    #[test]
    fn known_answers() {
        let fields = FormFields::decode(
            b"phone=9999999999&Name=Aditya+Sengupta&email=aditya%40instamojo.com&amount=123.45&mac=x",
        );
        let known = "676a4b5ba30e464f027249747a63ea587f8c4b9a";
        assert_eq!(form_mac("abcde", &fields), known);
        // A test of Instamojo's own library for Java.
        let fields = FormFields::decode(b"foo=1&bar=2&baz=3");
        let known = "32b1d38a4a70bdce36a52dad3f3ac6eb3662096b";
        assert_eq!(form_mac("21b528ef398c4ce8851d5ee29375d3a7", &fields), known);
    }
}
