//! Access to a merchant's account at PayU.

use serde::Deserialize;

use crate::gateways::{CallPolicy, CaptureMode, GatewayStartError, SecretRing};
use crate::outbound::BaseUrl;

/// Where PayU's page is.
pub const PAYU_PAGE_URL: &str = "https://secure.payu.in";

/// Where PayU answers servers. In its test environment both are `https://test.payu.in`.
pub const PAYU_API_URL: &str = "https://info.payu.in";

/// Which values the hash of returns and webhooks covers; PayU sets it per merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayUResponseHash {
    /// Those of every merchant, even when `splitInfo` is sent.
    Plain,
    /// `splitInfo` too.
    WithSplitInfo,
}

/// Access to a merchant's account at PayU.
#[derive(Debug, Clone)]
pub struct PayUSettings {
    /// [`PAYU_PAGE_URL`], or a simulator's.
    pub page_url: BaseUrl,
    /// [`PAYU_API_URL`], or a simulator's.
    pub api_url: BaseUrl,
    /// The merchant's key.
    pub key: String,
    /// The merchant's salt, and those before it whose payments may still be told of.
    pub salts: SecretRing,
    /// When payments are taken; PayU sets it per merchant.
    pub capture: CaptureMode,
    /// Which values the hash of returns and webhooks covers.
    pub response_hash: PayUResponseHash,
    /// How calls are made.
    pub calls: CallPolicy,
}

impl PayUSettings {
    pub(super) fn check(&self) -> Result<(), GatewayStartError> {
        let is_key = (1..=32).contains(&self.key.len())
            && self.key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_key {
            return Err(GatewayStartError::Setting {
                setting: "key",
                rule: "is 1 to 32 letters and digits",
            });
        }
        if self.salts.all().any(|salt| salt.contains('|')) {
            return Err(GatewayStartError::Setting {
                setting: "salts",
                rule: "hold no '|'",
            });
        }
        Ok(())
    }
}
