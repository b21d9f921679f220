//! The rejections of onboardings.

use super::*;
use crate::onboarding::{OnboardingRejection, OnboardingStatus};

pub(super) fn all() -> Vec<Rejection> {
    let (who, tier) = (owner("customer-7"), parsed("full"));
    let all = [
        OnboardingRejection::NotFound { owner: who.clone() },
        OnboardingRejection::Exists {
            owner: who.clone(),
            tier,
        },
        OnboardingRejection::Ended {
            owner: who.clone(),
            status: OnboardingStatus::Cancelled,
        },
        OnboardingRejection::TierNotFound { tier },
        OnboardingRejection::OutOfRange {
            what: "assets",
            limit: 1,
            found: 2,
        },
        OnboardingRejection::AssetNotFound {
            asset: asset_code("POINTS"),
        },
        OnboardingRejection::WalletTaken {
            wallet: wallet_id(1),
        },
        OnboardingRejection::NotDue {
            owner: who,
            due_at: None,
        },
    ];
    all.into_iter().map(Rejection::from).collect()
}
