//! From a balance back to who asked for it, and to what a gateway said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use command_api::access::four_eyes::FourEyes;
use daybook::cli::Role as Part;
use daybook::node::{AccessMode, Node};
use identity::permission::Role;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::node::{TestNode, identities, make_key, options, transfer_body};
use crate::harness::shared_nats_url;
use crate::personal::support::{EMAIL, NAME, PHONE};
use crate::personal::town::{Resident, Town};

fn payer() -> Value {
    json!({ "name": NAME, "email": EMAIL, "phone": PHONE })
}

/// Standard output of `daybook explain`.
async fn told(town: &Town, account: &str, json: bool) -> String {
    let mut command = town.command();
    command.args(["explain", "--ledger", &town.ledger, "--account", account]);
    if json {
        command.arg("--json");
    }
    let output = command.output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The webhook of which the events of a stretch came.
fn webhook_of<'a>(explained: &'a Value, command: &Value) -> &'a Value {
    let id = &command["webhook"];
    assert!(id.is_string(), "{command}");
    let webhooks = explained["webhooks"].as_array().unwrap();
    let mut found = webhooks
        .iter()
        .filter(|webhook| webhook["delivery"]["id"] == *id);
    let webhook = found.next().unwrap();
    assert!(found.next().is_none());
    webhook
}

async fn paid() -> (Town, Resident, String) {
    let town = Town::open().await;
    let asha = town.resident().await;
    town.paid(&asha.wallet, "razorpay", &payer()).await;
    town.settled().await;
    let account = format!("wallet:{}:INR", asha.wallet);
    (town, asha, account)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_leads_to_the_bytes_that_the_gateway_sent() {
    let (town, _, account) = paid().await;
    let path = town.at(&format!("/accounts/{account}/explanation"));
    let explained = town.get(&path, &town.admin).await;
    assert_eq!(explained["balance"], "500.00");
    let items = explained["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{explained}");
    let (entry, origin) = (&items[0]["entry"], &items[0]["origin"]);
    assert_eq!(entry["direction"], "credit");
    assert_eq!(entry["balance_after"], "500.00");
    assert_eq!(origin["kind"], "payment");
    assert_eq!(origin["id"], entry["deposit"]);

    // The transaction and the capture came of one command, and that of the webhook.
    let command = &items[0]["command"];
    assert_eq!(command["actor"], "system:webhooks");
    assert_eq!(command["process"], "webhooks");
    let steps = origin["steps"].as_array().unwrap();
    let captured = steps.last().unwrap();
    assert_eq!(captured["event_type"], "PaymentCaptured");
    assert_eq!(captured["command"]["command_id"], command["command_id"]);
    let webhook = webhook_of(&explained, command);
    let delivery = &webhook["delivery"];
    let id = delivery["id"].as_str().unwrap();
    let body = STANDARD.decode(webhook["body_base64"].as_str().unwrap());
    let body = body.unwrap();
    let digest: String = Sha256::digest(&body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(delivery["body_digest"], digest);
    let content = format!("/v1/webhook-deliveries/{id}/content");
    let content = town.get(&content, &town.admin).await;
    assert_eq!(webhook["body_base64"], content["body_base64"]);
    assert_eq!(webhook["headers"], content["headers"]);
    let said: Value = serde_json::from_slice(&body).unwrap();
    // Which of its webhooks about the payment was heard first is chance.
    assert_eq!(said["event"], delivery["event_type"]);
    assert!(
        said["payload"]["payment"]["entity"]["id"].is_string(),
        "{said}"
    );
    // The gateway's name of the event, as its header had it.
    let header = content["headers"].as_array().unwrap().iter();
    let event_id = header
        .filter(|header| header["name"] == "x-razorpay-event-id")
        .map(|header| header["value"].clone())
        .next()
        .unwrap();
    assert_eq!(delivery["event_id"], event_id);
    // The key names the bytes, too, in the gateway's own scope.
    let key = &command["idempotency_key"];
    assert_eq!(key["scope"], "provider/razorpay");
    assert!(key["key"].as_str().unwrap().contains(&digest), "{key}");

    // The deposit was somebody's command.
    let created = &steps[0];
    assert_eq!(created["event_type"], "PaymentCreated");
    let actor = created["command"]["actor"].as_str().unwrap();
    assert!(actor.starts_with("machine:"), "{actor}");
    assert!(created["command"]["correlation_id"].is_string());
    assert!(created["command"]["webhook"].is_null());

    // The tree says the same.
    let tree = told(&town, &account, false).await;
    let text = String::from_utf8(body.clone()).unwrap();
    let event_id = event_id.as_str().unwrap().to_owned();
    for part in [
        &*event_id,
        &digest,
        id,
        "PaymentCaptured",
        actor,
        "500.00",
        &text,
    ] {
        assert!(tree.contains(part), "{part} is not in\n{tree}");
    }
    assert!(tree.lines().count() > 5 && tree.contains("└─ "), "{tree}");
    let by_program: Value = serde_json::from_str(&told(&town, &account, true).await).unwrap();
    assert_eq!(by_program["items"], explained["items"]);
    assert_eq!(by_program["webhooks"], explained["webhooks"]);

    // From the other side the same transaction is told.
    let other = entry["counterparty"].as_str().unwrap();
    let path = town.at(&format!("/accounts/{other}:INR/explanation"));
    let other = town.get(&path, &town.admin).await;
    let mut items = other["items"].as_array().unwrap().iter();
    let same = items.find(|item| {
        let other = &item["entry"];
        other["transaction"] == entry["transaction"] && other["posting"] == entry["posting"]
    });
    assert_eq!(same.unwrap()["entry"]["direction"], "debit");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_more_of_webhooks_than_elsewhere() {
    let (town, asha, account) = paid().await;
    let path = town.at(&format!("/accounts/{account}/explanation"));
    let people = identities(town.pool());
    for role in Role::ALL {
        let key = make_key(&people, &[*role]).await;
        let (status, text) = town.call(Method::GET, &path, &key, Value::Null).await;
        let list = town.call(Method::GET, "/v1/webhook-deliveries", &key, Value::Null);
        let may_list = list.await.0 == 200;
        let log = town.at("/events");
        let may_read = town.call(Method::GET, &log, &key, Value::Null).await.0 == 200;
        if !may_read {
            assert_eq!(status, 403, "{role}: {text}");
            continue;
        }
        assert_eq!(status, 200, "{role}: {text}");
        let explained: Value = serde_json::from_str(&text).unwrap();
        let webhooks = explained["webhooks"].as_array().unwrap();
        assert_eq!(!webhooks.is_empty(), may_list, "{role}");
        let command = &explained["items"][0]["command"];
        assert_eq!(command["webhook"].is_string(), may_list, "{role}");
        // What the payer said is in the bytes alone, which are not in the clear.
        assert!(!text.contains(PHONE), "{role}");
        for webhook in webhooks {
            let id = webhook["delivery"]["id"].as_str().unwrap();
            let content = format!("/v1/webhook-deliveries/{id}/content");
            let content = town.call(Method::GET, &content, &key, Value::Null).await;
            let may_see = content.0 == 200;
            assert_eq!(webhook["body_base64"].is_string(), may_see, "{role}");
            assert_eq!(webhook["headers"].is_array(), may_see, "{role}");
            let expected = if may_see { "shown" } else { "not_permitted" };
            assert_eq!(webhook["content"], expected, "{role}");
        }
    }
    let (status, _) = town
        .call(Method::GET, &path, &asha.access, Value::Null)
        .await;
    assert_eq!(status, 403);
}

/// Where the content of webhooks takes a second person, an explanation is no way round.
#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_is_no_way_round_a_second_person() {
    let (town, _, account) = paid().await;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let mut options = options(&town.database.url, nats);
    options.roles = vec![Part::Api];
    options.access.mode = AccessMode::Required;
    options.access.four_eyes = FourEyes::try_new(&["get_webhook_content".to_owned()]).unwrap();
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let node = Node::start(options, metrics).await.unwrap();
    let path = town.at(&format!("/accounts/{account}/explanation"));
    let request = reqwest::Client::new().get(format!("http://{}{path}", node.address));
    let response = request.bearer_auth(&town.admin).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let explained: Value = response.json().await.unwrap();
    let webhooks = explained["webhooks"].as_array().unwrap();
    assert!(!webhooks.is_empty());
    for webhook in webhooks {
        assert_eq!(webhook["content"], "not_permitted");
        assert!(webhook["body_base64"].is_null() && webhook["headers"].is_null());
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_explanation() {
    let (town, asha, account) = paid().await;
    let path = town.at(&format!("/accounts/{account}/explanation"));
    let before = town.get(&path, &town.admin).await;
    let said = |explained: &Value| {
        let webhooks = explained["webhooks"].as_array().unwrap().iter();
        let bodies = webhooks.filter_map(|webhook| webhook["body_base64"].as_str());
        bodies
            .map(|body| String::from_utf8(STANDARD.decode(body).unwrap()).unwrap())
            .collect::<String>()
    };
    assert!(
        said(&before).contains(EMAIL),
        "the looking finds what is there"
    );
    let erase = town.at(&format!("/owners/{}/profile/erase", asha.person));
    let profile = town.at(&format!("/owners/{}/profile", asha.person));
    town.post(&profile, &asha.access, json!({ "name": NAME }))
        .await;
    let body = json!({ "reason": "requested" });
    let erased = town.post(&erase, &town.compliance, body).await;
    town.erased(erased["position"].as_i64().unwrap()).await;
    let after = town.get(&path, &town.admin).await;
    assert_eq!(said(&after), "");
    let webhooks = after["webhooks"].as_array().unwrap();
    assert!(!webhooks.is_empty());
    for webhook in webhooks {
        assert_eq!(webhook["content"], "forgotten");
    }
    assert_eq!(after["items"], before["items"]);
    let tree = told(&town, &account, false).await;
    assert!(tree.contains("its content was forgotten"), "{tree}");
    for plain in [NAME, EMAIL, PHONE] {
        assert!(!tree.contains(plain) && !after.to_string().contains(plain));
    }
}

/// The explanation of an account, as it is at a position.
async fn explain(node: &TestNode, account: &str, query: &str) -> Value {
    let path = format!("/accounts/{account}/explanation?{query}");
    node.get(&path).await.expect(200).body
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_told_with_the_keys_they_were_given_under() {
    let node = TestNode::start().await;
    let wallet = format!("wallet:{}", node.funded("asha", "100.00").await);
    let account = format!("{wallet}:INR");
    let body = transfer_body("system:cash", &wallet, "1.00");
    let with_key = || {
        let request = node.client.post(node.at("/transactions")).json(&body);
        node.send(request.header("Idempotency-Key", "order;7"))
    };
    let first = with_key().await.expect(201);
    // The same again has no event, and no other command's key is taken for another's.
    with_key().await.expect(201);
    let mut named = transfer_body("system:cash", &wallet, "2.00");
    let id = uuid::Uuid::now_v7().to_string();
    named["id"] = json!(id);
    node.post("/transactions", named).await.expect(201);
    let last = node
        .transfer("system:cash", &wallet, "3.00")
        .await
        .expect(201);
    let query = format!("min_position={}", last.position());
    let explained = explain(&node, &account, &query).await;
    let keys: Vec<Value> = explained["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["command"]["idempotency_key"].clone())
        .collect();
    let expected = [
        Value::Null,
        json!({ "scope": "id/anonymous", "key": id }),
        json!({ "scope": "key/anonymous", "key": "order;7" }),
        Value::Null,
    ];
    assert_eq!(keys, expected);
    assert_eq!(explained["balance"], "106.00");

    // As it stood: the statement's line is the first that is told.
    let query = format!("position={}", first.position());
    let then = explain(&node, &account, &query).await;
    assert_eq!(then["balance"], "101.00");
    assert_eq!(then["items"][0]["entry"]["position"], first.position());
    assert_eq!(then["items"].as_array().unwrap().len(), 2);
    let path = format!("/accounts/{account}/balance?{query}");
    assert_eq!(node.get(&path).await.expect(200).body["balance"], "101.00");
    let nothing = explain(&node, &account, "position=1").await;
    assert_eq!(
        (&nothing["balance"], &nothing["items"]),
        (&json!("0.00"), &json!([]))
    );
    let beyond = format!(
        "/accounts/{account}/explanation?position={}",
        last.position() + 1
    );
    assert_eq!(node.get(&beyond).await.code(), "position_unknown");
    let unknown = format!("/accounts/wallet:{}:INR/explanation", uuid::Uuid::nil());
    assert_eq!(node.get(&unknown).await.code(), "account_not_found");
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reverts_and_captures_lead_to_what_they_are_of() {
    let node = TestNode::start().await;
    let wallet = format!("wallet:{}", node.funded("asha", "100.00").await);
    let account = format!("{wallet}:INR");
    let posted = node
        .transfer(&wallet, "system:fees", "4.00")
        .await
        .expect(201);
    let revert = format!("/transactions/{}/revert", posted.id());
    node.post(&revert, json!({})).await.expect(201);
    let hold = json!({ "source": wallet, "asset": "INR", "amount": "5.00",
                       "destination": "system:fees" });
    let hold = node.post("/holds", hold).await.expect(201).id();
    let capture = format!("/holds/{hold}/capture");
    let captured = node
        .post(&capture, json!({ "amount": "2.00" }))
        .await
        .expect(201);
    let query = format!("min_position={}", captured.position());
    let explained = explain(&node, &account, &query).await;
    let items = explained["items"].as_array().unwrap();
    let types = |origin: &Value| -> Vec<String> {
        let steps = origin["steps"].as_array().unwrap().iter();
        steps
            .map(|step| step["event_type"].as_str().unwrap().to_owned())
            .collect()
    };
    let origin = &items[0]["origin"];
    assert_eq!(
        (&origin["kind"], &origin["id"]),
        (&json!("hold"), &json!(hold))
    );
    assert_eq!(types(origin), ["HoldPlaced", "HoldCaptured"]);
    let last = origin["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(
        last["command"]["command_id"],
        items[0]["command"]["command_id"]
    );
    let origin = &items[1]["origin"];
    assert_eq!(origin["kind"], "transaction");
    assert_eq!(origin["id"], posted.id());
    assert_eq!(types(origin)[0], "TransactionPosted");
    assert!(items[2]["origin"].is_null());
    assert_eq!(explained["balance"], "98.00");
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations_are_bounded_and_go_on() {
    let node = TestNode::start().await;
    let wallet = format!("wallet:{}", node.wallet("asha").await);
    let account = format!("{wallet}:INR");
    let all: Vec<Value> = (0..120)
        .map(|_| transfer_body("system:cash", &wallet, "1.00"))
        .collect();
    let body = json!({ "transactions": all, "atomicity": "all_or_nothing" });
    let posted = node.post("/transactions/batch", body).await;
    assert!(posted.status < 300, "{posted:?}");
    let head = posted.body["position"].as_i64().unwrap();
    let first = explain(&node, &account, &format!("limit=1000&min_position={head}")).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 100);
    let mut numbers = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = explain(&node, &account, &format!("limit=37{cursor}")).await;
        assert_eq!(page["balance"], "120.00");
        for item in page["items"].as_array().unwrap() {
            let entry = &item["entry"];
            let number = entry["entry_number"].as_i64().unwrap();
            assert_eq!(entry["balance_after"], format!("{number}.00"));
            numbers.push(number);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(numbers, (1..=120).rev().collect::<Vec<i64>>());
    node.node.stop().await;
}
