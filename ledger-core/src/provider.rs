//! What payments, payouts and settlements share about the outside: which provider is asked and why,
//! what it charges, which accounts stand for it, and what a provider's word makes Daybook do.
//!
//! | account | side | what it counts |
//! |---|---|---|
//! | `gateway_clearing.<provider>` | debit | collected from payers and not yet paid to us |
//! | `gateway_fees.<provider>` | debit | what the provider charges |
//! | `gateway_tax.<provider>` | debit | the tax on it |
//! | `disputed.<provider>` | credit | taken out of wallets while an issuer decides |
//! | `payout_clearing.<provider>` | debit | our money there, from which payouts are paid |
//! | `suspense` | credit | money that arrived and cannot be credited as it is |
//! | `losses` | debit | what the platform bears |
//! | `cash` | debit | the bank account that settlements arrive at, unless another is named |
//!
//! A system account counts every asset, so there is one per provider and purpose. They are opened
//! by the first movement that needs them: money that has arrived must not wait for an operator.

mod effect;
mod fees;
mod routing;
#[cfg(test)]
mod tests;

use crate::identifier::{Holder, ProviderName, SystemAccountName};
use crate::money::AssetCode;
use crate::posting::{HolderStanding, NormalSide, Standings, WalletStatus};

pub use effect::{Authority, Effect};
pub use fees::{Fees, FeesRejection, ObservedFees, Reported};
pub use routing::{Candidate, Fallback, MAX_CANDIDATES, Route, RouteRejection};

const CLEARING: &str = "gateway_clearing";
const FEES: &str = "gateway_fees";
const TAX: &str = "gateway_tax";
const DISPUTED: &str = "disputed";
const PAYOUTS: &str = "payout_clearing";
const SUSPENSE: &str = "suspense";
const LOSSES: &str = "losses";
const CASH: &str = "cash";

/// The accounts of one provider: every purpose, and the side on which it grows.
const OF_PROVIDER: [(&str, NormalSide); 5] = [
    (CLEARING, NormalSide::Debit),
    (FEES, NormalSide::Debit),
    (TAX, NormalSide::Debit),
    (DISPUTED, NormalSide::Credit),
    (PAYOUTS, NormalSide::Debit),
];

/// The accounts that all providers share.
const SHARED: [(&str, NormalSide); 3] = [
    (SUSPENSE, NormalSide::Credit),
    (LOSSES, NormalSide::Debit),
    (CASH, NormalSide::Debit),
];

impl ProviderName {
    /// What it has collected from payers and not yet paid to us.
    #[must_use]
    pub fn clearing(&self) -> Holder {
        self.account(CLEARING)
    }

    /// What it charges.
    #[must_use]
    pub fn fees(&self) -> Holder {
        self.account(FEES)
    }

    /// The tax on what it charges.
    #[must_use]
    pub fn tax(&self) -> Holder {
        self.account(TAX)
    }

    /// What was taken out of wallets because a payment of this provider is disputed.
    #[must_use]
    pub fn disputed(&self) -> Holder {
        self.account(DISPUTED)
    }

    /// Our money there, from which payouts are paid.
    #[must_use]
    pub fn payouts(&self) -> Holder {
        self.account(PAYOUTS)
    }

    /// Every account of the provider.
    #[must_use]
    pub fn accounts(&self) -> [Holder; 5] {
        OF_PROVIDER.map(|(purpose, _)| self.account(purpose))
    }
}

/// Money that arrived and cannot be credited as it is.
pub(crate) fn suspense() -> Holder {
    Holder::System(SystemAccountName::constant(SUSPENSE))
}

/// What the platform bears.
pub(crate) fn losses() -> Holder {
    Holder::System(SystemAccountName::constant(LOSSES))
}

/// Who gets what comes back to `holder`: it does, or suspense where its wallet is closed.
pub(crate) fn landing(holder: Holder, asset: AssetCode, standings: &Standings) -> Holder {
    let standing = standings.account(&holder.account(asset));
    match standing.map(|standing| standing.holder) {
        Some(
            HolderStanding::System { .. }
            | HolderStanding::Wallet {
                status: WalletStatus::Open | WalletStatus::Frozen(_),
                ..
            },
        ) => holder,
        None
        | Some(HolderStanding::Wallet {
            status: WalletStatus::Closed,
            ..
        }) => suspense(),
    }
}

/// The side on which an account grows that movements open by themselves; `None` for every other.
#[must_use]
pub fn opened_by_movements(holder: Holder) -> Option<NormalSide> {
    let Holder::System(name) = holder else {
        return None;
    };
    let name = name.as_str();
    if let Some((_, side)) = SHARED.iter().find(|(shared, _)| *shared == name) {
        return Some(*side);
    }
    let (purpose, provider) = name.split_once('.')?;
    provider.parse::<ProviderName>().ok()?;
    OF_PROVIDER
        .iter()
        .find(|(known, _)| *known == purpose)
        .map(|(_, side)| *side)
}
