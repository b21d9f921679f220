//! Addresses for documents: forged, used, over, and brought something else.

use futures_util::future::join_all;
use serde_json::json;

use super::files::{jpeg, pdf, sha256};
use super::support::Desk;

async fn url(desk: &Desk, case: &str, bytes: &[u8]) -> String {
    let opened = desk.address(case, desk.asha(), "passport", bytes).await;
    opened.expect(201).body["url"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_address_that_was_given_is_one_and_only_in_time() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = jpeg(1, 5_000);
    let good = url(&desk, &case, &bytes).await;
    let (base, token) = good.rsplit_once('/').unwrap();
    let mut forged = token.to_owned();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    let longer = format!("{token}A");
    for token in [forged.as_str(), &token[1..], &longer, "x", "%00"] {
        let refused = desk.put(&format!("{base}/{token}"), bytes.clone()).await;
        assert!([400, 404].contains(&refused.status), "{refused:?}");
        let codes = ["upload_not_found", "invalid_request"];
        assert!(codes.contains(&refused.code()), "{refused:?}");
    }
    let pool = desk.office.doors.node.node.database.pool();
    // What is kept is no address.
    let kept: String = sqlx::query_scalar("SELECT row_to_json(upload)::text FROM documents.upload")
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(!kept.contains(token), "{kept}");
    sqlx::query("UPDATE documents.upload SET expires_at = now() - interval '1 second'")
        .execute(pool)
        .await
        .unwrap();
    let late = desk.put(&good, bytes.clone()).await;
    assert_eq!(late.expect(410).code(), "upload_expired");
    assert_eq!(desk.states().await, Vec::<String>::new());
    assert!(desk.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_promised_is_taken_and_it_may_be_brought_again() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = jpeg(1, 5_000);
    let good = url(&desk, &case, &bytes).await;
    let same_size = jpeg(2, 5_000);
    for (what, body, status, code) in [
        ("another", same_size, 422, "document_hash_differs"),
        (
            "less",
            bytes[..4_999].to_vec(),
            422,
            "document_size_differs",
        ),
        ("more", [&bytes[..], b"x"].concat(), 413, "body_too_large"),
        ("nothing", vec![], 422, "document_empty"),
        (
            "another kind of file",
            [0; 5_000].to_vec(),
            415,
            "document_type_not_allowed",
        ),
    ] {
        let refused = desk.put(&good, body.clone()).await;
        assert_eq!((refused.status, refused.code()), (status, code), "{what}");
        // The same where nobody says how much will come.
        let parts = futures_util::stream::iter([Ok::<_, std::io::Error>(body)]);
        let refused = desk.put(&good, reqwest::Body::wrap_stream(parts)).await;
        assert_eq!((refused.status, refused.code()), (status, code), "{what}");
    }
    let node = &desk.office.doors.node;
    let encoded = node.client.put(&good).header("content-encoding", "gzip");
    let refused = node.send(encoded.body(bytes.clone())).await;
    assert_eq!(refused.expect(415).code(), "document_encoded");
    let wrong = node
        .client
        .put(&good)
        .header("content-type", "application/pdf");
    let refused = node.send(wrong.body(bytes.clone())).await;
    assert_eq!(refused.expect(422).code(), "document_type_differs");
    assert_eq!(desk.states().await, Vec::<String>::new());
    assert!(desk.files().is_empty());
    desk.put(&good, bytes.clone()).await.expect(201);
    assert_eq!(desk.received(&case).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn race_of_many_who_have_an_address_one_brings_its_document() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let bytes = pdf(1, 400_000);
    let good = url(&desk, &case, &bytes).await;
    let brought = join_all((0..6).map(|_| desk.put(&good, bytes.clone()))).await;
    let mut counts = std::collections::BTreeMap::<u16, usize>::new();
    for reply in &brought {
        *counts.entry(reply.status).or_default() += 1;
        if reply.status != 201 {
            assert!(
                ["upload_in_use", "upload_used"].contains(&reply.code()),
                "{reply:?}"
            );
        }
    }
    assert_eq!(counts.get(&201), Some(&1), "{counts:?}");
    assert_eq!(desk.received(&case).await, 1);
    assert_eq!(desk.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_for_something_that_could_be_taken() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let path = format!("/cases/{case}/document-uploads");
    let hash = sha256(b"x");
    for (body, status, code) in [
        (
            json!({ "kind": "passport", "size_bytes": 0, "sha256": hash }),
            422,
            "document_empty",
        ),
        (
            json!({ "kind": "passport", "size_bytes": 15 * 1024 * 1024 + 1, "sha256": hash }),
            413,
            "body_too_large",
        ),
        (
            json!({ "kind": "passport", "size_bytes": -1, "sha256": hash }),
            400,
            "invalid_request",
        ),
        (
            json!({ "kind": "passport", "size_bytes": 1, "sha256": "abc" }),
            400,
            "invalid_request",
        ),
        (
            json!({ "kind": "A Passport", "size_bytes": 1, "sha256": hash }),
            400,
            "invalid_request",
        ),
        (json!({ "kind": "passport" }), 400, "invalid_request"),
        (
            json!({ "kind": "passport", "size_bytes": 1, "sha256": hash, "name": "a.pdf" }),
            400,
            "invalid_request",
        ),
    ] {
        let refused = desk.office.post(&path, desk.asha(), body.clone()).await;
        assert_eq!((refused.status, refused.code()), (status, code), "{body}");
    }
    let open = json!({ "kind": "passport", "size_bytes": 1, "sha256": hash });
    for _ in 0..64 {
        desk.office
            .post(&path, desk.asha(), open.clone())
            .await
            .expect(201);
    }
    let refused = desk.office.post(&path, desk.asha(), open).await.expect(429);
    assert_eq!(refused.code(), "too_many_upload_addresses");
    assert!(refused.headers.contains_key("retry-after"));
}
