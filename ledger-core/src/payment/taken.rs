//! Money taken back by force: who bears it, and how it moves.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{Holder, ProviderName};
use crate::money::{Amount, AssetCode, Balance};
use crate::posting::{
    HolderStanding, Overdraft, RequestedPosting, Standing, Standings, WalletStatus,
};
use crate::provider::{losses, suspense};

use super::state::CapturedPayment;

/// Who bears an amount that the provider takes or may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Who held the payment's money: its wallet, or suspense.
    pub source: Holder,
    /// How much of it the source bears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_source: Option<Amount>,
    /// How much of it the platform bears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_losses: Option<Amount>,
}

/// What decides who bears an amount.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bearing<'a> {
    pub(super) source: Holder,
    pub(super) asset: AssetCode,
    /// How much of the payment is still there to be taken.
    pub(super) left: Decimal,
    /// What comes back to the source in the same transaction.
    pub(super) coming_back: Option<Amount>,
    /// How far the source may be taken below zero.
    pub(super) overdraft: Overdraft,
    pub(super) standings: &'a Standings,
}

impl Bearing<'_> {
    /// Who bears `amount`: the source no more than is left of the payment, than it has available and
    /// than the policy lets it owe; the platform bears the rest.
    pub(super) fn of(&self, amount: Amount) -> Taken {
        let borne = self.most().min(amount.value()).max(Decimal::ZERO);
        let from_source = Amount::try_new(borne, amount.scale()).ok();
        Taken {
            source: self.source,
            from_source,
            from_losses: match from_source {
                Some(from_source) => amount.checked_sub(from_source),
                None => Some(amount),
            },
        }
    }

    fn most(&self) -> Decimal {
        let Some(standing) = self.standings.account(&self.source.account(self.asset)) else {
            return Decimal::ZERO;
        };
        match standing.holder {
            HolderStanding::System { .. } => self.left,
            HolderStanding::Wallet {
                status: WalletStatus::Closed,
                ..
            } => Decimal::ZERO,
            HolderStanding::Wallet {
                status: WalletStatus::Open | WalletStatus::Frozen(_),
                ..
            } => match self.overdraft {
                Overdraft::Unlimited => self.left,
                Overdraft::Forbidden => self.left.min(self.available(standing, None)),
                Overdraft::UpTo(limit) => self.left.min(self.available(standing, Some(limit))),
            },
        }
    }

    fn available(&self, standing: &Standing, limit: Option<Amount>) -> Decimal {
        let available = Balance::difference(standing.posted.credits, standing.posted.debits)
            .and_then(|balance| balance.checked_sub(standing.pending_debits))
            .and_then(|balance| add(balance, self.coming_back))
            .and_then(|balance| add(balance, limit));
        available.map(Balance::value).unwrap_or_default()
    }
}

fn add(balance: Balance, amount: Option<Amount>) -> Option<Balance> {
    match amount {
        Some(amount) => balance.checked_add(amount),
        None => Some(balance),
    }
}

impl Taken {
    /// How much it is in all.
    pub(super) fn total(&self) -> Decimal {
        let value = |amount: Option<Amount>| amount.map(Amount::value).unwrap_or_default();
        value(self.from_source) + value(self.from_losses)
    }

    /// The movements that bring it to `place`.
    fn out(&self, asset: AssetCode, place: Holder) -> Vec<RequestedPosting> {
        let parts = [
            (self.source, self.from_source),
            (losses(), self.from_losses),
        ];
        movements(asset, parts.map(|(bearer, amount)| (bearer, place, amount)))
    }

    /// The movements that bring it back from `place`.
    fn back(&self, asset: AssetCode, place: Holder, to: Holder) -> Vec<RequestedPosting> {
        let parts = [(to, self.from_source), (losses(), self.from_losses)];
        movements(asset, parts.map(|(bearer, amount)| (place, bearer, amount)))
    }
}

fn movements<const COUNT: usize>(
    asset: AssetCode,
    parts: [(Holder, Holder, Option<Amount>); COUNT],
) -> Vec<RequestedPosting> {
    let parts = parts.into_iter();
    parts
        .filter_map(|(source, destination, amount)| {
            Some(RequestedPosting {
                source,
                destination,
                asset,
                amount: amount?.value(),
            })
        })
        .collect()
}

/// What was taken, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lying {
    pub(super) taken: Taken,
    pub(super) place: Place,
}

/// Where what was taken lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// With us, until it is decided.
    Disputed,
    /// With the provider.
    Provider,
}

impl Place {
    fn account(self, provider: ProviderName) -> Holder {
        match self {
            Self::Disputed => provider.disputed(),
            Self::Provider => provider.clearing(),
        }
    }
}

/// A change of what is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) provider: ProviderName,
    pub(super) asset: AssetCode,
    pub(super) before: Option<Lying>,
    pub(super) after: Option<Lying>,
    /// Who gets back what the source had borne.
    pub(super) returned_to: Option<Holder>,
}

impl Change {
    /// The movements it takes; none when everything lies where it lay.
    pub(super) fn postings(&self) -> Vec<RequestedPosting> {
        let account = |lying: &Lying| lying.place.account(self.provider);
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if before.taken == after.taken => {
                if before.place == after.place {
                    return Vec::new();
                }
                vec![RequestedPosting {
                    source: account(before),
                    destination: account(after),
                    asset: self.asset,
                    amount: before.taken.total(),
                }]
            }
            (before, after) => {
                let back = before.iter().flat_map(|lying| {
                    let to = self.returned_to.unwrap_or(lying.taken.source);
                    lying.taken.back(self.asset, account(lying), to)
                });
                let out = after
                    .iter()
                    .flat_map(|lying| lying.taken.out(self.asset, account(lying)));
                back.chain(out).collect()
            }
        }
    }
}

impl CapturedPayment {
    /// Who gets what comes back to `source`: it does, unless it is suspense and the payment has a
    /// wallet by now, or a wallet that was closed.
    pub(super) fn landing(&self, source: Holder, standings: &Standings) -> Holder {
        let target = if source == suspense() {
            self.holder
        } else {
            source
        };
        let standing = standings.account(&target.account(self.asset));
        match standing.map(|standing| standing.holder) {
            Some(
                HolderStanding::System { .. }
                | HolderStanding::Wallet {
                    status: WalletStatus::Open | WalletStatus::Frozen(_),
                    ..
                },
            ) => target,
            None
            | Some(HolderStanding::Wallet {
                status: WalletStatus::Closed,
                ..
            }) => suspense(),
        }
    }
}
