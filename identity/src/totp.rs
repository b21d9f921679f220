//! Codes of an authenticator app: TOTP (RFC 6238) over HOTP (RFC 4226).
//!
//! What people enrol has SHA-1, steps of 30 seconds, 6 digits ([`Scheme::default`]): apps ignore
//! other parameters, some silently. Secrets have 160 bits (RFC 4226, section 4, R6). A code is
//! accepted one step before and after its time (RFC 6238, section 5.2). A code must be accepted only
//! once: [`check`] returns the step it belongs to, and the caller keeps the last accepted step of a
//! factor and refuses one that is not newer, in the same database transaction.

use std::fmt;

use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder, Totp, TotpError};
use zeroize::Zeroizing;

use crate::randomness::{NoRandomness, random_bytes};

/// How long a step is.
pub const STEP_SECONDS: u64 = 30;
/// How many bytes a new secret has.
pub const SECRET_BYTES: usize = 20;
/// How many steps before and after the present one are accepted.
const WINDOW_STEPS: u64 = 1;

/// Why no code can be made or checked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotpFault {
    /// The secret has fewer than 128 bits.
    #[error("a secret has at least 16 bytes, this one has {length_bytes}")]
    SecretTooShort {
        /// How long it is.
        length_bytes: usize,
    },
    /// The name of the issuer or account does not fit into a provisioning URI.
    #[error("an issuer and an account have 1 to 100 characters, without a colon")]
    InvalidLabel,
}

/// The hash of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// What every app supports.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How many digits a code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// Six.
    Six,
    /// Eight.
    Eight,
}

impl Digits {
    /// The number.
    #[must_use]
    pub fn count(self) -> u8 {
        match self {
            Self::Six => 6,
            Self::Eight => 8,
        }
    }
}

/// How codes are made of a secret and the time; all schemes have steps of 30 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    /// The hash.
    pub algorithm: HashAlgorithm,
    /// The length of a code.
    pub digits: Digits,
}

impl Default for Scheme {
    fn default() -> Self {
        Self {
            algorithm: HashAlgorithm::Sha1,
            digits: Digits::Six,
        }
    }
}

/// The secret that a person's app shares with us. `Debug` hides it, dropping wipes it.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<Vec<u8>>);

/// The number of a step since 1970: the newer code has the greater step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub u64);

impl Step {
    /// The step of a time in seconds since 1970.
    #[must_use]
    pub fn at(unix_seconds: u64) -> Self {
        Self(unix_seconds / STEP_SECONDS)
    }
}

impl TotpSecret {
    /// A new secret of 160 random bits.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        let bytes = Zeroizing::new(random_bytes::<SECRET_BYTES>()?);
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// A secret that was stored.
    ///
    /// # Errors
    /// [`TotpFault::SecretTooShort`].
    pub fn try_from_bytes(bytes: &[u8]) -> Result<Self, TotpFault> {
        if bytes.len() < 16 {
            let length_bytes = bytes.len();
            return Err(TotpFault::SecretTooShort { length_bytes });
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// The bytes to store, encrypted.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as a person types it into an app: base32 without padding (RFC 4648, section 6).
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(totp_rs::Secret::from(self.as_bytes()).to_base32())
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSecret(…)")
    }
}

/// The code of a step.
///
/// # Errors
/// [`TotpFault`].
pub fn code_at(scheme: Scheme, secret: &TotpSecret, step: Step) -> Result<String, TotpFault> {
    let generator = generator(scheme, secret)?;
    Ok(code_of(&generator, step))
}

/// The step that a code belongs to, if it is one of the accepted three around this time. Every
/// accepted step is compared in full, so that time tells nothing. Should a code belong to two steps,
/// the newer one is returned: accepting it spends both.
///
/// # Errors
/// [`TotpFault`].
pub fn check(
    scheme: Scheme,
    secret: &TotpSecret,
    code: &str,
    now_unix_seconds: u64,
) -> Result<Option<Step>, TotpFault> {
    let generator = generator(scheme, secret)?;
    let Step(now) = Step::at(now_unix_seconds);
    let window = now.saturating_sub(WINDOW_STEPS)..=now.saturating_add(WINDOW_STEPS);
    let mut matched = None;
    for step in window.map(Step) {
        let expected = Zeroizing::new(code_of(&generator, step));
        if bool::from(expected.as_bytes().ct_eq(code.as_bytes())) {
            matched = Some(step);
        }
    }
    Ok(matched)
}

/// What an app reads from a QR code: `otpauth://totp/Issuer:account?secret=…&issuer=Issuer`. It
/// holds the secret.
///
/// # Errors
/// [`TotpFault::InvalidLabel`].
pub fn provisioning_uri(
    secret: &TotpSecret,
    label: Label<'_>,
) -> Result<Zeroizing<String>, TotpFault> {
    label.check()?;
    let generator = builder(Scheme::default(), secret)
        .with_issuer(Some(label.issuer))
        .with_account_name(label.account)
        .build()
        .map_err(|fault| fault_of(&fault, secret))?;
    let uri = generator
        .to_url()
        .map_err(|fault| fault_of(&fault, secret))?;
    Ok(Zeroizing::new(uri))
}

/// How an app names an entry.
#[derive(Debug, Clone, Copy)]
pub struct Label<'a> {
    /// Who the code is for.
    pub issuer: &'a str,
    /// Whose it is.
    pub account: &'a str,
}

impl Label<'_> {
    fn check(self) -> Result<(), TotpFault> {
        let fits = |text: &str| {
            (1..=100).contains(&text.chars().count())
                && !text.contains(':')
                && !text.chars().any(char::is_control)
        };
        if fits(self.issuer) && fits(self.account) {
            Ok(())
        } else {
            Err(TotpFault::InvalidLabel)
        }
    }
}

fn builder(scheme: Scheme, secret: &TotpSecret) -> Builder {
    let algorithm = match scheme.algorithm {
        HashAlgorithm::Sha1 => Algorithm::SHA1,
        HashAlgorithm::Sha256 => Algorithm::SHA256,
        HashAlgorithm::Sha512 => Algorithm::SHA512,
    };
    Builder::new()
        .with_algorithm(algorithm)
        .with_digits(scheme.digits.count())
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret.as_bytes())
}

fn generator(scheme: Scheme, secret: &TotpSecret) -> Result<Totp, TotpFault> {
    builder(scheme, secret)
        .build()
        .map_err(|fault| fault_of(&fault, secret))
}

fn code_of(generator: &Totp, Step(step): Step) -> String {
    generator
        .generate(step.saturating_mul(STEP_SECONDS))
        .to_string()
}

fn fault_of(fault: &TotpError, secret: &TotpSecret) -> TotpFault {
    match fault {
        TotpError::SecretTooShort { .. } => TotpFault::SecretTooShort {
            length_bytes: secret.as_bytes().len(),
        },
        _ => TotpFault::InvalidLabel,
    }
}

#[cfg(test)]
mod tests {
    use super::{Label, Scheme, Step, TotpFault, TotpSecret, check, code_at, provisioning_uri};

    const NOW: u64 = 1_767_225_600;

    fn secret() -> TotpSecret {
        TotpSecret::try_from_bytes(b"12345678901234567890").unwrap()
    }

    fn code(step: u64) -> String {
        code_at(Scheme::default(), &secret(), Step(step)).unwrap()
    }

    fn matched(code: &str, now: u64) -> Option<u64> {
        check(Scheme::default(), &secret(), code, now)
            .unwrap()
            .map(|Step(step)| step)
    }

    #[test]
    fn a_code_is_good_one_step_around_its_own() {
        let step = NOW / 30;
        for now in [NOW, NOW + 29] {
            assert_eq!(matched(&code(step - 2), now), None);
            assert_eq!(matched(&code(step - 1), now), Some(step - 1));
            assert_eq!(matched(&code(step), now), Some(step));
            assert_eq!(matched(&code(step + 1), now), Some(step + 1));
            assert_eq!(matched(&code(step + 2), now), None);
        }
    }

    #[test]
    fn only_six_digits_are_a_code() {
        let good = code(NOW / 30);
        for bad in [
            String::new(),
            good[..5].to_owned(),
            format!("{good}0"),
            format!(" {good}"),
            format!("+{}", &good[1..]),
            format!("{}\0", &good[..5]),
            "١٢٣٤٥٦".to_owned(),
        ] {
            assert_eq!(matched(&bad, NOW), None, "{bad}");
        }
    }

    #[test]
    fn the_ends_of_time_do_no_harm() {
        for now in [0, 1, 29, 30] {
            assert_eq!(matched(&code(now / 30), now), Some(now / 30), "{now}");
        }
        assert!(matched(&code(u64::MAX / 30), u64::MAX).is_some());
    }

    #[test]
    fn secrets_are_160_random_bits_and_never_shown() {
        let (one, other) = (
            TotpSecret::generate().unwrap(),
            TotpSecret::generate().unwrap(),
        );
        assert_eq!(one.as_bytes().len(), 20);
        assert_ne!(one.as_bytes(), other.as_bytes());
        assert_eq!(one.to_base32().len(), 32);
        assert_eq!(format!("{one:?}"), "TotpSecret(…)");
        let short = TotpSecret::try_from_bytes(&[7; 15]).unwrap_err();
        assert_eq!(short, TotpFault::SecretTooShort { length_bytes: 15 });
    }

    #[test]
    fn labels_cannot_change_the_uri() {
        let uri = |issuer, account| provisioning_uri(&secret(), Label { issuer, account });
        let plain = uri("Day book", "asha&secret=x@example.org").unwrap();
        assert!(plain.starts_with("otpauth://totp/Day%20book:asha%26secret%3Dx%40example.org?"));
        assert_eq!(plain.matches("secret=").count(), 1);
        for (issuer, account) in [
            ("", "a"),
            ("a", ""),
            ("a:b", "c"),
            ("a", "b:c"),
            ("a\n", "b"),
        ] {
            assert_eq!(uri(issuer, account), Err(TotpFault::InvalidLabel));
        }
    }
}
