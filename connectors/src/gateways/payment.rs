//! What a provider says of a payment.

use chrono::{DateTime, Utc};

use super::{Attempt, Charges, Money, ProviderId, Reference, Reported};

/// The state of a payment, as its provider sees it now.
///
/// It is not a history: of two observations the later one may be the older fact. `Failed` is not the
/// end where providers authorize late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentStatus {
    /// The provider knows of it, the payer has done nothing.
    Created,
    /// The payer or their bank is at it.
    AwaitingPayer,
    /// The bank keeps the money ready; it is not ours.
    Authorized,
    /// The money is ours.
    Captured,
    /// Part of it went back.
    PartiallyRefunded,
    /// All of it went back.
    Refunded,
    /// It came to nothing, for now.
    Failed,
    /// It was given up, or was authorized and never taken; nothing is ours.
    Expired,
    /// The payer's bank wants it back.
    Disputed,
}

/// How it was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentMethod {
    /// A card, of which nothing more is read.
    Card,
    /// Unified Payments Interface.
    Upi,
    /// A bank's own site.
    NetBanking,
    /// A wallet.
    Wallet,
    /// Instalments.
    Instalments,
    /// Paid later.
    PayLater,
    /// A bank transfer or debit.
    BankTransfer,
    /// Another, in the provider's word.
    Other(String),
}

/// Why a payment failed, in the provider's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFailure {
    /// The provider's code.
    pub code: String,
    /// More exactly, where it says so.
    pub reason: Option<String>,
    /// In a sentence, which may be shown to the payer.
    pub description: Option<String>,
}

/// What a provider says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentObservation {
    /// The provider's id.
    pub payment_id: ProviderId,
    /// The checkout in which it was made.
    pub checkout_id: Option<ProviderId>,
    /// Our reference of that checkout, where the provider repeats it on a payment.
    pub reference: Option<Reference>,
    /// In our words.
    pub status: Reported<PaymentStatus>,
    /// In the provider's words.
    pub provider_status: String,
    /// What was to be paid.
    pub amount: Money,
    /// What was taken in all, whether refunded or not; zero before.
    pub captured: Money,
    /// What went back in all, disputes not counted.
    pub refunded: Money,
    /// What the provider keeps, once it says so.
    pub charges: Option<Charges>,
    /// How it was paid, once that is known.
    pub method: Option<PaymentMethod>,
    /// Why it failed.
    pub failure: Option<PaymentFailure>,
    /// When it began.
    pub created_at: Option<DateTime<Utc>>,
}

/// An authorized payment to be taken.
#[derive(Debug, Clone)]
pub struct CaptureRequest {
    /// The payment.
    pub payment_id: ProviderId,
    /// Our name for taking it.
    pub reference: Reference,
    /// Whether it may have been taken already.
    pub attempt: Attempt,
    /// What was authorized; providers take all or nothing unless they say otherwise.
    pub amount: Money,
}

/// An authorized payment to be given up.
#[derive(Debug, Clone)]
pub struct CancelRequest {
    /// The payment.
    pub payment_id: ProviderId,
    /// Our name for giving it up.
    pub reference: Reference,
    /// Whether it may have been given up already.
    pub attempt: Attempt,
}
