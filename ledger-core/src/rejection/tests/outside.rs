//! The rejections of payments, payouts, beneficiaries and settlements.

use super::*;
use crate::beneficiary::BeneficiaryRejection;
use crate::payment::PaymentStatus;
use crate::payout::PayoutStatus;
use crate::provider::{FeesRejection, RouteRejection};

fn payments() -> Vec<PaymentRejection> {
    let (payment, refund) = (payment_id(1), refund_id(2));
    let (ours, theirs) = (decimal("1"), decimal("2"));
    vec![
        PaymentRejection::NotFound { payment },
        PaymentRejection::Exists { payment },
        PaymentRejection::NotOpen {
            payment,
            status: PaymentStatus::Captured,
        },
        PaymentRejection::NotCaptured {
            payment,
            status: PaymentStatus::Failed,
        },
        PaymentRejection::ExpiryPassed { expires_at: at(1) },
        PaymentRejection::ProviderDiffers {
            payment,
            ours: provider("razorpay"),
            theirs: provider("stripe"),
        },
        PaymentRejection::AttemptDiffers {
            payment,
            ours: crate::fixtures::theirs("pay_1"),
            theirs: crate::fixtures::theirs("pay_2"),
        },
        PaymentRejection::ObservedAssetDiffers {
            payment,
            ours: asset_code("INR"),
            theirs: asset_code("USD"),
        },
        PaymentRejection::CapturedAmountDiffers {
            payment,
            ours,
            theirs,
        },
        PaymentRejection::NotInSuspense { payment },
        PaymentRejection::InMotion { payment },
        PaymentRejection::RefundExists { payment, refund },
        PaymentRejection::RefundExceedsPayment {
            payment,
            refundable: ours,
            requested: theirs,
        },
        PaymentRejection::RefundAmountDiffers {
            payment,
            refund,
            ours,
            theirs,
        },
        PaymentRejection::Route(RouteRejection::TooManyCandidates {
            limit: 32,
            found: 33,
        }),
        PaymentRejection::Route(RouteRejection::NotACandidate {
            provider: provider("stripe"),
        }),
        PaymentRejection::Fees(FeesRejection::AssetNotFound {
            asset: asset_code("INR"),
        }),
        PaymentRejection::Fees(FeesRejection::NotAnAmount {
            asset: asset_code("INR"),
            fee: ours,
            tax: theirs,
        }),
    ]
}

fn payouts() -> Vec<PayoutRejection> {
    let (payout, beneficiary) = (payout_id(1), beneficiary_id(2));
    let (status, provider) = (PayoutStatus::Submitted, provider("razorpay"));
    vec![
        PayoutRejection::NotFound { payout },
        PayoutRejection::Exists { payout },
        PayoutRejection::NotAwaitingApproval { payout, status },
        PayoutRejection::ApproverIsMachine {
            payout,
            actor: actor("machine:1"),
        },
        PayoutRejection::ApproverIsRequester {
            payout,
            actor: actor("asha"),
        },
        PayoutRejection::AwaitingApproval { payout },
        PayoutRejection::Submitted {
            payout,
            status,
            provider,
        },
        PayoutRejection::Ended { payout, status },
        PayoutRejection::NotSubmitted {
            payout,
            status,
            provider,
        },
        PayoutRejection::ProviderDiffers {
            payout,
            ours: provider,
            theirs: provider,
        },
        PayoutRejection::AttemptDiffers {
            payout,
            ours: 2,
            theirs: 1,
        },
        PayoutRejection::ReferenceDiffers {
            payout,
            ours: theirs("pout_1"),
            theirs: theirs("pout_2"),
        },
        PayoutRejection::SucceededAfterEnd {
            payout,
            status: PayoutStatus::Failed,
            provider,
        },
        PayoutRejection::WasAccepted {
            payout,
            status,
            provider,
        },
        PayoutRejection::AmountDiffers {
            payout,
            ours: decimal("1"),
            theirs: decimal("2"),
        },
        PayoutRejection::BeneficiaryNotVerified { beneficiary },
        PayoutRejection::BeneficiaryOfOther {
            beneficiary,
            wallet: wallet_id(1),
        },
    ]
}

fn beneficiaries() -> Vec<BeneficiaryRejection> {
    let (beneficiary, wallet) = (beneficiary_id(1), wallet_id(2));
    vec![
        BeneficiaryRejection::NotFound { beneficiary },
        BeneficiaryRejection::Exists { beneficiary },
        BeneficiaryRejection::Removed { beneficiary },
        BeneficiaryRejection::VerifierAddedIt {
            beneficiary,
            actor: actor("person:asha"),
        },
        BeneficiaryRejection::WalletNotFound { wallet },
        BeneficiaryRejection::WalletClosed { wallet },
    ]
}

fn settlements() -> Vec<SettlementRejection> {
    let (settlement, subject) = (settlement_id(1), theirs("pay_1"));
    vec![
        SettlementRejection::NotFound { settlement },
        SettlementRejection::Differs { settlement },
        SettlementRejection::BreakNotFound {
            settlement,
            subject: subject.clone(),
        },
        SettlementRejection::BreakDiffers {
            settlement,
            subject,
        },
    ]
}

pub(super) fn all() -> Vec<Rejection> {
    let mut all: Vec<Rejection> = payments().into_iter().map(Into::into).collect();
    all.extend(payouts().into_iter().map(Rejection::from));
    all.extend(beneficiaries().into_iter().map(Rejection::from));
    all.extend(settlements().into_iter().map(Rejection::from));
    all
}
