//! What needs a second person.

use command_api::access::four_eyes::FourEyes;
use identity::permission::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Doors, SignedIn};
use crate::harness::node::{Reply, transfer_body};

/// A node where reverting, giving roles and making machines needs two.
async fn doors() -> Doors {
    let operations = ["revert_transaction", "give_role", "make_machine"];
    let operations = operations.map(str::to_owned);
    Doors::with(move |access| access.four_eyes = FourEyes::try_new(&operations).unwrap()).await
}

/// Somebody with a role and a second factor just given; roles are given past the door, where two are needed.
async fn staff(doors: &Doors, email: &str, role: Role) -> SignedIn {
    let person = doors.customer(email).await;
    doors.step_up(&person).await;
    doors.employ(&person, role).await;
    person
}

async fn decide(doors: &Doors, who: &str, approval: &str, decision: &str) -> Reply {
    let path = format!("/v1/approvals/{approval}/decision");
    doors
        .post(&path, who, json!({ "decision": decision }))
        .await
}

/// A transaction that can be reverted, and the path that does it.
async fn posted(doors: &Doors, operator: &SignedIn) -> String {
    let body = transfer_body("system:cash", "system:fees", "5.00");
    let posted = doors
        .post(&doors.at("/transactions"), &operator.access, body)
        .await;
    let id = posted.expect(201).id();
    doors.at(&format!("/transactions/{id}/revert"))
}

fn waiting(reply: Reply) -> String {
    let reply = reply.expect(403);
    assert_eq!(reply.code(), "approval_needed");
    reply.body["context"]["approval"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_counts_once_when_a_second_person_has_allowed_it() {
    let doors = doors().await;
    let asha = staff(&doors, "asha@example.org", Role::Operator).await;
    let ravi = staff(&doors, "ravi@example.org", Role::Operator).await;
    let revert = posted(&doors, &asha).await;
    let body = json!({ "reference": "a mistake" });
    let ask = || doors.post(&revert, &asha.access, body.clone());

    let approval = waiting(ask().await);
    assert_eq!(
        waiting(ask().await),
        approval,
        "the same request waits once"
    );
    let seen = doors
        .get(&format!("/v1/approvals/{approval}"), &ravi.access)
        .await;
    let seen = seen.expect(200).body;
    assert_eq!(seen["status"], "waiting");
    assert_eq!(seen["operation"], "revert_transaction");
    assert_eq!(seen["requested_by"], asha.subject());
    assert_eq!(seen["target"], revert);
    let shown: Value = serde_json::from_str(seen["body"].as_str().unwrap()).unwrap();
    assert_eq!(shown, body);

    let decided = decide(&doors, &ravi.access, &approval, "approve").await;
    assert_eq!(decided.expect(200).body["status"], "approved");
    let other = json!({ "reference": "something else" });
    let other = waiting(doors.post(&revert, &asha.access, other).await);
    assert_ne!(other, approval, "an approval is for one body");
    let ravis = waiting(doors.post(&revert, &ravi.access, body.clone()).await);
    assert_ne!(ravis, approval, "an approval is for who asked");

    ask().await.expect(201);
    let again = waiting(ask().await);
    assert_ne!(again, approval, "an approval is used up");
    let kinds = doors.records(&asha.subject()).await;
    for kind in ["approval_requested", "approval_given", "approval_used"] {
        assert!(kinds.iter().any(|known| known == kind), "{kind}: {kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_its_key_may_come_again_after_it_was_carried_out() {
    let doors = doors().await;
    let asha = staff(&doors, "asha@example.org", Role::Operator).await;
    let ravi = staff(&doors, "ravi@example.org", Role::Operator).await;
    let revert = posted(&doors, &asha).await;
    let ask = |key: &'static str| {
        let request = doors
            .node
            .client
            .post(doors.node.url(&revert))
            .bearer_auth(&asha.access)
            .header("idempotency-key", key)
            .json(&json!({}));
        doors.node.send(request)
    };
    let approval = waiting(ask("one").await);
    decide(&doors, &ravi.access, &approval, "approve")
        .await
        .expect(200);
    let first = ask("one").await.expect(201);
    let again = ask("one").await.expect(201);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(first.id(), again.id());
    waiting(ask("two").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_person_is_another_one_who_may_do_it_and_is_there() {
    let doors = doors().await;
    let asha = staff(&doors, "asha@example.org", Role::Operator).await;
    let revert = posted(&doors, &asha).await;
    let approval = waiting(doors.post(&revert, &asha.access, json!({})).await);

    let own = decide(&doors, &asha.access, &approval, "approve").await;
    assert_eq!(own.expect(403).code(), "approval_own_request");
    let key = doors.node.key(&[Role::Operator]).await;
    let machine = decide(&doors, &key, &approval, "approve").await;
    assert_eq!(machine.expect(403).code(), "approver_not_a_person");
    let cara = staff(&doors, "cara@example.org", Role::Compliance).await;
    let other_role = decide(&doors, &cara.access, &approval, "approve").await;
    assert_eq!(other_role.expect(403).code(), "forbidden");
    let audit = staff(&doors, "audit@example.org", Role::Auditor).await;
    let auditor = decide(&doors, &audit.access, &approval, "approve").await;
    assert_eq!(auditor.expect(403).code(), "forbidden");
    let dev = doors.customer("dev@example.org").await;
    doors.employ(&dev, Role::Operator).await;
    let without_factor = decide(&doors, &dev.access, &approval, "approve").await;
    assert_eq!(without_factor.expect(403).code(), "second_factor_needed");

    let ravi = staff(&doors, "ravi@example.org", Role::Operator).await;
    let refused = decide(&doors, &ravi.access, &approval, "refuse").await;
    assert_eq!(refused.expect(200).body["status"], "refused");
    let late = decide(&doors, &ravi.access, &approval, "approve").await;
    assert_eq!(late.expect(409).code(), "approval_decided");
    let unknown = "0190b8a2-5b7e-7c3d-8f00-000000000001";
    let nothing = decide(&doors, &ravi.access, unknown, "approve").await;
    assert_eq!(nothing.expect(404).code(), "identity_not_found");
    let anew = waiting(doors.post(&revert, &asha.access, json!({})).await);
    assert_ne!(anew, approval, "what was refused is asked anew");

    sqlx::query("UPDATE identity.approval SET expires_at = now() WHERE id = $1::uuid")
        .bind(&anew)
        .execute(doors.node.node.database.pool())
        .await
        .unwrap();
    let expired = decide(&doors, &ravi.access, &anew, "approve").await;
    assert_eq!(expired.expect(409).code(), "approval_expired");
    assert_ne!(
        waiting(doors.post(&revert, &asha.access, json!({})).await),
        anew
    );
}

/// Nobody asks through a key of theirs and decides as themselves.
#[tokio::test(flavor = "multi_thread")]
async fn who_made_a_machine_is_no_second_person_for_it() {
    let operations = ["revert_transaction".to_owned()];
    let doors =
        Doors::with(move |access| access.four_eyes = FourEyes::try_new(&operations).unwrap()).await;
    let asha = staff(&doors, "asha@example.org", Role::Admin).await;
    let ravi = staff(&doors, "ravi@example.org", Role::Operator).await;
    let body = json!({ "kind": "api_key", "name": "shop", "roles": [{ "role": "service" }] });
    let made = doors.post("/v1/machines", &asha.access, body).await;
    let key = made.expect(201).body["secret"].as_str().unwrap().to_owned();
    let revert = posted(&doors, &ravi).await;
    let approval = waiting(doors.post(&revert, &key, json!({})).await);
    let own = decide(&doors, &asha.access, &approval, "approve").await;
    assert_eq!(own.expect(403).code(), "approval_own_request");
    let other = decide(&doors, &ravi.access, &approval, "approve").await;
    assert_eq!(other.expect(200).body["status"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_one_who_asked_may_no_more_is_not_carried_out() {
    let doors = doors().await;
    let asha = staff(&doors, "asha@example.org", Role::Operator).await;
    let ravi = staff(&doors, "ravi@example.org", Role::Operator).await;
    let revert = posted(&doors, &asha).await;
    let approval = waiting(doors.post(&revert, &asha.access, json!({})).await);
    decide(&doors, &ravi.access, &approval, "approve")
        .await
        .expect(200);
    doors.dismiss(&asha, Role::Operator).await;
    let refused = doors.post(&revert, &asha.access, json!({})).await;
    assert_eq!(refused.expect(403).code(), "forbidden");
}

/// Of many who send the approved request at once, one is let through.
#[tokio::test(flavor = "multi_thread")]
async fn race_an_approval_is_used_by_one_request() {
    let doors = doors().await;
    let boss = staff(&doors, "boss@example.org", Role::Admin).await;
    let chief = staff(&doors, "chief@example.org", Role::Admin).await;
    let body = json!({ "kind": "api_key", "name": "shop", "roles": [{ "role": "service" }] });
    let ask = || doors.post("/v1/machines", &boss.access, body.clone());
    let approval = waiting(ask().await);
    decide(&doors, &chief.access, &approval, "approve")
        .await
        .expect(200);
    let replies = futures_util::future::join_all((0..12).map(|_| ask())).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(made, 1, "{replies:?}");
    let rest = replies.iter().filter(|reply| reply.status != 201);
    for reply in rest {
        assert_eq!(reply.code(), "approval_needed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_and_too_many_do_not_wait() {
    let doors = doors().await;
    let boss = staff(&doors, "boss@example.org", Role::Admin).await;
    let text = doors
        .node
        .client
        .post(doors.node.url("/v1/machines"))
        .bearer_auth(&boss.access)
        .header("content-type", "application/json")
        .body(vec![0xff, 0xfe]);
    assert_eq!(
        doors.node.send(text).await.expect(400).code(),
        "malformed_json"
    );
    for index in 0..100 {
        let body = json!({ "kind": "api_key", "name": format!("shop {index}"), "roles": [] });
        waiting(doors.post("/v1/machines", &boss.access, body).await);
    }
    let body = json!({ "kind": "api_key", "name": "one more", "roles": [] });
    let refused = doors.post("/v1/machines", &boss.access, body).await;
    assert_eq!(refused.expect(429).code(), "too_many_approvals");
    let listed = doors
        .get("/v1/approvals?waiting=true&limit=1000", &boss.access)
        .await;
    assert_eq!(
        listed.expect(200).body["items"].as_array().unwrap().len(),
        100
    );
    let path = format!("/v1/subjects/{}/roles/support", boss.subject());
    let role = doors
        .call(Method::PUT, &path, Some(&boss.access), None)
        .await;
    assert_eq!(role.expect(429).code(), "too_many_approvals");
}
