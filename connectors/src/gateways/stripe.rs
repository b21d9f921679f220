//! Stripe: Checkout Sessions, refunds, disputes, payouts and transfers, balance transactions.
//!
//! | operation | call | a repeat |
//! |---|---|---|
//! | checkout | `POST /v1/checkout/sessions` | `Idempotency-Key` |
//! | capture, cancel | `POST /v1/payment_intents/{id}/capture`, `/cancel` | `Idempotency-Key` |
//! | refund | `POST /v1/refunds` | `Idempotency-Key` |
//! | payout to `ba_…`, `card_…` | `POST /v1/payouts` | `Idempotency-Key` |
//! | payout to `acct_…` | `POST /v1/transfers` | `Idempotency-Key` |
//! | report | `GET /v1/account`, `/v1/payouts`, `/v1/balance_transactions` | harmless |
//!
//! A payment is a PaymentIntent. Stripe forgets a key after a day at the earliest, so whoever comes back
//! later looks first; an adapter told [`Attempt::Again`](super::Attempt) does. Our reference is in
//! `client_reference_id`, `transfer_group` and `metadata`; a session that nobody tried to pay cannot be
//! found by it, and closes by itself within a day.
//!
//! Beneficiaries are accounts and bank accounts that Stripe took in by its own forms. A transfer has no
//! states: it is there, or reversed.

mod answer;
mod checkouts;
mod payouts;
mod refunds;
mod settings;
mod settlements;
mod status;
mod webhooks;
mod wire;
mod wire_out;

use std::time::Duration;

use async_trait::async_trait;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;

use super::{
    Availability, Beneficiary, BeneficiaryRequest, CancelRequest, Capabilities, CaptureRequest,
    Checkout, CheckoutLookup, CheckoutObservation, CheckoutRequest, DisputeObservation, Gateway,
    GatewayError, GatewayStartError, Operation, PaymentObservation, PayoutLookup,
    PayoutObservation, PayoutRequest, Provider, ProviderId, Reference, RefundLookup,
    RefundObservation, RefundRequest, SettlementPage, SettlementQuery, WebhookDelivery,
    WebhookFacts, WebhookRejection,
};
use super::{Call, Caller};
use crate::outbound::{Answer, form};
use crate::providers::Body;
use answer::entity;
pub use settings::{STRIPE_API_VERSION, STRIPE_BASE_URL, StripeSettings};

const PROVIDER: Provider = Provider::Stripe;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");

/// An account at Stripe.
#[derive(Debug)]
pub struct StripeGateway {
    caller: Caller,
    authorization: HeaderValue,
    settings: StripeSettings,
    capabilities: Capabilities,
}

/// The fields of a form, in Stripe's notation for nested ones.
type Fields<'a> = Vec<(&'a str, &'a str)>;

impl StripeGateway {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`GatewayStartError`].
    pub fn try_new(settings: StripeSettings) -> Result<Self, GatewayStartError> {
        settings.check()?;
        Ok(Self {
            caller: Caller::try_new(PROVIDER, &settings.base_url, settings.calls)?,
            authorization: settings.authorization()?,
            capabilities: capabilities(),
            settings,
        })
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, GatewayError> {
        let operation = call.operation;
        let version = HeaderValue::from_static(STRIPE_API_VERSION);
        let call = call
            .with_header(AUTHORIZATION, self.authorization.clone())
            .with_header(STRIPE_VERSION, version);
        let read = |answer: &Answer| entity(operation, answer);
        self.caller.call(call, read).await
    }

    /// Does something once, however often it is asked, as long as Stripe remembers the key. Keys are the
    /// account's, so the operation is part of them.
    async fn make<T: DeserializeOwned>(
        &self,
        operation: Operation,
        path: &str,
        reference: &Reference,
        fields: &Fields<'_>,
    ) -> Result<T, GatewayError> {
        let key = HeaderValue::try_from(format!("{operation}-{reference}")).map_err(|_| {
            GatewayError::Invalid {
                field: "reference",
                rule: "fits no header",
            }
        })?;
        let call = Call::post(operation, path, Body::Form(form(fields)))
            .with_header(IDEMPOTENCY_KEY, key)
            .known_again();
        self.ask(call).await
    }
}

fn capabilities() -> Capabilities {
    use Operation::{
        CancelPayment, Capture, CreateCheckout, ExpireCheckout, FetchCheckout, FetchDispute,
        FetchPayment, FetchPayout, FetchRefund, Payout, Refund, SettlementReport,
    };
    Capabilities {
        operations: vec![
            CreateCheckout,
            FetchCheckout,
            ExpireCheckout,
            FetchPayment,
            Capture,
            CancelPayment,
            Refund,
            FetchRefund,
            Payout,
            FetchPayout,
            FetchDispute,
            SettlementReport,
        ],
        currencies: &[],
        reports_refunds: true,
        least_polling_interval: Duration::from_secs(5),
    }
}

#[async_trait]
impl Gateway for StripeGateway {
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
        self.expired_checkout(checkout_id).await
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
        request: &CancelRequest,
    ) -> Result<PaymentObservation, GatewayError> {
        self.cancelled(request).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<RefundObservation, GatewayError> {
        self.refunded(request).await
    }

    async fn fetch_refund(&self, lookup: &RefundLookup) -> Result<RefundObservation, GatewayError> {
        self.found_refund(lookup).await
    }

    async fn register_beneficiary(
        &self,
        _request: &BeneficiaryRequest,
    ) -> Result<Beneficiary, GatewayError> {
        Err(GatewayError::Unsupported {
            provider: PROVIDER,
            operation: Operation::RegisterBeneficiary,
        })
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
        let dispute: wire_out::Dispute = self.ask(Call::get(operation, path)).await?;
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
