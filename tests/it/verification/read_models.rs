//! The read model of cases: the same however it is folded, and nobody changes it unnoticed.

use ledger_core::limit::{OtherAssets, RequestedTier, UtcOffset};
use ledger_core::verification::{CaseAction, Retry, ReverificationCause};
use ledger_core::{CaseId, Command};
use projections::ReadModelName;
use projections::read_model::{Tables, create_tables, drop_tables};
use projections::rebuild::rebuild;
use projections::verify::{Difference, VerifyError, verify};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::support::{green, received, red, says};
use crate::harness::{Projected, TestDatabase, fold, rows_of, submission};

const NAME: ReadModelName = ReadModelName::Verification;

fn open() -> CaseAction {
    CaseAction::Open {
        owner: "customer-7".parse().unwrap(),
        tier: "full".parse().unwrap(),
        expires_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        by: "asha".parse().unwrap(),
    }
}

fn submit(providers: &[&str]) -> CaseAction {
    CaseAction::Submit {
        providers: providers.iter().map(|name| name.parse().unwrap()).collect(),
        by: "asha".parse().unwrap(),
    }
}

/// A node where cases went every way.
async fn history() -> (TestDatabase, Projected) {
    let test = TestDatabase::create().await;
    let node = Projected::start(test.database.clone()).await;
    let by = || "meera".parse().unwrap();
    let reset = CaseAction::Reset {
        reasons: vec![],
        by: by(),
    };
    let review = CaseAction::StartReview {
        reasons: vec![],
        by: by(),
    };
    let due = CaseAction::RequireReverification {
        cause: ReverificationCause::Actor(by()),
        expires_at: Some("2026-01-02T00:00:00Z".parse().unwrap()),
        reasons: vec!["NEW_LAW".parse().unwrap()],
    };
    let ask = CaseAction::RequestDocuments {
        kinds: vec!["passport".parse().unwrap()],
        expires_at: None,
        by: by(),
    };
    let cases = [
        vec![
            open(),
            ask,
            received("passport", 1),
            submit(&["sumsub", "onfido"]),
            says("sumsub", "2026-01-01T00:00:01Z", green()),
            says("onfido", "2026-01-01T00:00:01Z", green()),
            due,
            received("passport", 2),
            CaseAction::Expire,
        ],
        vec![
            open(),
            submit(&["sumsub"]),
            says("sumsub", "2026-01-01T00:00:01Z", red(Retry::Allowed)),
            received("passport", 3),
            received("selfie", 4),
            submit(&["digio"]),
            review,
            says("digio", "2026-01-01T00:00:03Z", green()),
            reset,
            submit(&["sumsub"]),
        ],
    ];
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
    let ids = [(); 2].map(|()| CaseId::new(Uuid::now_v7()));
    let [first, second] = &cases;
    let longest = first.len().max(second.len());
    // One step of each after the other, so that their events are mixed.
    let mut commands = vec![set];
    for step in 0..longest {
        for (actions, case) in cases.iter().zip(ids) {
            commands.extend(actions.get(step).map(|action| Command::VerificationCase {
                case,
                action: Box::new(action.clone()),
            }));
        }
    }
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
    let empty = |(_, rows): &&(&str, Vec<String>)| rows.is_empty();
    assert_eq!(live.iter().find(empty), None);
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
}

const CHANGES: [(&str, &str); 5] = [
    ("verification_cases", "status = 'approved'"),
    ("verification_cases", "providers = '{}'"),
    (
        "verification_cases",
        "document = replace(document, 'customer-7', 'customer-8')",
    ),
    ("verification_steps", "since_step_ms = since_step_ms + 1"),
    ("verification_steps", "provider = 'nobody'"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_or_lost_is_named() {
    let (test, mut node) = history().await;
    node.stop_projectors().await;
    let mut superuser: PgConnection = test.superuser().await;
    for (table, change) in CHANGES {
        let full = format!("read_models.{table}");
        let one = format!("WHERE ctid = (SELECT ctid FROM {full} LIMIT 1)");
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
                read_model,
                table: at,
                ..
            } = *difference
            else {
                panic!("{difference}");
            };
            assert_eq!((read_model, at), (NAME, table));
            let back = format!("DELETE FROM {full}; INSERT INTO {full} SELECT * FROM copy");
            superuser.execute(back.as_str()).await.unwrap();
        }
    }
    superuser.close().await.unwrap();
}
