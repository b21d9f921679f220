//! What a provider's report comes to: one [`Batch`] for each transfer that arrived at the bank.
//!
//! The report is another word of the provider about its payments: what they cost is recorded with them
//! where it was not yet ([`Batch::observations`]). Charges that belong to no payment, and those that are
//! finer than the currency, are the batch's own. A batch so recorded leaves in the provider's clearing
//! account exactly what the provider still owes; what does not fit is a break, which moves nothing.

#[cfg(test)]
mod tests;

use connectors::gateways::{
    Charges, Money, Observation, PaymentObservation, PaymentStatus, ProviderId, Reported,
    SettlementRow, SettlementRowKind,
};
use ledger_core::money::{Amount, Asset};
use ledger_core::provider::ObservedFees;
use ledger_core::settlement::{BreakKind, SettlementBreak, SettlementReport};
use ledger_core::{PaymentId, ProviderName, ProviderReference, SystemAccountName, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};

/// One batch of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The provider's own id of it.
    pub id: ProviderId,
    /// Of which asset.
    pub asset: Asset,
    /// Its rows, in the provider's order.
    pub rows: Vec<SettlementRow>,
}

/// What the ledger knows of a row's payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The payment.
    pub payment: PaymentId,
    /// What was captured.
    pub captured: Amount,
    /// What it cost, where that was recorded.
    pub fees: Option<ObservedFees>,
}

/// The batches of a report, in the order of their first rows. Rows that are in none yet come with a later
/// report.
#[must_use]
pub fn batches(rows: Vec<SettlementRow>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for row in rows {
        let Some(id) = row.settlement_id.clone() else {
            continue;
        };
        let known = batches
            .iter_mut()
            .find(|batch| batch.id == id && batch.asset == row.asset);
        match known {
            Some(batch) => batch.rows.push(row),
            None => batches.push(Batch {
                id,
                asset: row.asset,
                rows: vec![row],
            }),
        }
    }
    batches
}

impl Batch {
    /// What the rows say of payments, each with its provider's name for it.
    pub fn observations(&self) -> impl Iterator<Item = (&SettlementRow, Observation)> {
        let payments = self
            .rows
            .iter()
            .filter(|row| row.kind.known() == Some(&SettlementRowKind::Payment));
        payments.filter_map(|row| Some((row, self.payment(row)?)))
    }

    fn payment(&self, row: &SettlementRow) -> Option<Observation> {
        let charges = Charges {
            fee: row.fee,
            tax: row.tax,
            asset: row.asset,
        };
        Some(Observation::Payment(PaymentObservation {
            payment_id: row.payment_id.clone()?,
            checkout_id: row.checkout_id.clone(),
            reference: row.reference.as_deref().and_then(|text| text.parse().ok()),
            status: Reported::Known(PaymentStatus::Captured),
            provider_status: "settled".to_owned(),
            amount: row.amount,
            captured: row.amount,
            refunded: Money::from_minor_units(0, row.asset),
            charges: self.is_exact(row).then_some(charges),
            method: None,
            failure: None,
            created_at: row.created_at,
        }))
    }

    /// Whether a row's charges are amounts of the currency.
    fn is_exact(&self, row: &SettlementRow) -> bool {
        let decimals = self.asset.scale;
        [row.fee, row.tax]
            .iter()
            .all(|charge| charge.normalize().scale() <= decimals)
    }

    /// The report to be recorded, once everything was heard; `known` is what the ledger then has of each
    /// row, in the rows' order.
    #[must_use]
    pub fn report(
        &self,
        provider: ProviderName,
        batch: ProviderReference,
        bank: SystemAccountName,
        known: &[Option<Known>],
    ) -> SettlementReport {
        let sum =
            |of: &dyn Fn(&SettlementRow) -> Decimal| self.rows.iter().map(of).sum::<Decimal>();
        let to_bank = sum(&|row| row.to_bank);
        let net = self.rounded(to_bank);
        let payouts = -sum(&|row| match row.kind.known() {
            Some(kind) if is_payout(*kind) => row.net,
            Some(_) | None => Decimal::ZERO,
        });
        let unrecorded: Vec<(Decimal, Decimal)> = self
            .rows
            .iter()
            .zip(known)
            .map(|(row, known)| own_charges(row, known.as_ref()))
            .collect();
        let tax = self.rounded(unrecorded.iter().map(|(_, tax)| *tax).sum());
        let fee: Decimal = unrecorded.iter().map(|(fee, _)| *fee).sum();
        // What the bank's rounding of the whole leaves is the fee's.
        let rest = fee + unrecorded.iter().map(|(_, tax)| *tax).sum::<Decimal>() - tax;
        let fee = self.rounded(rest + to_bank - net).max(Decimal::ZERO);
        let first = self.rows.first();
        SettlementReport {
            provider,
            batch,
            asset: self.asset.code,
            net,
            payouts: self.rounded(payouts),
            fees: ObservedFees { fee, tax },
            bank,
            bank_reference: first
                .and_then(|row| row.bank_reference.as_deref())
                .and_then(|text| text.trim().parse().ok()),
            settled_at: first
                .and_then(|row| row.settled_at)
                .and_then(|time| Timestamp::try_new(time).ok()),
        }
    }

    /// Where the rows and the ledger differ.
    pub fn breaks(&self, known: &[Option<Known>]) -> Vec<SettlementBreak> {
        let found = self.rows.iter().zip(known);
        found
            .flat_map(|(row, known)| self.breaks_of(row, known.as_ref()))
            .collect()
    }

    fn breaks_of(&self, row: &SettlementRow, known: Option<&Known>) -> Vec<SettlementBreak> {
        let Ok(subject) = row.entity_id.as_str().parse::<ProviderReference>() else {
            return Vec::new();
        };
        let amount = |value: Decimal| Amount::try_new(value.abs(), self.asset.scale).ok();
        let difference = |kind, ours, theirs| SettlementBreak {
            kind,
            subject: subject.clone(),
            payment: known.map(|known| known.payment),
            ours,
            theirs,
        };
        let theirs = amount(row.amount.value());
        match (row.kind.known().copied(), known) {
            // Nobody has a place for it: a person finds out what it is.
            (None | Some(SettlementRowKind::Adjustment), _) => {
                vec![difference(BreakKind::UnknownHere, None, amount(row.net))]
            }
            (Some(kind), None) if is_of_payment(kind) => {
                vec![difference(BreakKind::UnknownHere, None, theirs)]
            }
            (Some(SettlementRowKind::Payment), Some(known)) => {
                let mut found = Vec::new();
                if Some(known.captured) != theirs {
                    let ours = Some(known.captured);
                    found.push(difference(BreakKind::AmountDiffers, ours, theirs));
                }
                let charged = row.fee + row.tax;
                if let Some(recorded) = known.fees
                    && self.rounded(charged) != self.rounded(recorded.fee + recorded.tax)
                {
                    let ours = amount(recorded.fee + recorded.tax);
                    found.push(difference(
                        BreakKind::FeeDiffers,
                        ours,
                        amount(self.rounded(charged)),
                    ));
                }
                found
            }
            (Some(_), _) => Vec::new(),
        }
    }

    /// To the currency's decimals, half to even, as fees are rounded.
    fn rounded(&self, value: Decimal) -> Decimal {
        value.round_dp_with_strategy(self.asset.scale, RoundingStrategy::MidpointNearestEven)
    }
}

/// What a row costs that is not recorded elsewhere: fee and tax.
fn own_charges(row: &SettlementRow, known: Option<&Known>) -> (Decimal, Decimal) {
    match row.kind.known() {
        Some(SettlementRowKind::Payment) if known.is_some_and(|known| known.fees.is_some()) => {
            (Decimal::ZERO, Decimal::ZERO)
        }
        // The row is nothing but a charge.
        Some(SettlementRowKind::Fee) => (-row.net - row.tax, row.tax),
        _ => (row.fee, row.tax),
    }
}

const fn is_payout(kind: SettlementRowKind) -> bool {
    matches!(
        kind,
        SettlementRowKind::Payout | SettlementRowKind::PayoutReversal
    )
}

/// Whether rows of a kind name a payment.
const fn is_of_payment(kind: SettlementRowKind) -> bool {
    match kind {
        SettlementRowKind::Payment
        | SettlementRowKind::Refund
        | SettlementRowKind::RefundReversal
        | SettlementRowKind::Chargeback
        | SettlementRowKind::ChargebackReversal => true,
        SettlementRowKind::Payout
        | SettlementRowKind::PayoutReversal
        | SettlementRowKind::Fee
        | SettlementRowKind::Settlement
        | SettlementRowKind::Adjustment => false,
    }
}
