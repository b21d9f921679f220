//! A whole `daybook serve` whose access is configured as an operator would.

use std::path::Path;
use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::harness::program::{Program, program};
use crate::harness::{TestDatabase, shared_nats_url};

/// A process that serves, and what it has.
pub struct Served {
    pub url: String,
    pub admin: String,
    pub client: reqwest::Client,
    _database: TestDatabase,
    _folder: tempfile::TempDir,
    _program: Program,
}

impl Served {
    /// Serves with these settings besides the database, the stream and the master key.
    pub async fn with(settings: &str) -> Self {
        let database = TestDatabase::create().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.toml");
        std::fs::write(&file, settings).unwrap();
        let key = run(&file, &database.url, &["new-master-key"]).await;
        let key_file = folder.path().join("master.key");
        std::fs::write(&key_file, key.trim()).unwrap();
        let admin = run(&file, &database.url, &["admin-key"]).await;
        let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
        let mut command = configured(&file, &database.url);
        command.env("DAYBOOK__AUTH__MASTER_KEY_FILE", &key_file);
        let program = Program::serve(command, nats).await;
        Self {
            url: program.url.clone(),
            admin: admin.trim().to_owned(),
            client: reqwest::Client::new(),
            _database: database,
            _folder: folder,
            _program: program,
        }
    }

    /// Status and body of a request.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        credential: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(credential) = credential {
            request = request.bearer_auth(credential);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub async fn post(&self, path: &str, credential: Option<&str>, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, credential, Some(body)).await
    }

    pub async fn get(&self, path: &str, credential: &str) -> (u16, Value) {
        self.call(Method::GET, path, Some(credential), None).await
    }
}

/// The program with a file of settings; what it makes beside itself is gone with the test.
fn configured(file: &Path, database_url: &str) -> Command {
    let mut command = program(database_url);
    command
        .arg("--config")
        .arg(file)
        .env("RUST_LOG", "warn")
        .current_dir(file.parent().unwrap());
    command
}

/// What a command prints.
async fn run(file: &Path, database_url: &str, arguments: &[&str]) -> String {
    let output = configured(file, database_url)
        .args(arguments)
        .output()
        .await
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// aiosmtpd: a mail server that is not ours.
struct MailServer {
    port: u64,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl MailServer {
    async fn start(password: &str) -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../connectors/tests/python/smtp_server.py"
        );
        let wanted = json!({ "tls": "none", "password": password, "certificate": "", "key": "" });
        let python = std::env::var_os("DAYBOOK_PYTHON");
        let mut child = Command::new(python.expect("DAYBOOK_PYTHON names an interpreter"))
            .args(["-I", "-W", "ignore", script, &wanted.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap();
        let first: Value = serde_json::from_str(&first.expect("aiosmtpd starts")).unwrap();
        Self {
            port: first["port"].as_u64().unwrap(),
            lines,
            _child: child,
        }
    }

    /// The code in the next message.
    async fn code(&mut self) -> String {
        loop {
            let line = self.lines.next_line().await.unwrap().unwrap();
            let event: Value = serde_json::from_str(&line).unwrap();
            let Some(data) = event["data"].as_str() else {
                continue;
            };
            let (_, body) = data.split_once("\r\n\r\n").unwrap();
            let digits = body.split(|character: char| !character.is_ascii_digit());
            let code = digits.into_iter().find(|digits| digits.len() == 6);
            return code.expect("a code in the message").to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_go_out_by_the_configured_mail_server() {
    let mut mail = MailServer::start("a password for mail").await;
    let served = Served::with(&format!(
        r#"
        [messaging.smtp]
        host = "127.0.0.1"
        port = {}
        security = "plain_on_this_machine"
        username = "daybook"
        password = "a password for mail"
        from = "Daybook <no-reply@daybook.example>"
        "#,
        mail.port
    ))
    .await;
    let password = super::support::PASSWORD;
    let body = json!({ "email": "asha@example.org", "password": password });
    let (status, registered) = served.post("/v1/people", None, body.clone()).await;
    assert_eq!(status, 202, "{registered}");
    let path = format!(
        "/v1/people/{}/verification",
        registered["id"].as_str().unwrap()
    );
    let code = mail.code().await;
    let (status, verified) = served.post(&path, None, json!({ "code": code })).await;
    assert_eq!(status, 204, "{verified}");
    let (status, session) = served.post("/v1/sessions", None, body).await;
    assert_eq!(status, 201, "{session}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_as_many_and_as_long_as_configured() {
    let mut mail = MailServer::start("").await;
    let served = Served::with(&format!(
        r#"
        [auth.sessions.customer]
        idle_minutes = 7
        concurrent = 1
        [messaging.smtp]
        host = "127.0.0.1"
        port = {}
        security = "plain_on_this_machine"
        from = "no-reply@daybook.example"
        "#,
        mail.port
    ))
    .await;
    let password = super::support::PASSWORD;
    let body = json!({ "email": "asha@example.org", "password": password });
    let (_, registered) = served.post("/v1/people", None, body.clone()).await;
    let path = format!(
        "/v1/people/{}/verification",
        registered["id"].as_str().unwrap()
    );
    let code = mail.code().await;
    let (status, _) = served.post(&path, None, json!({ "code": code })).await;
    assert_eq!(status, 204);
    let (_, first) = served.post("/v1/sessions", None, body.clone()).await;
    let idle: chrono::DateTime<chrono::Utc> = first["idle_at"].as_str().unwrap().parse().unwrap();
    let minutes = (idle - chrono::Utc::now()).num_seconds();
    assert!((6 * 60..=7 * 60).contains(&minutes), "{minutes}");
    served.post("/v1/sessions", None, body).await;
    let first = first["access_token"].as_str().unwrap();
    let (status, ended) = served.get("/v1/me", first).await;
    assert_eq!(
        (status, ended["code"].as_str()),
        (401, Some("credential_invalid"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_access_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    for (settings, named) in [
        (
            "[auth]\nfour_eyes = [\"revert\"]",
            "there is no operation revert",
        ),
        (
            "[auth]\nfour_eyes = [\"get_me\"]",
            "get_me is no operation for two",
        ),
        ("[auth.sessions.admin]\nconcurrent = 0", "auth.sessions"),
        (
            "[auth.sessions.admin]\nidle_minutes = 1000",
            "auth.sessions",
        ),
        ("[auth.sessions.cook]\nconcurrent = 1", "cook"),
        (
            "[[auth.issuers]]\nissuer = \"https://id.example\"\naudiences = [\"a\"]\n\
             roles = { claim = \"groups\", roles = { x = \"cook\" } }",
            "auth.issuers.roles",
        ),
    ] {
        std::fs::write(&file, settings).unwrap();
        let output = configured(&file, "postgres://127.0.0.1:1/none")
            .arg("serve")
            .output()
            .await
            .unwrap();
        assert!(!output.status.success(), "{settings}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(named), "{settings}: {said}");
    }
}

/// A private deployment in the same folder has another database, and keeps its servers to itself.
#[tokio::test(flavor = "multi_thread")]
async fn commands_work_on_the_configured_database_and_start_nothing() {
    let database = TestDatabase::create().await;
    let folder = tempfile::tempdir().unwrap();
    let output = program(&database.url)
        .arg("admin-key")
        .env("RUST_LOG", "warn")
        .current_dir(folder.path())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
    let machines: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.machine")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(machines, 1);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
