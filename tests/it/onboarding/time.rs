//! What happens by itself when owners do not act: reminders, and the end.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use daybook::cli::Role as Part;
use identity::delivery::ReminderOf;
use serde_json::json;
use workflows::onboarding::OnboardingSettings;

use super::support::{configured, hurried, office, settings, status_of, time_of};

fn in_a_hurry() -> OnboardingSettings {
    OnboardingSettings {
        contacts: hurried(7_000, 1_500, 2),
        ..settings()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_reminded_as_often_as_is_set_and_then_it_ends() {
    let office = office(in_a_hurry()).await;
    office.begun().await;
    let seen = office.until_status("expired").await;
    let reminders = office.doors.codes.reminders();
    let told: Vec<(&str, ReminderOf)> = reminders
        .iter()
        .map(|sent| (sent.to.as_str(), sent.of))
        .collect();
    let expected = ("asha@example.org", ReminderOf::VerifyPhone);
    assert_eq!(told, [expected, expected]);
    assert_ne!(reminders[0].id, reminders[1].id);
    assert_eq!(
        office.events().await,
        [
            "OnboardingStarted",
            "OnboardingContactVerified",
            "OnboardingOwnerAwaited",
            "OnboardingReminderSent",
            "OnboardingReminderSent",
            "OnboardingExpired"
        ]
    );
    assert_eq!(status_of(&seen, "contacts"), "failed");
    assert_eq!(seen["next"], json!([{ "action": "resume" }]));
    assert_eq!(seen.get("due_at"), None);

    // Whoever expired takes it up again, with the same time.
    office.phone(&office.asha, "+919876500001").await;
    office.rest().await;
    assert_eq!(office.count("CaseOpened").await, 0, "it has ended");
    let resume = format!("/onboardings/{}/resume", office.asha.person);
    office
        .post(&resume, &office.asha, json!({}))
        .await
        .expect(200);
    let again = office.post(&resume, &office.asha, json!({})).await;
    again.expect(200);
    office.case_awaiting().await;
    assert_eq!(office.count("OnboardingResumed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_reminded_of_what_is_done() {
    let office = office(in_a_hurry()).await;
    office.begun().await;
    office.phone(&office.asha, "+919876500001").await;
    let case = office.case_awaiting().await;
    let before = office.doors.codes.reminders().len();
    assert!(before <= 1, "a slow machine may be reminded once");
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    office.act(&case, "approve", json!({})).await;
    office.until_status("completed").await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    office.rest().await;
    assert_eq!(office.doors.codes.reminders().len(), before);
    assert_eq!(
        office.seen_of(&office.asha.person, &office.asha).await["status"],
        "completed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_blocked_is_not_reminded_and_their_time_goes_on() {
    let office = office(in_a_hurry()).await;
    office.begun().await;
    office.until_next("verify_phone").await;
    office.set_blocked("block").await;
    let before = office.doors.codes.reminders().len();
    office.until_status("expired").await;
    assert_eq!(office.doors.codes.reminders().len(), before);
    assert_eq!(
        office.count("OnboardingReminderSent").await,
        i64::try_from(before).unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_no_documents_is_reminded_expires_and_takes_it_up_again() {
    let settings = OnboardingSettings {
        documents: hurried(6_000, 1_500, 1),
        ..settings()
    };
    let office = office(settings).await;
    let case = office.to_documents().await;
    let seen = office.until_status("expired").await;
    assert_eq!(status_of(&seen, "verification"), "failed");
    assert_eq!(status_of(&seen, "contacts"), "done");
    let told: Vec<ReminderOf> = office
        .doors
        .codes
        .reminders()
        .iter()
        .map(|sent| sent.of)
        .collect();
    assert_eq!(told, [ReminderOf::GiveDocuments]);
    let path = format!("/cases/{case}");
    let body = office.get(&path, &office.asha).await.expect(200).body;
    assert!(["expired", "awaiting_documents"].contains(&body["status"].as_str().unwrap()));

    let resume = format!("/onboardings/{}/resume", office.asha.person);
    office
        .post(&resume, &office.asha, json!({}))
        .await
        .expect(200);
    office.case_awaiting().await;
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    office.act(&case, "approve", json!({})).await;
    let seen = office.until_status("completed").await;
    assert_eq!(seen["round"], 2);
    assert_eq!(office.count("CaseOpened").await, 1, "the same case");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_given_more_time_by_staff_has_it() {
    let settings = OnboardingSettings {
        documents: hurried(4_000, 60_000, 1),
        ..settings()
    };
    let office = office(settings).await;
    let case = office.to_documents().await;
    let later = Utc::now() + TimeDelta::seconds(12);
    let text = later.to_rfc3339_opts(SecondsFormat::Micros, true);
    let body = json!({ "kinds": ["selfie"], "expires_at": text });
    office.act(&case, "request-documents", body).await;
    let is_later = |seen: &serde_json::Value| {
        seen["due_at"].is_string() && time_of(&seen["due_at"]) == later.trunc()
    };
    let seen = office.until("more time", is_later).await;
    assert_eq!(seen["next"][0]["kinds"], json!(["passport", "selfie"]));
    tokio::time::sleep(Duration::from_secs(5)).await;
    office.rest().await;
    assert_eq!(
        office.seen_of(&office.asha.person, &office.asha).await["status"],
        "under_way"
    );
    office.until_status("expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_to_happen_while_no_worker_ran_happens_when_one_does() {
    let office = configured(|options| options.roles.retain(|role| *role != Part::Worker)).await;
    office.begun().await;
    office.phone(&office.asha, "+919876500001").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(office.events().await, ["OnboardingStarted"]);
    let (one, other) = (office.another_node().await, office.another_node().await);
    let case = office.case_awaiting().await;
    office.receive(&case, "passport", 1).await;
    office.until_review(&case).await;
    office.act(&case, "approve", json!({})).await;
    office.until_status("completed").await;
    office.rest().await;
    for name in ["CaseOpened", "WalletOpened", "OnboardingCompleted"] {
        assert_eq!(office.count(name).await, 1, "{name}");
    }
    one.stop().await;
    other.stop().await;
}

/// Micro-seconds, as the log keeps them.
trait Trunc {
    fn trunc(self) -> Self;
}

impl Trunc for chrono::DateTime<Utc> {
    fn trunc(self) -> Self {
        Self::from_timestamp_micros(self.timestamp_micros()).unwrap()
    }
}
