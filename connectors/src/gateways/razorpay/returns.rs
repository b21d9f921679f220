//! What a browser brings back from Razorpay's page or from a payment link: whether Razorpay signed it. It is
//! a hint even then: it tells that a payment was made, not that it holds.

use crate::gateways::{FormFields, ProviderId, SecretRing};
use crate::providers::signature::{hmac_sha256, is_same};

/// Whether Razorpay's page signed `order|payment` for this order. The order is taken from our own records,
/// or a genuine signature of another one could be shown here.
#[must_use]
pub fn is_page_return(secrets: &SecretRing, order_id: &ProviderId, fields: &FormFields) -> bool {
    let order = order_id.as_str();
    let Some(payment) = payment_id(fields) else {
        return false;
    };
    let parts: [&[u8]; 3] = [order.as_bytes(), b"|", payment.as_str().as_bytes()];
    fields.only("razorpay_order_id") == Some(order) && is_signed(secrets, &parts, fields)
}

/// Whether a payment link of the account signed `link|reference|status|payment`; an empty reference keeps
/// its place.
#[must_use]
pub fn is_link_return(secrets: &SecretRing, fields: &FormFields) -> bool {
    let names = [
        "razorpay_payment_link_id",
        "razorpay_payment_link_reference_id",
        "razorpay_payment_link_status",
    ];
    let [Some(link), Some(reference), Some(status)] = names.map(|name| fields.only(name)) else {
        return false;
    };
    let Some(payment) = payment_id(fields) else {
        return false;
    };
    // A separator inside a part could stand for another division into parts.
    let is_divided = [link, reference, status]
        .iter()
        .any(|part| part.contains('|'));
    let signed = format!("{link}|{reference}|{status}|{payment}");
    !is_divided && is_signed(secrets, &[signed.as_bytes()], fields)
}

fn payment_id(fields: &FormFields) -> Option<ProviderId> {
    fields.only("razorpay_payment_id")?.parse().ok()
}

fn is_signed(secrets: &SecretRing, signed: &[&[u8]], fields: &FormFields) -> bool {
    let Some(signature) = fields.only("razorpay_signature") else {
        return false;
    };
    secrets
        .all()
        .any(|secret| is_same(&hmac_sha256(secret, signed), signature))
}
