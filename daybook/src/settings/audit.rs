//! Checkpoints of logs: by which name, how often, and where else they are kept.

use std::path::PathBuf;
use std::time::Duration;

use audit::keys::LogKey;
use audit::sealer::SealSettings;
use serde::Deserialize;

use super::SettingsError;
use crate::node::AuditOptions;

/// Checkpoints of logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditSettings {
    /// What origins of logs begin with.
    pub origin: String,
    /// How often each ledger is sealed, in milliseconds.
    pub interval_ms: u64,
    /// A folder for checkpoints; none when empty.
    pub folder: PathBuf,
}

impl AuditSettings {
    /// As a node takes it.
    ///
    /// # Errors
    /// [`SettingsError::Value`].
    pub fn options(&self) -> Result<AuditOptions, SettingsError> {
        if LogKey::generate(&self.origin).is_err() || self.origin.ends_with('/') {
            return Err(SettingsError::Value {
                setting: "audit.origin",
                rule: "must be a name such as ledger.example.com, without spaces, plus or a slash at its end",
            });
        }
        if !(100..=86_400_000).contains(&self.interval_ms) {
            return Err(SettingsError::Value {
                setting: "audit.interval_ms",
                rule: "must be 100 to 86400000",
            });
        }
        Ok(AuditOptions {
            seals: SealSettings {
                deployment: self.origin.clone(),
                interval: Duration::from_millis(self.interval_ms),
            },
            folder: (!self.folder.as_os_str().is_empty()).then(|| self.folder.clone()),
        })
    }
}
