//! Accounts, balances and statements.

use ledger_core::posting::NormalSide;
use ledger_core::{
    AccountId, Asset, AssetCode, Holder, PaymentId, PayoutId, Position, RefundId, SettlementId,
    Timestamp, TransactionId,
};
use poem_openapi::Object;
use projections::queries::accounts::{AccountRow, Available, BalanceAt};
use projections::queries::statements::{EntryOrigin, EntryRow, Statement};
use projections::queries::wallets::WalletRow;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::reading::ListIdentity;
use crate::representation::answer::exact;
use crate::representation::choices::{Direction, NormalSideName};
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

/// An account as it stands. Balances are seen from its normal side.
#[derive(Debug, Serialize, Object)]
pub struct AccountView {
    /// The account.
    pub account: Text<AccountId>,
    /// Who holds it.
    pub holder: Text<Holder>,
    /// What it counts.
    pub asset: Text<AssetCode>,
    /// The side on which its balance grows.
    pub normal_side: NormalSideName,
    /// The balance.
    pub balance: Text<ExactDecimal>,
    /// What holds reserve.
    pub reserved: Text<ExactDecimal>,
    /// What may still leave it, the overdraft counted in; absent when there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<Text<ExactDecimal>>,
    /// Everything that ever left through it.
    pub debits: Text<ExactDecimal>,
    /// Everything that ever arrived through it.
    pub credits: Text<ExactDecimal>,
    /// Sides of postings so far.
    pub entries: i64,
    /// The last event that touched it; 0 when none did.
    pub position: PositionNumber,
}

impl From<AccountRow> for AccountView {
    fn from(row: AccountRow) -> Self {
        let asset = row.asset;
        Self {
            account: row.account.into(),
            holder: row.account.holder.into(),
            asset: asset.code.into(),
            normal_side: row.normal_side.into(),
            balance: exact(row.balance, asset),
            reserved: exact(row.totals.pending_debits.value(), asset),
            available: match row.available {
                Available::Amount(amount) => Some(exact(amount, asset)),
                Available::Unlimited => None,
            },
            debits: exact(row.totals.posted.debits.value(), asset),
            credits: exact(row.totals.posted.credits.value(), asset),
            entries: row.entries,
            position: row.position.into(),
        }
    }
}

impl AccountView {
    /// An account of a system account that never moved: all zeros, and no limit.
    #[must_use]
    pub fn unmoved(account: AccountId, asset: Asset, normal_side: NormalSide) -> Self {
        let zero = || exact(Decimal::ZERO, asset);
        Self {
            account: account.into(),
            holder: account.holder.into(),
            asset: asset.code.into(),
            normal_side: normal_side.into(),
            balance: zero(),
            reserved: zero(),
            available: None,
            debits: zero(),
            credits: zero(),
            entries: 0,
            position: Position::START.into(),
        }
    }

    /// An account of a wallet that never moved: all zeros, but for an overdraft.
    #[must_use]
    pub fn unmoved_of_wallet(account: AccountId, asset: Asset, wallet: &WalletRow) -> Self {
        let available = match wallet.overdrafts.get(&account.asset) {
            Some(limit) => *limit,
            None => Some(Decimal::ZERO),
        };
        Self {
            available: available.map(|amount| exact(amount, asset)),
            ..Self::unmoved(account, asset, NormalSide::Credit)
        }
    }
}

/// An account's balance at some time, as it was known at some time.
#[derive(Debug, Serialize, Object)]
pub struct BalanceView {
    /// The account.
    pub account: Text<AccountId>,
    /// The side on which its balance grows.
    pub normal_side: NormalSideName,
    /// The balance, seen from its normal side.
    pub balance: Text<ExactDecimal>,
    /// The sum of its debits.
    pub debits: Text<ExactDecimal>,
    /// The sum of its credits.
    pub credits: Text<ExactDecimal>,
}

impl From<BalanceAt> for BalanceView {
    fn from(at: BalanceAt) -> Self {
        Self {
            account: at.account.into(),
            normal_side: at.normal_side.into(),
            balance: exact(at.balance, at.asset),
            debits: exact(at.debits, at.asset),
            credits: exact(at.credits, at.asset),
        }
    }
}

/// A statement of an account, or a page of one. Balances are seen from its normal side.
#[derive(Debug, Serialize, Object)]
pub struct StatementView {
    /// The account.
    pub account: Text<AccountId>,
    /// The side on which its balance grows.
    pub normal_side: NormalSideName,
    /// The balance before the first entry of the period.
    pub opening_balance: Text<ExactDecimal>,
    /// The balance after the last entry of the period.
    pub closing_balance: Text<ExactDecimal>,
    /// The sum of the period's debits.
    pub debits: Text<ExactDecimal>,
    /// The sum of the period's credits.
    pub credits: Text<ExactDecimal>,
    /// The entries of this page.
    pub items: Vec<EntryView>,
    /// Where the statement of this account goes on; absent on its last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One side of a posting, as the account sees it.
#[derive(Debug, Serialize, Object)]
pub struct EntryView {
    /// 1, 2, 3 … in the account, in the order of recording.
    pub entry_number: i64,
    /// The transaction.
    pub transaction: Text<TransactionId>,
    /// The posting's place in it, from 0.
    pub posting: i32,
    /// Who is on the other side.
    pub counterparty: Text<Holder>,
    /// Whether the account was debited or credited.
    pub direction: Direction,
    /// How much.
    pub amount: Text<ExactDecimal>,
    /// The balance after it, in the statement's order.
    pub balance_after: Text<ExactDecimal>,
    /// When it counts.
    pub effective_at: Text<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
    /// The deposit that moved it: its arrival, a refund, a dispute, the provider's charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Text<PaymentId>>,
    /// The refund of that deposit, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<Text<RefundId>>,
    /// The payout that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout: Option<Text<PayoutId>>,
    /// The settlement that moved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Text<SettlementId>>,
    /// The position of the transaction's event.
    pub position: PositionNumber,
}

/// What of the outside moved an entry.
#[derive(Default)]
struct Origin {
    deposit: Option<Text<PaymentId>>,
    refund: Option<Text<RefundId>>,
    payout: Option<Text<PayoutId>>,
    settlement: Option<Text<SettlementId>>,
}

impl From<EntryOrigin> for Origin {
    fn from(origin: EntryOrigin) -> Self {
        let mut found = Self::default();
        match origin {
            EntryOrigin::Inside => {}
            EntryOrigin::Payment(payment) => found.deposit = Some(payment.into()),
            EntryOrigin::Refund(payment, refund) => {
                found.deposit = Some(payment.into());
                found.refund = Some(refund.into());
            }
            EntryOrigin::Payout(payout) => found.payout = Some(payout.into()),
            EntryOrigin::Settlement(settlement) => found.settlement = Some(settlement.into()),
        }
        found
    }
}

impl EntryView {
    /// Writes an entry of an account of this asset.
    #[must_use]
    pub fn of(row: EntryRow, asset: Asset) -> Self {
        let origin = Origin::from(row.origin);
        Self {
            entry_number: row.entry_number,
            transaction: row.transaction.into(),
            posting: row.posting,
            counterparty: row.counterparty.into(),
            direction: match row.direction {
                NormalSide::Debit => Direction::Debit,
                NormalSide::Credit => Direction::Credit,
            },
            amount: exact(row.amount, asset),
            balance_after: exact(row.balance_after, asset),
            effective_at: row.effective_at.into(),
            recorded_at: row.recorded_at.into(),
            deposit: origin.deposit,
            refund: origin.refund,
            payout: origin.payout,
            settlement: origin.settlement,
            position: row.position.into(),
        }
    }
}

impl StatementView {
    /// Writes a statement whose next page is one of `list`.
    #[must_use]
    pub fn of(statement: Statement, list: &ListIdentity) -> Self {
        let asset = statement.asset;
        let entry = |row: EntryRow| EntryView::of(row, asset);
        Self {
            account: statement.account.into(),
            normal_side: statement.normal_side.into(),
            opening_balance: exact(statement.opening_balance, asset),
            closing_balance: exact(statement.closing_balance, asset),
            debits: exact(statement.debits, asset),
            credits: exact(statement.credits, asset),
            next_cursor: statement.entries.next.map(|key| list.cursor_after(&key)),
            items: statement.entries.items.into_iter().map(entry).collect(),
        }
    }
}
