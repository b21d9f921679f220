//! Message authentication codes of providers, compared without telling by time where they differ.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// HMAC-SHA256 over the parts one after the other, in lower-case hexadecimal.
pub(crate) fn hmac_sha256(key: &str, parts: &[&[u8]]) -> String {
    hmac_hexadecimal::<Hmac<Sha256>>(key, parts)
}

/// HMAC-SHA512, likewise.
pub(crate) fn hmac_sha512(key: &str, parts: &[&[u8]]) -> String {
    hmac_hexadecimal::<Hmac<Sha512>>(key, parts)
}

/// HMAC-SHA1, likewise, for providers that have nothing better.
pub(crate) fn hmac_sha1(key: &str, parts: &[&[u8]]) -> String {
    hmac_hexadecimal::<Hmac<Sha1>>(key, parts)
}

fn hmac_hexadecimal<M: Mac + KeyInit>(key: &str, parts: &[&[u8]]) -> String {
    // HMAC takes a key of any length (RFC 2104), so there is no error to pass on; if there were one, the
    // empty text would fit no signature.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    for part in parts {
        mac.update(part);
    }
    hexadecimal(&mac.finalize().into_bytes())
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Whether two signatures are the same text. The text is compared and not what it stands for, so that
/// each has one spelling only. An empty one is none.
pub(crate) fn is_same(expected: &str, given: &str) -> bool {
    !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{hmac_sha1, hmac_sha256, hmac_sha512, is_same};

    /// RFC 2202 and RFC 4231, test case 2.
    #[test]
    fn known_answers() {
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(
            hmac_sha1("Jefe", &parts),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(
            hmac_sha512("Jefe", &parts),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        );
        let mac = hmac_sha256("Jefe", &[b"what do ya want ", b"for nothing?"]);
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(mac, known);
        assert!(is_same(&mac, known));
    }

    #[test]
    fn one_spelling_only() {
        assert!(is_same("ab12", "ab12"));
        for other in ["", "ab1", "ab123", "AB12", "ab13", " ab12"] {
            assert!(!is_same("ab12", other), "{other}");
        }
        assert!(!is_same("", ""));
    }
}
