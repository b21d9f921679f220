//! Why a sign-in fails.

use openidconnect::ClaimsVerificationError;

use super::LONGEST_SECONDS;
use crate::external::ExternalFault;
use crate::external::http_client::HttpFault;
use crate::jwt::TokenFault;
use crate::randomness::NoRandomness;

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInFault {
    /// Nobody may sign in with this issuer.
    #[error("signing in with this issuer is not configured")]
    NotConfigured,
    /// The issuer's metadata has no endpoints for it, or no PKCE with S256.
    #[error("the issuer does not offer {0}")]
    NotOffered(&'static str),
    /// The address to come back to is malformed, or neither HTTPS nor on this machine.
    #[error("the redirect URI is no acceptable address")]
    RedirectUri,
    /// No secrets can be made.
    #[error(transparent)]
    NoRandomness(NoRandomness),
    /// The query is malformed: too long, or with a parameter twice.
    #[error("the issuer's answer is malformed")]
    Callback,
    /// The sign-in was begun too long ago.
    #[error("the sign-in took longer than {LONGEST_SECONDS} s")]
    TooLate,
    /// The answer belongs to another sign-in.
    #[error("the issuer's answer belongs to another sign-in")]
    State,
    /// The answer is of another issuer, or does not say of which (RFC 9207).
    #[error("the answer is of another issuer")]
    Issuer,
    /// The person or the issuer refused (RFC 6749, 4.1.2.1).
    #[error("the issuer refused: {error}")]
    Refused {
        /// The code of RFC 6749 or OpenID Connect.
        error: String,
    },
    /// The token endpoint refused the code (RFC 6749, 5.2).
    #[error("the issuer refused the code: {error}")]
    CodeRefused {
        /// The code of RFC 6749.
        error: String,
    },
    /// The token endpoint cannot be reached.
    #[error("the issuer's token endpoint cannot be reached")]
    Unreachable(#[source] HttpFault),
    /// The token endpoint's answer cannot be read; it may hold tokens and is not kept.
    #[error("the token endpoint's answer cannot be read")]
    Answer,
    /// There is no ID token in the answer.
    #[error("the issuer gave no ID token")]
    NoIdToken,
    /// The ID token is refused.
    #[error("the ID token is refused")]
    IdToken(#[source] TokenFault),
    /// The ID token is refused by the rules of OpenID Connect: nonce, hash, audiences.
    #[error("the ID token does not belong to this sign-in")]
    Claims(#[source] Option<ClaimsVerificationError>),
}

impl SignInFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "sign_in_not_configured",
            Self::NotOffered(_) => "sign_in_not_offered",
            Self::RedirectUri => "sign_in_redirect_uri",
            Self::NoRandomness(_) => "sign_in_no_randomness",
            Self::Callback => "sign_in_callback_malformed",
            Self::TooLate => "sign_in_too_late",
            Self::State => "sign_in_state_mismatch",
            Self::Issuer => "sign_in_issuer_mismatch",
            Self::Refused { .. } => "sign_in_refused",
            Self::CodeRefused { .. } => "sign_in_code_refused",
            Self::Unreachable(_) => "sign_in_issuer_unreachable",
            Self::Answer => "sign_in_answer_malformed",
            Self::NoIdToken => "sign_in_no_id_token",
            Self::IdToken(_) => "sign_in_id_token_refused",
            Self::Claims(_) => "sign_in_claims_refused",
        }
    }

    /// Whether a new sign-in may succeed without anything being changed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NoRandomness(_))
    }
}

impl From<SignInFault> for ExternalFault {
    fn from(fault: SignInFault) -> Self {
        Self::SignIn(fault)
    }
}
