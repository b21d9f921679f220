//! A beneficiary as its events have made it.

use ledger_core::annotation::Reference;
use ledger_core::beneficiary::{
    Beneficiary, BeneficiaryDestination, BeneficiaryEvent, KnownBeneficiary,
};
use ledger_core::{ActorId, BeneficiaryId, Position, Timestamp, WalletId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Moment;
use super::documents::{Columns, Document};
use crate::read_model::FoldError;

/// Whether payouts may go to a beneficiary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeneficiaryStatus {
    /// Added, and not verified yet.
    Added,
    /// Payouts may go there.
    Verified,
    /// Removed, for ever.
    Removed,
}

impl BeneficiaryStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Verified => "verified",
            Self::Removed => "removed",
        }
    }
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who.
    pub by: ActorId,
    /// When it was recorded.
    pub at: Timestamp,
}

impl Decided {
    pub(super) fn of(by: &ActorId, moment: Moment) -> Self {
        Self {
            by: by.clone(),
            at: moment.at,
        }
    }
}

/// A beneficiary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeneficiaryRow {
    /// Its id.
    pub beneficiary: BeneficiaryId,
    /// The position of its first event.
    pub position: Position,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// Whose payouts may go there.
    pub wallet: WalletId,
    /// Where, as far as the log knows.
    pub destination: BeneficiaryDestination,
    /// Whether payouts may go there.
    pub status: BeneficiaryStatus,
    /// Who added it last, and when.
    pub added: Decided,
    /// Who verified it, and when.
    pub verified: Option<Decided>,
    /// How it was verified.
    pub method: Option<Reference>,
    /// Who removed it, and when.
    pub removed: Option<Decided>,
    /// Why it was removed.
    pub reason: Option<Reference>,
}

impl Document for BeneficiaryRow {
    const TABLE: &'static str = "beneficiaries";

    fn id(&self) -> Uuid {
        self.beneficiary.as_uuid()
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
            wallet: Some(self.wallet),
            provider: None,
            status: self.status.as_str(),
            in_suspense: false,
        }
    }
}

impl BeneficiaryRow {
    /// What the domain makes of its events so far.
    fn state(&self) -> Beneficiary {
        let known = KnownBeneficiary {
            wallet: self.wallet,
            destination: self.destination.clone(),
            added_by: self.added.by.clone(),
        };
        match self.status {
            BeneficiaryStatus::Added => Beneficiary::Added(known),
            BeneficiaryStatus::Verified => Beneficiary::Verified(known),
            BeneficiaryStatus::Removed => Beneficiary::Removed(known),
        }
    }
}

/// The beneficiary after one more event.
pub(super) fn next(
    known: Option<&BeneficiaryRow>,
    id: BeneficiaryId,
    moment: Moment,
    event: &BeneficiaryEvent,
) -> Result<BeneficiaryRow, FoldError> {
    let state = known.map_or(Beneficiary::Absent, BeneficiaryRow::state);
    state.evolve(event).map_err(|error| moment.refuse(error))?;
    let not_known = || moment.refuse(format!("the beneficiary {id} is not known"));
    match event {
        BeneficiaryEvent::BeneficiaryAdded {
            wallet,
            destination,
            by,
        } => Ok(BeneficiaryRow {
            beneficiary: id,
            position: known.map_or(moment.position, |known| known.position),
            created_at: known.map_or(moment.at, |known| known.created_at),
            wallet: *wallet,
            destination: destination.clone(),
            status: BeneficiaryStatus::Added,
            added: Decided::of(by, moment),
            verified: None,
            method: None,
            removed: None,
            reason: None,
        }),
        BeneficiaryEvent::BeneficiaryVerified { method, by } => Ok(BeneficiaryRow {
            status: BeneficiaryStatus::Verified,
            verified: Some(Decided::of(by, moment)),
            method: Some(method.clone()),
            ..known.cloned().ok_or_else(not_known)?
        }),
        BeneficiaryEvent::BeneficiaryRemoved { by, reason } => Ok(BeneficiaryRow {
            status: BeneficiaryStatus::Removed,
            removed: Some(Decided::of(by, moment)),
            reason: reason.clone(),
            ..known.cloned().ok_or_else(not_known)?
        }),
    }
}
