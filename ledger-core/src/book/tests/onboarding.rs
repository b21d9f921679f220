//! Random onboardings over the small world, with the cases, grants and wallets that they look at.

use proptest::prelude::*;

use super::tiers::{OWNERS, any_name, any_tier_set, of_cases, of_owners, owner_named};
use crate::command::Command;
use crate::fixtures::*;
use crate::onboarding::{ContactKind, OnboardingAction, OnboardingTerms, Reopen};

/// Any command about onboardings.
pub(super) fn any_inner_command() -> impl Strategy<Value = Command> {
    let start = (any_name(), 1..3_u128, 1..4_u128).prop_map(|(tier, case, wallet)| {
        let terms = OnboardingTerms {
            tier,
            case: case_id(case),
            wallet: wallet_id(wallet),
            assets: [asset_code("INR")].into(),
            contacts: [ContactKind::Email].into(),
        };
        let by = actor("meera");
        OnboardingAction::Start { terms, by }
    });
    let advance = any::<bool>().prop_map(|is_verified| OnboardingAction::Advance {
        verified: is_verified
            .then_some(ContactKind::Email)
            .into_iter()
            .collect(),
        contacts_due_at: at(60),
        documents_due_at: at(120),
    });
    let remind = (1..4_u32).prop_map(|wait| OnboardingAction::Remind { wait, number: 1 });
    let resume = || OnboardingAction::Resume {
        reopen: Reopen::Ended,
        by: actor("meera"),
    };
    let cancel = || OnboardingAction::Cancel {
        reasons: vec![],
        by: actor("meera"),
    };
    let action = prop_oneof![
        3 => start,
        8 => advance,
        1 => remind,
        2 => Just(OnboardingAction::Expire),
        1 => Just(cancel()),
        2 => Just(resume()),
    ];
    (prop::sample::select(OWNERS.to_vec()), action).prop_map(|(name, action)| Command::Onboarding {
        owner: owner_named(name),
        action: Box::new(action),
    })
}

fn of_wallets() -> impl Strategy<Value = Command> {
    let owner = prop::sample::select(OWNERS.to_vec());
    (1..4_u128, owner, any::<bool>()).prop_map(|(number, name, closes)| {
        let wallet = wallet_id(number);
        if closes {
            let reason = None;
            return Command::CloseWallet { wallet, reason };
        }
        Command::OpenWallet {
            wallet,
            owner: owner_named(name),
            overdraft: Vec::new(),
            reference: None,
            metadata: crate::annotation::Metadata::default(),
        }
    })
}

/// Onboardings, and what they look at.
pub(super) fn any_command() -> BoxedStrategy<Command> {
    prop_oneof![
        12 => any_inner_command(),
        3 => of_cases(),
        1 => of_owners(),
        1 => of_wallets(),
        1 => any_tier_set(),
    ]
    .boxed()
}
