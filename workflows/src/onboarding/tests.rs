//! When owners are reminded.

use super::*;

fn settings(remind_after: u64, reminders: u32) -> OnboardingSettings {
    let contacts = Patience {
        expires_after: Duration::from_secs(1_000),
        remind_after: Duration::from_secs(remind_after),
        reminders,
    };
    OnboardingSettings {
        contacts,
        ..OnboardingSettings::default()
    }
}

/// After how many seconds, and which.
fn reminded(
    settings: &OnboardingSettings,
    step: OnboardingStep,
    due_after: i64,
) -> Vec<(i64, u32)> {
    let since = DateTime::<Utc>::UNIX_EPOCH;
    let due_at = since + TimeDelta::seconds(due_after);
    let job = |number| Job::RemindOwner {
        ledger: "main".parse().unwrap(),
        owner: OwnerKey::new(uuid::Uuid::nil()),
        wait: 1,
        number,
    };
    let jobs = settings.reminders(step, since, due_at, job);
    let mut keys: Vec<&str> = jobs.iter().map(|job| job.key.as_str()).collect();
    keys.dedup();
    assert_eq!(keys.len(), jobs.len(), "one would replace another");
    let told = jobs.iter().map(|new| match &new.job {
        Job::RemindOwner { number, .. } => (new.run_at.timestamp(), *number),
        other => panic!("{other:?}"),
    });
    told.collect()
}

#[test]
fn reminders_come_at_their_times_and_never_when_it_is_over() {
    let contacts = OnboardingStep::Contacts;
    assert_eq!(
        reminded(&settings(10, 3), contacts, 1_000),
        [(10, 1), (20, 2), (30, 3)]
    );
    assert_eq!(reminded(&settings(10, 3), contacts, 20), [(10, 1)]);
    assert_eq!(reminded(&settings(10, 0), contacts, 1_000), []);
    assert_eq!(
        reminded(&settings(10, 3), OnboardingStep::Wallet, 1_000),
        []
    );
    // Times that no clock has.
    assert_eq!(reminded(&settings(u64::MAX, 3), contacts, 1_000), []);
}
