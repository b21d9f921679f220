//! Access to an account at Instamojo.

use hyper::header::HeaderValue;

use crate::gateways::{CallPolicy, GatewayStartError, SecretRing};
use crate::outbound::BaseUrl;
use crate::secret::Secret;

/// Where Instamojo answers keys (version 1.1).
pub const INSTAMOJO_KEYS_URL: &str = "https://www.instamojo.com";

/// Where Instamojo answers clients (version 2). Its test environment is `https://test.instamojo.com` for
/// both.
pub const INSTAMOJO_CLIENT_URL: &str = "https://api.instamojo.com";

/// Which interface is used, and what opens it.
#[derive(Debug, Clone)]
pub enum InstamojoAccess {
    /// Version 1.1: payment requests, which can be closed. They have no name of ours, so ours is the last
    /// word of what the payer sees they are for.
    Keys {
        /// `X-Api-Key`.
        api_key: Secret,
        /// `X-Auth-Token`.
        auth_token: Secret,
    },
    /// Version 2, with OAuth client credentials: orders and refunds under our own names, and what is paid
    /// out.
    Client {
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: Secret,
    },
}

/// Access to an account at Instamojo.
#[derive(Debug, Clone)]
pub struct InstamojoSettings {
    /// [`INSTAMOJO_KEYS_URL`] or [`INSTAMOJO_CLIENT_URL`], or a simulator's.
    pub base_url: BaseUrl,
    /// Which interface is used.
    pub access: InstamojoAccess,
    /// The private salt, and those before it whose webhooks may still come.
    pub salts: SecretRing,
    /// How calls are made.
    pub calls: CallPolicy,
}

impl InstamojoSettings {
    pub(super) fn check(&self) -> Result<(), GatewayStartError> {
        let missing = |setting| GatewayStartError::Setting {
            setting,
            rule: "is missing",
        };
        match &self.access {
            InstamojoAccess::Keys { api_key, .. } if api_key.is_empty() => Err(missing("api_key")),
            InstamojoAccess::Keys { auth_token, .. } if auth_token.is_empty() => {
                Err(missing("auth_token"))
            }
            InstamojoAccess::Client { client_id, .. } if client_id.is_empty() => {
                Err(missing("client_id"))
            }
            InstamojoAccess::Client { client_secret, .. } if client_secret.is_empty() => {
                Err(missing("client_secret"))
            }
            InstamojoAccess::Keys { .. } | InstamojoAccess::Client { .. } => Ok(()),
        }
    }
}

/// A header that shows in no log.
pub(super) fn sensitive(
    setting: &'static str,
    text: &str,
) -> Result<HeaderValue, GatewayStartError> {
    let mut header = HeaderValue::from_str(text).map_err(|_| GatewayStartError::Setting {
        setting,
        rule: "fits no header",
    })?;
    header.set_sensitive(true);
    Ok(header)
}
