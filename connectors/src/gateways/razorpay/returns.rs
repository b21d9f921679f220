//! What a browser brings back from Razorpay's page or from a payment link.
//!
//! The page signs `order|payment` with the key's secret, a link `link|reference|status|payment`. Order,
//! link and reference are taken from our records. A failure is not signed.

use crate::gateways::signature::{hmac_sha256, is_same};
use crate::gateways::{
    OpenCheckout, ProviderId, ReturnFacts, ReturnFields, ReturnOutcome, ReturnRejection,
    SecretRing, SignatureCoverage,
};

pub(super) fn verify(
    secrets: &SecretRing,
    checkout: &OpenCheckout,
    fields: &ReturnFields,
) -> Result<ReturnFacts, ReturnRejection> {
    if checkout.checkout_id.as_str().starts_with("plink_") {
        return from_link(secrets, checkout, fields);
    }
    let is_unsigned = fields.only("razorpay_signature").is_none();
    if is_unsigned && fields.only("error[code]").is_some() {
        return Ok(unsigned(ReturnOutcome::Failed));
    }
    if fields.as_slice().is_empty() {
        // `cancel_url` is called without anything.
        return Ok(unsigned(ReturnOutcome::Cancelled));
    }
    from_page(secrets, checkout, fields)
}

fn from_page(
    secrets: &SecretRing,
    checkout: &OpenCheckout,
    fields: &ReturnFields,
) -> Result<ReturnFacts, ReturnRejection> {
    let payment_id = payment_id(fields)?;
    let order_id = checkout.checkout_id.as_str();
    if field(fields, "razorpay_order_id")? != order_id {
        return Err(ReturnRejection::OtherCheckout);
    }
    let parts: [&[u8]; 3] = [order_id.as_bytes(), b"|", payment_id.as_str().as_bytes()];
    check(secrets, &parts, field(fields, "razorpay_signature")?)?;
    Ok(ReturnFacts {
        outcome: ReturnOutcome::Paid,
        payment_id: Some(payment_id),
        coverage: SignatureCoverage::Everything,
    })
}

fn from_link(
    secrets: &SecretRing,
    checkout: &OpenCheckout,
    fields: &ReturnFields,
) -> Result<ReturnFacts, ReturnRejection> {
    let payment_id = payment_id(fields)?;
    let status = field(fields, "razorpay_payment_link_status")?;
    let is_ours = field(fields, "razorpay_payment_link_id")? == checkout.checkout_id.as_str()
        && field(fields, "razorpay_payment_link_reference_id")? == checkout.reference.as_str();
    if !is_ours {
        return Err(ReturnRejection::OtherCheckout);
    }
    let signed = link_text(
        checkout.checkout_id.as_str(),
        checkout.reference.as_str(),
        status,
        payment_id.as_str(),
    );
    check(
        secrets,
        &[signed.as_bytes()],
        field(fields, "razorpay_signature")?,
    )?;
    let outcome = match status {
        "paid" => ReturnOutcome::Paid,
        "partially_paid" => ReturnOutcome::Pending,
        "cancelled" | "expired" => ReturnOutcome::Cancelled,
        _ => ReturnOutcome::NotSaid,
    };
    Ok(ReturnFacts {
        outcome,
        payment_id: Some(payment_id),
        coverage: SignatureCoverage::Everything,
    })
}

fn link_text(link_id: &str, reference: &str, status: &str, payment_id: &str) -> String {
    format!("{link_id}|{reference}|{status}|{payment_id}")
}

fn check(secrets: &SecretRing, signed: &[&[u8]], signature: &str) -> Result<(), ReturnRejection> {
    let fits = |secret| is_same(&hmac_sha256(secret, signed), signature);
    if secrets.all().any(fits) {
        Ok(())
    } else {
        Err(ReturnRejection::WrongSignature)
    }
}

fn unsigned(outcome: ReturnOutcome) -> ReturnFacts {
    ReturnFacts {
        outcome,
        payment_id: None,
        coverage: SignatureCoverage::Nothing,
    }
}

fn field<'a>(fields: &'a ReturnFields, name: &str) -> Result<&'a str, ReturnRejection> {
    fields.only(name).ok_or(ReturnRejection::Malformed)
}

fn payment_id(fields: &ReturnFields) -> Result<ProviderId, ReturnRejection> {
    field(fields, "razorpay_payment_id")?
        .parse()
        .map_err(|_| ReturnRejection::Malformed)
}
