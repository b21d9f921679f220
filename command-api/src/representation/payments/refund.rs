//! Refunds as they stand.

use ledger_core::{
    AssetCode, PaymentId, ProviderName, ProviderReference, RefundId, Timestamp, TransactionId,
    WalletId,
};
use poem_openapi::Object;
use projections::queries::payments::rows::{RefundOrigin, RefundRow};
use serde::Serialize;

use super::{RefundStatusName, amount};
use crate::choice::choice;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

choice!(
    /// Where a refund was asked for.
    RefundOriginName {
        /// Here.
        Requested => "requested",
        /// At the provider.
        Discovered => "discovered",
    }
);

/// A refund of a deposit.
#[derive(Debug, Serialize, Object)]
pub struct RefundView {
    /// Its id.
    pub id: Text<RefundId>,
    /// Of which deposit.
    pub deposit: Text<PaymentId>,
    /// How far it has come.
    pub status: RefundStatusName,
    /// Whose money is given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Text<WalletId>>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text<ProviderName>>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<ExactDecimal>,
    /// Where it was asked for.
    pub origin: RefundOriginName,
    /// The provider's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_refund: Option<Text<ProviderReference>>,
    /// The bank's number of the transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_reference: Option<Text<ProviderReference>>,
    /// Why it was asked for, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The transaction that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Text<TransactionId>>,
    /// The transaction by which it came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_transaction: Option<Text<TransactionId>>,
    /// When it was heard of first.
    pub created_at: Text<Timestamp>,
    /// When its last event was recorded.
    pub changed_at: Text<Timestamp>,
    /// The position of its first event.
    pub position: PositionNumber,
}

impl From<RefundRow> for RefundView {
    fn from(row: RefundRow) -> Self {
        Self {
            id: row.refund.into(),
            deposit: row.payment.into(),
            status: row.state.into(),
            wallet: row.wallet.map(Into::into),
            provider: row.provider.map(Into::into),
            asset: row.asset.into(),
            amount: amount(row.amount),
            origin: match row.origin {
                RefundOrigin::Requested => RefundOriginName::Requested,
                RefundOrigin::Discovered => RefundOriginName::Discovered,
            },
            provider_refund: row.provider_refund.map(Into::into),
            bank_reference: row.bank_reference.map(Into::into),
            reason: row.reason.map(Into::into),
            transaction: row.transaction.map(Into::into),
            return_transaction: row.return_transaction.map(Into::into),
            created_at: row.created_at.into(),
            changed_at: row.changed_at.into(),
            position: row.position.into(),
        }
    }
}
