//! Refunds.

use super::wire::List;
use super::wire_out::Refund;
use super::{PROVIDER, StripeGateway};
use crate::gateways::Call;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, GatewayError, Operation, ProviderId, Reference, RefundLookup, RefundObservation,
    RefundRequest,
};

impl StripeGateway {
    pub(super) async fn refunded(
        &self,
        request: &RefundRequest,
    ) -> Result<RefundObservation, GatewayError> {
        let operation = Operation::Refund;
        if request.attempt == Attempt::Again {
            // Stripe may have forgotten the key.
            let earlier = self
                .refund_of(operation, &request.payment_id, &request.reference)
                .await;
            if let Some(earlier) = looked_up(earlier)? {
                return same(
                    request,
                    earlier.observe().map_err(PROVIDER.not_read(operation))?,
                );
            }
        }
        let amount = request.amount.minor_units().to_string();
        let reason: String = request.reason.chars().take(100).collect();
        let fields = vec![
            ("payment_intent", request.payment_id.as_str()),
            ("amount", amount.as_str()),
            ("metadata[reference]", request.reference.as_str()),
            ("metadata[why]", reason.as_str()),
        ];
        let refund: Refund = self
            .make(operation, "/v1/refunds", &request.reference, &fields)
            .await?;
        same(
            request,
            refund.observe().map_err(PROVIDER.not_read(operation))?,
        )
    }

    pub(super) async fn found_refund(
        &self,
        lookup: &RefundLookup,
    ) -> Result<RefundObservation, GatewayError> {
        let operation = Operation::FetchRefund;
        let refund = match &lookup.refund_id {
            Some(refund_id) => {
                let path = format!("/v1/refunds/{refund_id}");
                self.ask(Call::get(operation, path)).await?
            }
            None => {
                self.refund_of(operation, &lookup.payment_id, &lookup.reference)
                    .await?
            }
        };
        refund.observe().map_err(PROVIDER.not_read(operation))
    }

    async fn refund_of(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
        reference: &Reference,
    ) -> Result<Refund, GatewayError> {
        let path = format!("/v1/refunds?payment_intent={payment_id}&limit=100");
        let refunds: List<Refund> = self.ask(Call::get(operation, path)).await?;
        let is_ours = |refund: &Refund| {
            let metadata = refund.metadata.as_ref();
            let text = metadata.and_then(|metadata| metadata.reference.as_deref());
            text == Some(reference.as_str())
        };
        let has_more = refunds.has_more;
        match refunds.data.into_iter().find(is_ours) {
            Some(refund) => Ok(refund),
            None if has_more => Err(PROVIDER.search_ended(operation)),
            None => Err(PROVIDER.not_found(operation)),
        }
    }
}

fn same(
    request: &RefundRequest,
    observed: RefundObservation,
) -> Result<RefundObservation, GatewayError> {
    if observed.payment_id != request.payment_id || observed.amount != request.amount {
        return Err(GatewayError::ReferenceReused {
            provider: PROVIDER,
            operation: Operation::Refund,
        });
    }
    Ok(observed)
}
