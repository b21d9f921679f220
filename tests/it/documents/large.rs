//! A gigabyte: refused soon, and without more memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::files::{BOUNDARY, form_type, part, sha256};
use crate::harness::TestDatabase;
use crate::harness::program::{Program, program};
use crate::harness::servers::{new_folder, shared_nats_url};

const GIGABYTE: usize = 1024 * 1024 * 1024;

/// How much of a document that is too large is sent at most before the answer is there: what is allowed, and what
/// is on its way in buffers.
const SENT_AT_MOST: usize = 64 * 1024 * 1024;

struct Sent {
    answer: String,
    bytes: usize,
}

/// Sends a document that does not end before a gigabyte, as long as nobody has answered, and reads what is answered.
async fn send(address: &str, head: String, begin: Vec<u8>, chunked: bool) -> Sent {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let bytes = Arc::new(AtomicUsize::new(0));
    let counted = bytes.clone();
    let sending = tokio::spawn(async move {
        writer.write_all(head.as_bytes()).await?;
        let mut piece = begin;
        while counted.load(Ordering::Relaxed) < GIGABYTE {
            if chunked {
                let size = format!("{:x}\r\n", piece.len());
                writer.write_all(size.as_bytes()).await?;
            }
            writer.write_all(&piece).await?;
            if chunked {
                writer.write_all(b"\r\n").await?;
            }
            counted.fetch_add(piece.len(), Ordering::Relaxed);
            piece = vec![7; 1024 * 1024];
        }
        Ok::<_, std::io::Error>(writer)
    });
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(count) = reader.read(&mut buffer).await {
        answer.extend_from_slice(&buffer[..count]);
        if count == 0 || answer.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    sending.abort();
    Sent {
        answer: String::from_utf8_lossy(&answer).into_owned(),
        bytes: bytes.load(Ordering::Relaxed),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_is_refused_early_and_memory_stays_flat() {
    let database = TestDatabase::create().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let key = identity::secret::new_master_key().unwrap();
    let mut command = program(&database.url);
    command
        .env("DAYBOOK__AUTH__MODE", "open")
        .env("DAYBOOK__AUTH__MASTER_KEY", key.as_str())
        .env("DAYBOOK__DOCUMENTS__FOLDER", new_folder("documents"))
        // Development builds seal slowly; more than one part of an object it is all the same.
        .env("DAYBOOK__DOCUMENTS__MOST_MEBIBYTES", "6")
        .env("RUST_LOG", "warn");
    let mut program = Program::serve(command, nats).await;
    let client = reqwest::Client::new();
    let ledger = crate::harness::node::new_ledger_name();
    let at = |path: &str| format!("{}/v1/ledgers/{ledger}{path}", program.url);
    let post = async |url: String, body: serde_json::Value| {
        let reply = client.post(url).json(&body).send().await.unwrap();
        assert!(reply.status().is_success(), "{reply:?}");
        reply.json::<serde_json::Value>().await.unwrap()
    };
    post(
        format!("{}/v1/ledgers", program.url),
        json!({ "name": ledger }),
    )
    .await;
    let tier = client
        .put(at("/tiers/full"))
        .json(&json!({ "other_assets": "unlimited" }));
    assert!(tier.send().await.unwrap().status().is_success());
    let mut cases = Vec::new();
    for number in 0..2 {
        let body = json!({ "owner": format!("owner-{number}"), "tier": "full" });
        let case = post(at("/cases"), body).await;
        cases.push(case["id"].as_str().unwrap().to_owned());
    }
    let host = program.url.strip_prefix("http://").unwrap().to_owned();
    let begin = [
        part("kind", None, None).as_bytes(),
        b"passport\r\n",
        part("file", Some("a.pdf"), Some("application/pdf")).as_bytes(),
        b"%PDF-1.7\n",
    ]
    .concat();
    let head = |case: &str, length: &str| {
        format!(
            "POST /v1/ledgers/{ledger}/cases/{case}/documents HTTP/1.1\r\nHost: {host}\r\n\
             Content-Type: {}\r\n{length}\r\n\r\n",
            form_type()
        )
    };
    // What the first request takes is taken once.
    let small = [&begin[..], format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
    let warm = client
        .post(at(&format!("/cases/{}/documents", cases[0])))
        .header("content-type", form_type())
        .body(small);
    assert_eq!(warm.send().await.unwrap().status(), 201);
    let before = program.peak_memory();
    let announced = format!("Content-Length: {GIGABYTE}");
    let chunked = "Transfer-Encoding: chunked".to_owned();
    // Two at a time that do not say how much will come, and some that do.
    let unannounced = cases
        .iter()
        .map(|case| send(&host, head(case, &chunked), begin.clone(), true));
    for sent in futures_util::future::join_all(unannounced).await {
        assert!(sent.answer.starts_with("HTTP/1.1 413"), "{}", sent.answer);
        assert!(sent.bytes < SENT_AT_MOST, "{} bytes were sent", sent.bytes);
    }
    let sent = send(&host, head(&cases[0], &announced), begin.clone(), false).await;
    assert!(sent.answer.starts_with("HTTP/1.1 413"), "{}", sent.answer);
    assert!(sent.bytes < SENT_AT_MOST, "{} bytes were sent", sent.bytes);
    // To an address that was opened for a few bytes.
    let promise = json!({ "kind": "selfie", "size_bytes": 9, "sha256": sha256(b"%PDF-1.7\n") });
    let opened = post(
        at(&format!("/cases/{}/document-uploads", cases[0])),
        promise,
    )
    .await;
    let url = opened["url"].as_str().unwrap();
    let path = &url[url.find("/v1/").unwrap()..];
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\n{chunked}\r\n\r\n");
    let sent = send(&host, head, b"%PDF-1.7\n".to_vec(), true).await;
    assert!(sent.answer.starts_with("HTTP/1.1 413"), "{}", sent.answer);
    assert!(sent.bytes < SENT_AT_MOST, "{} bytes were sent", sent.bytes);
    // The kernel counts roughly: what has not grown may seem to have shrunk.
    let grown = program.peak_memory().saturating_sub(before);
    // Two documents at a time: a part of 5 MiB that is filled and one on its way, and what is in buffers.
    assert!(grown < 96 * 1024, "the node took {grown} KiB more");
    program.stop().await;
}
