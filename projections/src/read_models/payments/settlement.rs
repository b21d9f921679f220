//! Settlements and the differences found in them.

use ledger_core::annotation::Reference;
use ledger_core::provider::Fees;
use ledger_core::settlement::{BreakKind, SettlementBreak, SettlementEvent, SettlementNet};
use ledger_core::{
    ActorId, AssetCode, Position, ProviderName, ProviderReference, SettlementId, SystemAccountName,
    Timestamp, TransactionId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Moment;
use super::documents::{Columns, Document};
use crate::read_model::FoldError;

/// A batch that a provider paid us, or took from us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementRow {
    /// Its id.
    pub settlement: SettlementId,
    /// The position of its first event.
    pub position: Position,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// By whom.
    pub provider: ProviderName,
    /// The provider's own id of it.
    pub batch: ProviderReference,
    /// Of which asset.
    pub asset: AssetCode,
    /// What came of it at the bank.
    pub net: SettlementNet,
    /// What went out of it to beneficiaries.
    #[serde(default)]
    pub payouts: SettlementNet,
    /// What the provider kept for itself and was not recorded with its payments.
    pub fees: Fees,
    /// The account that stands for the bank account.
    pub bank: SystemAccountName,
    /// The bank's number of the transfer.
    pub bank_reference: Option<ProviderReference>,
    /// When it was paid, as the provider says.
    pub settled_at: Option<Timestamp>,
    /// The transaction that moved it.
    pub transaction: Option<TransactionId>,
    /// Differences that are not explained.
    pub open_breaks: u32,
}

impl SettlementRow {
    /// Its state, by name.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        if self.open_breaks == 0 {
            "reconciled"
        } else {
            "open_breaks"
        }
    }
}

impl Document for SettlementRow {
    const TABLE: &'static str = "settlements";

    fn id(&self) -> Uuid {
        self.settlement.as_uuid()
    }

    fn position(&self) -> Position {
        self.position
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn columns(&self) -> Columns {
        Columns {
            belongs_to: None,
            wallet: None,
            provider: Some(self.provider),
            status: self.status(),
            in_suspense: false,
        }
    }
}

/// Whether a difference is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakStatus {
    /// It is not.
    Open,
    /// It is.
    Resolved,
}

/// A difference between our ledger and a provider's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakRow {
    /// In which settlement.
    pub settlement: SettlementId,
    /// The position at which it was found.
    pub position: Position,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// Whose report.
    pub provider: ProviderName,
    /// Of which asset its amounts are.
    pub asset: AssetCode,
    /// Which.
    pub difference: SettlementBreak,
    /// Whether it is explained.
    pub status: BreakStatus,
    /// Who explained it.
    pub resolved_by: Option<ActorId>,
    /// When that was recorded.
    pub resolved_at: Option<Timestamp>,
    /// How.
    pub resolution: Option<Reference>,
}

/// The id of a difference here: there is one of a kind about a subject.
#[must_use]
pub fn break_id(settlement: SettlementId, kind: BreakKind, subject: &ProviderReference) -> Uuid {
    let kind = match kind {
        BreakKind::UnknownHere => "unknown_here",
        BreakKind::MissingInReport => "missing_in_report",
        BreakKind::AmountDiffers => "amount_differs",
        BreakKind::FeeDiffers => "fee_differs",
        BreakKind::TotalDiffers => "total_differs",
    };
    let settlement = settlement.to_string();
    ledger_core::identifier::derived_id(&["break", &settlement, kind, subject.as_str()])
}

impl Document for BreakRow {
    const TABLE: &'static str = "settlement_breaks";

    fn id(&self) -> Uuid {
        break_id(
            self.settlement,
            self.difference.kind,
            &self.difference.subject,
        )
    }

    fn position(&self) -> Position {
        self.position
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn columns(&self) -> Columns {
        Columns {
            belongs_to: Some(self.settlement.as_uuid()),
            wallet: None,
            provider: Some(self.provider),
            status: match self.status {
                BreakStatus::Open => "open",
                BreakStatus::Resolved => "resolved",
            },
            in_suspense: false,
        }
    }
}

/// The row of the break that an event is about.
pub(super) fn id_in(settlement: SettlementId, event: &SettlementEvent) -> Option<Uuid> {
    match event {
        SettlementEvent::SettlementRecorded { .. } => None,
        SettlementEvent::SettlementBreakFound { difference } => {
            Some(break_id(settlement, difference.kind, &difference.subject))
        }
        SettlementEvent::SettlementBreakResolved { kind, subject, .. } => {
            Some(break_id(settlement, *kind, subject))
        }
    }
}

/// The settlement after one more event.
pub(super) fn next(
    known: Option<&SettlementRow>,
    id: SettlementId,
    moment: Moment,
    event: &SettlementEvent,
) -> Result<SettlementRow, FoldError> {
    match (event, known) {
        (SettlementEvent::SettlementRecorded { .. }, None) => begin(id, moment, event)
            .ok_or_else(|| moment.refuse(format!("the settlement {id} is not known"))),
        (SettlementEvent::SettlementRecorded { .. }, Some(_)) => {
            Err(moment.refuse(format!("the settlement {id} was recorded before")))
        }
        (_, None) => Err(moment.refuse(format!("the settlement {id} is not known"))),
        (SettlementEvent::SettlementBreakFound { .. }, Some(known)) => Ok(SettlementRow {
            open_breaks: known.open_breaks.saturating_add(1),
            ..known.clone()
        }),
        (SettlementEvent::SettlementBreakResolved { .. }, Some(known)) => Ok(SettlementRow {
            open_breaks: known.open_breaks.saturating_sub(1),
            ..known.clone()
        }),
    }
}

fn begin(
    settlement: SettlementId,
    moment: Moment,
    event: &SettlementEvent,
) -> Option<SettlementRow> {
    let SettlementEvent::SettlementRecorded {
        provider,
        batch,
        asset,
        net,
        payouts,
        fees,
        bank,
        bank_reference,
        settled_at,
        transaction,
    } = event
    else {
        return None;
    };
    Some(SettlementRow {
        settlement,
        position: moment.position,
        created_at: moment.at,
        provider: *provider,
        batch: batch.clone(),
        asset: *asset,
        net: *net,
        payouts: *payouts,
        fees: *fees,
        bank: *bank,
        bank_reference: bank_reference.clone(),
        settled_at: *settled_at,
        transaction: *transaction,
        open_breaks: 0,
    })
}

/// The break after one more event of its settlement; nothing when the event is about none.
pub(super) fn next_break(
    known: Option<&BreakRow>,
    settlement: &SettlementRow,
    moment: Moment,
    event: &SettlementEvent,
) -> Result<Option<BreakRow>, FoldError> {
    match (event, known) {
        (SettlementEvent::SettlementRecorded { .. }, _) => Ok(None),
        (SettlementEvent::SettlementBreakFound { difference }, None) => Ok(Some(BreakRow {
            settlement: settlement.settlement,
            position: moment.position,
            created_at: moment.at,
            provider: settlement.provider,
            asset: settlement.asset,
            difference: difference.clone(),
            status: BreakStatus::Open,
            resolved_by: None,
            resolved_at: None,
            resolution: None,
        })),
        (SettlementEvent::SettlementBreakResolved { by, resolution, .. }, Some(known))
            if known.status == BreakStatus::Open =>
        {
            Ok(Some(BreakRow {
                status: BreakStatus::Resolved,
                resolved_by: Some(by.clone()),
                resolved_at: Some(moment.at),
                resolution: Some(resolution.clone()),
                ..known.clone()
            }))
        }
        (SettlementEvent::SettlementBreakFound { .. }, Some(_)) => {
            Err(moment.refuse("the break was found before"))
        }
        (SettlementEvent::SettlementBreakResolved { .. }, _) => {
            Err(moment.refuse("the break is not open"))
        }
    }
}
