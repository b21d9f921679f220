//! The rules of settlements.

use rust_decimal::Decimal;

use crate::identifier::{SettlementId, TransactionId};
use crate::posting::{PostingRejection, Standings, decide_plain_amount};
use crate::provider::Fees;

use super::command::{SettlementAction, SettlementCommand, SettlementReport};
use super::event::{SettlementEvent, SettlementNet};
use super::rejection::SettlementRejection;
use super::state::{KnownBreak, RecordedSettlement, Settlement};

/// What a decision comes to: nothing, where the command says nothing new.
type Decided = Result<Option<SettlementEvent>, SettlementRejection>;

impl Settlement {
    /// What happens when `command` is carried out; nothing when it says nothing new.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &SettlementCommand) -> Decided {
        let settlement = command.settlement;
        match (self, &command.action) {
            (
                Self::Absent,
                SettlementAction::Record {
                    report,
                    transaction,
                },
            ) => record(report, *transaction, &command.standings).map(Some),
            (
                Self::Absent,
                SettlementAction::RecordBreak { .. } | SettlementAction::ResolveBreak { .. },
            ) => Err(SettlementRejection::NotFound { settlement }),
            (Self::Recorded(known), action) => known.decide(settlement, action, &command.standings),
        }
    }
}

fn record(
    report: &SettlementReport,
    transaction: TransactionId,
    standings: &Standings,
) -> Result<SettlementEvent, SettlementRejection> {
    let Amounts { net, payouts, fees } = Amounts::of(report, standings)?;
    let moves =
        !net.is_nothing() || !payouts.is_nothing() || !fees.fee.is_zero() || !fees.tax.is_zero();
    Ok(SettlementEvent::SettlementRecorded {
        provider: report.provider,
        batch: report.batch.clone(),
        asset: report.asset,
        net,
        payouts,
        fees,
        bank: report.bank,
        bank_reference: report.bank_reference.clone(),
        settled_at: report.settled_at,
        transaction: moves.then_some(transaction),
    })
}

/// What a report comes to, in amounts of its asset.
#[derive(PartialEq)]
struct Amounts {
    net: SettlementNet,
    payouts: SettlementNet,
    fees: Fees,
}

impl Amounts {
    fn of(report: &SettlementReport, standings: &Standings) -> Result<Self, SettlementRejection> {
        let directed = |amount: Decimal| {
            if amount.is_zero() {
                return Ok(SettlementNet::Nothing);
            }
            let is_taken = amount.is_sign_negative();
            let amount = decide_plain_amount(report.asset, amount.abs(), standings)?;
            Ok::<_, PostingRejection>(if is_taken {
                SettlementNet::Taken(amount)
            } else {
                SettlementNet::Received(amount)
            })
        };
        let asset = standings
            .asset(&report.asset)
            .ok_or(PostingRejection::AssetNotFound {
                posting: 0,
                asset: report.asset,
            })?;
        Ok(Self {
            net: directed(report.net)?,
            payouts: directed(-report.payouts)?,
            fees: report.fees.rounded(asset)?,
        })
    }
}

impl RecordedSettlement {
    fn decide(
        &self,
        settlement: SettlementId,
        action: &SettlementAction,
        standings: &Standings,
    ) -> Decided {
        match action {
            SettlementAction::Record { report, .. } => {
                let reported = Amounts::of(report, standings)?;
                let known = Amounts {
                    net: self.net,
                    payouts: self.payouts,
                    fees: self.fees,
                };
                let same = (self.provider, &self.batch, self.asset, self.bank)
                    == (report.provider, &report.batch, report.asset, report.bank);
                if same && reported == known {
                    Ok(None)
                } else {
                    Err(SettlementRejection::Differs { settlement })
                }
            }
            SettlementAction::RecordBreak { difference } => {
                let subject = difference.subject.clone();
                for amount in [difference.ours, difference.theirs].into_iter().flatten() {
                    decide_plain_amount(self.asset, amount.value(), standings)?;
                }
                match self.find(difference.kind, &difference.subject) {
                    None => Ok(Some(SettlementEvent::SettlementBreakFound {
                        difference: difference.clone(),
                    })),
                    Some(known) if known.difference() == difference => Ok(None),
                    Some(_) => Err(SettlementRejection::BreakDiffers {
                        settlement,
                        subject,
                    }),
                }
            }
            SettlementAction::ResolveBreak {
                kind,
                subject,
                by,
                resolution,
            } => match self.find(*kind, subject) {
                None => Err(SettlementRejection::BreakNotFound {
                    settlement,
                    subject: subject.clone(),
                }),
                Some(KnownBreak::Resolved(_)) => Ok(None),
                Some(KnownBreak::Open(_)) => Ok(Some(SettlementEvent::SettlementBreakResolved {
                    kind: *kind,
                    subject: subject.clone(),
                    by: by.clone(),
                    resolution: resolution.clone(),
                })),
            },
        }
    }
}
