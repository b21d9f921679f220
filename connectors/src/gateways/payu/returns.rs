//! What a browser brings back from PayU's page: the fields of a webhook, signed alike.
//!
//! The hash covers status, amount and `txnid`, but neither PayU's own name for the transaction nor
//! whether it is taken.

use super::settings::PayUSettings;
use super::signature::{Mismatch, verify as verify_hash};
use super::status::payment_status;
use super::wire::money;
use crate::gateways::{
    OpenCheckout, PaymentStatus, Reported, ReturnFacts, ReturnFields, ReturnOutcome,
    ReturnRejection, SignatureCoverage,
};

pub(super) fn verify(
    settings: &PayUSettings,
    checkout: &OpenCheckout,
    fields: &ReturnFields,
) -> Result<ReturnFacts, ReturnRejection> {
    let is_theirs = |(name, _): &(String, String)| {
        matches!(name.as_str(), "hash" | "status" | "txnid" | "mihpayid")
    };
    if !fields.as_slice().iter().any(is_theirs) {
        // The payer turned back before PayU knew of anything; what is there is what we put there.
        return Ok(ReturnFacts {
            outcome: ReturnOutcome::Cancelled,
            payment_id: None,
            coverage: SignatureCoverage::Nothing,
        });
    }
    let signed = verify_hash(settings, fields).map_err(|mismatch| match mismatch {
        Mismatch::NotSigned | Mismatch::Malformed | Mismatch::Wrong => {
            ReturnRejection::WrongSignature
        }
        Mismatch::Ambiguous => ReturnRejection::Malformed,
    })?;
    let is_ours = signed.txnid == checkout.checkout_id.as_str()
        && money(signed.amount).is_ok_and(|amount| amount == checkout.amount);
    if !is_ours {
        return Err(ReturnRejection::OtherCheckout);
    }
    let unmapped = fields.only("unmappedstatus").unwrap_or_default();
    let outcome = match payment_status(signed.status, unmapped) {
        Reported::Known(PaymentStatus::Captured | PaymentStatus::Authorized) => ReturnOutcome::Paid,
        Reported::Known(PaymentStatus::Failed) => ReturnOutcome::Failed,
        Reported::Known(PaymentStatus::Expired) => ReturnOutcome::Cancelled,
        Reported::Known(PaymentStatus::AwaitingPayer) => ReturnOutcome::Pending,
        Reported::Known(
            PaymentStatus::Created
            | PaymentStatus::PartiallyRefunded
            | PaymentStatus::Refunded
            | PaymentStatus::Disputed,
        )
        | Reported::Unknown(_) => ReturnOutcome::NotSaid,
    };
    let payment_id = fields.only("mihpayid").map(str::trim);
    Ok(ReturnFacts {
        outcome,
        payment_id: payment_id.and_then(|id| id.parse().ok()),
        coverage: SignatureCoverage::Parts,
    })
}
