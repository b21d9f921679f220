//! Deposits as they stand.

use ledger_core::payment::{SuspenseReason, UnexpectedReason};
use ledger_core::{
    AssetCode, Holder, PaymentId, ProviderName, ProviderReference, Timestamp, TransactionId,
    WalletId,
};
use poem_openapi::Object;
use projections::queries::payments::WholePayment;
use projections::queries::payments::rows::{
    AttemptRow, CapturedRow, Columns, Document, PaymentRow,
};
use rust_decimal::Decimal;
use serde::Serialize;

use super::deposit::CheckoutView;
use super::dispute::DisputeView;
use super::refund::RefundView;
use super::{AttemptStatusName, Audience, DepositStatusName, FeesView, RouteView, amount};
use crate::choice::choice;
use crate::representation::annotation::MetadataField;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

choice!(
    /// Why money went to suspense.
    SuspenseReasonName {
        /// Another amount than ours.
        AmountDiffers => "amount_differs",
        /// Another asset than ours.
        AssetDiffers => "asset_differs",
        /// The wallet cannot receive.
        WalletCannotReceive => "wallet_cannot_receive",
        /// There is no such deposit.
        UnknownPayment => "unknown_payment",
        /// The deposit it names was paid before.
        PaidBefore => "paid_before",
        /// The deposit it names was never sent to this provider.
        OtherProvider => "other_provider",
    }
);

/// A deposit.
#[derive(Debug, Serialize, Object)]
pub struct DepositView {
    /// Its id.
    pub id: Text<PaymentId>,
    /// How far it has come.
    pub status: DepositStatusName,
    /// Whose wallet was to be credited; absent when money belongs to no deposit that was asked for. Who has
    /// the money says `captured.holder`; the deposit is theirs then, and is listed with their wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Text<WalletId>>,
    /// Which asset was asked for.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<ExactDecimal>,
    /// Who has its money, or else was asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text<ProviderName>>,
    /// The order, session or link of the provider that was asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Text<ProviderReference>>,
    /// The caller's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The caller's metadata.
    #[serde(skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
    /// Until when the payer may pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// Why it failed or expired, while it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was tried.
    pub attempts: Vec<AttemptView>,
    /// What arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured: Option<CapturedView>,
    /// What the provider charges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees: Option<FeesView>,
    /// How much was given back for good.
    pub refunded: Text<ExactDecimal>,
    /// How much can still be refunded.
    pub refundable: Text<ExactDecimal>,
    /// Whether its money waits in suspense.
    pub in_suspense: bool,
    /// Why its money went there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspense_reason: Option<SuspenseReasonName>,
    /// The rule that the wallet breaks, or the deposit that the money names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspense_detail: Option<String>,
    /// The decisions between providers, the last one last; for staff.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteView>,
    /// When it was begun.
    pub created_at: Text<Timestamp>,
    /// When its last event was recorded.
    pub changed_at: Text<Timestamp>,
    /// The position of its first event.
    pub position: PositionNumber,
}

/// An attempt to pay.
#[derive(Debug, Serialize, Object)]
pub struct AttemptView {
    /// Where.
    pub provider: Text<ProviderName>,
    /// The provider's own id of it.
    pub reference: Text<ProviderReference>,
    /// How far it has come.
    pub status: AttemptStatusName,
    /// Which asset, where it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<Text<AssetCode>>,
    /// How much, where it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<ExactDecimal>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When its state was recorded.
    pub changed_at: Text<Timestamp>,
}

/// Money that arrived.
#[derive(Debug, Serialize, Object)]
pub struct CapturedView {
    /// When it was recorded.
    pub at: Text<Timestamp>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<ExactDecimal>,
    /// Who holds it: the wallet, or `system:suspense`.
    pub holder: Text<Holder>,
    /// The transaction that moved it.
    pub transaction: Text<TransactionId>,
    /// The transaction that moved it out of suspense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_transaction: Option<Text<TransactionId>>,
}

impl From<AttemptRow> for AttemptView {
    fn from(row: AttemptRow) -> Self {
        Self {
            provider: row.provider.into(),
            reference: row.reference.into(),
            status: row.status.into(),
            asset: row.money.map(|(asset, _)| asset.into()),
            amount: row.money.map(|(_, money)| amount(money)),
            reason: row.reason.map(Into::into),
            changed_at: row.changed_at.into(),
        }
    }
}

impl From<CapturedRow> for CapturedView {
    fn from(row: CapturedRow) -> Self {
        Self {
            at: row.at.into(),
            asset: row.asset.into(),
            amount: amount(row.amount),
            holder: row.holder.into(),
            transaction: row.transaction.into(),
            credit_transaction: row.credit_transaction.map(Into::into),
        }
    }
}

/// Why money went to suspense, and what it has to do with.
fn suspense(row: &PaymentRow) -> (Option<SuspenseReasonName>, Option<String>) {
    use SuspenseReasonName as Name;
    let (name, detail) = match (&row.suspended, &row.unexpected) {
        (Some(SuspenseReason::AmountDiffers { .. }), _) => (Name::AmountDiffers, None),
        (Some(SuspenseReason::AssetDiffers { .. }), _) => (Name::AssetDiffers, None),
        (Some(SuspenseReason::WalletCannotReceive { rule }), _) => {
            (Name::WalletCannotReceive, Some(rule.clone()))
        }
        (None, Some(UnexpectedReason::UnknownPayment)) => (Name::UnknownPayment, None),
        (None, Some(UnexpectedReason::PaidBefore(payment))) => {
            (Name::PaidBefore, Some(payment.to_string()))
        }
        (None, Some(UnexpectedReason::OtherProvider(payment))) => {
            (Name::OtherProvider, Some(payment.to_string()))
        }
        (None, None) => return (None, None),
    };
    (Some(name), detail)
}

impl DepositView {
    /// A deposit as this audience sees it.
    #[must_use]
    pub fn of(row: PaymentRow, audience: Audience) -> Self {
        let is_credited_elsewhere = row.owner() != row.wallet;
        let mut view = Self::from(row);
        if audience == Audience::Customer {
            view.routes.clear();
            if is_credited_elsewhere {
                // Another customer asked for it.
                view.wallet = None;
                view.reference = None;
                view.metadata = MetadataField::default();
            }
        }
        view
    }
}

impl From<PaymentRow> for DepositView {
    fn from(row: PaymentRow) -> Self {
        let captured = row.state.captured();
        let scale = captured.map_or(row.amount.scale(), |captured| captured.amount.scale());
        let scaled = |value: Decimal| {
            let mut value = value;
            value.rescale(scale);
            Text(ExactDecimal(value))
        };
        let refunded = captured.map_or(Decimal::ZERO, |captured| captured.refunded());
        let refundable = captured.map_or(Decimal::ZERO, |captured| captured.refundable());
        let (suspense_reason, suspense_detail) = suspense(&row);
        let (provider, in_suspense) = (row.provider(), row.is_in_suspense());
        let routes = row.routes.into_iter();
        Self {
            id: row.payment.into(),
            // A row without a state cannot be: its first event begins it.
            status: row
                .state
                .status()
                .map_or(DepositStatusName::Created, Into::into),
            wallet: row.wallet.map(Into::into),
            asset: row.asset.into(),
            amount: amount(row.amount),
            provider: provider.map(Into::into),
            order: row.order.map(Into::into),
            reference: row.reference.map(Into::into),
            metadata: MetadataField(row.metadata),
            expires_at: row.expires_at.map(Into::into),
            reason: row.reason.map(Into::into),
            attempts: row.attempts.into_iter().map(Into::into).collect(),
            captured: row.captured.map(Into::into),
            fees: row.fees.map(Into::into),
            refunded: scaled(refunded),
            refundable: scaled(refundable),
            in_suspense,
            suspense_reason,
            suspense_detail,
            routes: routes
                .map(|taken| RouteView::of(taken.at, taken.route))
                .collect(),
            created_at: row.created_at.into(),
            changed_at: row.changed_at.into(),
            position: row.position.into(),
        }
    }
}

/// A deposit with its refunds, its disputes, and the page on which it is paid.
#[derive(Debug, Serialize, Object)]
pub struct WholeDepositView {
    /// The deposit.
    #[serde(flatten)]
    #[oai(flatten)]
    pub deposit: DepositView,
    /// Its refunds, the oldest first, at most 100.
    pub refunds: Vec<RefundView>,
    /// Whether there are more, which `GET …/refunds?deposit=` lists.
    pub more_refunds: bool,
    /// Its disputes, the oldest first, at most 100.
    pub disputes: Vec<DisputeView>,
    /// Whether there are more, which `GET …/disputes?deposit=` lists.
    pub more_disputes: bool,
    /// Where it is paid.
    #[serde(flatten)]
    #[oai(flatten)]
    pub checkout: CheckoutView,
}

impl WholeDepositView {
    /// Writes what was found.
    #[must_use]
    pub fn of(whole: WholePayment, audience: Audience, checkout: CheckoutView) -> Self {
        let owner = whole.payment.owner();
        // While the money was in suspense, it may have been another customer's.
        let is_shown = |row: Columns| audience == Audience::Staff || row.wallet == owner;
        let refunds = whole.refunds.items.into_iter();
        let disputes = whole.disputes.items.into_iter();
        Self {
            deposit: DepositView::of(whole.payment, audience),
            refunds: refunds
                .filter(|row| is_shown(row.columns()))
                .map(Into::into)
                .collect(),
            more_refunds: whole.refunds.more,
            disputes: disputes
                .filter(|row| is_shown(row.columns()))
                .map(Into::into)
                .collect(),
            more_disputes: whole.disputes.more,
            checkout,
        }
    }
}
