//! Razorpay: orders with its hosted page, or payment links; refunds, settlements, disputes, and payouts
//! of RazorpayX.
//!
//! | operation | call | a repeat |
//! |---|---|---|
//! | checkout | `POST /v1/orders`, or `/v1/payment_links` | looks for the receipt or reference first |
//! | capture | `POST /v1/payments/{id}/capture` | looks at the payment first |
//! | refund | `POST /v1/payments/{id}/refund` | `X-Refund-Idempotency` |
//! | payout | `POST /v1/payouts` | `X-Payout-Idempotency` |
//! | beneficiary | `POST /v1/contacts`, `/v1/fund_accounts` | Razorpay answers with the one it has |
//! | report | `GET /v1/settlements/recon/combined` | harmless |
//!
//! An order cannot be closed; ours expires by our own clock, and money that comes later is a late
//! payment. A link can, but is always captured as the account is set up, so manual capture wants orders.
//! An authorized payment cannot be given up: what is not captured goes back by itself after days.
//!
//! An event's id is in a header that the signature does not cover; the body's digest is told beside it.

mod answer;
mod captures;
mod checkouts;
mod payouts;
mod refunds;
mod returns;
mod settings;
mod settlements;
mod status;
mod webhooks;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde::de::DeserializeOwned;

use super::{
    Availability, Beneficiary, BeneficiaryRequest, CancelRequest, Capabilities, CaptureRequest,
    Checkout, CheckoutLookup, CheckoutObservation, CheckoutRequest, DisputeObservation, Gateway,
    GatewayError, GatewayStartError, Operation, PaymentObservation, PayoutLookup,
    PayoutObservation, PayoutRequest, Provider, ProviderId, RefundLookup, RefundObservation,
    RefundRequest, SettlementPage, SettlementQuery, WebhookDelivery, WebhookFacts,
    WebhookRejection,
};
use super::{Call, Caller};
use crate::outbound::Answer;
use answer::entity;
pub use returns::{is_link_return, is_page_return};
pub use settings::{RAZORPAY_BASE_URL, RazorpayCheckout, RazorpaySettings};

const PROVIDER: Provider = Provider::Razorpay;

/// An account at Razorpay.
#[derive(Debug)]
pub struct RazorpayGateway {
    caller: Caller,
    authorization: HeaderValue,
    settings: RazorpaySettings,
    capabilities: Capabilities,
}

impl RazorpayGateway {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`GatewayStartError`].
    pub fn try_new(settings: RazorpaySettings) -> Result<Self, GatewayStartError> {
        settings.check()?;
        Ok(Self {
            caller: Caller::try_new(PROVIDER, &settings.base_url, settings.calls)?,
            authorization: settings.authorization()?,
            capabilities: capabilities(&settings),
            settings,
        })
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, GatewayError> {
        let operation = call.operation;
        let call = call.with_header(AUTHORIZATION, self.authorization.clone());
        let read = |answer: &Answer| entity(operation, answer);
        self.caller.call(call, read).await
    }

    async fn payment(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
    ) -> Result<PaymentObservation, GatewayError> {
        let path = format!("/v1/payments/{payment_id}");
        let payment: wire::Payment = self.ask(Call::get(operation, path)).await?;
        payment.observe().map_err(PROVIDER.not_read(operation))
    }
}

fn capabilities(settings: &RazorpaySettings) -> Capabilities {
    use Operation::{
        Capture, CreateCheckout, ExpireCheckout, FetchCheckout, FetchDispute, FetchPayment,
        FetchPayout, FetchRefund, Payout, Refund, RegisterBeneficiary, SettlementReport,
    };
    let mut operations = vec![
        CreateCheckout,
        FetchCheckout,
        FetchPayment,
        Refund,
        FetchRefund,
        FetchDispute,
        SettlementReport,
    ];
    operations.push(match settings.checkout {
        RazorpayCheckout::HostedPage => Capture,
        RazorpayCheckout::PaymentLink => ExpireCheckout,
    });
    if settings.payout_account.is_some() {
        operations.extend([RegisterBeneficiary, Payout, FetchPayout]);
    }
    Capabilities {
        operations,
        currencies: &[],
        reports_refunds: true,
        least_polling_interval: Duration::from_secs(10),
    }
}

#[async_trait]
impl Gateway for RazorpayGateway {
    fn provider(&self) -> Provider {
        PROVIDER
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn availability(&self, operation: Operation) -> Availability {
        self.caller.availability(operation)
    }

    async fn create_checkout(&self, request: &CheckoutRequest) -> Result<Checkout, GatewayError> {
        self.opened_checkout(request).await
    }

    async fn fetch_checkout(
        &self,
        lookup: &CheckoutLookup,
    ) -> Result<CheckoutObservation, GatewayError> {
        self.found_checkout(lookup).await
    }

    async fn expire_checkout(
        &self,
        checkout_id: &ProviderId,
    ) -> Result<CheckoutObservation, GatewayError> {
        self.cancelled_link(checkout_id).await
    }

    async fn fetch_payment(
        &self,
        payment_id: &ProviderId,
    ) -> Result<PaymentObservation, GatewayError> {
        self.payment(Operation::FetchPayment, payment_id).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<PaymentObservation, GatewayError> {
        self.captured(request).await
    }

    async fn cancel_payment(
        &self,
        _request: &CancelRequest,
    ) -> Result<PaymentObservation, GatewayError> {
        Err(PROVIDER.unsupported(Operation::CancelPayment))
    }

    async fn refund(&self, request: &RefundRequest) -> Result<RefundObservation, GatewayError> {
        self.refunded(request).await
    }

    async fn fetch_refund(&self, lookup: &RefundLookup) -> Result<RefundObservation, GatewayError> {
        self.found_refund(lookup).await
    }

    async fn register_beneficiary(
        &self,
        request: &BeneficiaryRequest,
    ) -> Result<Beneficiary, GatewayError> {
        self.registered_beneficiary(request).await
    }

    async fn payout(&self, request: &PayoutRequest) -> Result<PayoutObservation, GatewayError> {
        self.sent_payout(request).await
    }

    async fn fetch_payout(&self, lookup: &PayoutLookup) -> Result<PayoutObservation, GatewayError> {
        self.found_payout(lookup).await
    }

    async fn fetch_dispute(
        &self,
        dispute_id: &ProviderId,
    ) -> Result<DisputeObservation, GatewayError> {
        let operation = Operation::FetchDispute;
        let path = format!("/v1/disputes/{dispute_id}");
        let dispute: wire::Dispute = self.ask(Call::get(operation, path)).await?;
        dispute.observe().map_err(PROVIDER.not_read(operation))
    }

    async fn settlement_page(
        &self,
        query: &SettlementQuery,
    ) -> Result<SettlementPage, GatewayError> {
        self.settled(query).await
    }

    fn verify_webhook(
        &self,
        delivery: &WebhookDelivery<'_>,
    ) -> Result<WebhookFacts, WebhookRejection> {
        webhooks::verify(&self.settings.webhook_secrets, delivery)
    }
}
