//! Sessions and their tokens: rotation, reuse, ends that count at once on every node.

use reqwest::Method;
use serde_json::json;

use super::support::{Doors, PASSWORD, SignedIn};

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let next = SignedIn::of(&doors.refresh(&asha.refresh).await.expect(201));
    assert_eq!(next.session, asha.session);
    assert_ne!(next.refresh, asha.refresh);
    doors.get("/v1/me", &next.access).await.expect(200);
    let reused = doors.refresh(&asha.refresh).await.expect(401);
    assert_eq!(reused.body["code"], "refresh_token_reused");
    // Whoever holds the newest token is out as well: nobody knows who of the two is the thief.
    doors.refresh(&next.refresh).await.expect(401);
    doors.get("/v1/me", &next.access).await.expect(401);
    doors.get("/v1/me", &asha.access).await.expect(401);
    let records = doors.records(&asha.subject()).await;
    assert!(
        records.iter().any(|kind| kind == "refresh_token_reused"),
        "{records:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn race_two_refreshes_of_one_token_leave_no_two_sessions() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let (one, other) = tokio::join!(doors.refresh(&asha.refresh), doors.refresh(&asha.refresh));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401], "{} {}", one.body, other.body);
    let winner = if one.status == 201 { one } else { other };
    doors
        .refresh(winner.body["refresh_token"].as_str().unwrap())
        .await
        .expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_is_over_on_every_node() {
    let doors = Doors::open().await;
    let other = doors.another_node().await;
    let asha = doors.customer("asha@example.org").await;
    let elsewhere = async || {
        let url = format!("http://{}/v1/me", other.address);
        let request = doors.node.client.get(url).bearer_auth(&asha.access);
        doors.node.send(request).await
    };
    elsewhere().await.expect(200);
    doors.get("/v1/me", &asha.access).await.expect(200);
    let path = format!("/v1/me/sessions/{}", asha.session);
    doors
        .call(Method::DELETE, &path, Some(&asha.access), None)
        .await
        .expect(204);
    // Here at once; there when PostgreSQL has told.
    doors.get("/v1/me", &asha.access).await.expect(401);
    let mut patience = 200;
    while elsewhere().await.status == 200 {
        patience -= 1;
        assert!(patience > 0, "the other node goes on");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(
        elsewhere().await.expect(401).body["code"],
        "credential_invalid"
    );
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_have_three_sessions_and_the_oldest_makes_room() {
    let doors = Doors::open().await;
    let first = doors.customer("asha@example.org").await;
    doors
        .give_role(&first.subject(), "support", None)
        .await
        .expect(204);
    let mut newest = None;
    for _ in 0..3 {
        newest = Some(SignedIn::of(
            &doors
                .sign_in("asha@example.org", PASSWORD)
                .await
                .expect(201),
        ));
    }
    let newest = newest.unwrap();
    let listed = doors
        .get("/v1/me/sessions", &newest.access)
        .await
        .expect(200);
    let ids: Vec<&str> = listed.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["id"].as_str().unwrap())
        .collect();
    assert_eq!((ids.len(), ids[0]), (3, newest.session.as_str()));
    doors.refresh(&first.refresh).await.expect(401);
    doors
        .call(
            Method::DELETE,
            "/v1/me/sessions",
            Some(&newest.access),
            None,
        )
        .await
        .expect(204);
    doors.refresh(&newest.refresh).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_none_of_ours_are_refused_with_a_challenge() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let parts: Vec<&str> = asha.access.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let changed = format!("{}.{}x.{}", parts[0], parts[1], parts[2]);
    for token in [
        "nonsense".to_owned(),
        format!("{none}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        changed,
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        "a".repeat(7_000),
        "dbk_0000000000_unknown".to_owned(),
        "dbk_".to_owned(),
        asha.refresh.clone(),
    ] {
        let refused = doors.get("/v1/me", &token).await;
        assert_eq!(refused.status, 401, "{token}: {}", refused.body);
        assert_eq!(refused.body["code"], "credential_invalid");
        let challenge = refused.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
    let nobody = doors
        .call(Method::GET, "/v1/me", None, None)
        .await
        .expect(401);
    assert_eq!(nobody.body["code"], "unauthenticated");
    assert_eq!(
        nobody.headers["www-authenticate"],
        "Bearer realm=\"daybook\""
    );
    let basic = doors
        .node
        .client
        .get(doors.node.url("/v1/me"))
        .basic_auth("asha", Some("secret"));
    assert_eq!(
        doors.node.send(basic).await.expect(401).body["code"],
        "unauthenticated"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_counts_from_when_it_is_given_until_it_is_taken() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let read = async || doors.get(&doors.at("/trial-balance"), &asha.access).await;
    read().await.expect(403);
    doors
        .give_role(&asha.subject(), "auditor", Some(&doors.node.ledger))
        .await
        .expect(204);
    read().await.expect(200);
    // In this ledger alone.
    doors
        .post("/v1/ledgers", &doors.admin, json!({ "name": "elsewhere" }))
        .await
        .expect(201);
    doors
        .get("/v1/ledgers/elsewhere/trial-balance", &asha.access)
        .await
        .expect(403);
    let posting = doors
        .post(&doors.at("/wallets"), &asha.access, json!({ "owner": "x" }))
        .await;
    posting.expect(403);
    let path = format!(
        "/v1/subjects/{}/roles/auditor?ledger={}",
        asha.subject(),
        doors.node.ledger
    );
    doors
        .call(Method::DELETE, &path, Some(&doors.admin), None)
        .await
        .expect(204);
    read().await.expect(403);
    let again = doors.take_role(&asha.subject(), "auditor").await;
    assert_eq!(again.expect(404).body["code"], "identity_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_gives_the_second_factor_before_giving_roles() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    doors
        .give_role(&asha.subject(), "admin", None)
        .await
        .expect(204);
    let path = format!("/v1/subjects/{}/roles/operator", asha.subject());
    let give = async || {
        doors
            .call(Method::PUT, &path, Some(&asha.access), None)
            .await
    };
    let refused = give().await;
    assert_eq!(refused.expect(403).body["code"], "second_factor_needed");
}

/// Before the fix, a sign-in that had read the person before the block began its session after it.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_block_while_somebody_signs_in_leaves_no_session() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let call = async |what: &str| {
        let path = format!("/v1/people/{}/{what}", asha.person);
        doors
            .call(Method::POST, &path, Some(&doors.admin), None)
            .await
            .expect(204)
    };
    for _ in 0..5 {
        let (signed_in, _) = tokio::join!(doors.sign_in("asha@example.org", PASSWORD), async {
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
            call("block").await
        });
        call("unblock").await;
        if signed_in.status == 201 {
            let late = SignedIn::of(&signed_in);
            doors.refresh(&late.refresh).await.expect(401);
        }
    }
}

/// Before the fix, each refresh held one connection of the pool and waited for a second.
#[tokio::test(flavor = "multi_thread")]
async fn race_more_refreshes_than_connections_all_go_on() {
    let doors = Doors::open().await;
    let mut tokens = Vec::new();
    for email in ["asha@example.org", "ravi@example.org"] {
        tokens.push(doors.customer(email).await.refresh);
        for _ in 0..9 {
            let next = SignedIn::of(&doors.sign_in(email, PASSWORD).await.expect(201));
            tokens.push(next.refresh);
        }
    }
    let refreshed = tokens.iter().map(|token| doors.refresh(token));
    for reply in futures_util::future::join_all(refreshed).await {
        reply.expect(201);
    }
}
