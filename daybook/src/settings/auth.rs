//! Who may call: the settings.

use std::path::PathBuf;

use chrono::TimeDelta;
use command_api::access::four_eyes::FourEyes;
use identity::external::IssuerSettings;
use identity::permission::Role;
use identity::session_policy::{SessionPolicies, SessionPolicy};
use serde::Deserialize;

use super::{SecretText, SettingsError};

/// Who may call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    /// Whether callers have to say who they are.
    pub mode: AuthMode,
    /// What seals secrets.
    pub master_key: SecretText,
    /// A file that holds it.
    pub master_key_file: PathBuf,
    /// Master keys that were in use before, newest first.
    pub previous_master_keys: Vec<SecretText>,
    /// The deployment's URL.
    pub issuer: String,
    /// Operations that need a second person.
    pub four_eyes: Vec<String>,
    /// How long people's sessions last.
    pub sessions: SessionSettings,
    /// Other issuers whose tokens are accepted.
    pub issuers: Vec<IssuerSettings>,
}

/// Whether callers have to say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// They need not, and may do everything.
    Open,
    /// They must.
    Required,
}

/// How long people's sessions last, by role.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    /// Of customers.
    pub customer: SessionLimits,
    /// Of support.
    pub support: SessionLimits,
    /// Of operators.
    pub operator: SessionLimits,
    /// Of compliance.
    pub compliance: SessionLimits,
    /// Of auditors.
    pub auditor: SessionLimits,
    /// Of administrators.
    pub admin: SessionLimits,
}

/// How long the sessions of people with a role last.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionLimits {
    /// Minutes without a refresh after which a session ends.
    pub idle_minutes: u32,
    /// Minutes after which it ends in any case.
    pub absolute_minutes: u32,
    /// Sessions at a time.
    pub concurrent: u32,
}

impl SessionLimits {
    fn is_sound(self) -> bool {
        self.concurrent > 0 && (1..=self.absolute_minutes).contains(&self.idle_minutes)
    }
}

impl From<SessionLimits> for SessionPolicy {
    fn from(limits: SessionLimits) -> Self {
        Self {
            idle: TimeDelta::minutes(limits.idle_minutes.into()),
            absolute: TimeDelta::minutes(limits.absolute_minutes.into()),
            concurrent: limits.concurrent,
        }
    }
}

impl SessionSettings {
    const fn by_role(&self) -> [(Role, SessionLimits); 6] {
        [
            (Role::Customer, self.customer),
            (Role::Support, self.support),
            (Role::Operator, self.operator),
            (Role::Compliance, self.compliance),
            (Role::Auditor, self.auditor),
            (Role::Admin, self.admin),
        ]
    }
}

impl AuthSettings {
    /// The policies of sessions.
    #[must_use]
    pub fn session_policies(&self) -> SessionPolicies {
        let by_role = self.sessions.by_role().into_iter();
        SessionPolicies::with(by_role.map(|(role, limits)| (role, limits.into())))
    }

    /// The operations that need a second person.
    ///
    /// # Errors
    /// [`SettingsError::FourEyes`].
    pub fn four_eyes(&self) -> Result<FourEyes, SettingsError> {
        FourEyes::try_new(&self.four_eyes).map_err(SettingsError::FourEyes)
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let mut roles = self
            .issuers
            .iter()
            .flat_map(|issuer| issuer.roles.roles.values());
        if roles.any(|role| role.parse::<Role>().is_err()) {
            return Err(SettingsError::Value {
                setting: "auth.issuers.roles",
                rule: "must map to roles of Daybook",
            });
        }
        let mut limits = self.sessions.by_role().into_iter();
        if limits.any(|(_, limits)| !limits.is_sound()) {
            return Err(SettingsError::Value {
                setting: "auth.sessions",
                rule: "must have 1 <= idle_minutes <= absolute_minutes and concurrent >= 1 for each role",
            });
        }
        self.four_eyes().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use identity::permission::Role;
    use identity::session_policy::SessionPolicies;

    use config::{Config, File, FileFormat};

    use crate::settings::{DEFAULTS, Settings};

    #[test]
    fn the_defaults_are_the_policies_that_are_built_in() {
        let defaults = Config::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .build()
            .unwrap();
        let settings: Settings = defaults.try_deserialize().unwrap();
        let policies = settings.auth.session_policies();
        for role in Role::ALL {
            assert_eq!(
                policies.of([*role]),
                SessionPolicies::default().of([*role]),
                "{role}"
            );
        }
    }
}
