//! What cannot be a document of a case, each with its code; nothing of it is left.

use identity::permission::Role;
use serde_json::json;

use super::files::{BOUNDARY, form, form_type, jpeg, part, pdf, png};
use super::support::Desk;
use crate::verification::support::red;
use ledger_core::verification::Retry;

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_file_has_its_code_and_leaves_nothing() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let zeros = |begin: &[u8]| [begin, &[0; 4_096]].concat();
    for (what, file_name, content_type, bytes, status, code) in [
        (
            "empty",
            "a.jpg",
            "image/jpeg",
            vec![],
            422,
            "document_empty",
        ),
        (
            "a zip bomb's beginning",
            "a.zip",
            "application/zip",
            zeros(b"PK\x03\x04"),
            415,
            "document_type_not_allowed",
        ),
        (
            "gzip",
            "a.pdf",
            "application/pdf",
            zeros(b"\x1f\x8b\x08"),
            415,
            "document_type_not_allowed",
        ),
        (
            "a program named .pdf",
            "passport.pdf",
            "application/pdf",
            zeros(b"MZ\x90\0\x03"),
            415,
            "document_type_not_allowed",
        ),
        (
            "a program of another kind",
            "passport.jpg",
            "image/jpeg",
            zeros(b"\x7fELF\x02\x01\x01"),
            415,
            "document_type_not_allowed",
        ),
        (
            "html",
            "a.pdf",
            "application/pdf",
            b"<!DOCTYPE html><script>alert(1)</script>".to_vec(),
            415,
            "document_type_not_allowed",
        ),
        (
            "svg",
            "a.svg",
            "image/svg+xml",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
            415,
            "document_type_not_allowed",
        ),
        (
            "text",
            "a.jpg",
            "image/jpeg",
            b"this is no image".to_vec(),
            415,
            "document_type_not_allowed",
        ),
        (
            "a jpeg named .pdf",
            "a.pdf",
            "",
            jpeg(1, 500),
            422,
            "document_type_differs",
        ),
        (
            "a pdf named .exe",
            "a.exe",
            "application/pdf",
            pdf(1, 500),
            422,
            "document_type_differs",
        ),
        (
            "a pdf said to be html",
            "a.pdf",
            "text/html",
            pdf(1, 500),
            422,
            "document_type_differs",
        ),
        (
            "an image that unpacks to 10 GB",
            "a.png",
            "image/png",
            png(50_000, 50_000),
            422,
            "document_too_many_pixels",
        ),
        (
            "an image without an end",
            "a.png",
            "image/png",
            png(50, 50)[..14].to_vec(),
            422,
            "document_unreadable",
        ),
    ] {
        let mut body = form("passport", file_name, content_type, &bytes);
        if content_type.is_empty() {
            body = String::from_utf8_lossy(&part("file", Some(file_name), None).into_bytes())
                .into_owned()
                .into_bytes();
            body = [
                part("kind", None, None).as_bytes(),
                b"passport\r\n",
                &body,
                &bytes,
                format!("\r\n--{BOUNDARY}--\r\n").as_bytes(),
            ]
            .concat();
        }
        let headers = [("content-type", form_type())];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let refused = desk.send(&case, desk.asha(), &headers, body).await;
        assert_eq!((refused.status, refused.code()), (status, code), "{what}");
    }
    assert_eq!(desk.states().await, Vec::<String>::new());
    assert!(desk.files().is_empty());
    assert_eq!(desk.received(&case).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_form_has_its_code_and_leaves_nothing() {
    let desk = Desk::open().await;
    let case = desk.office.own_case().await;
    let file = jpeg(1, 5_000);
    let form_type = form_type();
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    let kind = [part("kind", None, None).as_bytes(), b"passport\r\n"].concat();
    let whole = |name: &str| {
        [
            part(name, Some("a.jpg"), Some("image/jpeg")).as_bytes(),
            &file,
        ]
        .concat()
    };
    let joined = |parts: &[&[u8]]| parts.concat();
    let good = form("passport", "a.jpg", "image/jpeg", &file);
    let encoded =
        String::from_utf8_lossy(&part("file", Some("a.jpg"), Some("image/jpeg")).into_bytes())
            .replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    for (what, content_type, body, status, code) in [
        (
            "json",
            "application/json",
            b"{}".to_vec(),
            415,
            "unsupported_media_type",
        ),
        (
            "no boundary",
            "multipart/form-data",
            good.clone(),
            415,
            "unsupported_media_type",
        ),
        (
            "nothing",
            form_type.as_str(),
            vec![],
            400,
            "invalid_request",
        ),
        (
            "no file",
            &form_type,
            joined(&[&kind, &end.as_bytes()[2..]]),
            400,
            "invalid_request",
        ),
        (
            "no kind",
            &form_type,
            joined(&[&whole("file"), end.as_bytes()]),
            400,
            "invalid_request",
        ),
        (
            "the file first",
            &form_type,
            joined(&[&whole("file"), b"\r\n", &kind, &end.as_bytes()[2..]]),
            400,
            "invalid_request",
        ),
        (
            "no kind of document",
            &form_type,
            form("Passport of Asha", "a.jpg", "image/jpeg", &file),
            400,
            "invalid_request",
        ),
        (
            "a kind that never ends",
            &form_type,
            form(&"k".repeat(5_000), "a.jpg", "image/jpeg", &file),
            400,
            "malformed_multipart",
        ),
        (
            "another part",
            &form_type,
            joined(&[&kind, &whole("comment"), end.as_bytes()]),
            400,
            "invalid_request",
        ),
        (
            "two files",
            &form_type,
            joined(&[
                &kind,
                &whole("file"),
                b"\r\n",
                &whole("file"),
                end.as_bytes(),
            ]),
            400,
            "invalid_request",
        ),
        (
            "one that breaks off",
            &form_type,
            good[..good.len() / 2].to_vec(),
            400,
            "invalid_request",
        ),
        (
            "an encoded part",
            &form_type,
            joined(&[&kind, encoded.as_bytes(), &file, end.as_bytes()]),
            415,
            "document_encoded",
        ),
    ] {
        let headers = [("content-type", content_type)];
        let refused = desk.send(&case, desk.asha(), &headers, body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (status, code),
            "{what}: {refused:?}"
        );
    }
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        let headers = [
            ("content-type", form_type.as_str()),
            ("content-encoding", encoding),
        ];
        let refused = desk.send(&case, desk.asha(), &headers, good.clone()).await;
        assert_eq!(refused.expect(415).code(), "document_encoded", "{encoding}");
    }
    assert_eq!(desk.states().await, Vec::<String>::new());
    assert!(desk.files().is_empty());
    assert_eq!(desk.received(&case).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_brings_documents_and_only_to_a_case_that_takes_them() {
    let desk = Desk::open().await;
    let office = &desk.office;
    let case = office.case_about("nina", "full").await;
    let file = jpeg(1, 5_000);
    let nobodys = uuid::Uuid::now_v7().to_string();
    // Somebody else's case is none, as is none.
    for case in [&case, &nobodys] {
        let refused = desk.bring(case, desk.asha(), "passport", &file).await;
        assert_eq!(refused.expect(404).code(), "case_not_found");
        let refused = desk.address(case, desk.asha(), "passport", &file).await;
        assert_eq!(refused.expect(404).code(), "case_not_found");
        let path = format!("/cases/{case}/documents");
        let refused = office.get(&path, desk.asha()).await;
        assert_eq!(refused.expect(404).code(), "case_not_found");
    }
    let refused = desk.bring(&nobodys, desk.meera(), "passport", &file).await;
    assert_eq!(refused.expect(404).code(), "case_not_found");
    for (name, role) in [
        ("sam", Role::Support),
        ("otto", Role::Operator),
        ("ada", Role::Auditor),
    ] {
        let colleague = office.colleague(&format!("{name}@example.org"), role).await;
        let refused = desk.bring(&case, &colleague, "passport", &file).await;
        // As a customer they might, of their own case.
        assert!([403, 404].contains(&refused.status), "{role}: {refused:?}");
        let refused = desk.address(&case, &colleague, "passport", &file).await;
        assert!([403, 404].contains(&refused.status), "{role}: {refused:?}");
    }
    office
        .act(&case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    let refused = desk.bring(&case, desk.meera(), "passport", &file).await;
    assert_eq!(refused.expect(409).code(), "case_not_collecting");
    let refused = desk.address(&case, desk.meera(), "passport", &file).await;
    assert_eq!(refused.expect(409).code(), "case_not_collecting");
    // With another try it takes them again.
    let says =
        crate::verification::support::says("sumsub", "2026-01-01T00:00:00Z", red(Retry::Allowed));
    office.hear(&case, says).await;
    desk.bring(&case, desk.meera(), "passport", &file)
        .await
        .expect(201);
    assert_eq!(desk.received(&case).await, 1);
    assert_eq!(desk.files().len(), 1);
}

/// The case goes on while a document is on its way: the ledger refuses it, and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_document_for_a_case_that_went_on_is_refused_and_removed() {
    let desk = Desk::open().await;
    let case = desk.office.case_about("nina", "full").await;
    let bytes = jpeg(1, 500_000);
    let body = form("passport", "a.jpg", "image/jpeg", &bytes);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|part| (part, receiver))
    });
    let headers = form_type();
    let headers = [("content-type", headers.as_str())];
    let sent = desk.send(
        &case,
        desk.meera(),
        &headers,
        reqwest::Body::wrap_stream(stream),
    );
    let feed = async {
        let (first, rest) = body.split_at(300_000);
        sender.send(Ok(first.to_vec())).await.unwrap();
        while desk.states().await != ["storing"] {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        desk.office
            .act(&case, "submit", json!({ "providers": ["sumsub"] }))
            .await;
        sender.send(Ok(rest.to_vec())).await.unwrap();
        drop(sender);
    };
    let (refused, ()) = tokio::join!(sent, feed);
    assert_eq!(refused.expect(409).code(), "case_not_collecting");
    assert_eq!(desk.states().await, Vec::<String>::new());
    assert!(desk.files().is_empty());
}
