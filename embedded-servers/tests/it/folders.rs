//! Scratch folders and the servers' programs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use embedded_servers::{BinarySearch, NatsOptions, PostgresOptions};

/// A folder that is removed at the end of a test that passed.
pub struct Scratch {
    pub path: PathBuf,
}

impl Scratch {
    pub fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("embedded-servers-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

pub fn search() -> BinarySearch {
    let given = std::env::var_os("DAYBOOK_SERVERS_DIR").map(PathBuf::from);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    BinarySearch::new().with_cache_dir(given.unwrap_or_else(|| workspace.join(".daybook/servers")))
}

pub async fn postgres_in(data_dir: impl Into<PathBuf>) -> PostgresOptions {
    PostgresOptions::new(search().find_postgres().await.unwrap(), data_dir)
}

pub async fn nats_in(data_dir: impl Into<PathBuf>) -> NatsOptions {
    NatsOptions::new(search().find_nats_server().await.unwrap(), data_dir)
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn pid_of(raw: u32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(raw).unwrap()).unwrap()
}

pub fn is_alive(pid: u32) -> bool {
    match rustix::process::test_kill_process(pid_of(pid)) {
        Ok(()) => true,
        Err(errno) => errno == rustix::io::Errno::PERM,
    }
}

/// Waits up to 30 s until `condition` holds.
pub async fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
