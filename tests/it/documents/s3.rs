//! Documents in a bucket of an S3 server that is not ours, also while it is away.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use documents::settings::BucketAddress;
use documents::{S3Settings, StorageSettings};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::files::jpeg;
use super::support::Desk;

const BUCKET: &str = "documents";

struct S3Server {
    child: Child,
    url: String,
}

impl S3Server {
    async fn start() -> Self {
        let python = std::env::var_os("DAYBOOK_PYTHON");
        let mut child = Command::new(python.expect("DAYBOOK_PYTHON names an interpreter"))
            .args(["-I", "-c", include_str!("s3_server.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap();
        let port = line.expect("DAYBOOK_PYTHON has moto");
        let url = format!("http://127.0.0.1:{port}");
        let this = Self { child, url };
        let bucket = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                      <LocationConstraint>eu-central-1</LocationConstraint>\
                      </CreateBucketConfiguration>";
        this.put("", bucket.into()).await;
        this
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    fn settings(&self) -> StorageSettings {
        StorageSettings::S3(S3Settings {
            endpoint: Some(self.url.clone()),
            bucket: BUCKET.to_owned(),
            region: "eu-central-1".to_owned(),
            address: BucketAddress::Path,
            prefix: "kyc".to_owned(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "a secret key".to_owned().into(),
            time_limit: Duration::from_secs(2),
            patience: Duration::from_secs(2),
        })
    }

    /// As the owner of the bucket; who signs is not asked there.
    async fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Vec<u8> {
        let request =
            reqwest::Client::new().request(method, format!("{}/{BUCKET}{path}", self.url));
        let owner = "AWS4-HMAC-SHA256 Credential=owner/20260101/eu-central-1/s3/aws4_request, \
                     SignedHeaders=host, Signature=0";
        let reply = request.header("authorization", owner).body(body).send();
        let reply = reply.await.unwrap();
        assert!(reply.status().is_success(), "{reply:?}");
        reply.bytes().await.unwrap().to_vec()
    }

    /// The names of all objects.
    async fn objects(&self) -> Vec<String> {
        let listed = self.ask(Method::GET, "?list-type=2", Vec::new()).await;
        let text = String::from_utf8(listed).unwrap();
        let names = text.split("<Key>").skip(1);
        names
            .map(|rest| rest.split("</Key>").next().unwrap().to_owned())
            .collect()
    }

    async fn object(&self, name: &str) -> Vec<u8> {
        self.ask(Method::GET, &format!("/{name}"), Vec::new()).await
    }

    async fn put(&self, name: &str, bytes: Vec<u8>) {
        let path = match name {
            "" => String::new(),
            name => format!("/{name}"),
        };
        self.ask(Method::PUT, &path, bytes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_kept_in_a_bucket_sealed_and_whole() {
    let server = S3Server::start().await;
    let desk = Desk::on(server.settings(), PathBuf::new(), |_| {}).await;
    let case = desk.office.own_case().await;
    // One request, and several parts.
    for (number, size) in [(1, 60_000), (2, 6_000_000)] {
        let bytes = jpeg(number, size);
        let brought = desk.bring(&case, desk.asha(), "passport", &bytes).await;
        let id = brought.expect(201).id();
        let (status, headers, content) = desk.content(&case, &id, desk.meera()).await;
        assert_eq!(status, 200);
        assert_eq!(headers["content-length"], size.to_string().as_str());
        assert!(content == bytes);
        let name = format!("kyc/{}/{case}/{id}", desk.office.doors.node.ledger);
        assert!(server.objects().await.contains(&name));
        let sealed = server.object(&name).await;
        assert!(sealed.len() > size);
        assert!(
            !sealed
                .windows(16)
                .any(|window| window == &bytes[1_000..1_016])
        );
        // What somebody changes in the bucket is not given out.
        let mut changed = sealed.clone();
        changed[size / 2] ^= 1;
        server.put(&name, changed).await;
        let answer = desk.refused(&case, &id, desk.meera()).await;
        assert_eq!(answer, (500, "document_damaged".to_owned()));
        server.put(&name, sealed).await;
        assert_eq!(desk.content(&case, &id, desk.meera()).await.0, 200);
    }
    let keeper = desk.keeper(|settings| settings.retention = Duration::ZERO);
    desk.office
        .act(&case, "start-review", serde_json::json!({}))
        .await;
    desk.office
        .act(&case, "approve", serde_json::json!({}))
        .await;
    assert_eq!(keeper.end_retention().await.unwrap(), 2);
    assert_eq!(server.objects().await, Vec::<String>::new());
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    server.put("kyc/somebody-elses", b"x".to_vec()).await;
    server.put("not-ours-at-all", b"x".to_vec()).await;
    let unknown = desk.documents(|_| {}).unknown_objects(later).await.unwrap();
    assert_eq!(unknown, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bucket_is_away_nothing_is_taken_and_nothing_is_lost() {
    let mut server = S3Server::start().await;
    let desk = Desk::on(server.settings(), PathBuf::new(), |_| {}).await;
    let case = desk.office.own_case().await;
    let kept = jpeg(1, 60_000);
    let brought = desk.bring(&case, desk.asha(), "passport", &kept).await;
    let id = brought.expect(201).id();
    server.signal(Signal::STOP);
    let started = Instant::now();
    for size in [60_000, 6_000_000] {
        let refused = desk
            .bring(&case, desk.asha(), "selfie", &jpeg(2, size))
            .await;
        let refused = refused.expect(503);
        assert_eq!(refused.code(), "document_storage_unavailable");
        assert_eq!(refused.body["retryable"], true);
        assert!(refused.headers.contains_key("retry-after"));
    }
    let answer = desk.refused(&case, &id, desk.meera()).await;
    assert_eq!(answer, (503, "document_storage_unavailable".to_owned()));
    assert!(started.elapsed() < Duration::from_secs(60));
    assert_eq!(desk.received(&case).await, 1);
    // Nor can what was begun be settled.
    assert!(desk.keeper(|_| {}).sweep().await.is_err());
    server.signal(Signal::CONT);
    let (status, _, content) = desk.content(&case, &id, desk.meera()).await;
    assert_eq!(status, 200);
    assert!(content == kept);
    let again = desk
        .bring(&case, desk.asha(), "selfie", &jpeg(2, 60_000))
        .await;
    again.expect(201);
    desk.keeper(|_| {}).sweep().await.unwrap();
    assert_eq!(desk.states().await, ["kept", "kept"]);
    assert_eq!(server.objects().await.len(), 2);
    server.child.kill().await.unwrap();
    let refused = desk
        .bring(&case, desk.asha(), "selfie", &jpeg(3, 9_000))
        .await;
    assert_eq!(refused.expect(503).code(), "document_storage_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_person_waits_for_the_bucket() {
    let server = S3Server::start().await;
    let desk = Desk::on(server.settings(), PathBuf::new(), |_| {}).await;
    let case = desk.office.own_case().await;
    let brought = desk
        .bring(&case, desk.asha(), "passport", &jpeg(1, 60_000))
        .await;
    brought.expect(201);
    server.signal(Signal::STOP);
    let path = format!("/owners/{}/profile/erase", desk.asha().person);
    let body = serde_json::json!({ "reason": "requested" });
    desk.office
        .post(&path, desk.meera(), body)
        .await
        .expect(200);
    while desk.states().await != ["removing"] {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.signal(Signal::CONT);
    for _ in 0..600 {
        if desk.states().await == ["removed"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(desk.states().await, ["removed"]);
    assert_eq!(server.objects().await, Vec::<String>::new());
}
