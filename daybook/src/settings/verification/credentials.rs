//! The credentials of an account, by provider.

use std::sync::Arc;

use connectors::identity_providers::digio::{
    DIGIO_BASE_URL, DIGIO_GATEWAY_URL, DigioProvider, DigioSettings,
};
use connectors::identity_providers::onfido::{ONFIDO_BASE_URL, OnfidoProvider, OnfidoSettings};
use connectors::identity_providers::sumsub::{
    SUMSUB_BASE_URL, SumsubDigest, SumsubProvider, SumsubSettings,
};
use connectors::identity_providers::{
    CallPolicy, IdentityProvider, IdentityProviderStartError, SecretRing,
};
use connectors::outbound::{BaseUrl, BaseUrlError};
use connectors::secret::Secret;
use serde::Deserialize;

use crate::settings::address;

/// The credentials of an account, by provider. Of secrets, the current one comes first. Addresses that are
/// left out are the provider's own; others are for regions, sandboxes and simulators.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credentials {
    /// At Sumsub.
    Sumsub {
        /// Where it answers.
        #[serde(default)]
        base_url: Option<BaseUrl>,
        /// `sbx:…` or `prd:…`.
        app_token: Secret,
        /// The app token's secret.
        secret_key: Secret,
        /// The webhook's secret.
        webhook_secrets: SecretRing,
        /// `sha1`, `sha256` or `sha512`: how webhooks are signed, as it is set in Sumsub's dashboard.
        #[serde(default)]
        webhook_digest: SumsubDigest,
    },
    /// At Onfido.
    Onfido {
        /// Where it answers: each region has its own, and a token is of one.
        #[serde(default)]
        base_url: Option<BaseUrl>,
        /// The API token.
        api_token: Secret,
        /// The webhook's token.
        webhook_tokens: SecretRing,
    },
    /// At Digio.
    Digio {
        /// Where it answers.
        #[serde(default)]
        base_url: Option<BaseUrl>,
        /// Where its pages are.
        #[serde(default = "digio_pages")]
        gateway_url: String,
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: Secret,
        /// The webhook's secret.
        webhook_secrets: SecretRing,
    },
}

fn digio_pages() -> String {
    DIGIO_GATEWAY_URL.to_owned()
}

/// Why credentials are none.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Refused by the provider's adapter.
    #[error(transparent)]
    Provider(#[from] IdentityProviderStartError),
    /// An address of ours makes no sense.
    #[error(transparent)]
    Address(#[from] BaseUrlError),
}

impl Credentials {
    /// The way to the provider; connects to nobody.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn identity_provider(&self) -> Result<Arc<dyn IdentityProvider>, CredentialsError> {
        let calls = CallPolicy::default();
        Ok(match self.clone() {
            Self::Sumsub {
                base_url,
                app_token,
                secret_key,
                webhook_secrets,
                webhook_digest,
            } => Arc::new(SumsubProvider::try_new(SumsubSettings {
                base_url: address(base_url, SUMSUB_BASE_URL)?,
                app_token,
                secret_key,
                webhook_secrets,
                webhook_digest,
                calls,
            })?),
            Self::Onfido {
                base_url,
                api_token,
                webhook_tokens,
            } => Arc::new(OnfidoProvider::try_new(OnfidoSettings {
                base_url: address(base_url, ONFIDO_BASE_URL)?,
                api_token,
                webhook_tokens,
                calls,
            })?),
            Self::Digio {
                base_url,
                gateway_url,
                client_id,
                client_secret,
                webhook_secrets,
            } => Arc::new(DigioProvider::try_new(DigioSettings {
                base_url: address(base_url, DIGIO_BASE_URL)?,
                gateway_url,
                client_id,
                client_secret,
                webhook_secrets,
                calls,
            })?),
        })
    }
}
