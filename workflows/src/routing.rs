//! Which provider is asked: rules as data, and the decision as the log keeps it.
//!
//! The first rule that fits a payment or payout counts. Its choices are weighed in order: the first by
//! share, so that of many payments each provider gets its part, then the others as they are listed. One
//! that cannot do it (no account, another currency, asked before) is ruled out, and the decision says why.
//! One that is not well is tried last rather than ruled out: it may be the only one.
//!
//! A decision depends on nothing but the question, the rules and what is known of the providers: asked
//! twice with the same, it is the same. The part by share is drawn from the payment's own id.

mod rules;
mod standings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use connectors::gateways::{Availability, Operation};
use ledger_core::annotation::Reference;
use ledger_core::provider::{Candidate, Fallback, MAX_CANDIDATES, Route};
use ledger_core::{AssetCode, LedgerName, ProviderName};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::gateway_accounts::{GatewayAccount, GatewayAccounts};
use crate::translation::note;

pub use rules::{Choice, Direction, RoutingRule, RoutingRules, RoutingRulesError};
pub use standings::{OperationStanding, ProviderStanding};

/// What is to be routed.
#[derive(Debug, Clone)]
pub struct RouteQuestion {
    /// In which ledger.
    pub ledger: LedgerName,
    /// The payment or payout, from which its part by share is drawn.
    pub id: Uuid,
    /// In or out.
    pub direction: Direction,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Decimal,
    /// How the payer wants to pay: `upi`, `card`, `netbanking` …
    pub method: Option<String>,
    /// Where the payer is: two letters of ISO 3166-1.
    pub country: Option<String>,
    /// The one provider that the caller wants.
    pub wanted: Option<ProviderName>,
    /// Who was asked before, the last one last.
    pub asked: Vec<ProviderName>,
    /// How the last one failed.
    pub failure: Option<Reference>,
}

/// What is known of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can be asked.
    Well,
    /// It failed too often lately.
    Unwell,
    /// It cannot do it.
    Unable(&'static str),
}

/// Nobody can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no provider can be asked: {}", self.reasons())]
pub struct NoRoute {
    /// Who was weighed and why not.
    pub candidates: Vec<Candidate>,
}

impl NoRoute {
    fn reasons(&self) -> String {
        let reasons = self.candidates.iter().filter_map(|candidate| {
            let excluded = candidate.excluded.as_ref()?;
            Some(format!("{} ({excluded})", candidate.provider))
        });
        let reasons: Vec<String> = reasons.collect();
        if reasons.is_empty() {
            return "none is configured".to_owned();
        }
        reasons.join(", ")
    }
}

/// Decides between providers; cheap to clone. By default it knows none.
#[derive(Debug, Clone, Default)]
pub struct Router {
    rules: RoutingRules,
    accounts: GatewayAccounts,
}

impl Router {
    /// Decides by `rules` between `accounts`.
    #[must_use]
    pub const fn new(rules: RoutingRules, accounts: GatewayAccounts) -> Self {
        Self { rules, accounts }
    }

    /// Whether a ledger has an account at a provider.
    #[must_use]
    pub fn knows(&self, ledger: LedgerName, provider: ProviderName) -> bool {
        self.accounts.of(ledger, provider).is_some()
    }

    /// Decides, and says why.
    ///
    /// # Errors
    /// [`NoRoute`].
    pub fn decide(&self, question: &RouteQuestion) -> Result<Route, NoRoute> {
        let standings = self
            .accounts
            .of_ledger(question.ledger)
            .into_iter()
            .map(|(provider, account)| (provider, standing(account, question)))
            .collect();
        decide(&self.rules, question, &standings)
    }
}

fn standing(account: &GatewayAccount, question: &RouteQuestion) -> Standing {
    let operation = match question.direction {
        Direction::In => Operation::CreateCheckout,
        Direction::Out => Operation::Payout,
    };
    let capabilities = account.gateway.capabilities();
    if !capabilities.supports(operation) {
        return Standing::Unable("it does not do this");
    }
    let currencies = capabilities.currencies;
    if !currencies.is_empty() && !currencies.contains(&question.asset.as_str()) {
        return Standing::Unable("it does not take the currency");
    }
    match account.gateway.availability(operation) {
        Availability::Available => Standing::Well,
        Availability::Unavailable { .. } => Standing::Unwell,
    }
}

/// The decision, from what is known of each provider that has an account.
///
/// # Errors
/// [`NoRoute`].
pub fn decide(
    rules: &RoutingRules,
    question: &RouteQuestion,
    standings: &BTreeMap<ProviderName, Standing>,
) -> Result<Route, NoRoute> {
    let rule = rules.rule_for(question);
    let choices: Vec<Choice> = match rule {
        Some(rule) => rule.choices.clone(),
        None => standings.keys().copied().map(Choice::of).collect(),
    };
    let (ordered, by_share) = in_order(&choices, question.id);
    let mut weighed: Vec<(ProviderName, Standing)> = ordered
        .into_iter()
        .take(MAX_CANDIDATES)
        .map(|provider| (provider, judge(provider, question, standings)))
        .collect();
    // The sort is stable: those that are well keep their order before those that are not.
    weighed.sort_by_key(|(_, standing)| *standing == Standing::Unwell);
    let candidates = weighed.iter().map(|(provider, standing)| Candidate {
        provider: *provider,
        excluded: match standing {
            Standing::Well | Standing::Unwell => None,
            Standing::Unable(why) => note(why),
        },
    });
    let candidates: Vec<Candidate> = candidates.collect();
    let chosen = weighed
        .iter()
        .find(|(_, standing)| !matches!(standing, Standing::Unable(_)));
    let Some((provider, standing)) = chosen else {
        return Err(NoRoute { candidates });
    };
    let name = rule.map_or("default", |rule| rule.name.as_str());
    let rule = note(&format!("{name}/{}", rules.version()));
    let reason = note(reason(*standing, question, by_share == Some(*provider)));
    let (Some(rule), Some(reason)) = (rule, reason) else {
        return Err(NoRoute { candidates });
    };
    let failed = question.asked.last().copied().zip(question.failure.clone());
    Ok(Route {
        provider: *provider,
        candidates,
        rule,
        reason,
        fallback: failed.map(|(from, reason)| Fallback { from, reason }),
    })
}

fn judge(
    provider: ProviderName,
    question: &RouteQuestion,
    standings: &BTreeMap<ProviderName, Standing>,
) -> Standing {
    if question.wanted.is_some_and(|wanted| wanted != provider) {
        return Standing::Unable("the caller names another");
    }
    if question.asked.contains(&provider) {
        return Standing::Unable("it was asked before");
    }
    standings
        .get(&provider)
        .copied()
        .unwrap_or(Standing::Unable("the ledger has no account there"))
}

fn reason(standing: Standing, question: &RouteQuestion, is_by_share: bool) -> &'static str {
    if question.wanted.is_some() {
        "the caller names it"
    } else if standing == Standing::Unwell {
        "nobody else can be asked, though it failed too often lately"
    } else if !question.asked.is_empty() {
        "the next that can be asked after a failure"
    } else if is_by_share {
        "its share of the payments"
    } else {
        "the first that can be asked"
    }
}

/// Who is weighed first by share, then the others as they are listed.
fn in_order(choices: &[Choice], id: Uuid) -> (Vec<ProviderName>, Option<ProviderName>) {
    let listed = choices.iter().map(|choice| choice.provider);
    let total: u64 = choices.iter().map(|choice| u64::from(choice.share)).sum();
    if total == 0 {
        return (listed.collect(), None);
    }
    let mut drawn = lot(id) % total;
    let mut first = None;
    for choice in choices {
        let share = u64::from(choice.share);
        if drawn < share {
            first = Some(choice.provider);
            break;
        }
        drawn -= share;
    }
    let others = listed.filter(|provider| Some(*provider) != first);
    (first.into_iter().chain(others).collect(), first)
}

/// A number that an id always has and that nobody chooses.
fn lot(id: Uuid) -> u64 {
    let digest = Sha256::digest(id.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
