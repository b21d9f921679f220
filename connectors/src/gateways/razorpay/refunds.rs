//! Refunds.

use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::answer::{PAGE, first_of};
use super::wire::{Collection, REFERENCE_NOTE, Refund};
use super::{PROVIDER, RazorpayGateway};
use crate::gateways::Call;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, GatewayError, Operation, ProviderId, Reference, RefundKind, RefundLookup,
    RefundObservation, RefundRequest,
};
use crate::providers::Body;

const REFUND_IDEMPOTENCY: HeaderName = HeaderName::from_static("x-refund-idempotency");

impl RazorpayGateway {
    pub(super) async fn refunded(
        &self,
        request: &RefundRequest,
    ) -> Result<RefundObservation, GatewayError> {
        let operation = Operation::Refund;
        if request.attempt == Attempt::Again {
            // Nobody says how long Razorpay remembers a key.
            let earlier = self
                .refund_of(operation, &request.payment_id, &request.reference)
                .await;
            if let Some(earlier) = looked_up(earlier)? {
                let observed = earlier.observe(RefundKind::OfCaptured);
                return same(request, observed.map_err(PROVIDER.not_read(operation))?);
            }
        }
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
            .known_again();
        let refund: Refund = self.ask(call).await?;
        let observed = refund.observe(RefundKind::OfCaptured);
        same(request, observed.map_err(PROVIDER.not_read(operation))?)
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
                self.refund_of(operation, payment_id, &lookup.reference)
                    .await?
            }
        };
        // What we asked for is of captured money; what the provider did by itself may not be.
        let kind = match &found.receipt {
            Some(receipt) if *receipt == lookup.reference.as_str() => RefundKind::OfCaptured,
            _ => RefundKind::NotSaid,
        };
        found.observe(kind).map_err(PROVIDER.not_read(operation))
    }

    async fn refund_of(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
        reference: &Reference,
    ) -> Result<Refund, GatewayError> {
        let path = format!("/v1/payments/{payment_id}/refunds?count={PAGE}");
        let refunds: Collection<Refund> = self.ask(Call::get(operation, path)).await?;
        let is_ours = |refund: &Refund| refund.receipt.as_deref() == Some(reference.as_str());
        first_of(operation, refunds.items, is_ours)
    }
}

/// What was made or found, if it is what was asked for.
fn same(
    request: &RefundRequest,
    observed: RefundObservation,
) -> Result<RefundObservation, GatewayError> {
    if observed.payment_id == request.payment_id && observed.amount == request.amount {
        return Ok(observed);
    }
    Err(GatewayError::ReferenceReused {
        provider: PROVIDER,
        operation: Operation::Refund,
    })
}

/// A reference as the value of a header.
pub(super) fn key(reference: &Reference) -> Result<HeaderValue, GatewayError> {
    HeaderValue::from_str(reference.as_str()).map_err(|_| GatewayError::Invalid {
        field: "reference",
        rule: "fits no header",
    })
}
