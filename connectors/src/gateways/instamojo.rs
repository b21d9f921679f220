//! Instamojo: payment requests (version 1.1, two keys) or orders (version 2, an OAuth client).
//!
//! | operation | version 1.1 | version 2 | a repeat |
//! |---|---|---|---|
//! | checkout | `POST payment-requests/` | `POST gateway/orders/` | looks for our name first |
//! | close it | `POST payment-requests/{id}/disable/` | – | harmless |
//! | what became of it | `GET payment-requests/{id}/` | `GET gateway/orders/id:{id}/` and its payments | harmless |
//! | what became of a payment | `GET payments/{id}/` | the same | harmless |
//! | refund | `POST refunds/` | `POST payments/{id}/refund/` | looks for our name first |
//! | what became of a refund | `GET refunds/{id}/`, `GET refunds/` | the same | harmless |
//! | report | – | `GET payouts/`, `GET payments/` | harmless |
//!
//! Money is taken at once; there is nothing to capture or give up. Payouts are Instamojo's to us, not ours
//! to others, and disputes are not told. A payment does not tell what went back of it: refunds are known
//! by their own answers. Whether several partial refunds are taken is not documented, so one is promised.
//!
//! The code of a webhook covers its values and not their keys, and what a browser brings back is not
//! signed: the caller asks before it believes.

mod access;
mod answer;
mod checkouts;
mod refunds;
mod settings;
mod settlements;
pub mod signature;
mod status;
mod webhooks;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
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
use access::Access;
use answer::entity;
pub use settings::{INSTAMOJO_CLIENT_URL, INSTAMOJO_KEYS_URL, InstamojoAccess, InstamojoSettings};

const PROVIDER: Provider = Provider::Instamojo;

/// An account at Instamojo.
#[derive(Debug)]
pub struct InstamojoGateway {
    caller: Caller,
    access: Access,
    settings: InstamojoSettings,
    capabilities: Capabilities,
}

impl InstamojoGateway {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`GatewayStartError`].
    pub fn try_new(settings: InstamojoSettings) -> Result<Self, GatewayStartError> {
        settings.check()?;
        Ok(Self {
            caller: Caller::try_new(PROVIDER, &settings.base_url, settings.calls)?,
            access: Access::try_new(&settings)?,
            capabilities: capabilities(&settings),
            settings,
        })
    }

    /// Makes a call. A token may end before it says; then nothing was done, and one more call is made
    /// with a new one.
    async fn ask<T: DeserializeOwned>(
        &self,
        make: impl Fn() -> Call + Send + Sync,
    ) -> Result<T, GatewayError> {
        let (outcome, token) = self.attempt(&make).await?;
        match (outcome, token) {
            (Err(GatewayError::CredentialsRefused { .. }), Some(token)) => {
                self.access.forget(&token).await;
                self.attempt(&make).await?.0
            }
            (outcome, _) => outcome,
        }
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        make: &(impl Fn() -> Call + Send + Sync),
    ) -> Result<(Result<T, GatewayError>, Option<hyper::header::HeaderValue>), GatewayError> {
        let (call, token) = self.access.open(&self.caller, make()).await?;
        let operation = call.operation;
        let read = |answer: &_| entity(operation, answer);
        Ok((self.caller.call(call, read).await, token))
    }

    /// Where the paths of the interface begin.
    const fn prefix(&self) -> &'static str {
        match self.settings.access {
            InstamojoAccess::Keys { .. } => "/api/1.1/",
            InstamojoAccess::Client { .. } => "/v2/",
        }
    }
}

fn capabilities(settings: &InstamojoSettings) -> Capabilities {
    use Operation::{
        CreateCheckout, ExpireCheckout, FetchCheckout, FetchPayment, FetchRefund, Refund,
        SettlementReport,
    };
    let mut operations = vec![
        CreateCheckout,
        FetchCheckout,
        FetchPayment,
        Refund,
        FetchRefund,
    ];
    operations.push(match settings.access {
        InstamojoAccess::Keys { .. } => ExpireCheckout,
        InstamojoAccess::Client { .. } => SettlementReport,
    });
    Capabilities {
        operations,
        currencies: &["INR"],
        reports_refunds: false,
        least_polling_interval: Duration::from_secs(30),
    }
}

#[async_trait]
impl Gateway for InstamojoGateway {
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
        self.closed_checkout(checkout_id).await
    }

    async fn fetch_payment(
        &self,
        payment_id: &ProviderId,
    ) -> Result<PaymentObservation, GatewayError> {
        self.found_payment(Operation::FetchPayment, payment_id)
            .await
    }

    async fn capture(&self, _request: &CaptureRequest) -> Result<PaymentObservation, GatewayError> {
        Err(PROVIDER.unsupported(Operation::Capture))
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
        _request: &BeneficiaryRequest,
    ) -> Result<Beneficiary, GatewayError> {
        Err(PROVIDER.unsupported(Operation::RegisterBeneficiary))
    }

    async fn payout(&self, _request: &PayoutRequest) -> Result<PayoutObservation, GatewayError> {
        Err(PROVIDER.unsupported(Operation::Payout))
    }

    async fn fetch_payout(
        &self,
        _lookup: &PayoutLookup,
    ) -> Result<PayoutObservation, GatewayError> {
        Err(PROVIDER.unsupported(Operation::FetchPayout))
    }

    async fn fetch_dispute(
        &self,
        _dispute_id: &ProviderId,
    ) -> Result<DisputeObservation, GatewayError> {
        Err(PROVIDER.unsupported(Operation::FetchDispute))
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
        webhooks::verify(&self.settings.salts, delivery)
    }
}
