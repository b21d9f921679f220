//! Bringing documents, twice, together and in both ways.

use futures_util::future::join_all;
use serde_json::json;

use super::files::{jpeg, pdf, sha256};
use super::support::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_kept_sealed_and_comes_back_as_it_was() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    desk.office
        .act(&case, "request-documents", json!({ "kinds": ["passport"] }))
        .await;
    let bytes = jpeg(1, 300_000);
    let brought = desk.bring(&case, desk.asha(), "passport", &bytes).await;
    let brought = brought.expect(201);
    let id = brought.id();
    assert_eq!(brought.body["media_type"], "image/jpeg");
    assert_eq!(brought.body["size_bytes"], 300_000);
    assert_eq!(brought.body["sha256"], sha256(&bytes));
    let location = brought.headers["location"].to_str().unwrap();
    assert!(location.ends_with(&format!("/cases/{case}/documents/{id}")));
    let seen = desk.office.seen(&case, desk.asha(), &brought).await;
    assert_eq!(seen["status"], "documents_received");
    // What is on the disk says nothing.
    let file = std::fs::read(desk.file_of(&id)).unwrap();
    assert_eq!(desk.files().len(), 1);
    assert!(file.len() > bytes.len());
    assert!(
        !file
            .windows(16)
            .any(|window| window == &bytes[1_000..1_016])
    );
    // The owner sees that it is there; staff see who gave it.
    let own = desk.list(&case, desk.asha()).await;
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["reference"], id.as_str());
    assert_eq!(own[0]["status"], "kept");
    assert_eq!(own[0].get("by"), None);
    let staff = desk.list(&case, desk.meera()).await;
    assert_eq!(staff[0]["by"], desk.asha().subject());
    assert_eq!(staff[0]["sha256"], sha256(&bytes));
    let (status, headers, content) = desk.content(&case, &id, desk.meera()).await;
    assert_eq!(status, 200);
    assert!(content == bytes);
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("content-type"), "image/jpeg");
    assert_eq!(header("content-length"), "300000");
    assert_eq!(
        header("content-disposition"),
        format!("attachment; filename=\"{id}.jpeg\"")
    );
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").starts_with("sandbox"));
}

/// Below, at and above the sizes at which pieces and parts end.
#[tokio::test(flavor = "multi_thread")]
async fn every_size_up_to_the_limit_is_taken() {
    let limit = 5 * 1024 * 1024 + 7;
    let desk = Desk::with(|settings| settings.most_bytes = limit).await;
    let limit = usize::try_from(limit).unwrap();
    let case = desk.office.case_about("nina", "full").await;
    let sizes = [60, 65_536, 65_537, limit - 100_000, limit];
    for (number, size) in (1..).zip(sizes) {
        let bytes = jpeg(number, size);
        let brought = desk.bring(&case, desk.meera(), "selfie", &bytes).await;
        let id = brought.expect(201).id();
        let (status, _, content) = desk.content(&case, &id, desk.meera()).await;
        assert_eq!(status, 200, "{size}");
        assert!(content == bytes, "{size}");
    }
    let bytes = jpeg(9, limit + 1);
    let refused = desk.bring(&case, desk.meera(), "selfie", &bytes).await;
    assert_eq!(refused.expect(413).code(), "body_too_large");
    assert_eq!(desk.files().len(), sizes.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_takes_its_document_once() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = pdf(1, 100_000);
    let opened = desk
        .address(&case, desk.asha(), "bank_statement", &bytes)
        .await;
    let opened = opened.expect(201);
    assert_eq!(opened.headers["cache-control"], "no-store");
    let url = opened.body["url"].as_str().unwrap();
    let token = url.rsplit('/').next().unwrap();
    assert!(token.len() >= 43, "{token}");
    let brought = desk.put(url, bytes.clone()).await.expect(201);
    let id = brought.id();
    assert_eq!(brought.body["media_type"], "application/pdf");
    let (_, _, content) = desk.content(&case, &id, desk.meera()).await;
    assert!(content == bytes);
    let listed = desk.list(&case, desk.meera()).await;
    assert_eq!(listed[0]["by"], desk.asha().subject());
    let again = desk.put(url, bytes.clone()).await.expect(409);
    assert_eq!(again.code(), "upload_used");
    assert_eq!(again.body["context"]["document"], id.as_str());
    assert_eq!(desk.received(&case).await, 1);
    assert_eq!(desk.states().await, ["kept"]);
    assert_eq!(desk.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_under_a_key_is_one_document() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = jpeg(1, 10_000);
    let first = desk.bring_under("k1", &case, "passport", &bytes).await;
    let first = first.expect(201);
    let again = desk.bring_under("k1", &case, "passport", &bytes).await;
    let again = again.expect(201);
    assert_eq!(again.id(), first.id());
    assert_eq!(again.position(), first.position());
    assert_eq!(again.headers["idempotent-replayed"], "true");
    for (kind, bytes) in [("passport", jpeg(2, 10_000)), ("selfie", bytes.clone())] {
        let other = desk.bring_under("k1", &case, kind, &bytes).await;
        assert_eq!(other.expect(422).code(), "idempotency_key_reused");
    }
    // Also when the case takes nothing in any more.
    desk.office
        .act(&case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    let late = desk.bring_under("k1", &case, "passport", &bytes).await;
    assert_eq!(late.expect(201).id(), first.id());
    let refused = desk
        .bring_under("k2", &case, "passport", &jpeg(3, 10_000))
        .await;
    assert_eq!(refused.expect(409).code(), "case_not_collecting");
    assert_eq!(desk.files().len(), 1);
    assert_eq!(desk.states().await, ["kept"]);
    assert_eq!(desk.received(&case).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_without_a_key_are_the_document_that_is_there() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = jpeg(1, 10_000);
    let first = desk.bring(&case, desk.asha(), "passport", &bytes).await;
    let first = first.expect(201);
    let again = desk.bring(&case, desk.asha(), "passport", &bytes).await;
    assert_eq!(again.expect(200).id(), first.id());
    let url = desk.address(&case, desk.asha(), "passport", &bytes).await;
    let url = url.expect(201).body["url"].as_str().unwrap().to_owned();
    let by_address = desk.put(&url, bytes.clone()).await.expect(201);
    assert_eq!(by_address.id(), first.id());
    assert_eq!(desk.files().len(), 1);
    // Of another kind they are another document.
    let other = desk.bring(&case, desk.asha(), "selfie", &bytes).await;
    assert_ne!(other.expect(201).id(), first.id());
    assert_eq!(desk.files().len(), 2);
    assert_eq!(desk.states().await, ["kept", "kept"]);
    assert_eq!(desk.received(&case).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn race_the_same_document_brought_together_is_kept_once() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = jpeg(1, 200_000);
    let brought = (0..4).map(|_| desk.bring(&case, desk.asha(), "passport", &bytes));
    let brought = join_all(brought).await;
    let ids: Vec<String> = brought
        .into_iter()
        .map(|reply| {
            assert!([200, 201].contains(&reply.status), "{reply:?}");
            reply.id()
        })
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(desk.received(&case).await, 1);
    assert_eq!(desk.files().len(), 1);
    assert_eq!(desk.states().await, ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_documents_are_brought_at_a_time() {
    let desk = Desk::open().await;
    let mut cases = Vec::new();
    for number in 0..5 {
        let owner = format!("owner-{number}");
        cases.push(desk.office.case_about(&owner, "full").await);
    }
    let work = (0..15_u64).map(|number| {
        let case = &cases[usize::try_from(number).unwrap() % cases.len()];
        let desk = &desk;
        async move {
            let bytes = jpeg(number, 400_000);
            let brought = desk.bring(case, desk.meera(), "selfie", &bytes).await;
            (case, brought.expect(201).id(), bytes)
        }
    });
    for (case, id, bytes) in join_all(work).await {
        let (status, _, content) = desk.content(case, &id, desk.meera()).await;
        assert_eq!(status, 200);
        assert!(content == bytes);
    }
    assert_eq!(desk.files().len(), 15);
}
