//! Money taken back by force: who bears it, who gets what comes back, and how it moves.
//!
//! All that is taken of one payment is one account between its holder and the platform. The holder
//! bears no more than the payment was; the platform bears the rest and keeps count. What comes back
//! goes to the platform first, as far as it bears something, then to the holder. So it does not
//! matter which claim was heard of first: in the end the holder bears what claims are left, up to
//! the payment, and the platform what exceeds it.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::{Holder, ProviderName, TransactionId, derived_id};
use crate::money::{Amount, AssetCode, Balance};
use crate::posting::{
    HolderStanding, Overdraft, RequestedPosting, Standing, Standings, WalletStatus,
};
use crate::provider::{landing, losses, suspense};

use super::captured::CapturedPayment;
use super::command::PaymentCommand;
use super::event::{MadeGood, Returned};

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

/// What is taken of a payment, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lying {
    pub(super) amount: Amount,
    pub(super) place: Place,
    /// Whose it was.
    pub(super) source: Holder,
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
    pub(super) fn account(self, provider: ProviderName) -> Holder {
        match self {
            Self::Disputed => provider.disputed(),
            Self::Provider => provider.clearing(),
        }
    }
}

impl Taken {
    /// The movements that bring it to `place`.
    pub(super) fn postings(&self, asset: AssetCode, place: Holder) -> Vec<RequestedPosting> {
        let parts = [
            (self.source, self.from_source),
            (losses(), self.from_losses),
        ];
        movements(asset, parts.map(|(bearer, amount)| (bearer, place, amount)))
    }
}

impl Returned {
    /// The movements that bring `amount` back from `place`.
    pub(super) fn postings(
        &self,
        asset: AssetCode,
        amount: Amount,
        place: Holder,
    ) -> Vec<RequestedPosting> {
        let parts = [
            (self.to, self.of_source(amount)),
            (losses(), self.to_losses),
        ];
        movements(asset, parts.map(|(bearer, amount)| (place, bearer, amount)))
    }

    /// How much of `amount` went to whoever it was taken from.
    pub(super) fn of_source(&self, amount: Amount) -> Option<Amount> {
        match self.to_losses {
            Some(to_losses) => amount.checked_sub(to_losses),
            None => Some(amount),
        }
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

/// The id of a transaction that is posted beside the one of the same command.
pub(super) fn transaction_beside(transaction: TransactionId, what: &'static str) -> TransactionId {
    TransactionId::new(derived_id(&[what, &transaction.to_string()]))
}

impl CapturedPayment {
    /// Who bears `amount`; what comes back to them in the same transaction is theirs to bear it.
    pub(super) fn bear(
        &self,
        command: &PaymentCommand,
        amount: Amount,
        coming_back: Option<Amount>,
    ) -> Taken {
        let (source, left) = self.drawn_from(self.left());
        let bearing = Bearing {
            source,
            asset: self.asset,
            left,
            coming_back,
            overdraft: command.policy.chargeback_overdraft,
            standings: &command.standings,
        };
        bearing.of(amount)
    }

    /// Who gets `amount`, which was taken from `source`, when it comes back: the platform as far as it
    /// bears something of the payment; then the source, or the payment's wallet where that was
    /// suspense, or suspense where the wallet is closed.
    pub(super) fn come_back(
        &self,
        command: &PaymentCommand,
        amount: Amount,
        source: Holder,
        transaction: TransactionId,
    ) -> Returned {
        let target = if source == suspense() {
            self.holder
        } else {
            source
        };
        Returned {
            to: landing(target, self.asset, &command.standings),
            to_losses: self.of_platform(amount),
            transaction,
        }
    }

    /// What the source of a refund bears instead of the platform when `amount`, which was reserved for
    /// the refund, is free again.
    pub(super) fn make_good(&self, amount: Amount, transaction: TransactionId) -> Option<MadeGood> {
        self.of_platform(amount).map(|amount| MadeGood {
            amount,
            transaction: transaction_beside(transaction, "made good"),
        })
    }

    fn of_platform(&self, amount: Amount) -> Option<Amount> {
        let borne = self.borne_by_platform.value().min(amount.value());
        Amount::try_new(borne, amount.scale()).ok()
    }
}
