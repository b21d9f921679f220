//! A real issuer, `oidc-provider`, in a process of its own (tests/issuer/issuer.mjs).

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// From whichever crate's tests this is.
const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../identity/tests/issuer/issuer.mjs"
);

pub struct Provider {
    pub issuer: String,
    process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    pub async fn start(algorithm: &str) -> Self {
        Self::start_at(algorithm, 0).await
    }

    /// Starts it at a port, such as one where it was before.
    pub async fn start_at(algorithm: &str, port: u16) -> Self {
        let packages = std::env::var_os("DAYBOOK_NODE_PACKAGES");
        packages
            .expect("DAYBOOK_NODE_PACKAGES names the folder of oidc-provider: run `./dev test`");
        let node = std::env::var_os("DAYBOOK_NODE").unwrap_or_else(|| "node".into());
        let mut process = Command::new(node)
            .arg(PROGRAM)
            .arg(json!({"port": port, "algorithm": algorithm}).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It warns of everything that is only for development.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = answers.next_line().await.unwrap();
        let ready = ready.expect("oidc-provider starts: run tests/issuer/issuer.mjs by hand");
        let issuer = ready.strip_prefix("ready ").unwrap().to_owned();
        Self {
            issuer,
            process,
            commands,
            answers,
        }
    }

    pub fn port(&self) -> u16 {
        self.issuer.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub async fn stop(mut self) {
        self.process.kill().await.unwrap();
    }

    async fn command(&mut self, line: &str) -> String {
        let line = format!("{line}\n");
        self.commands.write_all(line.as_bytes()).await.unwrap();
        self.answers.next_line().await.unwrap().unwrap()
    }

    /// Signs with a new key from now on; returns its id.
    pub async fn rotate(&mut self) -> String {
        self.command("rotate").await
    }

    /// How often the keys were asked for.
    pub async fn times_keys_were_asked_for(&mut self) -> u64 {
        let asked: Value = serde_json::from_str(&self.command("asked").await).unwrap();
        asked["/jwks"].as_u64().unwrap_or(0)
    }

    /// An access token of RFC 9068 for a program (client credentials), for a resource (RFC 8707).
    pub async fn machine_token(&self, resource: &str) -> String {
        let form = form(&[
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", "accounts:read"),
        ]);
        let response = reqwest::Client::new()
            .post(format!("{}/token", self.issuer))
            .basic_auth("machine", Some("secret+of+the+machine"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        let answer: Value = response.json().await.unwrap();
        let token = answer["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// A browser, as far as one is needed: it keeps cookies by their path, and stops at redirects.
pub struct Browser {
    client: reqwest::Client,
    /// Value by name and path.
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    pub fn new() -> Self {
        let redirects = reqwest::redirect::Policy::none();
        Self {
            client: reqwest::Client::builder()
                .redirect(redirects)
                .build()
                .unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    /// Signs in and consents on the pages that `oidc-provider` has for development; returns the query
    /// that comes back to the redirect URI.
    pub async fn sign_in(&mut self, start: &str, login: &str, redirect_uri: &str) -> String {
        let mut url = start.to_owned();
        for _ in 0..12 {
            if let Some(query) = url.strip_prefix(redirect_uri) {
                return query.strip_prefix('?').unwrap().to_owned();
            }
            let response = self.send(self.client.get(&url), &url).await;
            let response = if response.status() == 200 {
                let page = response.text().await.unwrap();
                let prompt = if page.contains("value=\"login\"") {
                    "login"
                } else {
                    "consent"
                };
                let body = form(&[("prompt", prompt), ("login", login), ("password", "any")]);
                let kind = "application/x-www-form-urlencoded";
                let post = self
                    .client
                    .post(&url)
                    .header("content-type", kind)
                    .body(body);
                self.send(post, &url).await
            } else {
                response
            };
            url = location_of(response, &url).await;
        }
        panic!("no end of redirects: {url}");
    }

    async fn send(&mut self, request: reqwest::RequestBuilder, url: &str) -> reqwest::Response {
        let path = url::Url::parse(url).unwrap().path().to_owned();
        let fitting = self
            .cookies
            .iter()
            .filter(|((_, at), _)| path.starts_with(at));
        let cookies: Vec<String> = fitting
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        let response = request
            .header("cookie", cookies.join("; "))
            .send()
            .await
            .unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            self.keep(cookie.to_str().unwrap());
        }
        response
    }

    fn keep(&mut self, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let path = parts
            .find_map(|part| part.strip_prefix("path="))
            .unwrap_or("/");
        let key = (name.to_owned(), path.to_owned());
        if value.is_empty() {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }
}

async fn location_of(response: reqwest::Response, url: &str) -> String {
    let status = response.status();
    let Some(location) = response.headers().get("location") else {
        panic!("{status} at {url}: {}", response.text().await.unwrap());
    };
    let base = url::Url::parse(url).unwrap();
    base.join(location.to_str().unwrap()).unwrap().to_string()
}
