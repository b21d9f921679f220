//! Which provider a deposit is sent to.
//!
//! The decision is made before the payment is begun and recorded with it. [`PreferredProviders`] is the
//! rule that needs no rules: the first provider of a list, or the one that the caller names.

use std::fmt;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ledger_core::annotation::Reference;
use ledger_core::provider::{Candidate, Route, RouteRejection};
use ledger_core::{AssetCode, LedgerName, ProviderName, WalletId};
use rust_decimal::Decimal;

use crate::problem::{Problem, catalogue};

/// A deposit, as far as the choice of its provider asks.
#[derive(Debug, Clone)]
pub struct DepositToRoute {
    /// In which ledger.
    pub ledger: LedgerName,
    /// Whose wallet is to be credited.
    pub wallet: WalletId,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Decimal,
    /// How the payer wants to pay: `upi`, `card`, `netbanking` …
    pub method: Option<String>,
    /// Where the payer is: two letters of ISO 3166-1.
    pub country: Option<String>,
    /// The one provider that the caller wants.
    pub provider: Option<ProviderName>,
}

/// Decides between providers.
pub trait DepositRouting: Send + Sync + fmt::Debug {
    /// Decides, and says why.
    fn route(&self, deposit: DepositToRoute) -> BoxFuture<'_, Result<Route, Problem>>;
}

/// Providers in order of preference.
#[derive(Debug, Clone, Default)]
pub struct PreferredProviders(pub Vec<ProviderName>);

impl DepositRouting for PreferredProviders {
    fn route(&self, deposit: DepositToRoute) -> BoxFuture<'_, Result<Route, Problem>> {
        std::future::ready(self.decide(deposit.provider)).boxed()
    }
}

impl PreferredProviders {
    fn decide(&self, wanted: Option<ProviderName>) -> Result<Route, Problem> {
        let chosen = match wanted {
            Some(wanted) if !self.0.contains(&wanted) => {
                let rejection = RouteRejection::NotACandidate { provider: wanted };
                return Err(Problem::new(rejection.code(), rejection.to_string()));
            }
            Some(wanted) => Some(wanted),
            None => self.0.first().copied(),
        };
        let provider = chosen.ok_or_else(|| {
            Problem::new(
                catalogue::PROVIDER_UNAVAILABLE,
                "no payment provider is configured (`payments.providers`)",
            )
        })?;
        let candidates = self.0.iter().map(|candidate| Candidate {
            provider: *candidate,
            excluded: match wanted {
                Some(wanted) if wanted != *candidate => words("the caller names another").ok(),
                Some(_) | None => None,
            },
        });
        Ok(Route {
            provider,
            candidates: candidates.collect(),
            rule: words("preferred_providers/1")?,
            reason: words(match wanted {
                Some(_) => "the caller names it",
                None => "the first of the configured providers",
            })?,
            fallback: None,
        })
    }
}

fn words(text: &str) -> Result<Reference, Problem> {
    text.parse()
        .map_err(|error: <Reference as std::str::FromStr>::Err| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::PreferredProviders;

    fn providers(names: &[&str]) -> PreferredProviders {
        PreferredProviders(names.iter().map(|name| name.parse().unwrap()).collect())
    }

    #[test]
    fn the_first_provider_is_asked_or_the_one_that_is_named() {
        let two = providers(&["razorpay", "stripe"]);
        let first = two.decide(None).unwrap();
        assert_eq!(
            (first.provider.as_str(), first.check()),
            ("razorpay", Ok(()))
        );
        let named = two.decide("stripe".parse().ok()).unwrap();
        assert_eq!((named.provider.as_str(), named.check()), ("stripe", Ok(())));
        assert!(named.candidates[0].excluded.is_some());
        let other = two.decide("payu".parse().ok()).unwrap_err();
        assert_eq!(other.code(), "route_provider_not_a_candidate");
        let none = providers(&[]).decide(None).unwrap_err();
        assert_eq!(none.code(), "payment_provider_unavailable");
    }
}
