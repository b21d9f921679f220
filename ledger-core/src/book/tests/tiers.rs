//! Random tiers, grants and cases over the small world: limits low enough to be met.

use proptest::prelude::*;

use crate::command::Command;
use crate::fixtures::*;
use crate::limit::{
    Operation, OtherAssets, RequestedAssetLimits, RequestedFlowLimits, RequestedTier, UtcOffset,
};
use crate::owner::{OwnerAction, TierSource};
use crate::personal::Personal;
use crate::profile::{CasesInReview, ErasureReason, PersonalDetails, ProfileAction};
use crate::verification::{CaseAction, Finding, ObservedFinding, Retry};

const TIERS: [&str; 2] = ["basic", "full"];
pub(super) const OWNERS: [&str; 2] = ["asha", "ravi"];

prop_compose! {
    fn any_flow()(
        per_transaction in prop::option::of(4..20_i64), per_day in prop::option::of(8..40_i64),
        per_month in prop::option::of(10..60_i64),
    ) -> RequestedFlowLimits {
        RequestedFlowLimits {
            per_transaction: per_transaction.map(Into::into),
            per_day: per_day.map(Into::into),
            per_month: per_month.map(Into::into),
        }
    }
}

prop_compose! {
    /// A day that begins ten minutes after the world does, and months with it.
    fn any_tier()(
        incoming in any_flow(), outgoing in any_flow(), balance in prop::option::of(20..60_i64),
        late in any::<bool>(), forbidden in prop::option::of(prop::sample::select(vec![
            Operation::Send, Operation::Receive, Operation::Payout, Operation::Withdrawal,
        ])),
    ) -> RequestedTier {
        let all = [
            Operation::Deposit, Operation::Withdrawal, Operation::Send, Operation::Receive,
            Operation::Conversion, Operation::Payout,
        ];
        let limits = RequestedAssetLimits {
            operations: None,
            incoming,
            outgoing,
            balance: balance.map(Into::into),
        };
        RequestedTier {
            operations: forbidden.map(|not| all.into_iter().filter(|one| *one != not).collect()),
            assets: [(asset_code("INR"), limits)].into(),
            other_assets: OtherAssets::Unlimited,
            utc_offset_minutes: UtcOffset::try_new(if late { -10 } else { 0 }).unwrap(),
        }
    }
}

pub(super) fn any_name() -> impl Strategy<Value = crate::identifier::TierName> {
    prop::sample::select(TIERS.to_vec()).prop_map(parsed)
}

pub(super) fn of_owners() -> impl Strategy<Value = Command> {
    let granted = prop::option::weighted(0.7, any_name());
    let owner = prop::sample::select(OWNERS.to_vec());
    (owner, granted).prop_map(|(name, tier)| {
        let (source, by, reason) = (TierSource::Staff, Some(actor("meera")), None);
        let action = match tier {
            Some(tier) => OwnerAction::GrantTier {
                tier,
                source,
                by,
                reason,
            },
            None => OwnerAction::WithdrawTier { source, by, reason },
        };
        Command::Owner {
            owner: owner_named(name),
            action: Box::new(action),
        }
    })
}

pub(super) fn owner_named(name: &str) -> crate::identifier::OwnerId {
    parsed(name)
}

pub(super) fn of_cases() -> impl Strategy<Value = Command> {
    let open = (prop::sample::select(OWNERS.to_vec()), any_name()).prop_map(|(name, tier)| {
        CaseAction::Open {
            owner: owner_named(name),
            tier,
            expires_at: None,
            by: actor("meera"),
        }
    });
    let found = prop::sample::select(vec![
        Finding::Approved { valid_until: None },
        Finding::Rejected {
            retry: Retry::Allowed,
            reasons: vec![],
        },
        Finding::Reset,
    ]);
    let observed = (found, 0..2_000_i64).prop_map(|(finding, time)| {
        CaseAction::Observe(ObservedFinding {
            provider: provider("sumsub"),
            reference: None,
            observed_at: at(time),
            finding,
        })
    });
    let action = prop_oneof![1 => open, 3 => observed];
    (1..3_u128, action).prop_map(|(number, action)| Command::VerificationCase {
        case: case_id(number),
        action: Box::new(action),
    })
}

fn of_profiles() -> impl Strategy<Value = Command> {
    let record = any::<bool>().prop_map(|named| ProfileAction::Record {
        details: Box::new(PersonalDetails {
            name: named.then(|| Personal::Clear(parsed("Asha Rao"))),
            phone: Some(Personal::Clear(parsed("+919876543210"))),
            ..PersonalDetails::default()
        }),
        removed: [].into(),
        by: actor("meera"),
    });
    let ways = vec![CasesInReview::Prevent, CasesInReview::Close];
    let erase = prop::sample::select(ways).prop_map(|in_review| ProfileAction::Erase {
        reason: ErasureReason::Requested,
        cases: vec![case_id(1), case_id(2)],
        in_review,
        by: actor("meera"),
    });
    let action = prop_oneof![3 => record, 1 => erase];
    let owner = prop::sample::select(OWNERS.to_vec());
    (owner, action).prop_map(|(name, action)| Command::Profile {
        owner: owner_named(name),
        action: Box::new(action),
    })
}

/// A ledger in which everybody is limited from the start.
pub(super) fn beginning() -> Vec<Command> {
    let flow = |per_day: i64, per_month: i64| RequestedFlowLimits {
        per_transaction: None,
        per_day: Some(per_day.into()),
        per_month: Some(per_month.into()),
    };
    let limits = RequestedAssetLimits {
        operations: None,
        incoming: flow(60, 90),
        outgoing: flow(25, 60),
        balance: Some(70.into()),
    };
    let rules = RequestedTier {
        operations: None,
        assets: [(asset_code("INR"), limits)].into(),
        other_assets: OtherAssets::Unlimited,
        utc_offset_minutes: UtcOffset::try_new(-10).unwrap(),
    };
    let mut commands = super::commands::beginning();
    let tier = parsed(TIERS[0]);
    commands.push(Command::SetTier {
        tier,
        rules: Box::new(rules),
    });
    commands.push(Command::SetDefaultTier { tier });
    commands
}

/// Mostly money, now and then a grant, a case or another tier.
pub(super) fn any_limited_command() -> BoxedStrategy<Command> {
    prop_oneof![
        30 => super::commands::any_inner_command(),
        6 => super::outside::any_command(),
        2 => prop_oneof![4 => of_owners(), 4 => of_cases(), 1 => of_profiles()],
        2 => super::onboarding::any_inner_command(),
        1 => any_command(),
    ]
    .boxed()
}

pub(super) fn any_tier_set() -> impl Strategy<Value = Command> {
    (any_name(), any_tier()).prop_map(|(tier, rules)| Command::SetTier {
        tier,
        rules: Box::new(rules),
    })
}

/// Any command about tiers, owners and cases.
pub(super) fn any_command() -> BoxedStrategy<Command> {
    prop_oneof![
        3 => any_tier_set(),
        1 => any_name().prop_map(|tier| Command::SetDefaultTier { tier }),
        3 => of_owners(),
        3 => of_cases(),
        1 => of_profiles(),
    ]
    .boxed()
}
