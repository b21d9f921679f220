//! The table of the module's documentation, every cell.

use super::*;

/// Every state, by the shortest way there.
fn states() -> Vec<(&'static str, World)> {
    let mut rejected = World::known();
    rejected.sees(VerificationStanding::Rejected);
    let mut expired = World::started();
    expired.now = at(60);
    expired.names(OnboardingAction::Expire);
    let mut cancelled = World::started();
    cancelled.names(cancel());
    vec![
        ("Absent", World::new()),
        ("Contacts", World::started()),
        ("Verification", World::awaiting()),
        ("Wallet", World::granted()),
        ("Completed", World::completed()),
        ("Rejected", rejected),
        ("Expired", expired),
        ("Cancelled", cancelled),
    ]
}

fn name_of(state: &Onboarding) -> &'static str {
    match state {
        Onboarding::Absent => "Absent",
        Onboarding::Contacts(_) => "Contacts",
        Onboarding::Verification(_) => "Verification",
        Onboarding::Wallet(_) => "Wallet",
        Onboarding::Completed(_) => "Completed",
        Onboarding::Rejected(_) => "Rejected",
        Onboarding::Expired(..) => "Expired",
        Onboarding::Cancelled(_) => "Cancelled",
    }
}

#[test]
fn every_command_in_every_state() {
    let commands = [
        start("full"),
        start("basic"),
        advance(&[EMAIL, PHONE]),
        // The first reminder of whichever wait it is in.
        remind(0, 1),
        OnboardingAction::Expire,
        cancel(),
        resume(Reopen::Expired),
        resume(Reopen::Ended),
    ];
    let (none, lost, ended) = ("nothing", "onboarding_not_found", "onboarding_ended");
    let (contacts, exists) = ("Contacts", "onboarding_exists");
    let due = "onboarding_not_due";
    let table: [[&str; 8]; 8] = [
        [contacts, contacts, lost, lost, lost, lost, lost, lost],
        [
            none,
            exists,
            "Verification",
            contacts,
            due,
            "Cancelled",
            none,
            none,
        ],
        [
            none,
            exists,
            none,
            "Verification",
            due,
            "Cancelled",
            none,
            none,
        ],
        [none, exists, none, none, due, "Cancelled", none, none],
        [none, contacts, none, none, none, ended, ended, ended],
        [ended, ended, none, none, none, ended, ended, contacts],
        [
            ended,
            ended,
            none,
            none,
            none,
            "Cancelled",
            contacts,
            contacts,
        ],
        [ended, ended, none, none, none, none, ended, contacts],
    ];
    for ((name, world), row) in states().into_iter().zip(table) {
        assert_eq!(name_of(&world.state), name);
        for (command, expected) in commands.iter().zip(row) {
            let mut world = world.clone();
            let action = match (command, world.state.course()) {
                (OnboardingAction::Remind { number, .. }, Some((course, _))) => {
                    remind(course.waits, *number)
                }
                (other, _) => other.clone(),
            };
            let found = match world.ask(action) {
                Err(rejection) => rejection.code(),
                Ok(events) if events.is_empty() => "nothing",
                Ok(_) => name_of(&world.state),
            };
            assert_eq!(found, expected, "{command:?} when {name}");
        }
    }
}

/// The second table: what is seen, in every state that looks.
#[test]
fn everything_that_can_be_seen_in_every_step() {
    use VerificationStanding::{
        AwaitsOwner, Expired, Granted, InProgress, NotOpened, Rejected, RetryAllowed,
    };
    let tier = parsed("full");
    let standings = [
        NotOpened,
        AwaitsOwner,
        RetryAllowed,
        InProgress,
        Granted { tier },
        Rejected,
        Expired,
    ];
    let (contacts, verification) = ("Contacts", "Verification");
    // By the step it is in: while contacts are missing, then without a wallet, then with one.
    let starts = [
        (World::started(), &[EMAIL][..], WalletSeen::Open),
        (World::awaiting(), &[EMAIL, PHONE], WalletSeen::Absent),
        (World::awaiting(), &[EMAIL, PHONE], WalletSeen::Open),
        (World::granted(), &[EMAIL, PHONE], WalletSeen::AnotherOwners),
        (World::granted(), &[EMAIL, PHONE], WalletSeen::Closed),
    ];
    let verified = |last| {
        [
            verification,
            verification,
            verification,
            verification,
            last,
            "Rejected",
        ]
    };
    for (number, (world, contacts_seen, wallet)) in starts.into_iter().enumerate() {
        let expected = match number {
            0 => [contacts, contacts, contacts, contacts, contacts, "Rejected"],
            2 => verified("Completed"),
            _ => verified("Wallet"),
        };
        // A case that expires ends it only while the owner is waited for.
        let last = [contacts, "Expired", "Expired", verification, verification][number];
        for (standing, expected) in standings.iter().zip(expected.into_iter().chain([last])) {
            let mut world = world.clone();
            world.seen.standing = *standing;
            world.seen.wallet = wallet;
            world.advance(contacts_seen);
            assert_eq!(name_of(&world.state), expected, "{standing:?} in {number}");
            assert_eq!(world.advance(contacts_seen).len(), 0, "twice");
        }
    }
}

#[test]
fn what_cannot_follow_is_refused() {
    let who = owner("customer-7");
    let completed = OnboardingEvent::OnboardingCompleted {
        owner: who.clone(),
        tier: parsed("full"),
        wallet: wallet_id(1),
    };
    let resumed = OnboardingEvent::OnboardingResumed {
        owner: who.clone(),
        by: actor("asha"),
    };
    let started = OnboardingEvent::OnboardingStarted {
        owner: who.clone(),
        terms: terms("full"),
        by: actor("asha"),
    };
    for (name, world) in states() {
        let under_way = world.state.under_way().is_some();
        let ended = ["Rejected", "Expired", "Cancelled"].contains(&name);
        let begins = ["Absent", "Completed"].contains(&name);
        assert_eq!(world.state.evolve(&completed).is_ok(), under_way, "{name}");
        assert_eq!(world.state.evolve(&resumed).is_ok(), ended, "{name}");
        assert_eq!(world.state.evolve(&started).is_ok(), begins, "{name}");
    }
    // Nobody is reminded who is not waited for.
    let reminded = OnboardingEvent::OnboardingReminderSent {
        owner: who,
        step: OnboardingStep::Contacts,
        number: 1,
    };
    assert!(World::granted().state.evolve(&reminded).is_err());
}
