use embedded_servers::{KeptServer, NatsServer, PostgresServer};
use rustix::process::{Signal, kill_process};
use sqlx::{Connection, PgConnection};

use crate::folders::{Scratch, is_alive, nats_in, pid_of, postgres_in, wait_for};

#[tokio::test]
async fn a_killed_server_comes_back_at_the_same_address() {
    let scratch = Scratch::new();
    let postgres = PostgresServer::start(postgres_in(scratch.join("data")).await)
        .await
        .unwrap();
    let nats = NatsServer::start(nats_in(scratch.join("nats")).await)
        .await
        .unwrap();
    let (postgres_url, nats_url) = (postgres.database_url("postgres"), nats.url());
    let (postgres_pid, nats_pid) = (postgres.pid(), nats.pid());
    let (postgres, nats) = (KeptServer::keep(postgres), KeptServer::keep(nats));

    kill_process(pid_of(postgres_pid), Signal::KILL).unwrap();
    kill_process(pid_of(nats_pid), Signal::KILL).unwrap();
    wait_for("both ends", || {
        !is_alive(postgres_pid) && !is_alive(nats_pid)
    })
    .await;
    let mut tries = 0;
    while PgConnection::connect(&postgres_url).await.is_err() {
        tries += 1;
        assert!(tries < 300, "PostgreSQL did not come back");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    while async_nats::connect(&nats_url).await.is_err() {
        tries += 1;
        assert!(tries < 300, "nats-server did not come back");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    postgres.stop().await.unwrap();
    nats.stop().await.unwrap();
    PgConnection::connect(&postgres_url).await.unwrap_err();
}

#[tokio::test]
async fn a_server_that_cannot_start_again_is_given_up() {
    let scratch = Scratch::new();
    let postgres = PostgresServer::start(postgres_in(scratch.join("data")).await)
        .await
        .unwrap();
    let pid = postgres.pid();
    let mut kept = KeptServer::keep(postgres);
    std::fs::write(scratch.join("data/cluster/PG_VERSION"), "14\n").unwrap();
    kill_process(pid_of(pid), Signal::KILL).unwrap();
    assert_eq!(kept.given_up().await.code(), "server_keeps_ending");
}
