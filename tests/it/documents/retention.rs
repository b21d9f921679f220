//! Documents are kept as long as they have to be, and no longer.

use std::time::Duration;

use serde_json::json;

use super::files::jpeg;
use super::support::Desk;

async fn approved(desk: &Desk, owner: &str, number: u64) -> (String, String) {
    let case = desk.office.case_about(owner, "full").await;
    let brought = desk
        .bring(&case, desk.meera(), "passport", &jpeg(number, 9_000))
        .await;
    let id = brought.expect(201).id();
    desk.office.act(&case, "start-review", json!({})).await;
    desk.office.act(&case, "approve", json!({})).await;
    (case, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_long_enough_ago_is_removed_and_nothing_else() {
    let desk = Desk::open().await;
    let (old, document) = approved(&desk, "nina", 1).await;
    // One that is looked at again, and one that nobody has decided.
    let (held, held_document) = approved(&desk, "omar", 2).await;
    desk.office
        .act(&held, "require-reverification", json!({}))
        .await;
    let open = desk.office.case_about("pia", "full").await;
    desk.bring(&open, desk.meera(), "passport", &jpeg(3, 9_000))
        .await
        .expect(201);
    // Five years have not passed.
    assert_eq!(desk.keeper(|_| {}).end_retention().await.unwrap(), 0);
    assert_eq!(desk.files().len(), 3);
    let keeper = desk.keeper(|settings| settings.retention = Duration::ZERO);
    assert_eq!(keeper.end_retention().await.unwrap(), 1);
    assert_eq!(keeper.end_retention().await.unwrap(), 0);
    assert_eq!(desk.states().await, ["removed", "kept", "kept"]);
    assert_eq!(desk.files().len(), 2);
    let answer = desk.refused(&old, &document, desk.meera()).await;
    assert_eq!(answer, (410, "document_removed".to_owned()));
    let listed = desk.list(&old, desk.meera()).await;
    assert_eq!(listed[0]["status"], "removed");
    assert_eq!(listed[0]["removal_reason"], "retention");
    assert!(listed[0]["removed_at"].is_string());
    let path = format!("/cases/{old}/timeline");
    let timeline = desk.office.get(&path, desk.meera()).await.expect(200);
    let last = timeline.body["items"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(last["type"], "DocumentRemoved");
    assert_eq!(last["removed_document"], document.as_str());
    assert_eq!(last["removal_reason"], "retention");
    // The approval stands.
    let seen = desk
        .office
        .get(&format!("/cases/{old}"), desk.meera())
        .await
        .expect(200);
    assert_eq!(seen.body["status"], "approved");
    assert_eq!(
        desk.content(&held, &held_document, desk.meera()).await.0,
        200
    );
    // What held it is decided: now it goes as well.
    desk.bring(&held, desk.meera(), "passport", &jpeg(4, 9_000))
        .await
        .expect(201);
    desk.office.act(&held, "start-review", json!({})).await;
    desk.office.act(&held, "approve", json!({})).await;
    assert_eq!(keeper.end_retention().await.unwrap(), 2);
    assert_eq!(desk.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_happens_by_itself() {
    let desk = Desk::with(|settings| {
        settings.retention = Duration::ZERO;
        settings.retention_every = Duration::from_millis(200);
    })
    .await;
    let (case, _) = approved(&desk, "nina", 1).await;
    for _ in 0..600 {
        if desk.list(&case, desk.meera()).await[0]["status"] == "removed"
            && desk.states().await == ["removed"]
        {
            assert!(desk.files().is_empty());
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the document is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_no_row_knows_are_counted_and_left() {
    let desk = Desk::open().await;
    approved(&desk, "nina", 1).await;
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let documents = desk.documents(|_| {});
    assert_eq!(documents.unknown_objects(later).await.unwrap(), 0);
    let strange = desk.folder.join("elsewhere");
    std::fs::create_dir_all(&strange).unwrap();
    std::fs::write(strange.join(uuid::Uuid::now_v7().to_string()), b"x").unwrap();
    std::fs::write(strange.join("letter"), b"x").unwrap();
    assert_eq!(documents.unknown_objects(later).await.unwrap(), 2);
    assert_eq!(desk.files().len(), 3);
}
