//! What the outermost layer of the server is to do.

use command_api::EdgeSettings;
use command_api::client_address::TrustedProxies;
use command_api::edge::cors::Cors;

use super::{Settings, SettingsError};

impl Settings {
    /// The limits, the proxies that are trusted, and the origins whose pages may call.
    ///
    /// # Errors
    /// [`SettingsError`] naming the setting.
    pub fn edge(&self) -> Result<EdgeSettings, SettingsError> {
        self.limits.check()?;
        let trusted_proxies = TrustedProxies::try_new(&self.http.trusted_proxies);
        let cors = Cors::try_new(&self.http.allowed_origins);
        Ok(EdgeSettings {
            limits: self.limits,
            trusted_proxies: trusted_proxies.map_err(|_| SettingsError::Value {
                setting: "http.trusted_proxies",
                rule: "must be addresses or networks like 10.0.0.0/8, and not everybody",
            })?,
            cors: cors.map_err(|_| SettingsError::Value {
                setting: "http.allowed_origins",
                rule: "must be origins as browsers write them, like https://console.example: no path, \
                       no `*`, the port only when it is not the usual one",
            })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use crate::settings::Settings;

    /// What loading a file with these lines says.
    fn loaded(lines: &str) -> Result<Settings, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        Settings::load(Some(file.path())).map_err(|error| {
            let source = std::error::Error::source(&error);
            let source = source.map(ToString::to_string).unwrap_or_default();
            format!("{error}: {source}")
        })
    }

    #[test]
    fn the_defaults_limit_everybody_and_open_nothing() {
        let settings = loaded("").unwrap();
        settings.edge().unwrap();
        for limits in [
            settings.limits.address,
            settings.limits.account,
            settings.limits.key,
        ] {
            assert!(limits.sign_in.requests > 0 && limits.codes.requests > 0);
            assert!(limits.commands.requests > 0 && limits.queries.requests > 0);
            // Strict where secrets can be guessed, out of the way elsewhere.
            assert!(limits.sign_in.requests * 100 <= limits.commands.requests);
        }
        assert!(settings.http.allowed_origins.is_empty());
        assert!(settings.http.trusted_proxies.is_empty());
    }

    #[test]
    fn one_limit_is_changed_or_switched_off_without_the_others() {
        let text =
            "[limits.key]\ncommands = { requests = 0 }\n[limits.address]\nsign_in.requests = 7";
        let settings = loaded(text).unwrap();
        let defaults = loaded("").unwrap();
        assert_eq!(settings.limits.key.commands.requests, 0);
        assert_eq!(settings.limits.key.queries, defaults.limits.key.queries);
        assert_eq!(settings.limits.address.sign_in.requests, 7);
        assert_eq!(settings.limits.address.sign_in.seconds, 60);
        assert_eq!(settings.limits.account, defaults.limits.account);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (lines, expected) in [
            (
                "http.trusted_proxies = ['0.0.0.0/0']",
                "http.trusted_proxies must be",
            ),
            (
                "http.trusted_proxies = ['proxy']",
                "http.trusted_proxies must be",
            ),
            (
                "http.allowed_origins = ['*']",
                "http.allowed_origins must be origins",
            ),
            (
                "http.allowed_origins = ['https://a.example/']",
                "http.allowed_origins must be",
            ),
            ("limits.remembered = 0", "limits.remembered must be"),
            (
                "limits.key.codes = { requests = 1, seconds = 0 }",
                "limits.key.codes must be for 1 to 86400 seconds",
            ),
            (
                "limits.key.codes = { requests = -1 }",
                "limits.key.codes.requests",
            ),
            ("limits.key.nonsense = { requests = 1 }", "nonsense"),
            ("limits.key.codes = { request = 1 }", "request"),
        ] {
            let refused = loaded(lines).unwrap_err();
            assert!(refused.contains(expected), "{lines}: {refused}");
        }
    }
}
