//! What a ledger adds up to, as JSON.

use ledger_core::{AssetCode, OwnerId, Timestamp};
use poem_openapi::Object;
use projections::queries::activity::ActivityRow;
use projections::queries::ledgers::TrialBalanceRow;
use projections::queries::wallets::{OwnerFlow, OwnerStatistics};
use serde::Serialize;

use crate::representation::answer::exact;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

/// The debits and credits of all accounts in one asset.
#[derive(Debug, Serialize, Object)]
pub struct TrialBalanceView {
    /// The asset.
    pub asset: Text<AssetCode>,
    /// The sum of all debits.
    pub debits: Text<ExactDecimal>,
    /// The sum of all credits.
    pub credits: Text<ExactDecimal>,
    /// Debits less credits: zero, or the books are wrong.
    pub difference: Text<ExactDecimal>,
}

impl From<TrialBalanceRow> for TrialBalanceView {
    fn from(row: TrialBalanceRow) -> Self {
        Self {
            asset: row.asset.code.into(),
            debits: exact(row.debits, row.asset),
            credits: exact(row.credits, row.asset),
            difference: exact(row.debits - row.credits, row.asset),
        }
    }
}

/// What an owner has done.
#[derive(Debug, Serialize, Object)]
pub struct OwnerStatisticsView {
    /// The owner.
    pub owner: Text<OwnerId>,
    /// Wallets opened.
    pub wallets_opened: i64,
    /// Wallets closed.
    pub wallets_closed: i64,
    /// Transactions that moved money into or out of one of the wallets.
    pub transactions: i64,
    /// What came in and went out, by asset.
    pub flows: Vec<OwnerFlowView>,
    /// The first event that concerned the owner.
    pub first_activity_at: Text<Timestamp>,
    /// The last.
    pub last_activity_at: Text<Timestamp>,
}

/// What came in and went out in one asset.
#[derive(Debug, Serialize, Object)]
pub struct OwnerFlowView {
    /// The asset.
    pub asset: Text<AssetCode>,
    /// What came in.
    pub amount_in: Text<ExactDecimal>,
    /// What went out.
    pub amount_out: Text<ExactDecimal>,
}

impl From<OwnerFlow> for OwnerFlowView {
    fn from(flow: OwnerFlow) -> Self {
        Self {
            asset: flow.asset.code.into(),
            amount_in: exact(flow.amount_in, flow.asset),
            amount_out: exact(flow.amount_out, flow.asset),
        }
    }
}

impl From<OwnerStatistics> for OwnerStatisticsView {
    fn from(statistics: OwnerStatistics) -> Self {
        Self {
            owner: statistics.owner.into(),
            wallets_opened: statistics.wallets_opened,
            wallets_closed: statistics.wallets_closed,
            transactions: statistics.transactions,
            flows: statistics.flows.into_iter().map(Into::into).collect(),
            first_activity_at: statistics.first_activity_at.into(),
            last_activity_at: statistics.last_activity_at.into(),
        }
    }
}

/// One figure of one hour or day.
#[derive(Debug, Serialize, Object)]
pub struct ActivityView {
    /// The start of the hour or day, UTC.
    pub from: Text<Timestamp>,
    /// What is counted, such as `transactions_posted` or `volume`.
    pub metric: String,
    /// The asset of a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<Text<AssetCode>>,
    /// How many.
    pub count: i64,
    /// How much, of a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<ExactDecimal>>,
}

impl From<ActivityRow> for ActivityView {
    fn from(row: ActivityRow) -> Self {
        Self {
            from: row.from.into(),
            metric: row.metric,
            asset: row.asset.map(|asset| asset.code.into()),
            count: row.count,
            amount: row
                .amount
                .zip(row.asset)
                .map(|(amount, asset)| exact(amount, asset)),
        }
    }
}
