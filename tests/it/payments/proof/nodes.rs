//! Two processes that serve, end without warning, and are started again at the same address.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::gateways::LEDGER;
use crate::harness::program::{Program, program};
use crate::harness::shared_nats_url;

/// How often a request is tried: a node comes back within seconds.
const TRIES: usize = 60;

pub struct Nodes {
    pub urls: [String; 2],
    /// A key of an administrator, and one of another.
    pub keys: [String; 2],
    pub settings: PathBuf,
    pub master_key: PathBuf,
    pub database_url: String,
    pub client: Client,
    running: [Mutex<Option<Program>>; 2],
}

/// An answer: status and body.
pub type Answer = (u16, Value);

impl Nodes {
    pub fn new(
        settings: PathBuf,
        master_key: PathBuf,
        database_url: &str,
        keys: [String; 2],
    ) -> Self {
        // Both are held until both are known, so that they differ.
        let free = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let urls = free.map(|port| format!("http://{}", port.local_addr().unwrap()));
        let client = Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        Self {
            urls,
            keys,
            settings,
            master_key,
            database_url: database_url.to_owned(),
            client,
            running: [Mutex::default(), Mutex::default()],
        }
    }

    pub async fn start(&self, index: usize) {
        let mut command = program(&self.database_url);
        command
            .arg("--config")
            .arg(&self.settings)
            .env("RUST_LOG", "warn")
            .env("DAYBOOK__AUTH__MASTER_KEY_FILE", &self.master_key)
            .env("DAYBOOK__DATABASE__CONNECTIONS", "12")
            .current_dir(self.settings.parent().unwrap());
        let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
        let listen = self.urls[index].trim_start_matches("http://");
        let started = Program::serve_at(listen, command, nats).await;
        *self.running[index].lock().await = Some(started);
    }

    /// Ends one or the other without warning, and starts it again, until it is told to stop. How often.
    pub async fn haunt(&self, mut dice: fastrand::Rng, stop: CancellationToken) -> usize {
        let mut killed = 0;
        loop {
            let pause = Duration::from_millis(dice.u64(1_500..5_000));
            if stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return killed;
            }
            let index = dice.usize(0..2);
            let victim = self.running[index].lock().await.take();
            if let Some(mut victim) = victim {
                victim.kill().await;
                killed += 1;
            }
            tokio::time::sleep(Duration::from_millis(dice.u64(0..1_000))).await;
            self.start(index).await;
        }
    }

    /// Ends both in order; what they have written since they were started last.
    pub async fn stop(&self) -> String {
        let mut written = String::new();
        for running in &self.running {
            if let Some(mut program) = running.lock().await.take() {
                written.push_str(&program.stop().await);
            }
        }
        written
    }

    /// Asks until somebody answers something that is not "try again".
    pub async fn call(
        &self,
        build: impl Fn(&Client, &str) -> RequestBuilder,
        key: usize,
    ) -> Answer {
        for attempt in 0..TRIES {
            let url = &self.urls[attempt % 2];
            let request = build(&self.client, url).bearer_auth(&self.keys[key]);
            if let Ok(response) = request.send().await {
                let status = response.status().as_u16();
                if let Ok(body) = response.json::<Value>().await
                    && status < 500
                    && status != 429
                {
                    return (status, body);
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("nobody answers");
    }

    /// A command under a key of its own, repeated until it is answered.
    pub async fn command(&self, name: &str, path: &str, body: &Value, key: usize) -> Answer {
        self.call(
            |client, url| {
                let request = client.post(format!("{url}/v1/ledgers/{LEDGER}{path}"));
                request.header("idempotency-key", name).json(body)
            },
            key,
        )
        .await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(
            |client, url| client.request(Method::GET, format!("{url}/v1/ledgers/{LEDGER}{path}")),
            0,
        )
        .await
    }
}
