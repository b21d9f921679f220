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
    let is_theirs = |(name, _): &(String, String)| name.starts_with("razorpay_");
    if !fields.as_slice().iter().any(is_theirs) {
        // `cancel_url` is called with nothing but what we put into it.
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
    let returned = read_link_return(secrets, fields)?;
    let is_ours = returned.link_id == checkout.checkout_id
        && returned.reference == checkout.reference.as_str();
    if !is_ours {
        return Err(ReturnRejection::OtherCheckout);
    }
    let outcome = match returned.status.as_str() {
        "paid" => ReturnOutcome::Paid,
        "partially_paid" => ReturnOutcome::Pending,
        "cancelled" | "expired" => ReturnOutcome::Cancelled,
        _ => ReturnOutcome::NotSaid,
    };
    Ok(ReturnFacts {
        outcome,
        payment_id: Some(returned.payment_id),
        coverage: SignatureCoverage::Everything,
    })
}

/// What a browser brings back from a payment link, signed by Razorpay. It may be any link of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkReturn {
    /// The link.
    pub link_id: ProviderId,
    /// The reference it was made with; empty when there was none.
    pub reference: String,
    /// Its status, in Razorpay's word.
    pub status: String,
    /// The payment.
    pub payment_id: ProviderId,
}

/// Verifies `link|reference|status|payment`; an empty reference keeps its place.
///
/// # Errors
/// [`ReturnRejection::Malformed`], [`ReturnRejection::WrongSignature`].
pub fn read_link_return(
    secrets: &SecretRing,
    fields: &ReturnFields,
) -> Result<LinkReturn, ReturnRejection> {
    let link_id = field(fields, "razorpay_payment_link_id")?;
    let reference = field(fields, "razorpay_payment_link_reference_id")?;
    let status = field(fields, "razorpay_payment_link_status")?;
    let payment_id = payment_id(fields)?;
    // A separator inside a part could stand for another division into parts.
    if [link_id, reference, status]
        .iter()
        .any(|part| part.contains('|'))
    {
        return Err(ReturnRejection::Malformed);
    }
    let signed = format!("{link_id}|{reference}|{status}|{payment_id}");
    check(
        secrets,
        &[signed.as_bytes()],
        field(fields, "razorpay_signature")?,
    )?;
    Ok(LinkReturn {
        link_id: link_id.parse().map_err(|_| ReturnRejection::Malformed)?,
        reference: reference.to_owned(),
        status: status.to_owned(),
        payment_id,
    })
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
