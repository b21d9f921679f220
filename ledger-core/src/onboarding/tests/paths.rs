//! Ways through an onboarding.

use super::*;

#[test]
fn from_the_first_contact_to_the_wallet() {
    let mut world = World::new();
    assert_eq!(world.names(start("full")), ["OnboardingStarted"]);
    assert_eq!(world.advance(&[]), ["OnboardingOwnerAwaited"]);
    assert_eq!(world.advance(&[EMAIL]), ["OnboardingContactVerified"]);
    assert_eq!(world.advance(&[EMAIL]).len(), 0);
    assert_eq!(
        world.advance(&[EMAIL, PHONE]),
        ["OnboardingContactVerified"]
    );
    world.seen.case_due_at = Some(at(100));
    assert_eq!(
        world.sees(VerificationStanding::AwaitsOwner),
        ["OnboardingVerificationSeen", "OnboardingOwnerAwaited"]
    );
    let course = world.state.under_way().unwrap();
    assert_eq!(course.awaited.unwrap().due_at, at(100), "the case's own");
    world.seen.case_due_at = None;
    assert_eq!(
        world.sees(VerificationStanding::InProgress),
        ["OnboardingVerificationSeen"]
    );
    assert_eq!(world.state.under_way().unwrap().awaited, None);
    assert_eq!(
        world.sees(granted("basic")),
        ["OnboardingVerificationSeen"],
        "staff decide on another tier"
    );
    world.seen.wallet = WalletSeen::Open;
    let events = world.ask(advance(&[EMAIL, PHONE])).unwrap();
    let [OnboardingEvent::OnboardingCompleted { tier, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(*tier, parsed("basic"));
}

#[test]
fn what_is_there_already_counts_at_once() {
    let mut world = World::new();
    world.seen.standing = granted("full");
    world.seen.wallet = WalletSeen::Open;
    world.names(start("full"));
    assert_eq!(
        world.advance(&[EMAIL, PHONE]),
        [
            "OnboardingContactVerified",
            "OnboardingContactVerified",
            "OnboardingVerificationSeen",
            "OnboardingCompleted"
        ]
    );
}

#[test]
fn a_contact_that_is_verified_no_more_leads_back() {
    let mut world = World::awaiting();
    assert_eq!(
        world.advance(&[EMAIL]),
        ["OnboardingContactRemoved", "OnboardingOwnerAwaited"]
    );
    assert_eq!(world.state.step(), Some(OnboardingStep::Contacts));
    // The case goes on by itself, and the wallet waits.
    world.seen.standing = granted("full");
    world.seen.wallet = WalletSeen::Open;
    assert_eq!(world.advance(&[EMAIL]), ["OnboardingVerificationSeen"]);
    assert_eq!(
        world.advance(&[EMAIL, PHONE]),
        ["OnboardingContactVerified", "OnboardingCompleted"]
    );
}

#[test]
fn a_tier_that_is_taken_back_before_the_end_leads_back() {
    let mut world = World::granted();
    assert_eq!(
        world.sees(VerificationStanding::InProgress),
        ["OnboardingVerificationSeen"]
    );
    assert_eq!(world.state.step(), Some(OnboardingStep::Verification));
}

#[test]
fn another_try_is_another_wait_with_reminders_of_its_own() {
    let mut world = World::awaiting();
    assert_eq!(world.names(remind(2, 1)), ["OnboardingReminderSent"]);
    assert_eq!(world.names(remind(2, 1)).len(), 0, "once");
    assert_eq!(world.names(remind(2, 3)).len(), 0, "in order");
    assert_eq!(world.names(remind(1, 2)).len(), 0, "of another wait");
    world.seen.case_due_at = Some(at(200));
    assert_eq!(
        world.sees(VerificationStanding::RetryAllowed),
        ["OnboardingVerificationSeen", "OnboardingOwnerAwaited"]
    );
    let awaited = world.state.under_way().unwrap().awaited.unwrap();
    assert_eq!(
        (awaited.wait, awaited.reminders, awaited.due_at),
        (3, 0, at(200))
    );
    assert_eq!(world.names(remind(2, 2)).len(), 0, "of what is over");
    assert_eq!(world.names(remind(3, 1)), ["OnboardingReminderSent"]);
}

#[test]
fn whoever_has_got_more_time_is_not_ended_before_it() {
    let mut world = World::awaiting();
    world.now = at(150);
    world.seen.case_due_at = Some(at(200));
    let refused = world.ask(OnboardingAction::Expire).unwrap_err();
    assert_eq!(refused.code(), "onboarding_not_due");
    assert_eq!(
        world.advance(&[EMAIL, PHONE]),
        ["OnboardingOwnerAwaited"],
        "and is told so"
    );
    world.now = at(200);
    assert_eq!(world.names(OnboardingAction::Expire), ["OnboardingExpired"]);
}

#[test]
fn nobody_is_ended_while_others_work() {
    let mut world = World::awaiting();
    world.now = at(500);
    world.seen.standing = VerificationStanding::InProgress;
    world.seen.case_due_at = None;
    // Before it is known here, and after.
    for _ in 0..2 {
        let refused = world.ask(OnboardingAction::Expire).unwrap_err();
        assert_eq!(refused.code(), "onboarding_not_due");
        world.advance(&[EMAIL, PHONE]);
    }
}

#[test]
fn what_expired_is_taken_up_where_it_stands() {
    let mut world = World::awaiting();
    assert_eq!(
        world.sees(VerificationStanding::Expired),
        ["OnboardingVerificationSeen", "OnboardingExpired"]
    );
    assert_eq!(world.names(resume(Reopen::Expired)), ["OnboardingResumed"]);
    // The case is as it was: whoever works on it begins it anew.
    assert_eq!(
        world.advance(&[EMAIL, PHONE]),
        [
            "OnboardingContactVerified",
            "OnboardingContactVerified",
            "OnboardingVerificationSeen"
        ]
    );
    assert_eq!(world.state.step(), Some(OnboardingStep::Verification));
    world.seen.case_due_at = Some(at(300));
    world.sees(VerificationStanding::AwaitsOwner);
    let course = world.state.under_way().unwrap();
    assert_eq!((course.round, course.awaited.unwrap().wait), (2, 3));
}

#[test]
fn whoever_was_onboarded_can_be_for_another_tier() {
    let mut world = World::completed();
    let (case, wallet) = (case_id(2), wallet_id(2));
    let terms = OnboardingTerms {
        case,
        wallet,
        ..terms("gold")
    };
    let by = actor("asha");
    let events = world.ask(OnboardingAction::Start { terms, by }).unwrap();
    let [OnboardingEvent::OnboardingStarted { terms, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(
        (terms.case, terms.wallet),
        (case, wallet_id(1)),
        "the wallet that they have"
    );
}

#[test]
fn what_the_ledger_has_not_is_refused_in_order() {
    let world = World::new();
    let mut command = world.command(start("full"));
    let code_of = |command: &OnboardingCommand| {
        let refused = Onboarding::default().decide(command).unwrap_err();
        (refused.code(), refused.is_transient())
    };
    command.seen.wallet = WalletSeen::AnotherOwners;
    assert_eq!(code_of(&command), ("wallet_exists", false));
    command.seen.wallet = WalletSeen::Closed;
    assert_eq!(code_of(&command), ("wallet_exists", false));
    command.assets = AssetsKnown::Unknown(asset_code("PEBBLES"));
    assert_eq!(code_of(&command), ("asset_not_found", true));
    if let OnboardingAction::Start { terms, .. } = &mut command.action {
        let codes = (0..=MAX_ASSETS).map(|number| asset_code(&format!("A{number}")));
        terms.assets = codes.collect();
    }
    assert_eq!(code_of(&command), ("onboarding_out_of_range", false));
    command.tier = TierKnown::Unknown;
    assert_eq!(code_of(&command), ("tier_not_found", true));
}
