//! What a settlement is, folded from its events.

use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{ProviderName, ProviderReference, SystemAccountName};
use crate::money::AssetCode;
use crate::provider::Fees;

use super::event::{BreakKind, SettlementBreak, SettlementEvent, SettlementNet};

/// A batch that was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSettlement {
    /// By whom.
    pub provider: ProviderName,
    /// The provider's own id of it.
    pub batch: ProviderReference,
    /// Of which asset.
    pub asset: AssetCode,
    /// What came of it at the bank.
    pub net: SettlementNet,
    /// What went out of it to beneficiaries.
    pub payouts: SettlementNet,
    /// What the provider kept.
    pub fees: Fees,
    /// The account that stands for the bank account.
    pub bank: SystemAccountName,
    /// Differences, in the order in which they were found.
    pub breaks: Vec<KnownBreak>,
}

/// A difference and whether it is explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KnownBreak {
    /// It is not.
    Open(SettlementBreak),
    /// It is.
    Resolved(SettlementBreak),
}

impl KnownBreak {
    pub(super) const fn difference(&self) -> &SettlementBreak {
        match self {
            Self::Open(difference) | Self::Resolved(difference) => difference,
        }
    }
}

impl RecordedSettlement {
    /// The break of this kind about this subject.
    pub(super) fn find(&self, kind: BreakKind, subject: &ProviderReference) -> Option<&KnownBreak> {
        self.breaks.iter().find(|known| {
            let difference = known.difference();
            difference.kind == kind && difference.subject == *subject
        })
    }

    fn resolve(&self, kind: BreakKind, subject: &ProviderReference) -> Option<Self> {
        let KnownBreak::Open(open) = self.find(kind, subject)? else {
            return None;
        };
        let resolved = KnownBreak::Resolved(open.clone());
        let mut next = self.clone();
        for known in &mut next.breaks {
            if known.difference() == resolved.difference() {
                *known = resolved.clone();
            }
        }
        Some(next)
    }
}

/// A settlement's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Settlement {
    /// Not recorded.
    #[default]
    Absent,
    /// Recorded.
    Recorded(Box<RecordedSettlement>),
}

impl Settlement {
    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &SettlementEvent) -> Result<Self, IllegalEvent> {
        self.next(event)
            .map(|next| Self::Recorded(Box::new(next)))
            .ok_or(IllegalEvent {
                event: event.name(),
                state: match self {
                    Self::Absent => "Absent",
                    Self::Recorded(_) => "Recorded",
                },
            })
    }

    fn next(&self, event: &SettlementEvent) -> Option<RecordedSettlement> {
        match (self, event) {
            (
                Self::Absent,
                SettlementEvent::SettlementRecorded {
                    provider,
                    batch,
                    asset,
                    net,
                    payouts,
                    fees,
                    bank,
                    ..
                },
            ) => Some(RecordedSettlement {
                provider: *provider,
                batch: batch.clone(),
                asset: *asset,
                net: *net,
                payouts: *payouts,
                fees: *fees,
                bank: *bank,
                breaks: Vec::new(),
            }),
            (Self::Recorded(known), SettlementEvent::SettlementBreakFound { difference })
                if known.find(difference.kind, &difference.subject).is_none() =>
            {
                let mut next = RecordedSettlement::clone(known);
                next.breaks.push(KnownBreak::Open(difference.clone()));
                Some(next)
            }
            (
                Self::Recorded(known),
                SettlementEvent::SettlementBreakResolved { kind, subject, .. },
            ) => known.resolve(*kind, subject),
            (
                Self::Absent | Self::Recorded(_),
                SettlementEvent::SettlementRecorded { .. }
                | SettlementEvent::SettlementBreakFound { .. }
                | SettlementEvent::SettlementBreakResolved { .. },
            ) => None,
        }
    }
}
