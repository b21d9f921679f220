use async_nats::jetstream;
use embedded_servers::{NatsServer, ServerError};

use crate::folders::{Scratch, is_alive, nats_in, wait_for};

async fn publish(client: &async_nats::Client, text: &'static str) {
    let context = jetstream::new(client.clone());
    context
        .publish("kept.word", text.into())
        .await
        .unwrap()
        .await
        .unwrap();
}

async fn messages_kept(client: &async_nats::Client) -> u64 {
    let context = jetstream::new(client.clone());
    context
        .get_stream("kept")
        .await
        .unwrap()
        .get_info()
        .await
        .unwrap()
        .state
        .messages
}

#[tokio::test]
async fn messages_survive_crash_and_restart_and_clients_come_back() {
    let scratch = Scratch::new();
    let mut server = NatsServer::start(nats_in(scratch.join("nats")).await)
        .await
        .unwrap();
    let url = server.url();
    let client = async_nats::connect(&url).await.unwrap();
    let config = jetstream::stream::Config {
        name: "kept".into(),
        subjects: vec!["kept.>".into()],
        ..Default::default()
    };
    jetstream::new(client.clone())
        .create_stream(config)
        .await
        .unwrap();
    publish(&client, "first").await;

    server.kill().await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(server.url(), url);
    wait_for("the client to reconnect", || {
        client.connection_state() == async_nats::connection::State::Connected
    })
    .await;
    assert_eq!(messages_kept(&client).await, 1);
    publish(&client, "second").await;

    let pid = server.pid();
    server.stop().await.unwrap();
    assert!(!is_alive(pid));
    let server = NatsServer::start(nats_in(scratch.join("nats")).await)
        .await
        .unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    assert_eq!(messages_kept(&client).await, 2);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn with_a_password_strangers_on_the_same_machine_are_refused() {
    let scratch = Scratch::new();
    let options = nats_in(scratch.join("nats")).await.with_password();
    let mut server = NatsServer::start(options).await.unwrap();
    let stranger = async_nats::connect(format!("127.0.0.1:{}", server.port())).await;
    stranger.unwrap_err();

    let secret = std::fs::read_to_string(scratch.join("nats/nats.secret")).unwrap();
    assert_eq!(
        server.url(),
        format!("nats://daybook:{secret}@127.0.0.1:{}", server.port())
    );
    assert!(
        !format!("{server:?}").contains(&secret),
        "the password is in the debug output"
    );
    server.restart().await.unwrap();
    let known = async_nats::ConnectOptions::with_user_and_password("daybook".into(), secret);
    known.connect(server.url()).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_owner_is_refused_and_told_who_the_first_is() {
    let scratch = Scratch::new();
    let server = NatsServer::start(nats_in(scratch.join("nats")).await)
        .await
        .unwrap();
    match NatsServer::start(nats_in(scratch.join("nats")).await)
        .await
        .unwrap_err()
    {
        ServerError::AlreadyRunning { pid, .. } => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other}"),
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named_in_the_error() {
    let scratch = Scratch::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = nats_in(scratch.join("it's a \"path\""))
        .await
        .with_port(port);
    let refused = NatsServer::start(options).await.unwrap_err();
    assert!(
        refused.to_string().contains("address already in use"),
        "{refused}"
    );
}

#[tokio::test]
async fn streams_are_made_however_little_of_the_disk_is_free() {
    let scratch = Scratch::new();
    let server = NatsServer::start(nats_in(scratch.join("nats")).await)
        .await
        .unwrap();
    let client = async_nats::connect(&server.url()).await.unwrap();
    let context = jetstream::new(client);
    // Together more than a disk has.
    for number in 0..64 {
        let config = jetstream::stream::Config {
            name: format!("stream-{number}"),
            subjects: vec![format!("stream.{number}.>")],
            max_bytes: 1 << 40,
            ..Default::default()
        };
        context.create_stream(config).await.unwrap();
    }
    server.stop().await.unwrap();
}
