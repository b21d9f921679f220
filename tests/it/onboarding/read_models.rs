//! The read model of onboardings: the same however it is folded, and nobody changes it unnoticed.

use ledger_core::limit::{OtherAssets, RequestedTier, UtcOffset};
use ledger_core::onboarding::{ContactKind, OnboardingAction, OnboardingTerms, Reopen};
use ledger_core::owner::{OwnerAction, TierSource};
use ledger_core::{CaseId, Command, OwnerId, Timestamp, WalletId};
use projections::ReadModelName;
use projections::read_model::{Tables, create_tables, drop_tables};
use projections::rebuild::rebuild;
use projections::verify::{Difference, VerifyError, verify};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::harness::{Projected, TestDatabase, fold, rows_of, submission};

const NAME: ReadModelName = ReadModelName::Onboardings;

fn about(owner: &str, action: OnboardingAction) -> Command {
    Command::Onboarding {
        owner: owner.parse().unwrap(),
        action: Box::new(action),
    }
}

fn start() -> OnboardingAction {
    OnboardingAction::Start {
        terms: OnboardingTerms {
            tier: "full".parse().unwrap(),
            case: CaseId::new(Uuid::now_v7()),
            wallet: WalletId::new(Uuid::now_v7()),
            assets: ["INR".parse().unwrap()].into(),
            contacts: [ContactKind::Email, ContactKind::Phone].into(),
        },
        by: "asha".parse().unwrap(),
    }
}

fn advance(verified: &[ContactKind], due_at: &str) -> OnboardingAction {
    let due_at: Timestamp = due_at.parse().unwrap();
    OnboardingAction::Advance {
        verified: verified.iter().copied().collect(),
        contacts_due_at: due_at,
        documents_due_at: due_at,
    }
}

/// A node where onboardings went every way.
async fn history() -> (TestDatabase, Projected) {
    let test = TestDatabase::create().await;
    let node = Projected::start(test.database.clone()).await;
    let by = || "meera".parse().unwrap();
    let (email, phone) = (ContactKind::Email, ContactKind::Phone);
    let (past, future) = ("2026-01-01T00:00:00Z", "2190-01-01T00:00:00Z");
    let cancel = || OnboardingAction::Cancel {
        reasons: vec!["DUPLICATE".parse().unwrap()],
        by: by(),
    };
    let resume = || OnboardingAction::Resume {
        reopen: Reopen::Ended,
        by: by(),
    };
    let tier = RequestedTier {
        operations: None,
        assets: std::collections::BTreeMap::new(),
        other_assets: OtherAssets::Unlimited,
        utc_offset_minutes: UtcOffset::default(),
    };
    let set = Command::SetTier {
        tier: "full".parse().unwrap(),
        rules: Box::new(tier),
    };
    let grant = OwnerAction::GrantTier {
        tier: "full".parse().unwrap(),
        source: TierSource::Staff,
        by: Some(by()),
        reason: None,
    };
    let grant = Command::Owner {
        owner: "b".parse().unwrap(),
        action: Box::new(grant),
    };
    let remind = OnboardingAction::Remind { wait: 1, number: 1 };
    let commands = [
        set,
        about("a", start()),
        about("b", start()),
        about("a", advance(&[email], past)),
        about("c", start()),
        about("b", advance(&[email, phone], future)),
        about("a", OnboardingAction::Expire),
        grant,
        about("c", advance(&[], future)),
        about("a", resume()),
        about("b", advance(&[email, phone], future)),
        about("c", remind),
        about("a", advance(&[email, phone], future)),
        about("c", cancel()),
        about("a", cancel()),
        about("a", resume()),
        about("a", advance(&[phone], future)),
    ];
    for command in commands {
        let outcome = node
            .bench
            .submit(submission(command.clone()))
            .await
            .unwrap();
        assert_eq!(outcome.refusal(), None, "{command:?}");
    }
    node.settled().await;
    (test, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_the_same_however_the_log_is_cut_and_after_a_rebuild() {
    let (_test, node) = history().await;
    let log = node.log().await;
    let mut connection = node.database.dedicated_connection().await.unwrap();
    let live = rows_of(&mut connection, NAME, Tables::Live).await;
    assert_eq!(live[0].1.len(), 3, "{live:?}");
    for page in [1, 2, 5, 1_000] {
        let read_model = NAME.read_model();
        drop_tables(&mut connection, read_model, Tables::Next)
            .await
            .unwrap();
        create_tables(&mut connection, read_model, Tables::Next)
            .await
            .unwrap();
        fold(&mut connection, NAME, Tables::Next, node.ledger, &log, page).await;
        let rows = rows_of(&mut connection, NAME, Tables::Next).await;
        assert_eq!(rows, live, "in pages of {page}");
    }
    drop_tables(&mut connection, NAME.read_model(), Tables::Next)
        .await
        .unwrap();
    rebuild(&node.database, NAME, &mut |_| {}).await.unwrap();
    assert_eq!(rows_of(&mut connection, NAME, Tables::Live).await, live);
    verify(&node.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
    let owner: OwnerId = "c".parse().unwrap();
    let found = rebuilt(&node, &owner).await;
    assert_eq!(found.cancelled.unwrap().by.as_str(), "meera");
}

async fn rebuilt(
    node: &Projected,
    owner: &OwnerId,
) -> projections::queries::onboardings::rows::OnboardingRow {
    let status = projections::ProjectionStatus::default();
    let queries = projections::Queries::new(&node.database, status);
    let found = queries.onboarding(node.ledger, owner).await.unwrap();
    found.value.unwrap().row
}

const CHANGES: [&str; 3] = [
    "status = 'completed'",
    "place_position = place_position + 1",
    "document = replace(document, 'DUPLICATE', 'OTHER') || ' '",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_or_lost_is_named() {
    let (test, mut node) = history().await;
    node.stop_projectors().await;
    let mut superuser: PgConnection = test.superuser().await;
    let full = "read_models.onboardings";
    for change in CHANGES {
        let one = "WHERE owner = 'a'";
        for tamper in [
            format!("UPDATE {full} SET {change} {one}"),
            format!("DELETE FROM {full} {one}"),
        ] {
            let copy = format!(
                "DROP TABLE IF EXISTS copy; CREATE TEMP TABLE copy AS SELECT * FROM {full}"
            );
            superuser.execute(copy.as_str()).await.unwrap();
            superuser.execute(tamper.as_str()).await.unwrap();
            let found = verify(&node.database, node.ledger, &mut |_| {}).await;
            let Err(VerifyError::Difference(difference)) = found else {
                panic!("not found: {tamper}");
            };
            let Difference::ReadModel {
                read_model, table, ..
            } = *difference
            else {
                panic!("{difference}");
            };
            assert_eq!((read_model, table), (NAME, "onboardings"));
            let back = format!("DELETE FROM {full}; INSERT INTO {full} SELECT * FROM copy");
            superuser.execute(back.as_str()).await.unwrap();
        }
    }
    superuser.close().await.unwrap();
}
