//! Node processes that can be killed, paused and started again, and what they complain of.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long a node may take to start, PostgreSQL being away included.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long a node may take to stop in order.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// The servers a node uses.
#[derive(Debug, Clone)]
pub struct Servers {
    pub database_url: String,
    pub nats_url: String,
}

impl Servers {
    /// The `daybook` program on these servers.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daybook"));
        command
            .args(arguments)
            .env("DATABASE_URL", &self.database_url)
            .env("NATS_URL", &self.nats_url)
            .env("DAYBOOK__AUTH__MODE", "open")
            .env("RUST_LOG", "warn")
            .kill_on_drop(true);
        command
    }
}

/// One `daybook serve`, again and again.
pub struct NodeProcess {
    servers: Servers,
    child: Child,
    pub address: String,
    /// Lines of the log that no trouble from outside explains.
    pub alarms: Arc<Mutex<Vec<String>>>,
}

impl NodeProcess {
    pub async fn start(servers: &Servers) -> Self {
        let alarms = Arc::new(Mutex::new(Vec::new()));
        let (child, address) = serve(servers, &alarms).await;
        Self {
            servers: servers.clone(),
            child,
            address,
            alarms,
        }
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().expect("the node runs")).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Fails when it has ended without being told to.
    pub fn assert_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        let alarms = self.alarms.lock().unwrap();
        assert_eq!(ended, None, "a node ended by itself: {alarms:#?}");
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.assert_alive();
        self.child.kill().await.unwrap();
    }

    /// Stops in order, as an operator would.
    pub async fn stop(&mut self) -> ExitStatus {
        self.assert_alive();
        self.signal(Signal::TERM);
        tokio::time::timeout(STOP_PATIENCE, self.child.wait())
            .await
            .expect("the node stops in time")
            .unwrap()
    }

    /// Starts again on a new port.
    pub async fn revive(&mut self) {
        (self.child, self.address) = serve(&self.servers, &self.alarms).await;
    }
}

/// Tries until PostgreSQL is there: without it, `serve` says so and ends.
async fn serve(servers: &Servers, alarms: &Arc<Mutex<Vec<String>>>) -> (Child, String) {
    let trying = async {
        loop {
            if let Some(served) = try_serve(servers, alarms).await {
                return served;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(START_PATIENCE, trying)
        .await
        .expect("the node starts")
}

async fn try_serve(servers: &Servers, alarms: &Arc<Mutex<Vec<String>>>) -> Option<(Child, String)> {
    let mut child = servers
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap()?;
        if let Some(url) = line.strip_prefix("Daybook serves ") {
            break url.trim_end_matches('/').to_owned();
        }
    };
    let alarms = Arc::clone(alarms);
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if is_alarm(&line) {
                alarms.lock().unwrap().push(line);
            }
        }
    });
    Some((child, address))
}

/// Whether a line of a node's log is about a failure of Daybook itself.
fn is_alarm(line: &str) -> bool {
    const ALARMS: [&str; 6] = [
        "panicked",
        "contradicts itself",
        "a projector has stopped",
        "the executor failed",
        "a request failed inside Daybook",
        "keeps meeting a taken id",
    ];
    ALARMS.iter().any(|alarm| line.contains(alarm))
}
