//! A process that dies between any two of its steps, and late, double and racing jobs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use daybook::cli::Role as Part;
use event_store::LogReader;
use event_store::executor::{ExecutorSettings, Executors};
use ledger_core::onboarding::ContactKind;
use ledger_core::verification::CaseAction;
use ledger_core::{CaseId, Command, LedgerName, OwnerId};
use projections::AccountsReadModel;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflows::jobs::{Job, JobAttempt, JobHands};
use workflows::onboarding::{
    OnboardingPeople, OnboardingProcess, OnboardingSettings, OwnerReminder, PersonFault,
    PersonSeen, ReminderFault,
};

use super::support::{configured, hurried, settings, status_of};
use crate::harness::submission;
use crate::verification::support::Office;

const ATTEMPT: JobAttempt = JobAttempt {
    number: 1,
    is_last: false,
};

/// Everybody has verified both contacts. The node dies when it asks for the last time it may: between any two of
/// its commands it asks.
#[derive(Debug)]
struct Fragile {
    questions_left: AtomicUsize,
    verified: Mutex<BTreeSet<ContactKind>>,
    reminders: Mutex<Vec<Uuid>>,
}

impl Fragile {
    fn new(questions: usize) -> Arc<Self> {
        Arc::new(Self {
            questions_left: AtomicUsize::new(questions),
            verified: Mutex::new([ContactKind::Email, ContactKind::Phone].into()),
            reminders: Mutex::default(),
        })
    }
}

#[async_trait]
impl OnboardingPeople for Fragile {
    async fn person(&self, _: &OwnerId) -> Result<PersonSeen, PersonFault> {
        let left = self
            .questions_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        left.map_err(|_| PersonFault("the node dies".into()))?;
        let verified = self.verified.lock().unwrap().clone();
        Ok(PersonSeen::Known { verified })
    }

    async fn remind(
        &self,
        _: &OwnerId,
        id: Uuid,
        _: OwnerReminder,
        _: DateTime<Utc>,
    ) -> Result<(), ReminderFault> {
        self.reminders.lock().unwrap().push(id);
        Ok(())
    }

    async fn take_news_in_tx(&self, _: &mut PgConnection) -> Result<Vec<OwnerId>, PersonFault> {
        Ok(Vec::new())
    }
}

/// A node on which nothing happens by itself.
async fn still() -> Office {
    configured(|options| options.roles.retain(|role| *role != Part::Worker)).await
}

impl Office {
    fn process(&self, executors: &Executors, people: Arc<Fragile>) -> OnboardingProcess {
        let log = LogReader::new(self.pool().clone());
        OnboardingProcess::new(log, executors.clone(), people, settings())
    }

    fn ledger(&self) -> LedgerName {
        self.doors.node.ledger.parse().unwrap()
    }

    fn advance(&self, owner: &str) -> Job {
        Job::AdvanceOnboarding {
            ledger: self.ledger(),
            owner: owner.parse::<OwnerId>().unwrap().key(),
        }
    }

    /// Does a job that dies after so many questions, and then again until it is done. How often it died.
    async fn done_though_dying(&self, job: Job, questions: usize) -> usize {
        let executors = &self.doors.node.node.executors;
        for deaths in 0..20 {
            let people = Fragile::new(questions * (deaths + 1));
            let process = self.process(executors, people);
            if process.carry_out(job.clone(), ATTEMPT).await.is_ok() {
                return deaths;
            }
        }
        panic!("it is never done")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_between_any_two_steps_leaves_nothing_undone_and_nothing_done_twice() {
    let office = still().await;
    let mut most_deaths = 0;
    let mut expected: Option<Vec<String>> = None;
    for questions in (1..6).chain([100]) {
        let owner = format!("customer-{questions}");
        let path = office.doors.at("/onboardings");
        let body = json!({ "owner": owner, "tier": "full" });
        let begun = office.doors.post(&path, &office.doors.admin, body).await;
        begun.expect(201);
        let job = office.advance(&owner);
        let mut deaths = office.done_though_dying(job.clone(), questions).await;
        let seen = office.seen_of(&owner, &office.meera).await;
        let case = seen["next"][0]["case"].as_str().unwrap().to_owned();
        let number = u8::try_from(questions).unwrap();
        office.receive(&case, "passport", number).await;
        // The case's own job, which leads to the same.
        let follow = Job::FollowCase {
            ledger: office.ledger(),
            case: case.parse().unwrap(),
        };
        deaths += office.done_though_dying(follow, questions).await;
        office.act(&case, "approve", json!({})).await;
        deaths += office.done_though_dying(job.clone(), questions).await;
        // Late and once more.
        office.done_though_dying(job, 100).await;
        let events = office.events_of(&owner).await;
        assert_eq!(events.last().unwrap(), "OnboardingCompleted");
        let expected = expected.get_or_insert_with(|| events.clone());
        let names = |events: &[String]| {
            let steps = events
                .iter()
                .filter(|name| *name != "OnboardingVerificationSeen");
            steps.cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            names(&events),
            names(expected),
            "after {questions} questions"
        );
        let wallets: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM daybook.events WHERE event_type = 'WalletOpened' \
             AND payload #>> '{WalletOpened,owner}' = $1",
        )
        .bind(&owner)
        .fetch_one(office.pool())
        .await
        .unwrap();
        assert_eq!(wallets, 1, "after {questions} questions");
        most_deaths = most_deaths.max(deaths);
    }
    assert!(most_deaths >= 4, "it died {most_deaths} times at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_whose_node_died_before_it_was_recorded_comes_again_as_the_same_message() {
    let office = still().await;
    office.begun().await;
    let people = Fragile::new(100);
    people.verified.lock().unwrap().clear();
    let live = &office.doors.node.node.executors;
    let process = office.process(live, people.clone());
    let owner = office.asha.person.clone();
    process
        .carry_out(office.advance(&owner), ATTEMPT)
        .await
        .unwrap();
    let remind = |wait, number| Job::RemindOwner {
        ledger: office.ledger(),
        owner: owner.parse::<OwnerId>().unwrap().key(),
        wait,
        number,
    };

    // Nothing gets into the log of a node that is about to die.
    let node = &office.doors.node.node;
    let source = Arc::new(AccountsReadModel::new(office.pool().clone()));
    let signal =
        event_store::LogSignal::start(&node.database, tokio_util::sync::CancellationToken::new());
    let dying = Executors::new(
        node.database.clone(),
        signal,
        source,
        ExecutorSettings::default(),
    );
    dying.stop().await;
    let died = office.process(&dying, people.clone());
    assert!(died.carry_out(remind(1, 1), ATTEMPT).await.is_err());
    assert_eq!(office.count("OnboardingReminderSent").await, 0);

    for _ in 0..2 {
        process.carry_out(remind(1, 1), ATTEMPT).await.unwrap();
    }
    assert_eq!(office.count("OnboardingReminderSent").await, 1);
    let sent = people.reminders.lock().unwrap().clone();
    let [first, again] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(first, again, "whoever gets both can tell");
    // Of a wait that never was, out of order, and of what was done meanwhile.
    process.carry_out(remind(2, 1), ATTEMPT).await.unwrap();
    process.carry_out(remind(1, 3), ATTEMPT).await.unwrap();
    *people.verified.lock().unwrap() = [ContactKind::Email, ContactKind::Phone].into();
    process.carry_out(remind(1, 2), ATTEMPT).await.unwrap();
    assert_eq!(people.reminders.lock().unwrap().len(), 2);
    assert_eq!(office.count("OnboardingReminderSent").await, 1);
}

/// Without looking again after it has told what it saw, a job that saw less than another would leave the owner
/// waiting for ever: nobody is told of a contact twice.
#[tokio::test(flavor = "multi_thread")]
async fn race_of_jobs_of_which_one_saw_an_address_before_it_was_verified() {
    #[derive(Debug)]
    struct Late(AtomicUsize);

    #[async_trait]
    impl OnboardingPeople for Late {
        async fn person(&self, _: &OwnerId) -> Result<PersonSeen, PersonFault> {
            let kinds = match self.0.fetch_add(1, Ordering::SeqCst) {
                // What it read, and what is there by the time that it has told so.
                0 => vec![ContactKind::Email],
                _ => vec![ContactKind::Email, ContactKind::Phone],
            };
            let verified = kinds.into_iter().collect();
            Ok(PersonSeen::Known { verified })
        }

        async fn remind(
            &self,
            _: &OwnerId,
            _: Uuid,
            _: OwnerReminder,
            _: DateTime<Utc>,
        ) -> Result<(), ReminderFault> {
            Ok(())
        }

        async fn take_news_in_tx(&self, _: &mut PgConnection) -> Result<Vec<OwnerId>, PersonFault> {
            Ok(Vec::new())
        }
    }

    let office = still().await;
    office.begun().await;
    let executors = &office.doors.node.node.executors;
    let log = LogReader::new(office.pool().clone());
    let late = Arc::new(Late(AtomicUsize::new(0)));
    let late = OnboardingProcess::new(log, executors.clone(), late, settings());
    let job = office.advance(&office.asha.person);
    let fast = office.process(executors, Fragile::new(100));
    fast.carry_out(job.clone(), ATTEMPT).await.unwrap();
    late.carry_out(job, ATTEMPT).await.unwrap();
    let seen = office.seen_of(&office.asha.person, &office.meera).await;
    assert_eq!(seen["step"], "verification", "{seen}");
}

/// Looked at between the two, the case would be taken for one of before, and begun anew without end.
#[tokio::test(flavor = "multi_thread")]
async fn race_of_a_case_that_expires_with_a_job_that_has_just_looked_at_it() {
    /// Expires a case when it is asked for the second time: after the job has looked.
    #[derive(Debug)]
    struct Expiring {
        people: Arc<Fragile>,
        executors: Executors,
        ledger: LedgerName,
        case: CaseId,
        questions: AtomicUsize,
    }

    #[async_trait]
    impl OnboardingPeople for Expiring {
        async fn person(&self, owner: &OwnerId) -> Result<PersonSeen, PersonFault> {
            if self.questions.fetch_add(1, Ordering::SeqCst) == 1 {
                let expire = submission(Command::VerificationCase {
                    case: self.case,
                    action: Box::new(CaseAction::Expire),
                });
                let outcome = self.executors.submit(self.ledger, expire).await;
                assert_eq!(outcome.unwrap().refusal(), None);
            }
            self.people.person(owner).await
        }

        async fn remind(
            &self,
            owner: &OwnerId,
            id: Uuid,
            of: OwnerReminder,
            until: DateTime<Utc>,
        ) -> Result<(), ReminderFault> {
            self.people.remind(owner, id, of, until).await
        }

        async fn take_news_in_tx(
            &self,
            connection: &mut PgConnection,
        ) -> Result<Vec<OwnerId>, PersonFault> {
            self.people.take_news_in_tx(connection).await
        }
    }

    let office = still().await;
    office.begun().await;
    let executors = &office.doors.node.node.executors;
    let job = office.advance(&office.asha.person);
    let log = LogReader::new(office.pool().clone());
    let brief = OnboardingSettings {
        documents: hurried(4_000, 60_000, 0),
        ..settings()
    };
    let people = Fragile::new(100);
    let process = OnboardingProcess::new(
        log.clone(),
        executors.clone(),
        people.clone(),
        brief.clone(),
    );
    process.carry_out(job.clone(), ATTEMPT).await.unwrap();
    let seen = office.seen_of(&office.asha.person, &office.meera).await;
    assert_eq!(
        status_of(&seen, "verification"),
        "waiting_for_owner",
        "{seen}"
    );
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    let people = Arc::new(Expiring {
        people,
        executors: executors.clone(),
        ledger: office.ledger(),
        case: seen["case"].as_str().unwrap().parse().unwrap(),
        questions: AtomicUsize::new(0),
    });
    let process = OnboardingProcess::new(log, executors.clone(), people, brief);
    process.carry_out(job, ATTEMPT).await.unwrap();
    assert_eq!(office.count("CaseExpired").await, 1);
    assert_eq!(office.count("CaseReset").await, 0);
    let events = office.events().await;
    assert_eq!(events.last().unwrap(), "OnboardingExpired", "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_bring_many_owners_to_their_end_once() {
    let office = configured(|_| {}).await;
    let other = office.another_node().await;
    let path = office.doors.at("/onboardings");
    let owners: Vec<String> = (0..6).map(|number| format!("customer-{number}")).collect();
    for owner in &owners {
        let body = json!({ "owner": owner, "tier": "full", "contacts": [] });
        let begun = office.doors.post(&path, &office.doors.admin, body).await;
        begun.expect(201);
    }
    for (number, owner) in (1_u8..).zip(&owners) {
        let waits = |seen: &serde_json::Value| seen["next"][0]["action"] == "submit_documents";
        let seen = office.until_of(owner, "documents", waits).await;
        let case = seen["case"].as_str().unwrap();
        office.receive(case, "passport", number).await;
        office.until_review(case).await;
        office.act(case, "approve", json!({})).await;
    }
    for owner in &owners {
        let is_done = |seen: &serde_json::Value| seen["status"] == "completed";
        office.until_of(owner, "the end", is_done).await;
    }
    office.rest().await;
    for name in [
        "CaseOpened",
        "CaseReviewStarted",
        "WalletOpened",
        "OnboardingCompleted",
    ] {
        assert_eq!(office.count(name).await, 6, "{name}");
    }
    other.stop().await;
}
