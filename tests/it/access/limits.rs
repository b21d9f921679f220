//! How often somebody may ask: each address, account and key by itself, exactly, and said in the answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use command_api::EdgeSettings;
use command_api::client_address::TrustedProxies;
use command_api::limits::{Allowance, LimitSettings};
use identity::permission::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Doors, PASSWORD, SignedIn};
use crate::harness::node::{Reply, TestNode, transfer_body};

/// So many in an hour: nothing comes back while a test runs.
const fn hourly(requests: u32) -> Allowance {
    Allowance {
        requests,
        seconds: 3_600,
    }
}

/// Limits, behind a proxy on this machine that says where requests come from.
fn behind_proxy(set: impl FnOnce(&mut LimitSettings)) -> EdgeSettings {
    let mut limits = LimitSettings::OFF;
    set(&mut limits);
    EdgeSettings {
        limits,
        trusted_proxies: TrustedProxies::try_new(&["127.0.0.0/8".to_owned()]).unwrap(),
        ..EdgeSettings::default()
    }
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// A refusal says when to come again, and the fields say the same.
fn check_refusal(reply: &Reply, limit: &str) {
    assert_eq!(
        (reply.status, reply.code()),
        (429, "too_many_requests"),
        "{reply:?}"
    );
    assert_eq!(header(reply, "content-type"), "application/problem+json");
    assert_eq!(reply.body["retryable"], true);
    assert_eq!(reply.body["context"]["limit"], limit);
    let seconds: u64 = header(reply, "retry-after").parse().unwrap();
    assert!(seconds >= 1, "{reply:?}");
    let standing = format!("\"{limit}\";r=0;t={seconds}");
    assert!(header(reply, "ratelimit").contains(&standing), "{reply:?}");
    let policy = format!("\"{limit}\";q=");
    assert!(
        header(reply, "ratelimit-policy").contains(&policy),
        "{reply:?}"
    );
}

/// A sign-in as a proxy passes it on; `forwarded` is the header as it arrives here.
async fn sign_in_from(node: &TestNode, forwarded: &str, password: &str) -> Reply {
    let body = json!({ "email": "asha@example.org", "password": password });
    let request = node
        .client
        .post(node.url("/v1/sessions"))
        .header("x-forwarded-for", forwarded)
        .json(&body);
    node.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_keys_have_limits_of_their_own() {
    let doors = Doors::open_at(behind_proxy(|limits| {
        limits.account.queries = hourly(3);
        limits.key.queries = hourly(2);
    }))
    .await;
    let asha = doors.customer("asha@example.org").await;
    let ravi = doors.customer("ravi@example.org").await;
    for left in [2, 1, 0] {
        let reply = doors.get("/v1/me", &asha.access).await.expect(200);
        assert_eq!(
            header(&reply, "ratelimit-policy"),
            r#""account.queries";q=3;w=3600"#
        );
        let standing = format!("\"account.queries\";r={left};t=");
        assert!(
            header(&reply, "ratelimit").starts_with(&standing),
            "{reply:?}"
        );
    }
    // The account counts, not the token.
    let again = SignedIn::of(
        &doors
            .sign_in("asha@example.org", PASSWORD)
            .await
            .expect(201),
    );
    for token in [&asha.access, &again.access] {
        check_refusal(&doors.get("/v1/me", token).await, "account.queries");
    }
    doors.get("/v1/me", &ravi.access).await.expect(200);
    // What changes something is counted apart.
    doors
        .call(Method::DELETE, "/v1/me/sessions", Some(&asha.access), None)
        .await
        .expect(204);

    let keys = [
        doors.node.key(&[Role::Auditor]).await,
        doors.node.key(&[Role::Auditor]).await,
    ];
    for key in &keys {
        for _ in 0..2 {
            doors.get("/v1/ledgers", key).await.expect(200);
        }
        check_refusal(&doors.get("/v1/ledgers", key).await, "key.queries");
        // Also where the key may do nothing, and where nothing is.
        check_refusal(&doors.get("/v1/people/rubbish", key).await, "key.queries");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tokens_of_a_client_are_one() {
    let doors = Doors::open_at(behind_proxy(|limits| limits.key.queries = hourly(2))).await;
    let body = json!({ "kind": "client", "name": "shop", "roles": [{ "role": "auditor" }] });
    let (id, secret) = doors.machine(body).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let request = doors
            .node
            .client
            .post(doors.node.url("/oauth/token"))
            .basic_auth(&id, Some(&secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let issued = doors.node.send(request).await.expect(200);
        let token = issued.body["access_token"].as_str().unwrap();
        statuses.push(doors.get("/v1/ledgers", token).await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_guesses_is_stopped_whatever_it_says_of_itself() {
    let doors = Doors::open_at(behind_proxy(|limits| limits.address.sign_in = hourly(5))).await;
    let node = &doors.node;
    // Registered and verified from the proxy itself: one of its own five is used.
    doors.customer("asha@example.org").await;
    let guesser = "198.51.100.66";
    let mut claims = [
        "",
        "127.0.0.1, ",
        "203.0.113.1, ",
        "unknown, ",
        "10.0.0.1,,",
    ]
    .into_iter();
    for _ in 0..2 {
        let claim = claims.next().unwrap();
        let forwarded = format!("{claim}{guesser}");
        let reply = sign_in_from(node, &forwarded, "wrong horse battery staple").await;
        assert_eq!(reply.code(), "invalid_credentials");
        assert!(header(&reply, "ratelimit").starts_with("\"address.sign_in\";r="));
    }
    for claim in claims {
        let forwarded = format!("{claim}{guesser}");
        sign_in_from(node, &forwarded, PASSWORD).await.expect(201);
    }
    for claim in ["", "203.0.113.9, ", "::1, "] {
        let forwarded = format!("{claim}{guesser}");
        check_refusal(
            &sign_in_from(node, &forwarded, PASSWORD).await,
            "address.sign_in",
        );
    }
    // Every door at which secrets are taken is the same limit.
    for (path, body) in [
        ("/v1/password-resets/confirmation", json!({})),
        (
            "/v1/people/0190b8a2-5b7e-7c3d-8f00-000000000001/verification",
            json!({}),
        ),
        ("/oauth/token", json!({})),
        ("/oauth/introspect", json!({})),
    ] {
        let request = node
            .client
            .post(node.url(path))
            .header("x-forwarded-for", guesser)
            .json(&body);
        check_refusal(&node.send(request).await, "address.sign_in");
    }
    sign_in_from(node, "198.51.100.67", PASSWORD)
        .await
        .expect(201);
    // One network of IPv6 is one address, however many there are in it.
    for host in 1..=5 {
        let forwarded = format!("2001:db8:7:7::{host}");
        sign_in_from(node, &forwarded, PASSWORD).await.expect(201);
    }
    check_refusal(
        &sign_in_from(node, "2001:db8:7:7:ffff::9", PASSWORD).await,
        "address.sign_in",
    );
    sign_in_from(node, "2001:db8:7:8::1", PASSWORD)
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trusted_proxies_nobody_can_say_they_are_somebody_else() {
    let mut edge = behind_proxy(|limits| limits.address.sign_in = hourly(3));
    edge.trusted_proxies = TrustedProxies::default();
    let doors = Doors::open_at(edge).await;
    for host in 1..=3 {
        let forwarded = format!("198.51.100.{host}");
        let reply = sign_in_from(&doors.node, &forwarded, PASSWORD).await;
        assert_eq!(reply.code(), "invalid_credentials");
    }
    for forwarded in ["198.51.100.4", "127.0.0.2", "::1"] {
        let refused = sign_in_from(&doors.node, forwarded, PASSWORD).await;
        check_refusal(&refused, "address.sign_in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_loses_nothing_and_succeeds_when_it_is_time() {
    let doors = Doors::open_at(behind_proxy(|limits| {
        limits.account.commands = hourly(1);
        limits.key.commands = Allowance {
            requests: 3,
            seconds: 6,
        };
    }))
    .await;
    let key = doors.node.key(&[Role::Service]).await;
    let wallet = json!({ "owner": "asha" });
    let made = doors.post(&doors.at("/wallets"), &key, wallet).await;
    let wallet = format!("wallet:{}", made.expect(201).id());
    let mut body = transfer_body("system:cash", &wallet, "1.00");
    body["id"] = Uuid::now_v7().to_string().into();
    let path = doors.at("/transactions");
    let mut refused = None;
    // As a client does it: ask, wait as long as is said, ask again.
    for _ in 0..2 {
        doors
            .post(&path, &key, transfer_body("system:cash", &wallet, "5.00"))
            .await
            .expect(201);
    }
    let posted = loop {
        let reply = doors.post(&path, &key, body.clone()).await;
        if reply.status != 429 {
            break reply;
        }
        check_refusal(&reply, "key.commands");
        let seconds = header(&reply, "retry-after").parse().unwrap();
        assert!((1..=2).contains(&seconds), "{reply:?}");
        refused = Some(reply);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    };
    assert!(refused.is_some());
    let posted = posted.expect(201);
    assert!(!posted.headers.contains_key("idempotent-replayed"));
    let account = format!("/accounts/{wallet}:INR?min_position={}", posted.position());
    let account = doors
        .get(&doors.at(&account), &doors.admin)
        .await
        .expect(200);
    assert_eq!(account.body["balance"], "11.00");
}

/// Sends a large body at the pace of a network and reads nothing before all of it is sent, as many clients
/// do; what it then reads.
fn send_slowly(address: SocketAddr, path: &str, key: &str) -> std::io::Result<String> {
    const CHUNKS: usize = 32;
    let chunk = [b'x'; 48 * 1024];
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: daybook\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        CHUNKS * chunk.len()
    )?;
    for _ in 0..CHUNKS {
        stream.write_all(&chunk)?;
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A client that is still sending when it is refused sees why, and not a broken connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_is_refused_in_words() {
    let doors = Doors::open_at(behind_proxy(|limits| {
        limits.key.commands = hourly(1);
    }))
    .await;
    let key = doors.node.key(&[Role::Service]).await;
    let wallet = json!({ "owner": "asha" });
    doors
        .post(&doors.at("/wallets"), &key, wallet)
        .await
        .expect(201);
    let (address, path) = (doors.here(), doors.at("/transactions/batch"));
    let sent = tokio::task::spawn_blocking(move || send_slowly(address, &path, &key));
    let answer = sent.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("too_many_requests"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_streams_count_by_address_and_by_who_opens_them() {
    let doors = Doors::open_at(behind_proxy(|limits| {
        limits.address.streams = hourly(4);
        limits.account.streams = hourly(2);
        limits.key.streams = hourly(1);
    }))
    .await;
    let here = doors.here();
    let key = doors.node.key(&[Role::Auditor]).await;
    let opened = doors.read(here, "", &key).await;
    assert_eq!(opened.status(), 200);
    let told = opened.headers()["ratelimit"].to_str().unwrap();
    assert!(told.starts_with("\"address.streams\";r=3;t="), "{told}");
    assert!(told.contains("\"key.streams\";r=0;t="), "{told}");
    let refused = doors.read(here, "", &key).await;
    assert_eq!(refused.status(), 429);
    assert!(
        refused.headers()["ratelimit"]
            .to_str()
            .unwrap()
            .contains("\"key.streams\";r=0;t=")
    );
    let seconds: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((3_590..=3_600).contains(&seconds), "{seconds}");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["code"], "too_many_requests");

    // Tickets stand for who asked for them.
    let asha = doors.customer("asha@example.org").await;
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let ticket = doors
            .call(Method::POST, "/v1/stream-tickets", Some(&asha.access), None)
            .await
            .expect(201);
        let query = format!("?ticket={}", ticket.body["ticket"].as_str().unwrap());
        let followed = doors.try_follow(here, &query, None).await;
        outcomes.push(
            followed
                .map(drop)
                .map_err(|refused| (refused.status, refused.code)),
        );
    }
    assert_eq!(outcomes, [Ok(()), Ok(())]);
    // Four came from here: the fifth is refused before anybody is asked.
    for credential in [Some(asha.access.as_str()), Some("nonsense"), None] {
        let refused = doors.try_follow(here, "", credential).await.err().unwrap();
        assert_eq!(
            (refused.status, refused.code.as_str()),
            (429, "too_many_requests")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_never_refused_and_limits_that_are_off_are_not_told() {
    let doors = Doors::open_at(behind_proxy(|limits| limits.address.queries = hourly(1))).await;
    doors.get("/openapi.json", &doors.admin).await.expect(200);
    check_refusal(
        &doors.get("/openapi.json", &doors.admin).await,
        "address.queries",
    );
    check_refusal(
        &doors.get("/metrics", &doors.admin).await,
        "address.queries",
    );
    for path in ["/health/live", "/health/ready"] {
        for _ in 0..5 {
            let reply = doors.get(path, &doors.admin).await.expect(200);
            assert!(!reply.headers.contains_key("ratelimit"), "{reply:?}");
        }
    }
    let command = doors
        .post("/v1/ledgers", &doors.admin, json!({ "name": "other" }))
        .await
        .expect(201);
    assert!(!command.headers.contains_key("ratelimit"));
    assert!(!command.headers.contains_key("ratelimit-policy"));
}

/// Sessions show where they were opened, through the proxy.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_show_the_client_and_not_the_proxy() {
    let doors = Doors::open_at(behind_proxy(|_| {})).await;
    doors.customer("asha@example.org").await;
    let reply = sign_in_from(&doors.node, "198.51.100.7", PASSWORD).await;
    let asha = SignedIn::of(&reply.expect(201));
    let sessions = doors.get("/v1/me/sessions", &asha.access).await.expect(200);
    let session = sessions.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["id"] == asha.session.as_str())
        .unwrap()
        .clone();
    assert_eq!(session["address"], "198.51.100.7");
}
