//! Taking what was authorized.

use serde_json::json;

use super::answer::may_exist;
use super::wire::Payment;
use super::{PROVIDER, RazorpayGateway};
use crate::gateways::Call;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, CaptureRequest, GatewayError, Operation, PaymentObservation, PaymentStatus, Reported,
};
use crate::providers::Body;

impl RazorpayGateway {
    pub(super) async fn captured(
        &self,
        request: &CaptureRequest,
    ) -> Result<PaymentObservation, GatewayError> {
        let operation = Operation::Capture;
        if request.attempt == Attempt::Again
            && let Some(taken) = self.taken(request).await?
        {
            return Ok(taken);
        }
        let path = format!("/v1/payments/{}/capture", request.payment_id);
        let body = json!({
            "amount": request.amount.minor_units(),
            "currency": request.amount.asset().code,
        });
        let call = Call::post(operation, path, Body::Json(body));
        match self.ask::<Payment>(call).await {
            Ok(payment) => payment.observe().map_err(PROVIDER.not_read(operation)),
            Err(error) if may_exist(&error) => self.taken(request).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// The payment, if it is certain that it is taken with the amount that is asked for; nothing if it is
    /// certain that it is not.
    async fn taken(
        &self,
        request: &CaptureRequest,
    ) -> Result<Option<PaymentObservation>, GatewayError> {
        let payment = self.payment(Operation::Capture, &request.payment_id);
        let Some(payment) = looked_up(payment.await)? else {
            return Ok(None);
        };
        let is_taken = match payment.status {
            Reported::Known(
                PaymentStatus::Captured
                | PaymentStatus::PartiallyRefunded
                | PaymentStatus::Refunded
                | PaymentStatus::Disputed,
            ) => payment.captured == request.amount,
            Reported::Known(
                PaymentStatus::Created
                | PaymentStatus::AwaitingPayer
                | PaymentStatus::Authorized
                | PaymentStatus::Failed
                | PaymentStatus::Expired,
            )
            | Reported::Unknown(_) => false,
        };
        Ok(is_taken.then_some(payment))
    }
}
