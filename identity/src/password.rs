//! Passwords: which are taken, and how they are kept.
//!
//! NIST SP 800-63B: at least fifteen characters where a password is the only factor, and eight where it
//! is one of two; here the person decides later whether to enrol a second, so that fifteen would have
//! to be asked of everybody: eight are asked, and a password must not be easy to guess (zxcvbn 3 of 4,
//! which knows the common and breached ones and the person's own address). At most 128 characters, any
//! of them, nothing cut off, no rules of composition, no expiry. Kept as Argon2id with 19 MiB, two
//! passes and one lane (OWASP), in the PHC format, so that the cost can be raised later.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

/// The least characters.
pub const MIN_CHARACTERS: usize = 8;
/// The most characters.
pub const MAX_CHARACTERS: usize = 128;

/// Hashes at a time: each takes 19 MiB and a core for some tens of milliseconds.
const AT_ONCE: usize = 4;

static HASHING: Semaphore = Semaphore::const_new(AT_ONCE);

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Too short.
    #[error("a password has at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// Too long.
    #[error("a password has at most {MAX_CHARACTERS} characters")]
    TooLong,
    /// Among the first ten thousand million that an attacker would try.
    #[error("the password is too easy to guess{advice}")]
    Guessable {
        /// What would make it better, beginning with `: `, or nothing.
        advice: String,
    },
}

/// Why a password cannot be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Argon2 failed.
    #[error("the password cannot be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    /// What is stored is no PHC string.
    #[error("the stored hash cannot be read")]
    Stored,
    /// The task that hashes was lost.
    #[error("the password was not hashed")]
    Lost,
}

/// Refuses what is easily guessed; `about` is what an attacker would know of the person.
///
/// # Errors
/// [`PasswordRefusal`].
pub fn check(password: &str, about: &[&str]) -> Result<(), PasswordRefusal> {
    let characters = password.chars().count();
    if characters < MIN_CHARACTERS {
        return Err(PasswordRefusal::TooShort);
    }
    if characters > MAX_CHARACTERS {
        return Err(PasswordRefusal::TooLong);
    }
    let words: Vec<&str> = about
        .iter()
        .flat_map(|text| std::iter::once(*text).chain(text.split(['@', '.', '+', '-', '_'])))
        .chain(["daybook", "wallet"])
        .collect();
    let found = zxcvbn(password, &words);
    if found.score() >= Score::Three {
        return Ok(());
    }
    let advice = found
        .feedback()
        .and_then(|feedback| feedback.warning())
        .map(|warning| format!(": {warning}"))
        .unwrap_or_default();
    Err(PasswordRefusal::Guessable { advice })
}

/// What is kept of a password.
///
/// # Errors
/// [`PasswordError`].
pub async fn hash(password: Zeroizing<String>) -> Result<String, PasswordError> {
    aside(move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(PasswordError::Hash)
    })
    .await
}

/// Whether a password is the one that was kept; takes as long when there is none, so that nobody learns
/// by the time who has an account.
///
/// # Errors
/// [`PasswordError`].
pub async fn is_right(
    password: Zeroizing<String>,
    kept: Option<String>,
) -> Result<bool, PasswordError> {
    let Some(kept) = kept else {
        hash(password).await?;
        return Ok(false);
    };
    aside(move || {
        let kept = PasswordHash::new(&kept).map_err(|_| PasswordError::Stored)?;
        Ok(Argon2::default()
            .verify_password(password.as_bytes(), &kept)
            .is_ok())
    })
    .await
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, PasswordError> {
    let _permit = HASHING.acquire().await.map_err(|_| PasswordError::Lost)?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| PasswordError::Lost)?
}

#[cfg(test)]
mod tests {
    use super::{PasswordRefusal, check, hash, is_right};
    use zeroize::Zeroizing;

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[test]
    fn short_long_common_and_personal_passwords_are_refused() {
        let check = |password: &str| check(password, &["asha.rao@example.org"]);
        assert_eq!(check("short12"), Err(PasswordRefusal::TooShort));
        assert_eq!(check(&"ab".repeat(65)), Err(PasswordRefusal::TooLong));
        for guessable in [
            "password1",
            "12345678",
            "qwertyuiop",
            "iloveyou2",
            "P@ssw0rd!",
            "asha.rao@example.org",
            "daybookwallet",
            "aaaaaaaaaaaaaaaa",
        ] {
            assert!(
                matches!(check(guessable), Err(PasswordRefusal::Guessable { .. })),
                "{guessable}"
            );
        }
        for good in [
            "correct horse battery staple",
            "пароль из шести слов и цифр 7",
            "k9#Vw2!pQz",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[tokio::test]
    async fn only_the_same_password_is_right() {
        let kept = hash(secret("correct horse battery staple")).await.unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        let right = |text: &str| is_right(secret(text), Some(kept.clone()));
        assert!(right("correct horse battery staple").await.unwrap());
        assert!(!right("correct horse battery staple ").await.unwrap());
        assert!(!is_right(secret(""), None).await.unwrap());
        assert!(
            is_right(secret("a"), Some("plain".to_owned()))
                .await
                .is_err()
        );
    }
}
