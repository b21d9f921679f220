//! Money to beneficiaries.

use std::fmt;

use chrono::{DateTime, Utc};
use identity::address::{EmailAddress, PhoneNumber};

use super::{Attempt, Money, PaymentFailure, ProviderId, Reference, Reported};
use crate::secret::Secret;

/// Where money can be sent. `Debug` shows no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankDestination {
    /// An account in India.
    IndianAccount {
        /// The account's number.
        account_number: Secret,
        /// The branch, 11 characters.
        ifsc: String,
    },
    /// An address of the Unified Payments Interface, `name@bank`.
    Upi {
        /// The address.
        address: Secret,
    },
}

/// Somebody who is to be paid.
#[derive(Clone)]
pub struct BeneficiaryRequest {
    /// Our name for them.
    pub reference: Reference,
    /// The name of the account's holder.
    pub name: String,
    /// Their email address.
    pub email: Option<EmailAddress>,
    /// Their phone.
    pub phone: Option<PhoneNumber>,
    /// Their account.
    pub destination: BankDestination,
}

impl fmt::Debug for BeneficiaryRequest {
    /// Without anything about the person.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BeneficiaryRequest")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

/// Somebody whom the provider can pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beneficiary {
    /// The provider's id, to which payouts go.
    pub beneficiary_id: ProviderId,
}

/// By which rail a payout goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayoutMode {
    /// As fits the destination and the amount.
    Default,
    /// Immediate Payment Service.
    Imps,
    /// National Electronic Funds Transfer.
    Neft,
    /// Real Time Gross Settlement.
    Rtgs,
    /// Unified Payments Interface.
    Upi,
}

/// A payout to be made.
#[derive(Debug, Clone)]
pub struct PayoutRequest {
    /// Our name for it.
    pub reference: Reference,
    /// Whether it may have been made already.
    pub attempt: Attempt,
    /// Whom, by the provider's id.
    pub beneficiary_id: ProviderId,
    /// How much.
    pub amount: Money,
    /// By which rail.
    pub mode: PayoutMode,
    /// What the beneficiary's statement shows, at most 22 letters, digits and spaces.
    pub narration: String,
    /// When it was decided to make it, or any time before, alike in every attempt: what was made earlier
    /// is not looked through for it.
    pub created_at: DateTime<Utc>,
}

/// Which payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutLookup {
    /// By the provider's id.
    Id(ProviderId),
    /// By our reference.
    Reference {
        /// The reference.
        reference: Reference,
        /// As in [`PayoutRequest::created_at`].
        created_at: DateTime<Utc>,
    },
}

/// The state of a payout.
///
/// `Failed` and `Returned` both mean that the beneficiary has nothing and we have the money; either may
/// come after `Paid`, days later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayoutStatus {
    /// It waits for approval, funds or its time; it can be cancelled.
    Pending,
    /// It is on its way and cannot be stopped.
    Processing,
    /// The bank has taken it.
    Paid,
    /// It came to nothing.
    Failed,
    /// It was stopped or rejected before it went.
    Cancelled,
    /// It came back.
    Returned,
}

/// What a provider says of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutObservation {
    /// The provider's id.
    pub payout_id: ProviderId,
    /// Our reference as the provider has it.
    pub reference: Option<Reference>,
    /// In our words.
    pub status: Reported<PayoutStatus>,
    /// In the provider's words.
    pub provider_status: String,
    /// How much the beneficiary gets.
    pub amount: Money,
    /// What the provider keeps, once it says so; not part of the amount.
    pub charges: Option<super::Charges>,
    /// The bank's name for it (UTR, trace id).
    pub bank_reference: Option<String>,
    /// Why it failed or came back.
    pub failure: Option<PaymentFailure>,
    /// When it began.
    pub created_at: Option<DateTime<Utc>>,
}
