//! Signing in with another issuer: requests and the replies to them.

use ledger_core::Timestamp;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::text::Text;
use crate::text_formats::{CallbackQuery, Secret, WebAddress};

/// Issuers.
#[derive(Debug, Serialize, Object)]
pub struct IssuerList {
    /// Their names, which are addresses.
    pub items: Vec<String>,
}

/// A sign-in to be begun.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct BeginSignInRequest {
    /// With whom, by its name.
    pub issuer: Text<WebAddress>,
    /// Where the browser comes back to; the issuer must know it as ours.
    pub redirect_uri: Text<WebAddress>,
}

/// A sign-in that was begun.
#[derive(Debug, Serialize, Object)]
pub struct SignInBegun {
    /// Where to send the browser.
    pub url: String,
    /// What the browser keeps to itself until it comes back.
    pub binding: String,
    /// When it is too late to come back.
    pub expires_at: Text<Timestamp>,
}

/// A sign-in to be finished.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct FinishSignInRequest {
    /// The query that the issuer gave the browser.
    pub query: Text<CallbackQuery>,
    /// What the browser kept.
    pub binding: Text<Secret>,
}
