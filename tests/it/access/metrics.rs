//! Metrics are for whoever may see them.

use identity::permission::Role;
use serde_json::json;

use super::support::Doors;
use crate::harness::node::TestNode;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_scraped_with_a_key_of_their_own() {
    let doors = Doors::open().await;
    let nobody = doors.node.client.get(doors.node.url("/metrics"));
    let nobody = doors.node.send(nobody).await.expect(401);
    assert_eq!(nobody.code(), "unauthenticated");
    assert!(nobody.headers.contains_key("www-authenticate"));

    let body = json!({ "kind": "api_key", "name": "prometheus",
                       "roles": [{ "role": "operator" }], "scopes": ["metrics.read"] });
    let (_, key) = doors.machine(body).await;
    let scraped = doors.get("/metrics", &key).await.expect(200);
    assert_eq!(scraped.headers["content-type"], "text/plain; version=0.0.4");
    // It is good for nothing else.
    let elsewhere = doors.get("/v1/ledgers", &key).await.expect(403);
    assert_eq!(elsewhere.code(), "scope_missing");

    for role in Role::ALL {
        let key = doors.node.key(&[*role]).await;
        let status = doors.get("/metrics", &key).await.status;
        let may = [Role::Operator, Role::Auditor, Role::Admin].contains(role);
        assert_eq!(status, if may { 200 } else { 403 }, "{role}");
    }
    // A role in one ledger is not one for the node.
    let roles = json!([{ "role": "auditor", "ledger": doors.node.ledger }]);
    let body = json!({ "kind": "api_key", "name": "narrow", "roles": roles });
    let (_, key) = doors.machine(body).await;
    doors.get("/metrics", &key).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_node_shows_them_to_everybody() {
    let node = TestNode::start().await;
    let reply = node.send(node.client.get(node.url("/metrics"))).await;
    reply.expect(200);
}
