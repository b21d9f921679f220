//! Payouts as they stand.

use ledger_core::{
    ActorId, AssetCode, BeneficiaryId, PayoutId, ProviderName, ProviderReference, Timestamp,
    TransactionId, WalletId,
};
use poem_openapi::Object;
use projections::queries::payments::rows::{PayoutAttempt, PayoutRow};
use serde::Serialize;

use super::{FeesView, PayoutStatusName, RouteView, amount};
use crate::representation::annotation::MetadataField;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

/// A payout.
#[derive(Debug, Serialize, Object)]
pub struct PayoutView {
    /// Its id.
    pub id: Text<PayoutId>,
    /// How far it has come.
    pub status: PayoutStatusName,
    /// Whose money it is.
    pub wallet: Text<WalletId>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<ExactDecimal>,
    /// Who gets it.
    pub beneficiary: Text<BeneficiaryId>,
    /// Who asked.
    pub requested_by: Text<ActorId>,
    /// It is more than this, so a second person has to approve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_above: Option<Text<ExactDecimal>>,
    /// Who approved or declined it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Text<ActorId>>,
    /// When that was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Text<Timestamp>>,
    /// The caller's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The caller's metadata.
    #[serde(skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
    /// The provider that was asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text<ProviderName>>,
    /// The provider's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_payout: Option<Text<ProviderReference>>,
    /// What the provider charges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees: Option<FeesView>,
    /// Why it was declined, cancelled, failed or was returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The transaction that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Text<TransactionId>>,
    /// The transaction that moved the charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_transaction: Option<Text<TransactionId>>,
    /// The transaction by which it came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_transaction: Option<Text<TransactionId>>,
    /// The providers that were asked, the last one last; for staff.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<PayoutAttemptView>,
    /// When it was asked for.
    pub created_at: Text<Timestamp>,
    /// When its last event was recorded.
    pub changed_at: Text<Timestamp>,
    /// The position of its first event.
    pub position: PositionNumber,
}

/// A provider that was asked.
#[derive(Debug, Serialize, Object)]
pub struct PayoutAttemptView {
    /// 1, 2, 3 …
    pub number: i64,
    /// Which provider, and why.
    pub route: RouteView,
    /// When the provider said that it did not take it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_accepted_at: Option<Text<Timestamp>>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl From<PayoutAttempt> for PayoutAttemptView {
    fn from(attempt: PayoutAttempt) -> Self {
        Self {
            number: attempt.number.into(),
            route: RouteView::of(attempt.at, attempt.route),
            not_accepted_at: attempt.not_accepted_at.map(Into::into),
            reason: attempt.reason.map(Into::into),
        }
    }
}

impl From<PayoutRow> for PayoutView {
    fn from(row: PayoutRow) -> Self {
        let provider = row.provider();
        let (decided_by, decided_at) = match row.decided {
            Some(decided) => (Some(decided.by.into()), Some(decided.at.into())),
            None => (None, None),
        };
        Self {
            id: row.payout.into(),
            // A row without a state cannot be: its first event begins it.
            status: row
                .state
                .status()
                .map_or(PayoutStatusName::Requested, Into::into),
            wallet: row.wallet.into(),
            asset: row.asset.into(),
            amount: amount(row.amount),
            beneficiary: row.beneficiary.into(),
            requested_by: row.requested_by.into(),
            approval_above: row.approval_above.map(amount),
            decided_by,
            decided_at,
            reference: row.reference.map(Into::into),
            metadata: MetadataField(row.metadata),
            provider: provider.map(Into::into),
            provider_payout: row.provider_payout.map(Into::into),
            fees: row.fees.map(Into::into),
            reason: row.reason.map(Into::into),
            transaction: row.transaction.map(Into::into),
            fee_transaction: row.fee_transaction.map(Into::into),
            return_transaction: row.return_transaction.map(Into::into),
            attempts: row.attempts.into_iter().map(Into::into).collect(),
            created_at: row.created_at.into(),
            changed_at: row.changed_at.into(),
            position: row.position.into(),
        }
    }
}
