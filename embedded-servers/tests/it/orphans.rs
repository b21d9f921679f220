//! Servers whose owner dies without a word. The test binary runs itself again as the owner.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use embedded_servers::{NatsServer, PostgresServer, ServerError};
use rustix::process::{Signal, getpgid, kill_process};

use crate::folders::{Scratch, is_alive, nats_in, pid_of, postgres_in, wait_for};

const OWNER_DIRECTORY: &str = "EMBEDDED_SERVERS_TEST_OWNER";

struct Owner {
    process: Child,
    postgres_pid: u32,
    nats_pid: u32,
    /// A child of the owner that has nothing to do with the servers and outlives the owner.
    bystander_pid: u32,
}

/// Not a test by itself: the body of the owner process, see [`start_owner`].
#[tokio::test]
async fn play_owner() {
    let Some(directory) = std::env::var_os(OWNER_DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let postgres = PostgresServer::start(postgres_in(directory.join("data")).await)
        .await
        .unwrap();
    let nats = NatsServer::start(nats_in(directory.join("nats")).await)
        .await
        .unwrap();
    let mut bystander = Command::new("sleep").arg("300").spawn().unwrap();
    let pids = format!("{} {} {}", postgres.pid(), nats.pid(), bystander.id());
    std::fs::write(directory.join("pids.partial"), pids).unwrap();
    std::fs::rename(directory.join("pids.partial"), directory.join("pids")).unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    bystander.wait().unwrap();
}

async fn start_owner(directory: &Path) -> Owner {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["orphans::play_owner", "--exact", "--nocapture"])
        .env(OWNER_DIRECTORY, directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pids = directory.join("pids");
    wait_for("the owner's servers", || {
        assert!(process.try_wait().unwrap().is_none(), "the owner ended");
        pids.exists()
    })
    .await;
    let text = std::fs::read_to_string(pids).unwrap();
    let mut numbers = text.split(' ').map(|pid| pid.parse().unwrap());
    let mut next = || numbers.next().unwrap();
    Owner {
        process,
        postgres_pid: next(),
        nats_pid: next(),
        bystander_pid: next(),
    }
}

#[tokio::test]
async fn servers_die_with_an_owner_that_is_killed_and_start_again_at_once() {
    let scratch = Scratch::new();
    let mut owner = start_owner(&scratch.path).await;
    match PostgresServer::start(postgres_in(scratch.join("data")).await)
        .await
        .unwrap_err()
    {
        ServerError::AlreadyRunning { pid, .. } => assert_eq!(pid, Some(owner.process.id())),
        other => panic!("{other}"),
    }

    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    // No pause: the start itself waits for the last of the orphans.
    let postgres = PostgresServer::start(postgres_in(scratch.join("data")).await)
        .await
        .unwrap();
    let nats = NatsServer::start(nats_in(scratch.join("nats")).await)
        .await
        .unwrap();
    assert!(!is_alive(owner.postgres_pid) && !is_alive(owner.nats_pid));
    assert!(
        is_alive(owner.bystander_pid),
        "the bystander had to outlive the owner"
    );
    kill_process(pid_of(owner.bystander_pid), Signal::KILL).unwrap();
    postgres.stop().await.unwrap();
    nats.stop().await.unwrap();
}

#[tokio::test]
async fn servers_are_out_of_reach_of_the_terminal() {
    let scratch = Scratch::new();
    let mut owner = start_owner(&scratch.path).await;
    let group_of = |pid| getpgid(Some(pid_of(pid))).unwrap();
    let owner_group = group_of(owner.process.id());
    assert_eq!(group_of(owner.bystander_pid), owner_group);
    assert_ne!(group_of(owner.postgres_pid), owner_group);
    assert_ne!(group_of(owner.nats_pid), owner_group);

    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    kill_process(pid_of(owner.bystander_pid), Signal::KILL).unwrap();
    wait_for("the orphans' end", || {
        !is_alive(owner.postgres_pid) && !is_alive(owner.nats_pid)
    })
    .await;
}

#[tokio::test]
async fn dropping_a_server_stops_it() {
    let scratch = Scratch::new();
    let server = NatsServer::start(nats_in(scratch.join("nats")).await)
        .await
        .unwrap();
    let pid = server.pid();
    drop(server);
    wait_for("the dropped server's end", || !is_alive(pid)).await;
}
