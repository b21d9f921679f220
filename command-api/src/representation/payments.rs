//! Money that comes in and goes out, as JSON: what its requests and replies have in common.

pub mod beneficiary;
pub mod deposit;
pub mod deposit_views;
pub mod dispute;
pub mod payout;
pub mod payout_views;
pub mod policy;
pub mod provider;
pub mod refund;
pub mod settlement;

use ledger_core::payment::{DisputePhase, DisputeState, PaymentStatus, RefundState};
use ledger_core::payout::PayoutStatus;
use ledger_core::provider::{Fees, Route};
use ledger_core::settlement::BreakKind;
use ledger_core::{Amount, ProviderName, Timestamp};
use poem_openapi::Object;
use projections::queries::payments::rows::{AttemptStatus, BeneficiaryStatus, BreakStatus};
use serde::Serialize;

use crate::choice::choice;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

/// Makes an enumeration of names for one of the domain's.
macro_rules! names_of {
    ($domain:ty, $(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)+ }) => {
        choice!($(#[$doc])* $name { $($(#[$variant_doc])* $variant => $text,)+ });

        impl From<$name> for &'static str {
            fn from(name: $name) -> Self {
                name.as_str()
            }
        }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value {
                    $(<$domain>::$variant => Self::$variant,)+
                }
            }
        }
    };
}

names_of!(
    PaymentStatus,
    /// How far a deposit has come.
    DepositStatusName {
        /// Begun; no page to pay on yet.
        Created => "created",
        /// The payer can pay, or is paying.
        AwaitingPayer => "awaiting_payer",
        /// The payer's bank has reserved the money.
        Authorized => "authorized",
        /// The provider has the money.
        Captured => "captured",
        /// A part was given back.
        PartiallyRefunded => "partially_refunded",
        /// All was given back.
        Refunded => "refunded",
        /// What the payer tried failed; money may still arrive.
        Failed => "failed",
        /// The payer can no longer pay; money may still arrive.
        Expired => "expired",
        /// A dispute is open or was lost.
        Disputed => "disputed",
    }
);

names_of!(
    AttemptStatus,
    /// How far an attempt to pay has come.
    AttemptStatusName {
        /// Refused, as far as is known.
        Failed => "failed",
        /// The money is reserved.
        Authorized => "authorized",
        /// The reservation was given back.
        Released => "released",
        /// The provider has the money.
        Captured => "captured",
    }
);

names_of!(
    RefundState,
    /// How far a refund has come.
    RefundStatusName {
        /// Asked for here.
        Requested => "requested",
        /// Taken on by the provider.
        Pending => "pending",
        /// The payer gets it.
        Succeeded => "succeeded",
        /// The payer does not get it.
        Failed => "failed",
        /// It is another refund, of which the provider had told without our id.
        Matched => "matched",
    }
);

names_of!(
    DisputePhase,
    /// How far a dispute has come with the issuer.
    DisputePhaseName {
        /// A question; no money is at stake yet.
        Inquiry => "inquiry",
        /// The issuer asks for the money.
        Chargeback => "chargeback",
        /// A second time, after it was won.
        PreArbitration => "pre_arbitration",
        /// The network decides.
        Arbitration => "arbitration",
    }
);

names_of!(
    DisputeState,
    /// A dispute's state within its phase.
    DisputeStatusName {
        /// Not decided.
        Open => "open",
        /// Ended without a decision.
        Closed => "closed",
        /// Ended for us.
        Won => "won",
        /// Ended for the payer.
        Lost => "lost",
    }
);

names_of!(
    PayoutStatus,
    /// How far a payout has come.
    PayoutStatusName {
        /// Ready to be submitted; nobody had to approve it.
        Requested => "requested",
        /// A second person has to approve it.
        AwaitingApproval => "awaiting_approval",
        /// Ready to be submitted; a second person approved it.
        Approved => "approved",
        /// A second person refused it.
        Declined => "declined",
        /// Called off.
        Cancelled => "cancelled",
        /// A provider may have it.
        Submitted => "submitted",
        /// A provider has it.
        Processing => "processing",
        /// The beneficiary has it.
        Succeeded => "succeeded",
        /// The beneficiary does not get it.
        Failed => "failed",
        /// The beneficiary's bank sent it back.
        Returned => "returned",
    }
);

names_of!(
    BeneficiaryStatus,
    /// Whether payouts may go to a beneficiary.
    BeneficiaryStatusName {
        /// Added, and not verified yet.
        Added => "added",
        /// Payouts may go there.
        Verified => "verified",
        /// Removed, for ever.
        Removed => "removed",
    }
);

names_of!(
    BreakKind,
    /// What kind of difference a break is.
    BreakKindName {
        /// The report has something that we do not know.
        UnknownHere => "unknown_here",
        /// We have something that the report should have and has not.
        MissingInReport => "missing_in_report",
        /// Both have it, with another amount.
        AmountDiffers => "amount_differs",
        /// Both have it, with another charge.
        FeeDiffers => "fee_differs",
        /// The rows do not add up to what was paid.
        TotalDiffers => "total_differs",
    }
);

impl From<BreakKindName> for BreakKind {
    fn from(name: BreakKindName) -> Self {
        match name {
            BreakKindName::UnknownHere => Self::UnknownHere,
            BreakKindName::MissingInReport => Self::MissingInReport,
            BreakKindName::AmountDiffers => Self::AmountDiffers,
            BreakKindName::FeeDiffers => Self::FeeDiffers,
            BreakKindName::TotalDiffers => Self::TotalDiffers,
        }
    }
}

names_of!(
    BreakStatus,
    /// Whether a difference is explained.
    BreakStatusName {
        /// It is not.
        Open => "open",
        /// It is.
        Resolved => "resolved",
    }
);

/// Who is shown something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever works here: all of it.
    Staff,
    /// Whose it is: without how the platform decides, and without what is another customer's.
    Customer,
}

/// An amount with its asset's decimals, which the log has already.
pub(super) fn amount(amount: Amount) -> Text<ExactDecimal> {
    Text(ExactDecimal(amount.value()))
}

/// What a provider charges.
#[derive(Debug, Serialize, Object)]
pub struct FeesView {
    /// The fee without tax.
    pub fee: Text<ExactDecimal>,
    /// The tax on it.
    pub tax: Text<ExactDecimal>,
}

impl From<Fees> for FeesView {
    fn from(fees: Fees) -> Self {
        Self {
            fee: Text(ExactDecimal(fees.fee.value())),
            tax: Text(ExactDecimal(fees.tax.value())),
        }
    }
}

/// A decision between providers, as it was recorded.
#[derive(Debug, Serialize, Object)]
pub struct RouteView {
    /// When it was recorded.
    pub at: Text<Timestamp>,
    /// Who was asked.
    pub provider: Text<ProviderName>,
    /// The rule that decided.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// Who was weighed, in order of preference.
    pub candidates: Vec<CandidateView>,
    /// Whose failure led to this decision, if it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_from: Option<Text<ProviderName>>,
    /// How it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_reason: Option<String>,
}

/// A provider that was weighed.
#[derive(Debug, Serialize, Object)]
pub struct CandidateView {
    /// Who.
    pub provider: Text<ProviderName>,
    /// Why it could not be chosen; absent when it could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
}

impl RouteView {
    pub(super) fn of(at: Timestamp, route: Route) -> Self {
        let (fallback_from, fallback_reason) = match route.fallback {
            Some(fallback) => (
                Some(fallback.from.into()),
                Some(fallback.reason.as_str().to_owned()),
            ),
            None => (None, None),
        };
        let candidates = route.candidates.into_iter();
        Self {
            at: at.into(),
            provider: route.provider.into(),
            rule: route.rule.as_str().to_owned(),
            reason: route.reason.as_str().to_owned(),
            candidates: candidates
                .map(|candidate| CandidateView {
                    provider: candidate.provider.into(),
                    excluded: candidate.excluded.map(|why| why.as_str().to_owned()),
                })
                .collect(),
            fallback_from,
            fallback_reason,
        }
    }
}
