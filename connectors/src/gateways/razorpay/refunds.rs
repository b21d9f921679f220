//! Refunds.

use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::RazorpayGateway;
use super::answer::{nonsense, not_found, not_read};
use super::wire::{Collection, REFERENCE_NOTE, Refund};
use crate::gateways::calls::{Body, Call};
use crate::gateways::{
    GatewayError, Operation, Reference, RefundKind, RefundLookup, RefundObservation, RefundRequest,
};

const REFUND_IDEMPOTENCY: HeaderName = HeaderName::from_static("x-refund-idempotency");

impl RazorpayGateway {
    pub(super) async fn refunded(
        &self,
        request: &RefundRequest,
    ) -> Result<RefundObservation, GatewayError> {
        let operation = Operation::Refund;
        let body = json!({
            "amount": request.amount.minor_units(),
            "speed": "normal",
            "receipt": request.reference,
            "notes": {
                REFERENCE_NOTE: request.reference,
                "reason": request.reason.chars().take(100).collect::<String>(),
            },
        });
        let path = format!("/v1/payments/{}/refund", request.payment_id);
        let call = Call::post(operation, path, Body::Json(body))
            .with_header(REFUND_IDEMPOTENCY, key(&request.reference)?)
            .repeatable();
        let refund: Refund = self.ask(call).await?;
        let observed = refund
            .observe(RefundKind::OfCaptured)
            .map_err(not_read(operation))?;
        if observed.payment_id != request.payment_id || observed.amount != request.amount {
            return Err(nonsense(operation, "a refund of something else"));
        }
        Ok(observed)
    }

    pub(super) async fn found_refund(
        &self,
        lookup: &RefundLookup,
    ) -> Result<RefundObservation, GatewayError> {
        let operation = Operation::FetchRefund;
        let payment_id = &lookup.payment_id;
        let found = match &lookup.refund_id {
            Some(refund_id) => {
                let path = format!("/v1/payments/{payment_id}/refunds/{refund_id}");
                self.ask::<Refund>(Call::get(operation, path)).await?
            }
            None => {
                let path = format!("/v1/payments/{payment_id}/refunds?count=100");
                let refunds: Collection<Refund> = self.ask(Call::get(operation, path)).await?;
                let reference = Some(lookup.reference.as_str());
                let mut refunds = refunds.items.into_iter();
                refunds
                    .find(|refund| refund.receipt.as_deref() == reference)
                    .ok_or_else(|| not_found(operation))?
            }
        };
        // What we asked for is of captured money; what the provider did by itself may not be.
        let kind = match &found.receipt {
            Some(receipt) if *receipt == lookup.reference.as_str() => RefundKind::OfCaptured,
            _ => RefundKind::NotSaid,
        };
        found.observe(kind).map_err(not_read(operation))
    }
}

/// A reference as the value of a header.
pub(super) fn key(reference: &Reference) -> Result<HeaderValue, GatewayError> {
    HeaderValue::from_str(reference.as_str()).map_err(|_| GatewayError::Invalid {
        field: "reference",
        rule: "fits no header",
    })
}
