//! Payment gateways: money in by hosted checkout, money out to beneficiaries, and what a gateway says
//! about both, in our words.
//!
//! **What an adapter promises**
//!
//! * *No card data.* The payer types cards on a page of the provider ([`Checkout`]); no type here has
//!   a place for one, and what a provider tells of a card is not read.
//! * *Exact money.* [`Money`] is whole minor units of an ISO currency. What a provider writes finer is
//!   refused, never rounded; only its charges ([`Charges`]) may be finer, because some are.
//! * *One intent, one effect.* Every call that moves money has our own [`Reference`]. It is the
//!   provider's idempotency key where there is one. Where there is none, an adapter looks up before it
//!   repeats ([`Attempt`]); it repeats by itself only what is harmless.
//! * *Total status.* A provider's status is parsed into its documented words or `Unknown`, and from there
//!   matched without a rest onto ours ([`Reported`]). An unknown one changes nothing.
//! * *Typed failure.* [`GatewayError::advice`] says what a caller may do next; after an
//!   [`Advice::LookUpFirst`] the call may have been carried out.
//! * *Hints are marked.* [`WebhookFacts::coverage`] says whether a signature covers what is told. Where it
//!   does not, the caller confirms by fetching; where the provider has no call for that either, it says so
//!   ([`WebhookContent::CannotBeConfirmed`]). What a browser brings back is not read at all.
//!
//! Nothing here keeps state about a payment, so that any process may make any call. Deduplication,
//! storing and deciding are the caller's.

mod capabilities;
mod checkout;
mod dispute;
mod fault;
mod form_fields;
pub mod instamojo;
mod money;
mod payment;
mod payout;
pub mod payu;
pub mod razorpay;
mod reading;
mod refund;
mod settlement;
pub mod stripe;
mod webhook;

use std::fmt;

use async_trait::async_trait;

use crate::providers;
pub use crate::providers::{
    Advice, Attempt, Availability, CallPolicy, CircuitPolicy, CredentialsError, IdentifierError,
    MAX_WEBHOOK_BYTES, ProviderId, Reference, Refusal, Reported, SecretRing, SignatureCoverage,
    WebhookDelivery, WebhookRejection,
};

pub use capabilities::{Capabilities, Operation, Provider};
pub use checkout::{
    CaptureMode, Checkout, CheckoutAction, CheckoutLookup, CheckoutObservation, CheckoutRequest,
    CheckoutStatus, Payer,
};
pub use dispute::{DisputeObservation, DisputePhase, DisputeStatus};
pub use fault::{GatewayError, GatewayStartError};
pub use form_fields::FormFields;
pub use money::{Charges, Money, MoneyError, currency};
pub use payment::{
    CancelRequest, CaptureRequest, PaymentFailure, PaymentMethod, PaymentObservation, PaymentStatus,
};
pub use payout::{
    BankDestination, Beneficiary, BeneficiaryRequest, PayoutLookup, PayoutMode, PayoutObservation,
    PayoutRequest, PayoutStatus,
};
pub use refund::{RefundKind, RefundLookup, RefundObservation, RefundRequest, RefundStatus};
pub use settlement::{
    PageToken, SettlementObservation, SettlementPage, SettlementQuery, SettlementRow,
    SettlementRowKind, SettlementStatus,
};
pub use webhook::{Observation, WebhookContent, WebhookFacts};

type Call = providers::Call<Operation>;
type Caller = providers::Caller<Provider, Operation>;

/// One provider with one set of credentials.
///
/// An operation that the provider does not have answers [`GatewayError::Unsupported`] without a call;
/// [`Capabilities::supports`] tells it beforehand.
#[async_trait]
pub trait Gateway: fmt::Debug + Send + Sync {
    /// Whose gateway it is.
    fn provider(&self) -> Provider;

    /// What it can do and what it demands.
    fn capabilities(&self) -> &Capabilities;

    /// Whether the provider is asked for an operation now, as this process has seen it lately.
    fn availability(&self, operation: Operation) -> Availability;

    /// Opens a page where the payer pays. A reference names one attempt: a checkout that ended without
    /// money is never opened again under its reference.
    async fn create_checkout(&self, request: &CheckoutRequest) -> Result<Checkout, GatewayError>;

    /// What became of a checkout and of every payment made in it, by the provider's id or by our
    /// reference.
    async fn fetch_checkout(
        &self,
        lookup: &CheckoutLookup,
    ) -> Result<CheckoutObservation, GatewayError>;

    /// Closes a checkout that nobody has paid. One that is closed already is told as it is.
    async fn expire_checkout(
        &self,
        checkout_id: &ProviderId,
    ) -> Result<CheckoutObservation, GatewayError>;

    /// What became of one payment.
    async fn fetch_payment(
        &self,
        payment_id: &ProviderId,
    ) -> Result<PaymentObservation, GatewayError>;

    /// Takes an authorized payment. One that is captured already with the same amount is told as it is.
    async fn capture(&self, request: &CaptureRequest) -> Result<PaymentObservation, GatewayError>;

    /// Gives an authorized payment up.
    async fn cancel_payment(
        &self,
        request: &CancelRequest,
    ) -> Result<PaymentObservation, GatewayError>;

    /// Returns a captured payment or a part of it.
    async fn refund(&self, request: &RefundRequest) -> Result<RefundObservation, GatewayError>;

    /// What became of a refund, by the provider's id or by our reference.
    async fn fetch_refund(&self, lookup: &RefundLookup) -> Result<RefundObservation, GatewayError>;

    /// Tells the provider of somebody who can be paid.
    async fn register_beneficiary(
        &self,
        request: &BeneficiaryRequest,
    ) -> Result<Beneficiary, GatewayError>;

    /// Sends money to a beneficiary.
    async fn payout(&self, request: &PayoutRequest) -> Result<PayoutObservation, GatewayError>;

    /// What became of a payout, by the provider's id or by our reference.
    async fn fetch_payout(&self, lookup: &PayoutLookup) -> Result<PayoutObservation, GatewayError>;

    /// What became of a dispute.
    async fn fetch_dispute(
        &self,
        dispute_id: &ProviderId,
    ) -> Result<DisputeObservation, GatewayError>;

    /// One page of what the provider settled on a day. What a batch is, and from when on it is complete and
    /// never changes, stands in the module of [`SettlementRow`]. [`GatewayError::InProgress`] says that the
    /// day's batches are still being put together.
    async fn settlement_page(
        &self,
        query: &SettlementQuery,
    ) -> Result<SettlementPage, GatewayError>;

    /// Verifies a webhook on its raw bytes against every secret that is valid now, and reads it.
    fn verify_webhook(
        &self,
        delivery: &WebhookDelivery<'_>,
    ) -> Result<WebhookFacts, WebhookRejection>;
}
