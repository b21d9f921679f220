//! Disputes as they stand.

use ledger_core::{
    AssetCode, PaymentId, ProviderName, ProviderReference, Timestamp, TransactionId, WalletId,
};
use poem_openapi::Object;
use projections::queries::payments::rows::{DisputeRow, Document};
use serde::Serialize;

use super::{DisputePhaseName, DisputeStatusName, amount};
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::{AnyId, ExactDecimal};

/// A dispute of a deposit.
#[derive(Debug, Serialize, Object)]
pub struct DisputeView {
    /// Its id here.
    pub id: Text<AnyId>,
    /// The provider's own id of it.
    pub reference: Text<ProviderReference>,
    /// Of which deposit.
    pub deposit: Text<PaymentId>,
    /// How far it has come.
    pub phase: DisputePhaseName,
    /// Its state within the phase.
    pub status: DisputeStatusName,
    /// Whose money is disputed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Text<WalletId>>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text<ProviderName>>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much is disputed, or was lost.
    pub amount: Text<ExactDecimal>,
    /// How much of it was taken from who holds the deposit's money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_from_holder: Option<Text<ExactDecimal>>,
    /// How much of it the platform bears.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_from_losses: Option<Text<ExactDecimal>>,
    /// Why, in the network's codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when evidence can be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond_by: Option<Text<Timestamp>>,
    /// The last transaction that moved its money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Text<TransactionId>>,
    /// When it was heard of first.
    pub created_at: Text<Timestamp>,
    /// When its last event was recorded.
    pub changed_at: Text<Timestamp>,
    /// The position of its first event.
    pub position: PositionNumber,
}

impl From<DisputeRow> for DisputeView {
    fn from(row: DisputeRow) -> Self {
        let taken = row.taken;
        Self {
            id: AnyId(row.id()).into(),
            reference: row.reference.into(),
            deposit: row.payment.into(),
            phase: row.phase.into(),
            status: row.state.into(),
            wallet: row.wallet.map(Into::into),
            provider: row.provider.map(Into::into),
            asset: row.asset.into(),
            amount: amount(row.amount),
            taken_from_holder: taken.and_then(|taken| taken.from_source).map(amount),
            taken_from_losses: taken.and_then(|taken| taken.from_losses).map(amount),
            reason: row.reason.map(Into::into),
            respond_by: row.respond_by.map(Into::into),
            transaction: row.transaction.map(Into::into),
            created_at: row.created_at.into(),
            changed_at: row.changed_at.into(),
            position: row.position.into(),
        }
    }
}
