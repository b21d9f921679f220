//! What a provider's report comes to: one [`Batch`] for each transfer that arrived at the bank.
//!
//! The report is another word of the provider about its payments: what they cost is recorded with them
//! where it was not yet ([`Batch::observations`]). Charges that belong to no payment, and those that are
//! finer than the currency, are the batch's own. A batch so recorded leaves in the provider's clearing
//! account exactly what the provider still owes; what does not fit is a break, which moves nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use connectors::gateways::{
    Charges, Money, Observation, PaymentObservation, PaymentStatus, ProviderId, Reported,
    SettlementRow, SettlementRowKind,
};
use ledger_core::money::{Amount, Asset};
use ledger_core::provider::ObservedFees;
use ledger_core::settlement::{BreakKind, SettlementBreak, SettlementReport};
use ledger_core::{PaymentId, ProviderName, ProviderReference, SystemAccountName, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::translation::bank_reference;

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
    /// The disputes whose cost was recorded, by the provider's own ids.
    pub charged_disputes: BTreeSet<String>,
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
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn report(
        &self,
        provider: ProviderName,
        batch: ProviderReference,
        bank: SystemAccountName,
        known: &[Option<Known>],
    ) -> Result<SettlementReport, TooLarge> {
        let payouts = self.rows.iter().map(|row| match row.kind.known() {
            Some(kind) if is_payout(*kind) => -row.net,
            Some(_) | None => Decimal::ZERO,
        });
        let first = self.rows.first();
        let charged = self.charged(known)?;
        Ok(SettlementReport {
            provider,
            batch,
            asset: self.asset.code,
            net: self.rounded(self.to_bank()?),
            payouts: self.rounded(sum(payouts)?),
            // What is given back of charges is a break.
            fees: ObservedFees {
                fee: charged.fee.max(Decimal::ZERO),
                tax: charged.tax.max(Decimal::ZERO),
            },
            bank,
            bank_reference: first
                .and_then(|row| row.bank_reference.as_deref())
                .and_then(bank_reference),
            settled_at: first
                .and_then(|row| row.settled_at)
                .and_then(|time| Timestamp::try_new(time).ok()),
        })
    }

    fn to_bank(&self) -> Result<Decimal, TooLarge> {
        sum(self.rows.iter().map(|row| row.to_bank))
    }

    /// What the batch costs that is not recorded elsewhere, in the currency's decimals; negative where more
    /// was given back.
    fn charged(&self, known: &[Option<Known>]) -> Result<ObservedFees, TooLarge> {
        let own: Vec<ObservedFees> = self
            .rows
            .iter()
            .zip(known)
            .map(|(row, known)| own_charges(row, known.as_ref()))
            .collect();
        let exact = sum(own.iter().map(|own| own.tax))?;
        let tax = self.rounded(exact);
        let to_bank = self.to_bank()?;
        // What the bank's rounding of the whole leaves is the fee's.
        let rests = [exact, -tax, to_bank, -self.rounded(to_bank)];
        let fee = sum(own.iter().map(|own| own.fee).chain(rests))?;
        Ok(ObservedFees {
            fee: self.rounded(fee),
            tax,
        })
    }

    /// Where the rows and the ledger differ.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn breaks(
        &self,
        batch: &ProviderReference,
        known: &[Option<Known>],
    ) -> Result<Vec<SettlementBreak>, TooLarge> {
        let mut found = Vec::new();
        for (row, known) in self.rows.iter().zip(known) {
            found.extend(self.breaks_of(batch, row, known.as_ref())?);
        }
        let charged = self.charged(known)?;
        let given_back = sum([charged.fee, charged.tax].map(|charge| charge.min(Decimal::ZERO)))?;
        if !given_back.is_zero() {
            found.push(self.differs(batch, given_back));
        }
        Ok(found)
    }

    /// That the whole is not as the ledger has it, by an amount of its asset.
    #[must_use]
    pub fn differs(&self, batch: &ProviderReference, theirs: Decimal) -> SettlementBreak {
        SettlementBreak {
            kind: BreakKind::TotalDiffers,
            subject: batch.clone(),
            payment: None,
            ours: None,
            theirs: Amount::try_new(theirs.abs(), self.asset.scale).ok(),
        }
    }

    fn breaks_of(
        &self,
        batch: &ProviderReference,
        row: &SettlementRow,
        known: Option<&Known>,
    ) -> Result<Vec<SettlementBreak>, TooLarge> {
        // A name that no event can hold is the whole's.
        let named = row.entity_id.as_str().parse::<ProviderReference>();
        let subject = named.unwrap_or_else(|_| batch.clone());
        let amount = |value: Decimal| Amount::try_new(value.abs(), self.asset.scale).ok();
        let difference = |kind, ours, theirs| SettlementBreak {
            kind,
            subject: subject.clone(),
            payment: known.map(|known| known.payment),
            ours,
            theirs,
        };
        let theirs = amount(row.amount.value());
        Ok(match (row.kind.known().copied(), known) {
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
                let charged = self.rounded(sum([row.fee, row.tax])?);
                if let Some(fees) = known.fees {
                    let recorded = self.rounded(sum([fees.fee, fees.tax])?);
                    if charged != recorded {
                        let (ours, theirs) = (amount(recorded), amount(charged));
                        found.push(difference(BreakKind::FeeDiffers, ours, theirs));
                    }
                }
                found
            }
            (Some(_), _) => Vec::new(),
        })
    }

    /// To the currency's decimals, half to even, as fees are rounded.
    fn rounded(&self, value: Decimal) -> Decimal {
        value.round_dp_with_strategy(self.asset.scale, RoundingStrategy::MidpointNearestEven)
    }
}

/// Sums that no amount can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report's amounts are too large")]
pub struct TooLarge;

fn sum(parts: impl IntoIterator<Item = Decimal>) -> Result<Decimal, TooLarge> {
    let mut parts = parts.into_iter();
    parts
        .try_fold(Decimal::ZERO, Decimal::checked_add)
        .ok_or(TooLarge)
}

/// What a row costs that is not recorded elsewhere.
fn own_charges(row: &SettlementRow, known: Option<&Known>) -> ObservedFees {
    let of = |fee, tax| ObservedFees { fee, tax };
    match row.kind.known() {
        Some(SettlementRowKind::Payment) if known.is_some_and(|known| known.fees.is_some()) => {
            of(Decimal::ZERO, Decimal::ZERO)
        }
        Some(SettlementRowKind::Chargeback | SettlementRowKind::ChargebackReversal)
            if is_charged(row, known) =>
        {
            of(Decimal::ZERO, Decimal::ZERO)
        }
        // The row is nothing but a charge; what it says of a tax is in its net.
        Some(SettlementRowKind::Fee) => of(-row.net, Decimal::ZERO),
        _ => of(row.fee, row.tax),
    }
}

/// Whether the cost of a row's dispute was recorded with it.
fn is_charged(row: &SettlementRow, known: Option<&Known>) -> bool {
    let dispute = row.dispute_id.as_ref();
    dispute
        .zip(known)
        .is_some_and(|(dispute, known)| known.charged_disputes.contains(dispute.as_str()))
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
