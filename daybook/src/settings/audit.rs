//! Checkpoints of logs: by which name, how often, and where else they are kept.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit::cosignature::WitnessKey;
use audit::keys::LogKey;
use audit::sealer::SealSettings;
use audit::witness::Witness;
use connectors::outbound::BaseUrl;
use connectors::witness::WitnessClient;
use serde::Deserialize;

use super::SettingsError;
use crate::node::{AuditOptions, WitnessOverHttp};

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
    /// Who is asked to cosign checkpoints.
    pub witnesses: Vec<WitnessSettings>,
}

/// A witness.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessSettings {
    /// What it is called in logs.
    pub name: String,
    /// Its public key: `<name>+<id>+<base64>`, of the type 4.
    pub vkey: String,
    /// Where it takes checkpoints, without `/add-checkpoint`.
    pub url: String,
}

impl WitnessSettings {
    fn witness(&self) -> Result<Witness, SettingsError> {
        let value = |rule| SettingsError::Value {
            setting: "audit.witnesses",
            rule,
        };
        let key: Result<WitnessKey, _> = self.vkey.parse();
        let key = key.map_err(|_| value("vkey must be <name>+<id>+<base64> of a cosigner"))?;
        let url: Result<BaseUrl, _> = self.url.parse();
        let url = url.map_err(|_| value("url must be https, or http on this machine"))?;
        let client = WitnessClient::try_new(&url);
        let client = client.map_err(|_| value("cannot be reached without root certificates"))?;
        Ok(Witness {
            name: self.name.clone(),
            key,
            door: Arc::new(WitnessOverHttp(client)),
        })
    }
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
        let names: HashSet<&str> = self.witnesses.iter().map(|one| one.name.as_str()).collect();
        if names.len() < self.witnesses.len() {
            return Err(SettingsError::Value {
                setting: "audit.witnesses",
                rule: "must have different names",
            });
        }
        let witnesses = self.witnesses.iter().map(WitnessSettings::witness);
        Ok(AuditOptions {
            witnesses: witnesses.collect::<Result<_, _>>()?,
            seals: SealSettings {
                deployment: self.origin.clone(),
                interval: Duration::from_millis(self.interval_ms),
            },
            folder: (!self.folder.as_os_str().is_empty()).then(|| self.folder.clone()),
        })
    }
}
