//! Refunds. Our reference is the token, which PayU takes once; a repeat is refused, and what the first
//! one left behind is found by it.

use super::answer::Reply;
use super::payments::{amount_text, check_reference, is_cancellation};
use super::{PROVIDER, PayUGateway};
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, GatewayError, Operation, ProviderId, RefundKind, RefundLookup, RefundObservation,
    RefundRequest, RefundStatus, Reported,
};

impl PayUGateway {
    pub(super) async fn refunded(
        &self,
        request: &RefundRequest,
    ) -> Result<RefundObservation, GatewayError> {
        let operation = Operation::Refund;
        check_reference(request.reference.as_str())?;
        let amount = amount_text(request.amount)?;
        if request.attempt == Attempt::Again
            && let Some(found) = self.earlier(request).await?
        {
            return Ok(found);
        }
        let variables = [
            request.payment_id.as_str(),
            request.reference.as_str(),
            &amount,
        ];
        let reply = self
            .act(operation, "cancel_refund_transaction", &variables)
            .await?;
        if reply.is_done() && reply.request_id.said().is_some() {
            return queued(request, &reply);
        }
        // The refusal may be of a repeat, in words of all kinds: what is there counts.
        match self.earlier(request).await? {
            Some(found) => Ok(found),
            // Taken without a name: it is looked for again later.
            None if reply.is_done() || reply.is_token_used() => Err(GatewayError::InProgress {
                provider: PROVIDER,
                operation,
            }),
            None => Err(reply.refusal(operation)),
        }
    }

    /// The refund that an earlier call with this reference left behind.
    async fn earlier(
        &self,
        request: &RefundRequest,
    ) -> Result<Option<RefundObservation>, GatewayError> {
        let operation = Operation::Refund;
        let token = request.reference.as_str();
        let found = self
            .refund_of(operation, &request.payment_id, None, token)
            .await;
        match looked_up(found)? {
            Some(found) if found.amount == request.amount => Ok(Some(found)),
            Some(_) => Err(GatewayError::ReferenceReused {
                provider: PROVIDER,
                operation,
            }),
            None => Ok(None),
        }
    }

    pub(super) async fn found_refund(
        &self,
        lookup: &RefundLookup,
    ) -> Result<RefundObservation, GatewayError> {
        let operation = Operation::FetchRefund;
        let request_id = lookup.refund_id.as_ref();
        self.refund_of(
            operation,
            &lookup.payment_id,
            request_id,
            lookup.reference.as_str(),
        )
        .await
    }

    async fn refund_of(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
        request_id: Option<&ProviderId>,
        token: &str,
    ) -> Result<RefundObservation, GatewayError> {
        for action in self.actions(operation, payment_id).await? {
            let is_wanted = match request_id {
                Some(id) => action.request_id.text() == id.as_str(),
                None => action.token.text() == token,
            };
            if let (true, Some(kind)) = (is_wanted, action.refund_kind()) {
                let refund = action
                    .observe_refund(kind)
                    .map_err(PROVIDER.not_read(operation))?;
                if refund.payment_id != *payment_id {
                    return Err(PROVIDER.nonsense(operation, "a refund of something else"));
                }
                return Ok(refund);
            }
        }
        Err(PROVIDER.not_found(operation))
    }
}

/// What was asked for is on its way. The answer repeats neither token nor amount.
fn queued(request: &RefundRequest, reply: &Reply) -> Result<RefundObservation, GatewayError> {
    let operation = Operation::Refund;
    let refund_id = reply.request_id.text().parse();
    Ok(RefundObservation {
        refund_id: refund_id.map_err(|_| PROVIDER.nonsense(operation, "an id that is none"))?,
        payment_id: request.payment_id.clone(),
        reference: Some(request.reference.clone()),
        status: Reported::Known(RefundStatus::Pending),
        provider_status: reply.msg.text().chars().take(100).collect(),
        amount: request.amount,
        kind: if is_cancellation(reply) {
            RefundKind::OfUncaptured
        } else {
            RefundKind::OfCaptured
        },
        bank_reference: reply.bank_ref_num.said().map(str::to_owned),
        failure: None,
        created_at: None,
    })
}
