//! What providers say, in the domain's words. A status that no documentation has changes nothing.

use connectors::card_numbers::{has_card_number, without_card_numbers};
use connectors::gateways::{
    Charges, DisputeObservation, DisputePhase, DisputeStatus, Money, PaymentFailure,
    PaymentObservation, PaymentStatus, PayoutObservation, PayoutStatus, ProviderId, RefundKind,
    RefundObservation, RefundStatus, Reported,
};
use ledger_core::annotation::{MAX_REFERENCE_LENGTH, Reference};
use ledger_core::payment::{
    self as domain, ObservedDispute, ObservedMoney, ObservedPayment, ObservedRefund,
};
use ledger_core::payout::{ObservedPayout, PayoutObservation as DomainPayout};
use ledger_core::provider::ObservedFees;
use ledger_core::{AssetCode, PayoutId, ProviderName, ProviderReference, Timestamp};

use crate::links::payout_attempt;

/// Why something that a provider says has no place in the domain. A person has to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Untranslatable(pub &'static str);

/// A status that is not documented.
pub const STATUS_UNKNOWN: Untranslatable = Untranslatable("status_unknown");

/// A dispute's phase that is not documented.
pub const PHASE_UNKNOWN: Untranslatable = Untranslatable("dispute_phase_unknown");

/// A name that cannot stand in an event.
pub const NAME_UNUSABLE: Untranslatable = Untranslatable("provider_id_unusable");

/// Money is ours, and the provider does not say how much.
pub const AMOUNT_MISSING: Untranslatable = Untranslatable("captured_amount_missing");

/// A payment.
///
/// # Errors
/// [`Untranslatable`].
pub fn payment(
    provider: ProviderName,
    said: &PaymentObservation,
) -> Result<domain::PaymentObservation, Untranslatable> {
    let Reported::Known(status) = &said.status else {
        return Err(STATUS_UNKNOWN);
    };
    let attempt = reference(&said.payment_id)?;
    let status = match status {
        PaymentStatus::Created | PaymentStatus::AwaitingPayer => {
            ObservedPayment::AwaitingPayer { expires_at: None }
        }
        PaymentStatus::Authorized => ObservedPayment::Authorized {
            attempt,
            money: money(said.amount),
        },
        PaymentStatus::Captured
        | PaymentStatus::PartiallyRefunded
        | PaymentStatus::Refunded
        | PaymentStatus::Disputed => {
            if said.captured.is_zero() {
                return Err(AMOUNT_MISSING);
            }
            ObservedPayment::Captured {
                attempt,
                money: money(said.captured),
                fees: said
                    .charges
                    .and_then(|charges| fees(charges, said.captured.asset().code)),
            }
        }
        PaymentStatus::Failed => ObservedPayment::Failed {
            attempt: Some(attempt),
            reason: said.failure.as_ref().and_then(failure),
        },
        PaymentStatus::Expired => ObservedPayment::Released { attempt },
    };
    Ok(domain::PaymentObservation {
        provider,
        order: said.checkout_id.as_ref().map(reference).transpose()?,
        status,
    })
}

/// A refund of money that was ours.
///
/// # Errors
/// [`Untranslatable`].
pub fn refund(
    provider: ProviderName,
    said: &RefundObservation,
) -> Result<domain::RefundObservation, Untranslatable> {
    let Reported::Known(status) = &said.status else {
        return Err(STATUS_UNKNOWN);
    };
    Ok(domain::RefundObservation {
        provider,
        attempt: reference(&said.payment_id)?,
        provider_refund: reference(&said.refund_id)?,
        money: money(said.amount),
        status: match status {
            RefundStatus::Pending => ObservedRefund::Pending,
            RefundStatus::Processed => ObservedRefund::Succeeded,
            RefundStatus::Failed | RefundStatus::Cancelled => ObservedRefund::Failed,
        },
        bank_reference: said.bank_reference.as_deref().and_then(bank_reference),
        reason: said.failure.as_ref().and_then(failure),
    })
}

/// Whether a refund gives back what was ours, by the state of its payment where it does not say so.
#[must_use]
pub fn refund_kind(kind: RefundKind, of: Option<&PaymentObservation>) -> RefundKind {
    match (kind, of) {
        (RefundKind::NotSaid, Some(payment)) if payment.captured.is_zero() => {
            RefundKind::OfUncaptured
        }
        (RefundKind::NotSaid, Some(_)) => RefundKind::OfCaptured,
        (kind, _) => kind,
    }
}

/// A dispute.
///
/// # Errors
/// [`Untranslatable`].
pub fn dispute(
    provider: ProviderName,
    said: &DisputeObservation,
) -> Result<domain::DisputeObservation, Untranslatable> {
    let Reported::Known(status) = &said.status else {
        return Err(STATUS_UNKNOWN);
    };
    let Reported::Known(phase) = &said.phase else {
        return Err(PHASE_UNKNOWN);
    };
    Ok(domain::DisputeObservation {
        provider,
        attempt: reference(&said.payment_id)?,
        dispute: reference(&said.dispute_id)?,
        phase: match phase {
            DisputePhase::Fraud | DisputePhase::Retrieval => domain::DisputePhase::Inquiry,
            DisputePhase::Chargeback => domain::DisputePhase::Chargeback,
            DisputePhase::PreArbitration => domain::DisputePhase::PreArbitration,
            DisputePhase::Arbitration => domain::DisputePhase::Arbitration,
        },
        status: match status {
            DisputeStatus::Open | DisputeStatus::UnderReview => ObservedDispute::Open,
            DisputeStatus::Won => ObservedDispute::Won,
            DisputeStatus::Lost => ObservedDispute::Lost,
            DisputeStatus::Closed => ObservedDispute::Closed,
        },
        money: money(said.amount),
        fees: said
            .charges
            .and_then(|charges| fees(charges, said.amount.asset().code)),
        reason: said.reason.as_deref().and_then(note),
        respond_by: said
            .respond_by
            .and_then(|time| Timestamp::try_new(time).ok()),
    })
}

/// A payout; which attempt it is of, its reference tells.
///
/// # Errors
/// [`Untranslatable`].
pub fn payout(
    provider: ProviderName,
    payout: PayoutId,
    said: &PayoutObservation,
) -> Result<DomainPayout, Untranslatable> {
    let Reported::Known(status) = &said.status else {
        return Err(STATUS_UNKNOWN);
    };
    let charges = || {
        said.charges
            .and_then(|charges| fees(charges, said.amount.asset().code))
    };
    Ok(DomainPayout {
        provider,
        provider_payout: Some(reference(&said.payout_id)?),
        attempt: said
            .reference
            .as_ref()
            .and_then(|reference| payout_attempt(payout, reference)),
        money: Some(money(said.amount)),
        status: match status {
            PayoutStatus::Pending | PayoutStatus::Processing => ObservedPayout::Processing,
            PayoutStatus::Paid => ObservedPayout::Succeeded { fees: charges() },
            PayoutStatus::Failed => ObservedPayout::Failed,
            PayoutStatus::Cancelled => ObservedPayout::Cancelled,
            PayoutStatus::Returned => ObservedPayout::Returned,
        },
        reason: said.failure.as_ref().and_then(failure),
    })
}

/// A provider's name for something, as events write it.
///
/// # Errors
/// [`NAME_UNUSABLE`].
pub fn reference(id: &ProviderId) -> Result<ProviderReference, Untranslatable> {
    id.as_str().parse().map_err(|_| NAME_UNUSABLE)
}

/// A remark of a provider without card numbers, cut to what an event keeps.
#[must_use]
pub fn note(text: &str) -> Option<Reference> {
    let printable: String = without_card_numbers(text)
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_REFERENCE_LENGTH)
        .collect();
    printable.trim().parse().ok()
}

fn money(money: Money) -> ObservedMoney {
    ObservedMoney {
        asset: money.asset().code,
        amount: money.value(),
    }
}

/// Charges in another asset than the money cannot be posted with it; the settlement tells them.
fn fees(charges: Charges, asset: AssetCode) -> Option<ObservedFees> {
    (charges.asset.code == asset).then_some(ObservedFees {
        fee: charges.fee,
        tax: charges.tax,
    })
}

/// A failure by its code and reason. Its description may be about the payer and is not kept.
fn failure(failure: &PaymentFailure) -> Option<Reference> {
    match &failure.reason {
        Some(reason) => note(&format!("{}: {reason}", failure.code)),
        None => note(&failure.code),
    }
}

/// A bank's number of a transfer; nothing where a card number stands in its place.
#[must_use]
pub fn bank_reference(text: &str) -> Option<ProviderReference> {
    let text = text.trim();
    match has_card_number(text) {
        true => None,
        false => text.parse().ok(),
    }
}
