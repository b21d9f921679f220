//! The hook for second factors of other kinds, besides the authenticator and recovery codes.
//!
//! A deployment gives its kinds in [`crate::identities::IdentitySettings::second_factors`]: passkeys, say,
//! or a bank's own approval on the phone. Whoever has enrolled one must give a second factor to sign in, and
//! may give that one, there and for sensitive operations. Attempts are counted before a kind is asked,
//! together with those of all other kinds; what an answer is, and how one enrols, is the kind's own affair.

use async_trait::async_trait;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::identities::{Identities, IdentityError, Refusal};

/// Something besides the password that shows who somebody is.
#[derive(Debug, Clone)]
pub enum SecondFactor {
    /// The code that an authenticator shows.
    Totp(Zeroizing<String>),
    /// One of the codes that were written down.
    Recovery(Zeroizing<String>),
    /// The answer to a kind that was plugged in.
    Other {
        /// Its name.
        kind: String,
        /// What the person gives.
        answer: Zeroizing<String>,
    },
}

/// Why a kind cannot say.
#[derive(Debug, thiserror::Error)]
#[error("the second factor {kind} cannot be judged")]
pub struct SecondFactorFault {
    /// Which kind.
    pub kind: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A kind of second factor.
#[async_trait]
pub trait SecondFactorKind: Send + Sync + std::fmt::Debug {
    /// The name by which requests choose it; stable, in snake case.
    fn name(&self) -> &'static str;

    /// Whether a person has one of this kind, and it counts.
    ///
    /// # Errors
    /// [`SecondFactorFault`]; the person cannot sign in then.
    async fn is_enrolled(&self, person: Uuid) -> Result<bool, SecondFactorFault>;

    /// Whether an answer is right. An answer that was right must not be right again, on any node.
    ///
    /// # Errors
    /// [`SecondFactorFault`].
    async fn is_right(&self, person: Uuid, answer: &str) -> Result<bool, SecondFactorFault>;
}

impl Identities {
    /// Whether a person has a second factor of a kind that was plugged in.
    pub(crate) async fn has_other_factor(&self, person: Uuid) -> Result<bool, IdentityError> {
        for kind in &self.settings.second_factors {
            if kind.is_enrolled(person).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the answer to a kind that was plugged in is right.
    pub(crate) async fn is_other_factor(
        &self,
        person: Uuid,
        kind: &str,
        answer: &str,
    ) -> Result<bool, IdentityError> {
        let mut kinds = self.settings.second_factors.iter();
        let kind = kinds.find(|known| known.name() == kind);
        let kind = kind.ok_or(Refusal::NotEnrolled)?;
        if !kind.is_enrolled(person).await? {
            return Err(Refusal::NotEnrolled.into());
        }
        Ok(kind.is_right(person, answer).await?)
    }
}
