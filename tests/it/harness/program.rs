//! The `daybook` program in a process of its own, and all that it says.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// The `daybook` program, and all that it has written.
pub struct Program {
    child: Child,
    pub url: String,
    written: Arc<Mutex<String>>,
}

impl Program {
    pub async fn start(database_url: &str, nats_url: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = program(database_url);
        command
            .env("RUST_LOG", "trace")
            .envs(variables.iter().copied());
        Self::serve(command, nats_url).await
    }

    /// Has a command serve, and waits until it does.
    pub async fn serve(command: Command, nats_url: &str) -> Self {
        Self::serve_at("127.0.0.1:0", command, nats_url).await
    }

    /// Has a command serve at an address, and waits until it does.
    pub async fn serve_at(listen: &str, mut command: Command, nats_url: &str) -> Self {
        let mut child = command
            .args(["serve", "--listen", listen])
            .env("NATS_URL", nats_url)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let written = Arc::new(Mutex::new(String::new()));
        let (told, mut serves) = tokio::sync::mpsc::unbounded_channel();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        tokio::spawn(keep(stdout, Arc::clone(&written), told.clone()));
        tokio::spawn(keep(stderr, Arc::clone(&written), told));
        let url = loop {
            let line = serves.recv().await.unwrap_or_else(|| {
                panic!("the program does not serve: {}", written.lock().unwrap())
            });
            if let Some(url) = line.strip_prefix("Daybook serves ") {
                break url.trim_end_matches('/').to_owned();
            }
        };
        Self {
            child,
            url,
            written,
        }
    }

    /// The most memory that it ever had, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let count = line.unwrap().split_whitespace().nth(1).unwrap();
        count.parse().unwrap()
    }

    /// Ends at once, as a machine does that loses its power; what it has written.
    pub async fn kill(&mut self) -> String {
        self.child.kill().await.unwrap();
        self.written.lock().unwrap().clone()
    }

    /// Ends in order; what it has written.
    pub async fn stop(&mut self) -> String {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
        self.child.wait().await.unwrap();
        self.written.lock().unwrap().clone()
    }
}

/// The program on a database, with nothing that it is to do yet.
pub fn program(database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daybook"));
    command.env("DATABASE_URL", database_url).kill_on_drop(true);
    command
}

/// Keeps every line, and passes it on while somebody listens.
async fn keep(
    from: impl AsyncRead + Unpin,
    written: Arc<Mutex<String>>,
    told: tokio::sync::mpsc::UnboundedSender<String>,
) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut written = written.lock().unwrap();
        written.push_str(&line);
        written.push('\n');
        drop(told.send(line));
    }
}
