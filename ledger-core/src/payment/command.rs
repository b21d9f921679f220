//! What can be asked of a payment, and what can be observed about it.

use rust_decimal::Decimal;

use crate::annotation::{Metadata, Reference};
use crate::identifier::{
    PaymentId, ProviderName, ProviderReference, RefundId, TransactionId, WalletId,
};
use crate::ledger::PaymentPolicy;
use crate::limit::Limits;
use crate::money::AssetCode;
use crate::posting::Standings;
use crate::provider::{ObservedFees, Route};
use crate::timestamp::Timestamp;

use super::dispute::DisputePhase;
use super::event::UnexpectedReason;

/// A payment as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// Whose wallet is to be credited.
    pub wallet: WalletId,
    /// Which asset.
    pub asset: AssetCode,
    /// How much the payer is to pay.
    pub amount: Decimal,
    /// Which provider is asked, and why.
    pub route: Route,
    /// Until when the payer may pay, as far as it is ours to say.
    pub expires_at: Option<Timestamp>,
    /// The caller's name for it.
    pub reference: Option<Reference>,
    /// The caller's metadata.
    pub metadata: Metadata,
}

/// Money as a provider reports it; nothing about it has been checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedMoney {
    /// Which asset.
    pub asset: AssetCode,
    /// How much, in the asset's major unit.
    pub amount: Decimal,
}

/// What a provider says about a payment: by a webhook, by an answer or by a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentObservation {
    /// Who says it.
    pub provider: ProviderName,
    /// The provider's order, session or link, if it has told.
    pub order: Option<ProviderReference>,
    /// What it says.
    pub status: ObservedPayment,
}

impl PaymentObservation {
    /// The attempt whose money has arrived; `None` where no money did.
    const fn captured(&self) -> Option<&ProviderReference> {
        match &self.status {
            ObservedPayment::Captured { attempt, .. } => Some(attempt),
            ObservedPayment::AwaitingPayer { .. }
            | ObservedPayment::Failed { .. }
            | ObservedPayment::Expired
            | ObservedPayment::Authorized { .. }
            | ObservedPayment::Released { .. } => None,
        }
    }

    /// The asset of the money that it reports, if it reports money.
    pub(crate) const fn asset(&self) -> Option<AssetCode> {
        match &self.status {
            ObservedPayment::Authorized { money, .. } | ObservedPayment::Captured { money, .. } => {
                Some(money.asset)
            }
            ObservedPayment::AwaitingPayer { .. }
            | ObservedPayment::Failed { .. }
            | ObservedPayment::Expired
            | ObservedPayment::Released { .. } => None,
        }
    }
}

/// A provider's word about a payment, in our terms. An attempt is the provider's own payment: an
/// order may have several, of which one is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedPayment {
    /// The hosted page is there and the payer has not finished.
    AwaitingPayer {
        /// Until when the page can be used.
        expires_at: Option<Timestamp>,
    },
    /// An attempt failed, or without an attempt: the page could not be made. Not final.
    Failed {
        /// Which attempt.
        attempt: Option<ProviderReference>,
        /// Why.
        reason: Option<Reference>,
    },
    /// The page can no longer be used. Money may still arrive late.
    Expired,
    /// The payer's bank has reserved the money.
    Authorized {
        /// Which attempt.
        attempt: ProviderReference,
        /// How much.
        money: ObservedMoney,
    },
    /// The reservation was given back and nothing was taken, as happens to what is not captured.
    Released {
        /// Which attempt.
        attempt: ProviderReference,
    },
    /// The provider has the money.
    Captured {
        /// Which attempt.
        attempt: ProviderReference,
        /// How much.
        money: ObservedMoney,
        /// What the provider charges, where it says so by now.
        fees: Option<ObservedFees>,
    },
}

/// What a provider says about a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundObservation {
    /// Who says it.
    pub provider: ProviderName,
    /// The attempt whose money is given back: the provider's own payment.
    pub attempt: ProviderReference,
    /// The provider's own id of the refund.
    pub provider_refund: ProviderReference,
    /// How much.
    pub money: ObservedMoney,
    /// What it says.
    pub status: ObservedRefund,
    /// The bank's number of the transfer, once there is one.
    pub bank_reference: Option<ProviderReference>,
    /// Why it failed.
    pub reason: Option<Reference>,
}

/// A provider's word about a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObservedRefund {
    /// Taken on.
    Pending,
    /// The payer gets it.
    Succeeded,
    /// The payer does not get it, even where it said otherwise before.
    Failed,
}

/// What a provider says about a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeObservation {
    /// Who says it.
    pub provider: ProviderName,
    /// The attempt whose money is disputed: the provider's own payment.
    pub attempt: ProviderReference,
    /// The provider's own id of the dispute.
    pub dispute: ProviderReference,
    /// How far it has come.
    pub phase: DisputePhase,
    /// What it says.
    pub status: ObservedDispute,
    /// How much is disputed.
    pub money: ObservedMoney,
    /// What the provider charges for the dispute itself, where it says so by now.
    pub fees: Option<ObservedFees>,
    /// Why, in the network's codes.
    pub reason: Option<Reference>,
    /// Until when evidence can be given.
    pub respond_by: Option<Timestamp>,
}

/// A provider's word about a dispute within one phase; the later of two is the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObservedDispute {
    /// Open, answered or under review.
    Open,
    /// Ended without a decision: withdrawn, answered, or refunded.
    Closed,
    /// Ended for us.
    Won,
    /// Ended for the payer.
    Lost,
}

/// What can be asked of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentAction {
    /// Begin it.
    Create(NewPayment),
    /// Ask another provider, because the page could not be made.
    Reroute {
        /// The new decision.
        route: Route,
    },
    /// Take in what a provider says about it.
    Observe {
        /// What it says.
        observation: PaymentObservation,
        /// The transaction that moves the money, if that is what it means.
        transaction: TransactionId,
    },
    /// Take in money that belongs to no payment, as the payment [`super::unexpected_payment_id`]; what
    /// [`Self::Observe`] comes to where the money does not belong to the payment it names.
    ObserveUnexpected {
        /// What the provider says.
        observation: PaymentObservation,
        /// Why it belongs to none.
        why: UnexpectedReason,
        /// The transaction that moves the money.
        transaction: TransactionId,
    },
    /// End it on our side: its time has passed, or the payer went away. Money may still arrive.
    Expire {
        /// Why.
        reason: Option<Reference>,
    },
    /// Take its money out of suspense into a wallet.
    Credit {
        /// Whose.
        wallet: WalletId,
        /// The transaction that moves it.
        transaction: TransactionId,
    },
    /// Give money back to the payer.
    RequestRefund {
        /// The refund's id.
        refund: RefundId,
        /// How much; all that can be refunded when absent.
        amount: Option<Decimal>,
        /// Why.
        reason: Option<Reference>,
    },
    /// Take in what a provider says about a refund, ours or one that was made at the provider.
    ObserveRefund {
        /// Our id of it, or [`super::provider_refund_id`] where it has none of ours.
        refund: RefundId,
        /// What it says.
        observation: RefundObservation,
        /// The transaction that moves the money, if that is what it means.
        transaction: TransactionId,
    },
    /// Take in what a provider says about a dispute.
    ObserveDispute {
        /// What it says.
        observation: DisputeObservation,
        /// The transaction that moves the money, if that is what it means.
        transaction: TransactionId,
    },
}

impl PaymentAction {
    /// The command's name, for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "CreatePayment",
            Self::Reroute { .. } => "ReroutePayment",
            Self::Observe { .. } => "ObservePayment",
            Self::ObserveUnexpected { .. } => "ObserveUnexpectedPayment",
            Self::Expire { .. } => "ExpirePayment",
            Self::Credit { .. } => "CreditPayment",
            Self::RequestRefund { .. } => "RequestRefund",
            Self::ObserveRefund { .. } => "ObserveRefund",
            Self::ObserveDispute { .. } => "ObserveDispute",
        }
    }

    /// The provider that speaks, if one does.
    pub(crate) const fn provider(&self) -> Option<ProviderName> {
        match self {
            Self::Observe { observation, .. } | Self::ObserveUnexpected { observation, .. } => {
                Some(observation.provider)
            }
            Self::ObserveRefund { observation, .. } => Some(observation.provider),
            Self::ObserveDispute { observation, .. } => Some(observation.provider),
            Self::Create(_)
            | Self::Reroute { .. }
            | Self::Expire { .. }
            | Self::Credit { .. }
            | Self::RequestRefund { .. } => None,
        }
    }

    /// The attempt whose money a provider speaks of, if it does: another payment than the one that
    /// is named may have taken it in.
    pub(crate) fn attempt(&self) -> Option<(ProviderName, &ProviderReference)> {
        match self {
            Self::Observe { observation, .. } => {
                let attempt = observation.captured()?;
                Some((observation.provider, attempt))
            }
            Self::ObserveRefund { observation, .. } => {
                Some((observation.provider, &observation.attempt))
            }
            Self::ObserveDispute { observation, .. } => {
                Some((observation.provider, &observation.attempt))
            }
            Self::Create(_)
            | Self::Reroute { .. }
            | Self::ObserveUnexpected { .. }
            | Self::Expire { .. }
            | Self::Credit { .. }
            | Self::RequestRefund { .. } => None,
        }
    }

    /// The transaction that it may post.
    pub(crate) const fn transaction(&self) -> Option<TransactionId> {
        match self {
            Self::Observe { transaction, .. }
            | Self::ObserveUnexpected { transaction, .. }
            | Self::Credit { transaction, .. }
            | Self::ObserveRefund { transaction, .. }
            | Self::ObserveDispute { transaction, .. } => Some(*transaction),
            Self::Create(_)
            | Self::Reroute { .. }
            | Self::Expire { .. }
            | Self::RequestRefund { .. } => None,
        }
    }
}

/// Something asked of a payment, with what the decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentCommand {
    /// The payment's own id, for the rejection to name.
    pub payment: PaymentId,
    /// What is asked.
    pub action: PaymentAction,
    /// The time of recording.
    pub recorded_at: Timestamp,
    /// The assets and accounts concerned.
    pub standings: Standings,
    /// What the ledger lets payments of the asset do.
    pub policy: PaymentPolicy,
    /// What the wallet's owner may receive.
    pub limits: Limits,
}
