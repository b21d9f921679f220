//! Access to an account at Digio.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use url::Url;

use crate::identity_providers::{CallPolicy, IdentityProviderStartError, SecretRing};
use crate::outbound::{BaseUrl, is_this_machine};
use crate::secret::Secret;

/// Where Digio's interface is; the sandbox is at `https://ext.digio.in:444`.
pub const DIGIO_BASE_URL: &str = "https://api.digio.in";

/// Where Digio's pages are; those of the sandbox at `https://ext.digio.in/#`.
pub const DIGIO_GATEWAY_URL: &str = "https://app.digio.in/#";

/// Access to an account at Digio.
#[derive(Debug, Clone)]
pub struct DigioSettings {
    /// [`DIGIO_BASE_URL`], the sandbox's, or a simulator's.
    pub base_url: BaseUrl,
    /// [`DIGIO_GATEWAY_URL`], the sandbox's, or a simulator's, without a slash at the end.
    pub gateway_url: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// The webhook's secret, and those before it.
    pub webhook_secrets: SecretRing,
    /// How calls are made.
    pub calls: CallPolicy,
}

impl DigioSettings {
    pub(super) fn check(&self) -> Result<(), IdentityProviderStartError> {
        let is_key = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b':')
        };
        if !is_key(&self.client_id) {
            return Err(IdentityProviderStartError::Setting {
                setting: "client_id",
                rule: "is missing or has characters that no id has",
            });
        }
        if self.client_secret.is_empty() {
            return Err(IdentityProviderStartError::Setting {
                setting: "client_secret",
                rule: "is missing",
            });
        }
        let is_page = |url: &Url| match url.scheme() {
            "https" => true,
            "http" => url.host_str().is_some_and(is_this_machine),
            _ => false,
        };
        let url = Url::parse(&self.gateway_url).ok().filter(is_page);
        if url.is_none_or(|url| url.query().is_some() || !url.username().is_empty())
            || self.gateway_url.ends_with('/')
        {
            return Err(IdentityProviderStartError::Setting {
                setting: "gateway_url",
                rule: "is https://host/#, or http:// on this machine, without a slash at the end",
            });
        }
        Ok(())
    }

    pub(super) fn authorization(&self) -> Result<HeaderValue, IdentityProviderStartError> {
        let credentials = format!("{}:{}", self.client_id, self.client_secret.reveal());
        let text = format!("Basic {}", STANDARD.encode(credentials));
        let refused = |_| IdentityProviderStartError::Setting {
            setting: "client_secret",
            rule: "is too long",
        };
        let mut header = HeaderValue::try_from(text).map_err(refused)?;
        header.set_sensitive(true);
        Ok(header)
    }
}
