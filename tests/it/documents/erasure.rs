//! Erasing a person erases their documents, and whatever copies there are of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::files::jpeg;
use super::support::Desk;

impl Desk {
    async fn erase(&self, owner: &str) {
        let path = format!("/owners/{owner}/profile/erase");
        let body = json!({ "reason": "requested", "cases_in_review": "close" });
        self.office
            .post(&path, self.meera(), body)
            .await
            .expect(200);
    }

    async fn until_removed(&self, case: &str) -> Vec<Value> {
        for _ in 0..600 {
            let listed = self.list(case, self.meera()).await;
            if listed.iter().all(|entry| entry["status"] == "removed")
                && self.states().await.iter().all(|state| state == "removed")
            {
                return listed;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("documents of an erased person are still there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_an_erased_person_are_gone_and_copies_open_no_more() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = jpeg(1, 200_000);
    let brought = desk.bring(&case, desk.asha(), "passport", &bytes).await;
    let id = brought.expect(201).id();
    let file = desk.file_of(&id);
    let copy = std::fs::read(&file).unwrap();
    // Somebody else's stay.
    let other = desk.office.case_about("nina", "full").await;
    let kept = desk.bring(&other, desk.meera(), "passport", &bytes).await;
    let kept = kept.expect(201).id();
    let url = desk.address(&case, desk.asha(), "selfie", &bytes).await;
    let url = url.expect(201).body["url"].as_str().unwrap().to_owned();
    desk.erase(&desk.asha().person).await;
    let refused = desk
        .bring(&case, desk.meera(), "selfie", &jpeg(2, 9_000))
        .await;
    assert_eq!(refused.code(), "profile_erased");
    let refused = desk.put(&url, bytes.clone()).await;
    assert_eq!(refused.code(), "profile_erased");
    for _ in 0..600 {
        if !file.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!file.exists());
    let path = format!("/cases/{case}/documents");
    for _ in 0..600 {
        let listed = desk.office.get(&path, desk.meera()).await.expect(200);
        if listed.body["items"][0]["removal_reason"] == "erasure" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = desk.refused(&case, &id, desk.meera()).await;
    assert_eq!(answer, (410, "document_removed".to_owned()));
    let listed = desk.list(&case, desk.meera()).await;
    assert_eq!(listed[0]["removal_reason"], "erasure");
    // A copy that somebody has kept, put back with its row, is noise.
    std::fs::write(&file, copy).unwrap();
    sqlx::query("UPDATE documents.document SET state = 'kept', reason = NULL WHERE id = $1::uuid")
        .bind(&id)
        .execute(desk.office.doors.node.node.database.pool())
        .await
        .unwrap();
    let answer = desk.refused(&case, &id, desk.meera()).await;
    assert_eq!(answer.1, "profile_erased");
    let (status, _, content) = desk.content(&other, &kept, desk.meera()).await;
    assert_eq!(status, 200);
    assert!(content == bytes);
}

/// The person is erased while a document of theirs is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_document_on_its_way_is_refused_when_the_person_is_erased() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = jpeg(1, 500_000);
    let body = super::files::form("passport", "a.jpg", "image/jpeg", &bytes);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|part| (part, receiver))
    });
    let form_type = super::files::form_type();
    let headers = [("content-type", form_type.as_str())];
    let stream = reqwest::Body::wrap_stream(stream);
    let sent = desk.send(&case, desk.meera(), &headers, stream);
    let feed = async {
        let (first, rest) = body.split_at(300_000);
        sender.send(Ok(first.to_vec())).await.unwrap();
        while desk.states().await != ["storing"] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        desk.erase(&desk.asha().person).await;
        sender.send(Ok(rest.to_vec())).await.unwrap();
        drop(sender);
    };
    let (refused, ()) = tokio::join!(sent, feed);
    assert_eq!(refused.code(), "profile_erased", "{refused:?}");
    assert_eq!(desk.states().await, Vec::<String>::new());
    assert!(desk.files().is_empty());
    assert_eq!(desk.received(&case).await, 0);
}

/// It was recorded, and not noted as kept, when the person was erased.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_of_an_erased_person_is_removed_too() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let brought = desk
        .bring(&case, desk.asha(), "passport", &jpeg(1, 9_000))
        .await;
    brought.expect(201);
    let pool = desk.office.doors.node.node.database.pool();
    sqlx::query("UPDATE documents.document SET state = 'stored'")
        .execute(pool)
        .await
        .unwrap();
    desk.erase(&desk.asha().person).await;
    let listed = desk.until_removed(&case).await;
    assert_eq!(listed[0]["removal_reason"], "erasure");
    assert!(desk.files().is_empty());
    // The same by the sweep, where the erasure had passed it by.
    sqlx::query("UPDATE documents.document SET state = 'stored', reason = NULL")
        .execute(pool)
        .await
        .unwrap();
    desk.keeper(|_| {}).sweep().await.unwrap();
    assert_eq!(desk.states().await, ["removed"]);
}
