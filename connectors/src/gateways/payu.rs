//! PayU India: a form that the payer's browser posts to PayU's page, and commands for everything else.
//!
//! | operation | command | a repeat |
//! |---|---|---|
//! | checkout | none; the form goes with the browser | one `txnid` is paid once |
//! | what became of it | `verify_payment` | harmless |
//! | what became of a payment | `check_payment`, `check_action_status` | harmless |
//! | capture, where PayU has enabled it | `capture_transaction` | taken once; what is there counts |
//! | cancel | `cancel_refund_transaction` of what is authorized | token |
//! | refund | `cancel_refund_transaction` | token, taken once |
//! | what became of a refund | `check_action_status` | harmless |
//! | report | `get_settlement_details` | harmless |
//!
//! PayU does not know of a checkout until the browser comes, so looking for one that nobody opened finds
//! nothing. A page cannot be closed by us. There are no payouts, and disputes are told by webhook only.
//!
//! A call's hash covers its first variable; amount and token are protected by TLS alone. The hash of a
//! return or webhook covers some fields of a payment, and nothing of a refund or dispute: the caller asks
//! before it believes.

mod answer;
mod payments;
mod refunds;
mod settings;
mod settlements;
pub mod signature;
mod status;
mod webhooks;
mod wire;

use std::time::Duration;

use async_trait::async_trait;

use super::Caller;
use super::{
    Availability, Beneficiary, BeneficiaryRequest, CancelRequest, Capabilities, CaptureMode,
    CaptureRequest, Checkout, CheckoutLookup, CheckoutObservation, CheckoutRequest,
    DisputeObservation, Gateway, GatewayError, GatewayStartError, Operation, PaymentObservation,
    PayoutLookup, PayoutObservation, PayoutRequest, Provider, ProviderId, RefundLookup,
    RefundObservation, RefundRequest, SettlementPage, SettlementQuery, WebhookDelivery,
    WebhookFacts, WebhookRejection,
};
pub use settings::{PAYU_API_URL, PAYU_PAGE_URL, PayUResponseHash, PayUSettings};

const PROVIDER: Provider = Provider::PayU;

/// A merchant's account at PayU.
#[derive(Debug)]
pub struct PayUGateway {
    caller: Caller,
    settings: PayUSettings,
    capabilities: Capabilities,
}

impl PayUGateway {
    /// Checks the settings and reads this machine's root certificates; calls nobody.
    ///
    /// # Errors
    /// [`GatewayStartError`].
    pub fn try_new(settings: PayUSettings) -> Result<Self, GatewayStartError> {
        settings.check()?;
        Ok(Self {
            caller: Caller::try_new(PROVIDER, &settings.api_url, settings.calls)?,
            capabilities: capabilities(&settings),
            settings,
        })
    }
}

fn capabilities(settings: &PayUSettings) -> Capabilities {
    use Operation::{
        CancelPayment, Capture, CreateCheckout, FetchCheckout, FetchPayment, FetchRefund, Refund,
        SettlementReport,
    };
    let mut operations = vec![
        CreateCheckout,
        FetchCheckout,
        FetchPayment,
        Refund,
        FetchRefund,
        SettlementReport,
    ];
    match settings.capture {
        CaptureMode::Manual => operations.extend([Capture, CancelPayment]),
        CaptureMode::Automatic => {}
    }
    Capabilities {
        operations,
        currencies: &["INR"],
        reports_refunds: true,
        least_polling_interval: Duration::from_secs(30),
    }
}

#[async_trait]
impl Gateway for PayUGateway {
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
        self.opened_checkout(request)
    }

    async fn fetch_checkout(
        &self,
        lookup: &CheckoutLookup,
    ) -> Result<CheckoutObservation, GatewayError> {
        match lookup {
            CheckoutLookup::Id(id) => self.found_checkout(id.as_str()).await,
            CheckoutLookup::Reference(reference) => self.found_checkout(reference.as_str()).await,
        }
    }

    async fn expire_checkout(
        &self,
        _checkout_id: &ProviderId,
    ) -> Result<CheckoutObservation, GatewayError> {
        Err(PROVIDER.unsupported(Operation::ExpireCheckout))
    }

    async fn fetch_payment(
        &self,
        payment_id: &ProviderId,
    ) -> Result<PaymentObservation, GatewayError> {
        self.found_payment(Operation::FetchPayment, payment_id)
            .await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<PaymentObservation, GatewayError> {
        match self.settings.capture {
            CaptureMode::Manual => self.captured(request).await,
            CaptureMode::Automatic => Err(PROVIDER.unsupported(Operation::Capture)),
        }
    }

    async fn cancel_payment(
        &self,
        request: &CancelRequest,
    ) -> Result<PaymentObservation, GatewayError> {
        match self.settings.capture {
            CaptureMode::Manual => self.cancelled(request).await,
            CaptureMode::Automatic => Err(PROVIDER.unsupported(Operation::CancelPayment)),
        }
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
        webhooks::verify(&self.settings, delivery)
    }
}
