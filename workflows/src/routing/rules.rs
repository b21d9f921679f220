//! Rules, as they stand in the configuration.

use std::sync::Arc;

use ledger_core::{AssetCode, LedgerName, ProviderName};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::RouteQuestion;

/// Which way money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Payments.
    In,
    /// Payouts.
    Out,
}

/// One rule. A list that is empty, and a bound that is not there, fits everything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingRule {
    /// Its name, which decisions quote.
    pub name: String,
    /// Which way the money goes.
    pub direction: Direction,
    /// Only in these ledgers.
    #[serde(default)]
    pub ledgers: Vec<LedgerName>,
    /// Only these assets.
    #[serde(default)]
    pub assets: Vec<AssetCode>,
    /// Only these ways to pay: `upi`, `card`, `netbanking` …
    #[serde(default)]
    pub methods: Vec<String>,
    /// Only payers in these countries: two letters of ISO 3166-1.
    #[serde(default)]
    pub countries: Vec<String>,
    /// Only this amount or more.
    #[serde(default)]
    pub least: Option<Decimal>,
    /// Only this amount or less.
    #[serde(default)]
    pub most: Option<Decimal>,
    /// Who is asked, in order.
    pub choices: Vec<Choice>,
}

/// A provider in a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Who.
    pub provider: ProviderName,
    /// Its part of what the rule fits, beside the parts of the others; 0 for one that is asked only when
    /// others cannot be.
    #[serde(default)]
    pub share: u32,
}

impl Choice {
    /// A provider without a share.
    pub(super) const fn of(provider: ProviderName) -> Self {
        Self { provider, share: 0 }
    }
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoutingRulesError {
    /// Names stand in the log.
    #[error("a rule's name is 1 to 100 printable characters without '/', and there once: {name:?}")]
    Name {
        /// The name.
        name: String,
    },
    /// Nobody to ask.
    #[error("the rule {name:?} names no provider, or one twice")]
    Choices {
        /// The rule.
        name: String,
    },
    /// No amount fits.
    #[error("the rule {name:?} fits no amount")]
    Amounts {
        /// The rule.
        name: String,
    },
}

/// Rules in order; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RoutingRules {
    version: Arc<str>,
    rules: Arc<[RoutingRule]>,
}

impl RoutingRules {
    /// Rules to decide by; decisions quote the version.
    ///
    /// # Errors
    /// [`RoutingRulesError`].
    pub fn try_new(version: &str, rules: Vec<RoutingRule>) -> Result<Self, RoutingRulesError> {
        for (index, rule) in rules.iter().enumerate() {
            let name = rule.name.clone();
            let is_printable = name
                .chars()
                .all(|character| !character.is_control() && character != '/');
            let is_first = rules.iter().position(|other| other.name == name) == Some(index);
            if name.trim().is_empty() || name.len() > 100 || !is_printable || !is_first {
                return Err(RoutingRulesError::Name { name });
            }
            let mut providers: Vec<_> = rule.choices.iter().map(|choice| choice.provider).collect();
            providers.sort_unstable();
            providers.dedup();
            if providers.is_empty() || providers.len() != rule.choices.len() {
                return Err(RoutingRulesError::Choices { name });
            }
            if rule
                .least
                .zip(rule.most)
                .is_some_and(|(least, most)| least > most)
            {
                return Err(RoutingRulesError::Amounts { name });
            }
        }
        Ok(Self {
            version: version.into(),
            rules: rules.into(),
        })
    }

    /// The version, which decisions quote.
    pub(super) fn version(&self) -> &str {
        if self.version.is_empty() {
            "1"
        } else {
            &self.version
        }
    }

    /// The first rule that fits.
    pub(super) fn rule_for(&self, question: &RouteQuestion) -> Option<&RoutingRule> {
        self.rules.iter().find(|rule| rule.fits(question))
    }
}

impl RoutingRule {
    fn fits(&self, question: &RouteQuestion) -> bool {
        self.direction == question.direction
            && (self.ledgers.is_empty() || self.ledgers.contains(&question.ledger))
            && (self.assets.is_empty() || self.assets.contains(&question.asset))
            && is_among(&self.methods, question.method.as_deref())
            && is_among(&self.countries, question.country.as_deref())
            && self.least.is_none_or(|least| question.amount >= least)
            && self.most.is_none_or(|most| question.amount <= most)
    }
}

/// A rule that asks for something fits nothing that does not say it.
fn is_among(wanted: &[String], found: Option<&str>) -> bool {
    wanted.is_empty()
        || found.is_some_and(|found| wanted.iter().any(|one| one.eq_ignore_ascii_case(found)))
}
