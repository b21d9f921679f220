//! Samples of onboardings.

use super::*;
use crate::identifier::OwnerId;
use crate::onboarding::{ContactKind, OnboardingStep, OnboardingTerms, VerificationStanding};

fn who() -> OwnerId {
    owner("customer-7")
}

fn begun() -> Vec<(&'static str, OnboardingEvent)> {
    let by = actor("asha");
    let terms = |assets: &[&str], contacts: &[ContactKind]| OnboardingTerms {
        tier: parsed("full"),
        case: case_id(OTHER),
        wallet: wallet_id(WALLET),
        assets: assets.iter().map(|asset| asset_code(asset)).collect(),
        contacts: contacts.iter().copied().collect(),
    };
    let started = |terms| OnboardingEvent::OnboardingStarted {
        owner: who(),
        terms,
        by: by.clone(),
    };
    let cancelled = |reasons| OnboardingEvent::OnboardingCancelled {
        owner: who(),
        by: by.clone(),
        reasons,
    };
    let resumed = |name| OnboardingEvent::OnboardingResumed {
        owner: who(),
        by: actor(name),
    };
    let both = [ContactKind::Email, ContactKind::Phone];
    vec![
        ("minimal", started(terms(&[], &[]))),
        ("full", started(terms(&["INR", "USD"], &both))),
        ("minimal", cancelled(vec![])),
        ("full", cancelled(vec![parsed("DUPLICATE")])),
        ("minimal", resumed("asha")),
        (
            "full",
            resumed("machine:0190b8a2-5b7e-7c3d-8f00-000000000009"),
        ),
    ]
}

fn contacts() -> Vec<(&'static str, OnboardingEvent)> {
    let verified = |kind| OnboardingEvent::OnboardingContactVerified { owner: who(), kind };
    let removed = |kind| OnboardingEvent::OnboardingContactRemoved { owner: who(), kind };
    vec![
        ("minimal", verified(ContactKind::Email)),
        ("full", verified(ContactKind::Phone)),
        ("minimal", removed(ContactKind::Email)),
        ("full", removed(ContactKind::Phone)),
    ]
}

fn seen() -> Vec<(&'static str, OnboardingEvent)> {
    let tier = parsed("full");
    let standings = [
        ("minimal", VerificationStanding::NotOpened),
        ("awaits_owner", VerificationStanding::AwaitsOwner),
        ("retry_allowed", VerificationStanding::RetryAllowed),
        ("in_progress", VerificationStanding::InProgress),
        ("full", VerificationStanding::Granted { tier }),
        ("rejected", VerificationStanding::Rejected),
        ("expired", VerificationStanding::Expired),
    ];
    let seen = |(name, standing)| {
        let case = case_id(OTHER);
        let owner = who();
        let event = OnboardingEvent::OnboardingVerificationSeen {
            owner,
            case,
            standing,
        };
        (name, event)
    };
    standings.map(seen).to_vec()
}

fn waiting() -> Vec<(&'static str, OnboardingEvent)> {
    let mut all = Vec::new();
    for (name, step) in ["minimal", "full", "wallet"]
        .into_iter()
        .zip(OnboardingStep::ALL)
    {
        let awaited = OnboardingEvent::OnboardingOwnerAwaited {
            owner: who(),
            step,
            wait: 2,
            due_at: at(9),
        };
        let reminded = OnboardingEvent::OnboardingReminderSent {
            owner: who(),
            step,
            number: 3,
        };
        let expired = OnboardingEvent::OnboardingExpired { owner: who(), step };
        all.extend([(name, awaited), (name, reminded), (name, expired)]);
    }
    all
}

fn ended() -> Vec<(&'static str, OnboardingEvent)> {
    let completed = |tier| OnboardingEvent::OnboardingCompleted {
        owner: who(),
        tier: parsed(tier),
        wallet: wallet_id(WALLET),
    };
    let rejected = |name| OnboardingEvent::OnboardingRejected { owner: owner(name) };
    vec![
        ("minimal", completed("a")),
        ("full", completed("basic_2026")),
        ("minimal", rejected("a")),
        ("full", rejected("customer-7")),
    ]
}

pub(super) fn current() -> Vec<(&'static str, AggregateType, Event)> {
    let all = [begun(), contacts(), seen(), waiting(), ended()];
    let all = all.into_iter().flatten().map(|(name, event)| {
        let event = Event::Onboarding(Box::new(event));
        (name, AggregateType::Onboarding, event)
    });
    all.collect()
}
