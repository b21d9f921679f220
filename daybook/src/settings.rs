//! Configuration: a commented default file, the operator's file, then the environment.
//!
//! Everything is read and checked here, before anything listens; nothing else reads the
//! environment. URLs may hold passwords and never show in `Debug`.

pub mod audit;
mod auth;
pub mod documents;
mod edge;
pub mod messaging;
pub mod onboarding;
pub mod payments;
pub mod verification;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use command_api::access::four_eyes::FourEyesError;
use command_api::limits::{LimitFault, LimitSettings};
use config::{Config, Environment, File, FileFormat};
use connectors::outbound::{BaseUrl, BaseUrlError};
use ledger_core::LedgerName;
use serde::Deserialize;

use self::audit::AuditSettings;
use self::documents::DocumentsSettings;
pub use auth::{AuthMode, AuthSettings};
use messaging::MessagingSettings;
use onboarding::OnboardingSettings;
use payments::PaymentSettings;
use verification::VerificationSettings;

/// The default file, which is also the documentation of every setting.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file or variable cannot be read, or has the wrong type, or is no setting.
    #[error("the configuration cannot be read")]
    Read(#[source] config::ConfigError),
    /// A limit makes no sense.
    #[error(transparent)]
    Limit(#[from] LimitFault),
    /// A value makes no sense.
    #[error("{setting} {rule}")]
    Value {
        /// The setting's name.
        setting: &'static str,
        /// What it has to be.
        rule: &'static str,
    },
    /// An operation cannot need a second person.
    #[error("auth.four_eyes names what it cannot")]
    FourEyes(#[source] FourEyesError),
}

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address.
    pub http: HttpSettings,
    /// How often somebody may ask.
    pub limits: LimitSettings,
    /// Who may call.
    pub auth: AuthSettings,
    /// How codes get to people.
    pub messaging: MessagingSettings,
    /// Accounts at payment providers.
    pub payments: PaymentSettings,
    /// Verification of owners, and accounts at identity providers.
    pub verification: VerificationSettings,
    /// What owners have to do before they have a wallet.
    pub onboarding: OnboardingSettings,
    /// Documents of cases.
    pub documents: DocumentsSettings,
    /// Checkpoints of logs.
    pub audit: AuditSettings,
    /// PostgreSQL.
    pub database: DatabaseSettings,
    /// NATS.
    pub nats: NatsSettings,
    /// The executors.
    pub executor: ExecutorLimits,
    /// Logs and traces.
    pub telemetry: TelemetrySettings,
}

/// Where to listen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// The one address for everything.
    pub listen: SocketAddr,
    /// Origins whose pages may call.
    pub allowed_origins: Vec<String>,
    /// Proxies that say where requests come from.
    pub trusted_proxies: Vec<String>,
}

/// A secret, or a URL that may hold a password.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// The text, or `None` when none is set.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&self.0)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() {
            "none"
        } else {
            "(hidden)"
        })
    }
}

/// PostgreSQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// The database; a private server when empty.
    pub url: SecretText,
    /// The size of the pool.
    pub connections: u32,
}

/// NATS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    /// The server; a private one when empty.
    pub url: SecretText,
}

/// Bounds of the executors.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutorLimits {
    /// Submissions that may wait.
    pub queue: usize,
    /// Commands per append.
    pub batch_commands: usize,
    /// Entities kept in memory.
    pub cached_entities: usize,
    /// Entities kept at most while the accounts read model lags.
    pub lagging_entities: usize,
    /// Keys kept in memory.
    pub cached_keys: usize,
    /// How long to wait for PostgreSQL, in milliseconds.
    pub patience_ms: u64,
}

impl From<ExecutorLimits> for event_store::executor::ExecutorSettings {
    fn from(limits: ExecutorLimits) -> Self {
        Self {
            queue: limits.queue,
            batch_commands: limits.batch_commands,
            cached_entities: limits.cached_entities,
            lagging_entities: limits.lagging_entities,
            cached_keys: limits.cached_keys,
            patience: Duration::from_millis(limits.patience_ms),
        }
    }
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Logs and traces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// What is logged.
    pub filter: String,
    /// How it looks.
    pub format: LogFormat,
    /// Where traces go; nowhere when empty.
    pub otlp_endpoint: String,
}

impl Settings {
    /// Reads the defaults, then `file` (or `daybook.toml` here, if there is one), then the
    /// environment.
    ///
    /// # Errors
    /// [`SettingsError`] naming the setting.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let own = match file {
            Some(path) => File::from(path).format(FileFormat::Toml).required(true),
            None => File::new("daybook.toml", FileFormat::Toml).required(false),
        };
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let settings: Self = Config::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .add_source(own)
            .set_override_option("database.url", variable("DATABASE_URL"))
            .and_then(|builder| builder.set_override_option("nats.url", variable("NATS_URL")))
            .and_then(|builder| {
                builder.set_override_option("telemetry.filter", variable("RUST_LOG"))
            })
            .and_then(|builder| {
                let environment = Environment::with_prefix("DAYBOOK")
                    .prefix_separator("__")
                    .separator("__")
                    .try_parsing(true)
                    .list_separator(",")
                    .with_list_parse_key("http.allowed_origins")
                    .with_list_parse_key("auth.four_eyes")
                    .with_list_parse_key("documents.types")
                    .with_list_parse_key("http.trusted_proxies");
                builder.add_source(environment).build()
            })
            .and_then(Config::try_deserialize)
            .map_err(SettingsError::Read)?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether an account at a provider is for this ledger.
    #[must_use]
    pub fn names_account_of(&self, ledger: LedgerName) -> bool {
        let payments = self.payments.accounts.iter().map(|account| account.ledger);
        let verification = self.verification.accounts.iter();
        payments
            .chain(verification.map(|account| account.ledger))
            .any(|named| named == ledger)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let positive = [
            ("executor.queue", self.executor.queue),
            ("executor.batch_commands", self.executor.batch_commands),
            ("executor.cached_entities", self.executor.cached_entities),
        ];
        for (setting, value) in positive {
            if value == 0 {
                return Err(SettingsError::Value {
                    setting,
                    rule: "must be greater than zero",
                });
            }
        }
        self.auth.check()?;
        self.edge()?;
        if self.database.connections < 4 {
            let rule = "must be at least 4: reads, projections and the listener share the pool";
            return Err(SettingsError::Value {
                setting: "database.connections",
                rule,
            });
        }
        Ok(())
    }
}

/// A provider's address: the configured one, or the provider's own.
fn address(configured: Option<BaseUrl>, usual: &str) -> Result<BaseUrl, BaseUrlError> {
    configured.map_or_else(|| usual.parse(), Ok)
}
