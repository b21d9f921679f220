//! What queries answer: read models' rows as JSON.

use ledger_core::annotation::Reference;
use ledger_core::hold::HoldStatus;
use ledger_core::ledger::SystemAccount;
use ledger_core::money::Asset;
use ledger_core::posting::{Posting, WalletStatus};
use ledger_core::transaction::TransactionCause;
use ledger_core::{
    AssetCode, HoldId, Holder, OwnerId, PaymentId, PayoutId, SettlementId, Timestamp,
    TransactionId, WalletId,
};
use poem_openapi::Object;
use projections::queries::holds::HoldRow;
use projections::queries::ledgers::LedgerRow;
use projections::queries::transactions::TransactionRow;
use projections::queries::wallets::WalletRow;
use serde::Serialize;

use crate::choice::choice;
use crate::representation::annotation::MetadataField;
use crate::representation::answer::{OneAnswer, exact};
use crate::representation::choices::{FreezeScopeName, OverdraftPolicy};
use crate::representation::ledger::{AssetView, LedgerView, SystemAccountView};
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

impl From<LedgerRow> for OneAnswer<LedgerView> {
    fn from(row: LedgerRow) -> Self {
        Self {
            as_of: row.head.into(),
            value: LedgerView {
                name: row.ledger.into(),
                opened_at: row.opened_at.into(),
                is_sandbox: row.is_sandbox,
            },
        }
    }
}

impl From<Asset> for AssetView {
    fn from(asset: Asset) -> Self {
        Self {
            code: asset.code.into(),
            scale: asset.scale,
            kind: asset.kind.into(),
        }
    }
}

impl From<SystemAccount> for SystemAccountView {
    fn from(account: SystemAccount) -> Self {
        Self {
            name: account.name.into(),
            normal_side: account.normal_side.into(),
        }
    }
}

/// Stored references were checked when they were written.
fn reference(text: Option<String>) -> Option<Text<Reference>> {
    text.and_then(|text| text.parse().ok()).map(Text)
}

choice!(
    /// A wallet's state.
    WalletStatusName {
        /// Everything may move.
        Open => "open",
        /// Some directions may not.
        Frozen => "frozen",
        /// Ended.
        Closed => "closed",
    }
);

/// A wallet.
#[derive(Debug, Serialize, Object)]
pub struct WalletView {
    /// Its id; as a source or destination it is written `wallet:<id>`.
    pub id: Text<WalletId>,
    /// Who owns it.
    pub owner: Text<OwnerId>,
    /// Its state.
    pub status: WalletStatusName,
    /// What it may not do, when it is frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze_scope: Option<FreezeScopeName>,
    /// Why it was last frozen, unfrozen or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<Reference>>,
    /// How far its accounts may be overdrawn; assets not named may not.
    pub overdrafts: Vec<OverdraftView>,
    /// The caller's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata.
    pub metadata: MetadataField,
    /// When it was opened.
    pub opened_at: Text<Timestamp>,
    /// When its state last changed.
    pub changed_at: Text<Timestamp>,
    /// The position of the event that opened it.
    pub position: PositionNumber,
}

/// How far one account of a wallet may be overdrawn.
#[derive(Debug, Serialize, Object)]
pub struct OverdraftView {
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// Whether it has a limit.
    pub policy: OverdraftPolicy,
    /// By how much, with the policy `up_to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<ExactDecimal>>,
}

impl From<WalletRow> for WalletView {
    fn from(row: WalletRow) -> Self {
        let (status, freeze_scope) = match row.status {
            WalletStatus::Open => (WalletStatusName::Open, None),
            WalletStatus::Frozen(scope) => (WalletStatusName::Frozen, Some(scope.into())),
            WalletStatus::Closed => (WalletStatusName::Closed, None),
        };
        let overdraft =
            |(asset, limit): (AssetCode, Option<rust_decimal::Decimal>)| OverdraftView {
                asset: asset.into(),
                policy: match limit {
                    Some(_) => OverdraftPolicy::UpTo,
                    None => OverdraftPolicy::Unlimited,
                },
                // Stored as it was decided: with the asset's decimals.
                amount: limit.map(|limit| Text(ExactDecimal(limit))),
            };
        Self {
            id: row.wallet.into(),
            owner: row.owner.into(),
            status,
            freeze_scope,
            reason: reference(row.reason),
            overdrafts: row.overdrafts.into_iter().map(overdraft).collect(),
            reference: reference(row.reference),
            metadata: MetadataField(row.metadata),
            opened_at: row.opened_at.into(),
            changed_at: row.changed_at.into(),
            position: row.position.into(),
        }
    }
}

/// A movement that took place.
#[derive(Debug, Serialize, Object)]
pub struct PostingView {
    /// Who gave.
    pub source: Text<Holder>,
    /// Who received.
    pub destination: Text<Holder>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much.
    pub amount: Text<ExactDecimal>,
}

impl From<Posting> for PostingView {
    fn from(posting: Posting) -> Self {
        Self {
            source: posting.source.into(),
            destination: posting.destination.into(),
            asset: posting.asset.into(),
            amount: Text(ExactDecimal(posting.amount.value())),
        }
    }
}

/// A transaction.
#[derive(Debug, Serialize, Object)]
pub struct TransactionView {
    /// Its id.
    pub id: Text<TransactionId>,
    /// What moved.
    pub postings: Vec<PostingView>,
    /// When it counts.
    pub effective_at: Text<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
    /// The transaction whose postings it turns round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverts: Option<Text<TransactionId>>,
    /// The hold that it settles, all of it or a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captures: Option<Text<HoldId>>,
    /// The payment that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<Text<PaymentId>>,
    /// The payout that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout: Option<Text<PayoutId>>,
    /// The settlement that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Text<SettlementId>>,
    /// The transaction that turned its postings round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverted_by: Option<Text<TransactionId>>,
    /// The caller's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata.
    pub metadata: MetadataField,
    /// The position of its event.
    pub position: PositionNumber,
}

impl From<TransactionRow> for TransactionView {
    fn from(row: TransactionRow) -> Self {
        let (mut reverts, mut captures) = (None, None);
        let (mut payment, mut payout, mut settlement) = (None, None, None);
        match row.cause {
            TransactionCause::Request => {}
            TransactionCause::Revert(id) => reverts = Some(id.into()),
            TransactionCause::Capture(id) => captures = Some(id.into()),
            TransactionCause::Payment(id) => payment = Some(id.into()),
            TransactionCause::Payout(id) => payout = Some(id.into()),
            TransactionCause::Settlement(id) => settlement = Some(id.into()),
        }
        Self {
            id: row.transaction.into(),
            postings: row.postings.into_iter().map(Into::into).collect(),
            effective_at: row.effective_at.into(),
            recorded_at: row.recorded_at.into(),
            reverts,
            captures,
            payment,
            payout,
            settlement,
            reverted_by: row.reverted_by.map(Into::into),
            reference: reference(row.reference),
            metadata: MetadataField(row.metadata),
            position: row.position.into(),
        }
    }
}

choice!(
    /// A hold's state.
    HoldStatusName {
        /// Its amount, or what captures have left of it, is reserved.
        Active => "active",
        /// Captured; nothing is reserved any more.
        Captured => "captured",
        /// Voided.
        Voided => "voided",
        /// Its time passed.
        Expired => "expired",
    }
);

impl From<HoldStatusName> for HoldStatus {
    fn from(name: HoldStatusName) -> Self {
        match name {
            HoldStatusName::Active => Self::Active,
            HoldStatusName::Captured => Self::Captured,
            HoldStatusName::Voided => Self::Voided,
            HoldStatusName::Expired => Self::Expired,
        }
    }
}

impl From<HoldStatus> for HoldStatusName {
    fn from(status: HoldStatus) -> Self {
        match status {
            HoldStatus::Active => Self::Active,
            HoldStatus::Captured => Self::Captured,
            HoldStatus::Voided => Self::Voided,
            HoldStatus::Expired => Self::Expired,
        }
    }
}

/// A hold.
#[derive(Debug, Serialize, Object)]
pub struct HoldView {
    /// Its id.
    pub id: Text<HoldId>,
    /// Its state.
    pub status: HoldStatusName,
    /// Whose money is reserved.
    pub source: Text<Holder>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much was reserved at first.
    pub amount: Text<ExactDecimal>,
    /// How much was captured.
    pub captured: Text<ExactDecimal>,
    /// How much is still reserved.
    pub remaining: Text<ExactDecimal>,
    /// Who receives what is captured, unless the capture names somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Text<Holder>>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// The caller's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata.
    pub metadata: MetadataField,
    /// When it was placed.
    pub placed_at: Text<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Text<Timestamp>>,
    /// The position of the event that placed it.
    pub position: PositionNumber,
}

impl From<HoldRow> for HoldView {
    fn from(row: HoldRow) -> Self {
        Self {
            id: row.hold.into(),
            status: row.status.into(),
            source: row.source.into(),
            asset: row.asset.code.into(),
            amount: exact(row.amount, row.asset),
            captured: exact(row.captured, row.asset),
            remaining: exact(row.remaining, row.asset),
            destination: row.destination.map(Into::into),
            expires_at: row.expires_at.map(Into::into),
            reference: reference(row.reference),
            metadata: MetadataField(row.metadata),
            placed_at: row.placed_at.into(),
            ended_at: row.ended_at.map(Into::into),
            position: row.position.into(),
        }
    }
}
