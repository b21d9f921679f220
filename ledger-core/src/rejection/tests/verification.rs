//! The rejections of limits, owners and verification cases.

use super::*;
use crate::limit::{Flow, Limit, LimitRejection, Operation};
use crate::owner::OwnerRejection;
use crate::profile::ProfileRejection;
use crate::verification::{CaseRejection, CaseStatus};

fn limits() -> Vec<LimitRejection> {
    let (wallet, tier, asset) = (wallet_id(1), parsed("basic"), asset_code("INR"));
    let (allowed, requested, used) = (decimal("1"), decimal("2"), decimal("0"));
    let (flow, limit) = (Flow::Outgoing, Limit::PerDay);
    vec![
        LimitRejection::OperationNotAllowed {
            wallet,
            tier,
            operation: Operation::Send,
            asset,
        },
        LimitRejection::TransactionLimitExceeded {
            wallet,
            tier,
            limit: Limit::PerTransaction,
            flow,
            asset,
            allowed,
            requested,
        },
        LimitRejection::PeriodLimitExceeded {
            wallet,
            tier,
            limit,
            flow,
            asset,
            allowed,
            used,
            left: allowed,
            requested,
            frees_at: Some(at(1)),
        },
        LimitRejection::BalanceLimitExceeded {
            wallet,
            tier,
            limit: Limit::Balance,
            asset,
            allowed,
            used,
            left: allowed,
            requested,
        },
        LimitRejection::ReceiverLimited { wallet, asset },
    ]
}

fn cases() -> Vec<CaseRejection> {
    let (case, status) = (case_id(1), CaseStatus::Approved);
    vec![
        CaseRejection::NotFound { case },
        CaseRejection::Exists { case },
        CaseRejection::TierNotFound {
            tier: parsed("full"),
        },
        CaseRejection::NotCollecting { case, status },
        CaseRejection::DocumentsMissing { case },
        CaseRejection::OutOfRange {
            what: "documents",
            limit: 1,
            found: 2,
        },
        CaseRejection::NothingToReview { case, status },
        CaseRejection::NotInReview { case, status },
        CaseRejection::NotExpirable { case, status },
        CaseRejection::NotDue { case, due_at: None },
        CaseRejection::NotApproved { case, status },
        CaseRejection::ReferenceDiffers {
            case,
            provider: provider("sumsub"),
            ours: theirs("a"),
            theirs: theirs("b"),
        },
    ]
}

fn profiles() -> Vec<ProfileRejection> {
    vec![
        ProfileRejection::Erased {
            owner: owner("customer-7"),
        },
        ProfileRejection::Empty {},
        ProfileRejection::CaseInReview { case: case_id(1) },
    ]
}

pub(super) fn all() -> Vec<Rejection> {
    let limits = limits().into_iter().map(TransactionRejection::Limit);
    let mut all: Vec<Rejection> = limits.map(Rejection::from).collect();
    let tier = parsed("full");
    all.push(Rejection::from(OwnerRejection::TierNotFound { tier }));
    all.extend(cases().into_iter().map(Rejection::from));
    all.extend(profiles().into_iter().map(Rejection::from));
    all
}

#[test]
fn limits_keep_their_code_wherever_they_are_broken() {
    for rejection in limits() {
        let of_transaction = Rejection::from(TransactionRejection::from(rejection.clone()));
        let of_hold = Rejection::from(HoldRejection::from(rejection.clone()));
        let of_payment = Rejection::from(PaymentRejection::from(rejection.clone()));
        for wrapped in [of_transaction, of_hold, of_payment] {
            assert_eq!(wrapped.code(), rejection.code());
            assert_eq!(wrapped.is_transient(), rejection.is_transient());
            assert_eq!(wrapped.to_string(), rejection.to_string());
            let json = serde_json::to_string(&wrapped).unwrap();
            assert_eq!(json, serde_json::to_string(&rejection).unwrap());
        }
    }
}
