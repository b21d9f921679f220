//! What has happened to a payment.
//!
//! Events say what moved for whoever reads them; the money itself is moved by the
//! `TransactionPosted` beside them, and reserved by the hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::annotation::{Metadata, Reference};
use crate::identifier::{
    Holder, PaymentId, ProviderName, ProviderReference, RefundId, TransactionId, WalletId,
};
use crate::money::{Amount, AssetCode};
use crate::provider::{Fees, Route};
use crate::timestamp::Timestamp;

use super::dispute::DisputePhase;
use super::taken::Taken;

/// Why money of a payment is in suspense and not in its wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SuspenseReason {
    /// Another amount than ours.
    AmountDiffers {
        /// Ours.
        expected: Amount,
    },
    /// Another asset than ours.
    AssetDiffers {
        /// Ours.
        expected: AssetCode,
        /// How much of it.
        amount: Amount,
    },
    /// The wallet cannot receive.
    WalletCannotReceive {
        /// The code of the rule that it breaks.
        rule: String,
    },
}

/// Why money is of no payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnexpectedReason {
    /// There is no such payment here.
    UnknownPayment,
    /// This payment has been paid by another attempt already.
    PaidBefore(PaymentId),
    /// This payment was never routed to the provider that reports it.
    OtherProvider(PaymentId),
}

/// What has happened to a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum PaymentEvent {
    /// It was begun.
    PaymentCreated {
        /// Whose wallet is to be credited.
        wallet: WalletId,
        /// Which asset.
        asset: AssetCode,
        /// How much.
        amount: Amount,
        /// Which provider is asked, and why.
        route: Route,
        /// Until when the payer may pay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// The caller's name for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// The caller's metadata.
        #[serde(default, skip_serializing_if = "Metadata::is_empty")]
        metadata: Metadata,
    },
    /// Another provider is asked.
    PaymentRerouted {
        /// The new decision.
        route: Route,
    },
    /// The payer can pay.
    PaymentAwaitingPayer {
        /// Where.
        provider: ProviderName,
        /// The provider's order, session or link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<ProviderReference>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// An attempt was authorized.
    PaymentAuthorized {
        /// Where.
        provider: ProviderName,
        /// Which attempt.
        attempt: ProviderReference,
        /// The asset reserved; not necessarily ours.
        asset: AssetCode,
        /// How much was reserved; not necessarily ours.
        amount: Amount,
    },
    /// An attempt's authorization was given back.
    PaymentReleased {
        /// Where.
        provider: ProviderName,
        /// Which attempt.
        attempt: ProviderReference,
    },
    /// An attempt failed, or the page could not be made.
    PaymentFailed {
        /// Where.
        provider: ProviderName,
        /// Which attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<ProviderReference>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// The payer can no longer pay.
    PaymentExpired {
        /// Where it ended, when it was the provider that ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<ProviderName>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// The provider has the money.
    PaymentCaptured {
        /// Where.
        provider: ProviderName,
        /// Which attempt.
        attempt: ProviderReference,
        /// What arrived.
        asset: AssetCode,
        /// How much arrived.
        amount: Amount,
        /// Who was credited: the wallet, or suspense.
        credited: Holder,
        /// Why it was not the wallet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suspended: Option<SuspenseReason>,
        /// What the provider charges, if it said so by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fees: Option<Fees>,
        /// The transaction that moved it.
        transaction: TransactionId,
    },
    /// Money arrived that belongs to no payment; it is in suspense.
    UnexpectedPaymentCaptured {
        /// Where.
        provider: ProviderName,
        /// Which attempt.
        attempt: ProviderReference,
        /// The provider's order, session or link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<ProviderReference>,
        /// What arrived.
        asset: AssetCode,
        /// How much arrived.
        amount: Amount,
        /// Why it belongs to none.
        why: UnexpectedReason,
        /// What the provider charges, if it said so by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fees: Option<Fees>,
        /// The transaction that moved it.
        transaction: TransactionId,
    },
    /// The provider told later what it charges.
    PaymentFeesRecorded {
        /// What it charges.
        fees: Fees,
        /// The transaction that moved it; none when it charges nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<TransactionId>,
    },
    /// Its money went from suspense to a wallet.
    PaymentCredited {
        /// Whose.
        wallet: WalletId,
        /// How much: what was captured less what has left since.
        amount: Amount,
        /// The transaction that moved it.
        transaction: TransactionId,
    },
    /// A refund was asked for; a hold with the refund's id reserves it.
    RefundRequested {
        /// The refund.
        refund: RefundId,
        /// How much.
        amount: Amount,
        /// Whose money is given back.
        source: Holder,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
    },
    /// The provider took the refund on.
    RefundPending {
        /// The refund.
        refund: RefundId,
        /// The provider's own id of it.
        provider_refund: ProviderReference,
    },
    /// The payer gets it; the hold was captured.
    RefundSucceeded {
        /// The refund.
        refund: RefundId,
        /// The provider's own id of it.
        provider_refund: ProviderReference,
        /// How much.
        amount: Amount,
        /// The bank's number of the transfer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bank_reference: Option<ProviderReference>,
        /// The transaction that moved it.
        transaction: TransactionId,
    },
    /// A refund was made at the provider and not asked for here; its money has left.
    RefundDiscovered {
        /// The refund.
        refund: RefundId,
        /// The provider's own id of it.
        provider_refund: ProviderReference,
        /// How much.
        amount: Amount,
        /// Who bore it.
        taken: Taken,
        /// The transaction that moved it.
        transaction: TransactionId,
    },
    /// A refund that was asked for is one that the provider had told of without our id: the hold
    /// was voided, and what becomes of it is told of the other.
    RefundMatched {
        /// The refund that was asked for.
        refund: RefundId,
        /// The provider's own id of it.
        provider_refund: ProviderReference,
        /// The refund as which it is known.
        known_as: RefundId,
        /// What the source bears instead of the platform now that nothing is reserved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made_good: Option<MadeGood>,
    },
    /// The payer does not get it. What was reserved or had left is back.
    RefundFailed {
        /// The refund.
        refund: RefundId,
        /// The provider's own id of it.
        provider_refund: ProviderReference,
        /// How much.
        amount: Amount,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
        /// Where what had left came back to, if it had left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Returned>,
        /// If it had not left, what the source bears instead of the platform now that nothing is
        /// reserved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made_good: Option<MadeGood>,
    },
    /// The payer disputes it: for the first time, or at a later phase.
    DisputeOpened {
        /// The provider's own id of the dispute.
        dispute: ProviderReference,
        /// How far it has come.
        phase: DisputePhase,
        /// How much is disputed.
        amount: Amount,
        /// Why, in the network's codes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reference>,
        /// Until when evidence can be given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        respond_by: Option<Timestamp>,
        /// Who it was taken from by this; absent while it is an inquiry, and where it was taken
        /// before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken: Option<Taken>,
        /// Where another amount that had been taken came back to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Returned>,
        /// The transaction that moved it, if something moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<TransactionId>,
    },
    /// It ended without a decision, and what was taken is back.
    DisputeClosed {
        /// The provider's own id of the dispute.
        dispute: ProviderReference,
        /// How far it had come.
        phase: DisputePhase,
        /// How much was disputed.
        amount: Amount,
        /// Where what was taken came back to, if it was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Returned>,
    },
    /// It ended for us, and what was taken is back.
    DisputeWon {
        /// The provider's own id of the dispute.
        dispute: ProviderReference,
        /// How far it had come.
        phase: DisputePhase,
        /// How much was disputed.
        amount: Amount,
        /// Where what was taken came back to, if it was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Returned>,
    },
    /// It ended for the payer: the provider keeps the money.
    DisputeLost {
        /// The provider's own id of the dispute.
        dispute: ProviderReference,
        /// How far it had come.
        phase: DisputePhase,
        /// How much was lost.
        amount: Amount,
        /// Who it was taken from by this; absent where it was taken before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken: Option<Taken>,
        /// Where another amount that had been taken came back to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Returned>,
        /// The transaction that moved it, if something moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<TransactionId>,
    },
    /// The provider told what it charges for a dispute.
    DisputeFeesRecorded {
        /// The provider's own id of the dispute.
        dispute: ProviderReference,
        /// What it charges.
        fees: Fees,
        /// The transaction that moved it; none when it charges nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<TransactionId>,
    },
}

/// Money that came back.
///
/// What comes back of a payment goes to the platform first, as far as it still bears something of
/// that payment, and the rest to whoever it was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// To whom, apart from what went to the platform: where it was taken from, or suspense where
    /// that wallet is closed.
    pub to: Holder,
    /// How much of it the platform got for what it bore of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_losses: Option<Amount>,
    /// The transaction that moved it.
    pub transaction: TransactionId,
}

/// What the platform bore of a payment and its holder bears instead, because money that was
/// reserved for a refund is free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MadeGood {
    /// How much.
    pub amount: Amount,
    /// The transaction that moved it.
    pub transaction: TransactionId,
}

impl PaymentEvent {
    /// The event's type, as stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PaymentCreated { .. } => "PaymentCreated",
            Self::PaymentRerouted { .. } => "PaymentRerouted",
            Self::PaymentAwaitingPayer { .. } => "PaymentAwaitingPayer",
            Self::PaymentAuthorized { .. } => "PaymentAuthorized",
            Self::PaymentReleased { .. } => "PaymentReleased",
            Self::PaymentFailed { .. } => "PaymentFailed",
            Self::PaymentExpired { .. } => "PaymentExpired",
            Self::PaymentCaptured { .. } => "PaymentCaptured",
            Self::UnexpectedPaymentCaptured { .. } => "UnexpectedPaymentCaptured",
            Self::PaymentFeesRecorded { .. } => "PaymentFeesRecorded",
            Self::PaymentCredited { .. } => "PaymentCredited",
            Self::RefundRequested { .. } => "RefundRequested",
            Self::RefundPending { .. } => "RefundPending",
            Self::RefundSucceeded { .. } => "RefundSucceeded",
            Self::RefundDiscovered { .. } => "RefundDiscovered",
            Self::RefundMatched { .. } => "RefundMatched",
            Self::RefundFailed { .. } => "RefundFailed",
            Self::DisputeOpened { .. } => "DisputeOpened",
            Self::DisputeClosed { .. } => "DisputeClosed",
            Self::DisputeWon { .. } => "DisputeWon",
            Self::DisputeLost { .. } => "DisputeLost",
            Self::DisputeFeesRecorded { .. } => "DisputeFeesRecorded",
        }
    }

    /// The version of the event's shape, as stored.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        "1"
    }
}
