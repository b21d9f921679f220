//! Settlements and their breaks.

use ledger_core::annotation::Reference;
use ledger_core::settlement::SettlementNet;
use ledger_core::{
    ActorId, AssetCode, PaymentId, ProviderName, ProviderReference, SettlementId,
    SystemAccountName, Timestamp, TransactionId,
};
use poem_openapi::Object;
use projections::queries::payments::rows::{BreakRow, Document, SettlementRow};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{BreakKindName, BreakStatusName, FeesView, amount};
use crate::choice::choice;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::{AnyId, ExactDecimal};

choice!(
    /// Whether a settlement is as our books say.
    SettlementStatusName {
        /// No difference is open.
        Reconciled => "reconciled",
        /// Differences are open.
        OpenBreaks => "open_breaks",
    }
);

impl From<SettlementStatusName> for &'static str {
    fn from(name: SettlementStatusName) -> Self {
        name.as_str()
    }
}

/// A batch that a provider paid us, or took from us.
#[derive(Debug, Serialize, Object)]
pub struct SettlementView {
    /// Its id.
    pub id: Text<SettlementId>,
    /// Whether it is as our books say.
    pub status: SettlementStatusName,
    /// By whom.
    pub provider: Text<ProviderName>,
    /// The provider's own id of it.
    pub batch: Text<ProviderReference>,
    /// Of which asset.
    pub asset: Text<AssetCode>,
    /// What arrived at the bank; negative when it left.
    pub net: Text<ExactDecimal>,
    /// What went out of it to beneficiaries; negative when more came back.
    pub payouts: Text<ExactDecimal>,
    /// What the provider kept for itself and was not recorded with its payments.
    pub fees: FeesView,
    /// The system account that stands for the bank account.
    pub bank: Text<SystemAccountName>,
    /// The bank's number of the transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_reference: Option<Text<ProviderReference>>,
    /// When it was paid, as the provider says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Text<Timestamp>>,
    /// The transaction that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Text<TransactionId>>,
    /// Differences that are not explained.
    pub open_breaks: i64,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
    /// The position of its first event.
    pub position: PositionNumber,
}

impl From<SettlementRow> for SettlementView {
    fn from(row: SettlementRow) -> Self {
        let received = |net: SettlementNet| match net {
            SettlementNet::Received(amount) => amount.value(),
            SettlementNet::Taken(amount) => -amount.value(),
            SettlementNet::Nothing => {
                let mut nothing = Decimal::ZERO;
                nothing.rescale(row.fees.fee.value().scale());
                nothing
            }
        };
        let mut payouts = received(row.payouts);
        if !payouts.is_zero() {
            payouts.set_sign_positive(payouts.is_sign_negative());
        }
        let net = received(row.net);
        Self {
            id: row.settlement.into(),
            status: if row.open_breaks == 0 {
                SettlementStatusName::Reconciled
            } else {
                SettlementStatusName::OpenBreaks
            },
            provider: row.provider.into(),
            batch: row.batch.into(),
            asset: row.asset.into(),
            net: Text(ExactDecimal(net)),
            payouts: Text(ExactDecimal(payouts)),
            fees: row.fees.into(),
            bank: row.bank.into(),
            bank_reference: row.bank_reference.map(Into::into),
            settled_at: row.settled_at.map(Into::into),
            transaction: row.transaction.map(Into::into),
            open_breaks: row.open_breaks.into(),
            recorded_at: row.created_at.into(),
            position: row.position.into(),
        }
    }
}

/// A difference between our ledger and a provider's report.
#[derive(Debug, Serialize, Object)]
pub struct BreakView {
    /// Its id here.
    pub id: Text<AnyId>,
    /// In which settlement.
    pub settlement: Text<SettlementId>,
    /// Whose report.
    pub provider: Text<ProviderName>,
    /// What kind.
    pub kind: BreakKindName,
    /// What it is about: the provider's own id of a payment, refund or adjustment.
    pub subject: Text<ProviderReference>,
    /// Our deposit, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Text<PaymentId>>,
    /// Of which asset its amounts are.
    pub asset: Text<AssetCode>,
    /// What we have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Text<ExactDecimal>>,
    /// What the report has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Text<ExactDecimal>>,
    /// Whether it is explained.
    pub status: BreakStatusName,
    /// Who explained it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<Text<ActorId>>,
    /// When that was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Text<Timestamp>>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// When it was found.
    pub found_at: Text<Timestamp>,
    /// The position at which it was found.
    pub position: PositionNumber,
}

impl From<BreakRow> for BreakView {
    fn from(row: BreakRow) -> Self {
        Self {
            id: AnyId(row.id()).into(),
            settlement: row.settlement.into(),
            provider: row.provider.into(),
            kind: row.difference.kind.into(),
            subject: row.difference.subject.into(),
            deposit: row.difference.payment.map(Into::into),
            asset: row.asset.into(),
            ours: row.difference.ours.map(amount),
            theirs: row.difference.theirs.map(amount),
            status: row.status.into(),
            resolved_by: row.resolved_by.map(Into::into),
            resolved_at: row.resolved_at.map(Into::into),
            resolution: row.resolution.map(Into::into),
            found_at: row.created_at.into(),
            position: row.position.into(),
        }
    }
}

/// How a difference is explained.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ResolveBreakRequest {
    /// What kind of difference.
    pub kind: BreakKindName,
    /// What it is about, as the break says.
    pub subject: Text<ProviderReference>,
    /// The explanation.
    pub resolution: Text<Reference>,
}

/// A settlement that was changed.
#[derive(Debug, Serialize, Object)]
pub struct SettlementChanged {
    /// Its id.
    pub id: Text<SettlementId>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}
