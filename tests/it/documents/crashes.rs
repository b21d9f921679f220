//! Breaking off between any two steps of storing and removing a document, and what is made of it.

use std::time::Duration;

use documents::{Claims, NewDocument, StoredDocument};
use event_store::executor::SubmitError;
use ledger_core::verification::{CaseAction, CaseDocument, RemovalReason};
use serde_json::{Value, json};
use workflows::documents::Swept;

use super::files::{form, form_type, jpeg};
use super::support::Desk;
use crate::harness::TestDatabase;
use crate::harness::program::{Program, program};
use crate::harness::servers::{new_folder, shared_nats_url};

impl Desk {
    fn new_document(&self, case: &str, owner: &str) -> NewDocument {
        NewDocument {
            ledger: self.office.doors.node.ledger.parse().unwrap(),
            case: case.parse().unwrap(),
            owner: owner.parse().unwrap(),
            kind: "passport".parse().unwrap(),
            claims: Claims::default(),
            promise: None,
        }
    }

    /// Stored, and not recorded: the process ended here.
    async fn stored(&self, new: &NewDocument, bytes: &[u8]) -> StoredDocument {
        let parts = [Ok(bytes.to_vec().into())];
        let body = futures_util::stream::iter(parts);
        self.documents(|_| {}).store(new, body).await.unwrap()
    }

    /// Recorded, and not noted as kept: the process ended here.
    async fn recorded(&self, case: &str, stored: &StoredDocument) -> Result<(), SubmitError> {
        let document = CaseDocument {
            reference: stored.id.to_string().parse().unwrap(),
            kind: "passport".parse().unwrap(),
            sha256: stored.sha256.clone(),
            size_bytes: stored.size,
        };
        let by = "somebody".parse().unwrap();
        self.office
            .hear(case, CaseAction::ReceiveDocument { document, by })
            .await;
        Ok(())
    }

    async fn row(&self, statement: &str, id: &str) {
        sqlx::query(statement)
            .bind(id)
            .execute(self.office.doors.node.node.database.pool())
            .await
            .unwrap();
    }

    async fn removals(&self, case: &str) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM daybook.events WHERE aggregate_id = $1 \
             AND event_type = 'DocumentRemoved'",
        )
        .bind(case)
        .fetch_one(self.office.doors.node.node.database.pool())
        .await
        .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_storing_leaves_is_settled() {
    let desk = Desk::open().await;
    let case = desk.office.case_about("nina", "full").await;
    let new = desk.new_document(&case, "nina");
    // After the row.
    let only_row = uuid::Uuid::now_v7().to_string();
    sqlx::query(
        "INSERT INTO documents.document (id, ledger, case_id, owner, kind, media_type, state) \
         VALUES ($1::uuid, $2, $3::uuid, 'nina', 'passport', 'image/jpeg', 'storing')",
    )
    .bind(&only_row)
    .bind(&desk.office.doors.node.ledger)
    .bind(&case)
    .execute(desk.office.doors.node.node.database.pool())
    .await
    .unwrap();
    // After the object, before the row says so.
    let with_object = desk.stored(&new, &jpeg(1, 9_000)).await.id.to_string();
    desk.row(
        "UPDATE documents.document SET state = 'storing', size_bytes = NULL, sha256 = NULL \
         WHERE id = $1::uuid",
        &with_object,
    )
    .await;
    // After that, before the event.
    desk.stored(&new, &jpeg(2, 9_000)).await;
    // After the event, before the row says so.
    let bytes = jpeg(3, 9_000);
    let kept = desk.stored(&new, &bytes).await;
    desk.recorded(&case, &kept).await.unwrap();
    // In the middle of discarding, before and after the object went.
    let discarding = desk.stored(&new, &jpeg(4, 9_000)).await.id.to_string();
    let discard = "UPDATE documents.document SET state = 'discarding' WHERE id = $1::uuid";
    desk.row(discard, &discarding).await;
    let without = desk.stored(&new, &jpeg(5, 9_000)).await.id.to_string();
    desk.row(discard, &without).await;
    std::fs::remove_file(desk.file_of(&without)).unwrap();
    assert_eq!(desk.files().len(), 4);
    // Nothing that is recorded is hidden meanwhile.
    let (status, _, content) = desk
        .content(&case, &kept.id.to_string(), desk.meera())
        .await;
    assert_eq!(status, 200);
    assert!(content == bytes);
    // What may still be on its way is left alone.
    let too_early = desk.keeper(|settings| settings.unsettled_after = Duration::from_secs(3_600));
    assert_eq!(too_early.sweep().await.unwrap(), Swept::default());
    assert_eq!(desk.files().len(), 4);
    let swept = desk.keeper(|_| {}).sweep().await.unwrap();
    let expected = Swept {
        discarded: 5,
        kept: 1,
        removed: 0,
    };
    assert_eq!(swept, expected);
    assert_eq!(desk.states().await, ["kept"]);
    assert_eq!(desk.files().len(), 1);
    assert_eq!(desk.keeper(|_| {}).sweep().await.unwrap(), Swept::default());
    let (status, _, content) = desk
        .content(&case, &kept.id.to_string(), desk.meera())
        .await;
    assert_eq!(status, 200);
    assert!(content == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_removing_leaves_is_finished_and_told_once() {
    let desk = Desk::open().await;
    let case = desk.office.case_about("nina", "full").await;
    let documents = desk.documents(|_| {});
    let mut ids = Vec::new();
    for number in 1..=3 {
        let brought = desk
            .bring(&case, desk.meera(), "passport", &jpeg(number, 9_000))
            .await;
        let id: uuid::Uuid = brought.expect(201).id().parse().unwrap();
        documents
            .begin_removal(id, RemovalReason::Retention)
            .await
            .unwrap();
        ids.push(id);
    }
    // One before its object went, one after that, and one after the event.
    for id in &ids[1..] {
        std::fs::remove_file(desk.file_of(&id.to_string())).unwrap();
    }
    // It is told, and why, though the log does not say so yet.
    let listed = desk.list(&case, desk.meera()).await;
    assert_eq!(told(&listed), [("removed", "retention", false); 3]);
    let keeper = desk.keeper(|_| {});
    keeper.sweep().await.unwrap();
    let removing = "UPDATE documents.document SET state = 'removing' WHERE id = $1::uuid";
    desk.row(removing, &ids[2].to_string()).await;
    assert_eq!(keeper.sweep().await.unwrap().removed, 1);
    assert_eq!(desk.states().await, ["removed"; 3]);
    assert!(desk.files().is_empty());
    assert_eq!(desk.removals(&case).await, 3);
    let answer = desk.refused(&case, &ids[0].to_string(), desk.meera()).await;
    assert_eq!(answer, (410, "document_removed".to_owned()));
    let listed = desk.list(&case, desk.meera()).await;
    assert_eq!(told(&listed), [("removed", "retention", true); 3]);
}

/// The status of each, why it is removed, and whether the log says so.
fn told(listed: &[Value]) -> Vec<(&str, &str, bool)> {
    let told = listed.iter().map(|entry| {
        (
            entry["status"].as_str().unwrap_or_default(),
            entry["removal_reason"].as_str().unwrap_or_default(),
            entry["removed_at"].is_string(),
        )
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_itself_settles_what_was_left() {
    let desk = Desk::with(|settings| {
        settings.unsettled_after = Duration::from_secs(3_600);
        settings.sweep_every = Duration::from_millis(200);
    })
    .await;
    let case = desk.office.case_about("nina", "full").await;
    let new = desk.new_document(&case, "nina");
    let stored = desk.stored(&new, &jpeg(1, 9_000)).await;
    // Two hours later.
    desk.row(
        "UPDATE documents.document SET changed_at = changed_at - interval '2 hours' \
         WHERE id = $1::uuid",
        &stored.id.to_string(),
    )
    .await;
    for _ in 0..600 {
        if desk.files().is_empty() && desk.states().await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} is still there", stored.id);
}

/// A process that is killed in the middle of a document, and another one after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_a_killed_process_was_taking_leaves_nothing() {
    let database = TestDatabase::create().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let folder = new_folder("documents");
    let key = identity::secret::new_master_key().unwrap();
    let command = || {
        let mut command = program(&database.url);
        command
            .env("DAYBOOK__AUTH__MODE", "open")
            .env("DAYBOOK__AUTH__MASTER_KEY", key.as_str())
            .env("DAYBOOK__DOCUMENTS__FOLDER", &folder)
            .env("RUST_LOG", "warn");
        command
    };
    let mut first = Program::serve(command(), nats).await;
    let client = reqwest::Client::new();
    let ledger = crate::harness::node::new_ledger_name();
    let at = |program: &Program, path: &str| format!("{}/v1/ledgers/{ledger}{path}", program.url);
    let post = async |url: String, body: serde_json::Value| {
        let reply = client.post(url).json(&body).send().await.unwrap();
        assert!(reply.status().is_success(), "{reply:?}");
        reply.json::<serde_json::Value>().await.unwrap()
    };
    post(
        format!("{}/v1/ledgers", first.url),
        json!({ "name": ledger }),
    )
    .await;
    let tier = client
        .put(at(&first, "/tiers/full"))
        .json(&json!({ "other_assets": "unlimited" }));
    assert!(tier.send().await.unwrap().status().is_success());
    let case = post(
        at(&first, "/cases"),
        json!({ "owner": "nina", "tier": "full" }),
    )
    .await;
    let case = case["id"].as_str().unwrap().to_owned();
    let documents = format!("/cases/{case}/documents");
    // More than one part of an object, so that something of it is on the disk.
    let bytes = jpeg(1, 7_000_000);
    let body = form("passport", "a.jpg", "image/jpeg", &bytes);
    let half = body[..6_000_000].to_vec();
    let stalled = futures_util::stream::iter([Ok::<_, std::io::Error>(half)]);
    let stalled = futures_util::StreamExt::chain(stalled, futures_util::stream::pending());
    let sent = client
        .post(at(&first, &documents))
        .header("content-type", form_type())
        .body(reqwest::Body::wrap_stream(stalled))
        .send();
    let sent = tokio::spawn(sent);
    let begun = async || {
        let states: Vec<String> = sqlx::query_scalar("SELECT state FROM documents.document")
            .fetch_all(database.database.pool())
            .await
            .unwrap();
        states == ["storing"] && std::fs::read_dir(folder.join(&ledger)).is_ok()
    };
    while !begun().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.kill().await;
    sent.abort();
    let mut second = Program::serve(command(), nats).await;
    // The same document can be brought at once.
    let request = client
        .post(at(&second, &documents))
        .header("content-type", form_type())
        .body(body);
    let brought = request.send().await.unwrap();
    assert_eq!(brought.status(), 201);
    second.stop().await;
    // An hour later.
    sqlx::query("UPDATE documents.document SET changed_at = now() - interval '2 hours'")
        .execute(database.database.pool())
        .await
        .unwrap();
    let mut third = Program::serve(command(), nats).await;
    let settled = async || {
        let states: Vec<String> = sqlx::query_scalar("SELECT state FROM documents.document")
            .fetch_all(database.database.pool())
            .await
            .unwrap();
        states == ["kept"]
    };
    for _ in 0..600 {
        if settled().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(settled().await);
    third.stop().await;
}
