//! Refunds. The second version takes a name of ours once; in the first, ours is the first word of why.

use serde_json::json;

use super::InstamojoGateway;
use chrono::{DateTime, Utc};

use super::settings::InstamojoAccess;
use super::wire::{Refund, RefundAnswer, RefundsAnswer, instant};
use super::{PROVIDER, checkouts::may_exist};
use crate::gateways::Call;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, GatewayError, Operation, ProviderId, Reference, RefundLookup, RefundObservation,
    RefundRequest,
};
use crate::outbound::form;
use crate::providers::Body;

/// "Problem not described above"; ours are described in the body.
const REFUND_TYPE: &str = "PTH";

/// How far back a refund is looked for: to its payment, or so many pages.
const PAGES: usize = 50;
const PAGE: usize = 100;

impl InstamojoGateway {
    pub(super) async fn refunded(
        &self,
        request: &RefundRequest,
    ) -> Result<RefundObservation, GatewayError> {
        let operation = Operation::Refund;
        if request.amount.asset().code.as_str() != "INR" || request.amount.is_zero() {
            return Err(GatewayError::Invalid {
                field: "amount",
                rule: "is more than nothing, in rupees",
            });
        }
        if request.attempt == Attempt::Again
            && let Some(found) = self.earlier_refund(request).await?
        {
            return Ok(found);
        }
        match self.made_refund(request).await {
            // The answer is lost, or our name is refused because it is used: what is there counts.
            Err(error) if may_exist(&error) => self.earlier_refund(request).await?.ok_or(error),
            Err(error) => Err(error),
            Ok(refund) => {
                let refund = refund.observe().map_err(PROVIDER.not_read(operation))?;
                if refund.payment_id != request.payment_id || refund.amount != request.amount {
                    return Err(PROVIDER.nonsense(operation, "a refund of something else"));
                }
                Ok(RefundObservation {
                    reference: Some(request.reference.clone()),
                    ..refund
                })
            }
        }
    }

    async fn made_refund(&self, request: &RefundRequest) -> Result<Refund, GatewayError> {
        let operation = Operation::Refund;
        let amount = request.amount.decimal_text();
        let reason: String = request.reason.chars().take(100).collect();
        let body = format!("{} {reason}", request.reference);
        let made: RefundAnswer = match self.settings.access {
            InstamojoAccess::Keys { .. } => {
                let body = form(&[
                    ("payment_id", request.payment_id.as_str()),
                    ("type", REFUND_TYPE),
                    ("body", body.trim()),
                    ("refund_amount", &amount),
                ]);
                let path = "/api/1.1/refunds/";
                self.ask(|| Call::post(operation, path, Body::Form(body.clone())))
                    .await?
            }
            InstamojoAccess::Client { .. } => {
                let body = json!({
                    "transaction_id": request.reference,
                    "type": REFUND_TYPE,
                    "body": body.trim(),
                    "refund_amount": amount,
                });
                let path = format!("/v2/payments/{}/refund/", request.payment_id);
                self.ask(|| Call::post(operation, path.clone(), Body::Json(body.clone())))
                    .await?
            }
        };
        Ok(made.refund)
    }

    /// The refund that an earlier call with this reference left behind.
    async fn earlier_refund(
        &self,
        request: &RefundRequest,
    ) -> Result<Option<RefundObservation>, GatewayError> {
        let operation = Operation::Refund;
        let found = self
            .refund_of(operation, &request.payment_id, &request.reference)
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
        let Some(refund_id) = &lookup.refund_id else {
            return self
                .refund_of(operation, &lookup.payment_id, &lookup.reference)
                .await;
        };
        let path = format!("{}refunds/{refund_id}/", self.prefix());
        let found: RefundAnswer = self.ask(|| Call::get(operation, path.clone())).await?;
        let found = found
            .refund
            .observe()
            .map_err(PROVIDER.not_read(operation))?;
        if found.refund_id != *refund_id || found.payment_id != lookup.payment_id {
            return Err(PROVIDER.nonsense(operation, "a refund of something else"));
        }
        Ok(found)
    }

    /// The refund of that payment with our name; there is no other way to find it. The latest come first,
    /// and none is older than its payment.
    async fn refund_of(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
        reference: &Reference,
    ) -> Result<RefundObservation, GatewayError> {
        let mut paid_at = None;
        for page in 1..=PAGES {
            let path = format!("{}refunds/?limit={PAGE}&page={page}", self.prefix());
            let found: RefundsAnswer = self.ask(|| Call::get(operation, path.clone())).await?;
            let is_last = found.refunds.len() < PAGE;
            let oldest = found.refunds.last();
            let oldest = oldest.and_then(|refund| instant(refund.created_at.text()));
            let is_ours = |refund: &Refund| {
                refund.payment_id == payment_id.as_str()
                    && refund.reference().as_ref() == Some(reference)
            };
            if let Some(ours) = found.refunds.into_iter().find(is_ours) {
                return ours.observe().map_err(PROVIDER.not_read(operation));
            }
            if is_last {
                return Err(PROVIDER.not_found(operation));
            }
            if paid_at.is_none() {
                let payment = self.found_payment(operation, payment_id).await?;
                paid_at = payment.created_at;
            }
            if is_before(oldest, paid_at) {
                return Err(PROVIDER.not_found(operation));
            }
        }
        Err(PROVIDER.search_ended(operation))
    }
}

fn is_before(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one < other)
}
