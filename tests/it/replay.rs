//! The log replayed over REST and by the program: everything, and what passes a filter.

use chrono::{DateTime, Utc};
use connectors::simulators::PayerChoice;
use serde_json::{Value, json};

use crate::harness::node::{Reply, TestNode};
use crate::payments::support::World;

/// The events that a replay has.
async fn replayed(node: &TestNode, query: &str) -> Vec<Value> {
    let reply = node.get(&format!("/events?{query}")).await.expect(200);
    match reply.body {
        // One line alone is JSON.
        Value::Object(line) => vec![Value::Object(line)],
        Value::String(lines) => lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        other => panic!("{other}"),
    }
}

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["event_type"].as_str().unwrap())
        .collect()
}

async fn state(node: &TestNode, path: &str) -> Reply {
    node.get(&format!("/aggregates/{path}")).await
}

/// Asha has deposited five rupees by a gateway and sent one to Ravi.
async fn lived() -> (World, TestNode, String, String) {
    let (world, node) = World::start().await;
    let (asha, ravi) = (node.wallet("asha").await, node.wallet("ravi").await);
    node.transfer("system:cash", &format!("wallet:{ravi}"), "1.00")
        .await
        .expect(201);
    let payment = world.deposit(&node, &asha, 500).await;
    let page = world.page(payment, "razorpay").await;
    world
        .razorpay
        .control()
        .pay(&page, PayerChoice::Pay)
        .unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    let (from, to) = (format!("wallet:{asha}"), format!("wallet:{ravi}"));
    node.transfer(&from, &to, "1.00").await.expect(201);
    (world, node, asha, payment.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_replayed_with_its_payments_and_without_other_wallets() {
    let (_world, node, asha, payment) = lived().await;
    let all = replayed(&node, "after=0").await;
    let of_asha = replayed(&node, &format!("wallet={asha}")).await;
    let told = types(&of_asha);
    assert_eq!(told[0], "WalletOpened", "{told:?}");
    for name in ["PaymentCreated", "PaymentCaptured", "TransactionPosted"] {
        assert!(told.contains(&name), "{name}: {told:?}");
    }
    // Everything of the payment, also where it does not name the wallet; nothing of Ravi alone.
    let of_payment = |event: &&Value| event["aggregate_id"] == payment.as_str();
    let whole = all.iter().filter(of_payment).count();
    assert!(whole > 2, "{whole}");
    assert_eq!(of_asha.iter().filter(of_payment).count(), whole);
    let posted = |events: &[Value]| {
        let posted = |event: &&Value| event["event_type"] == "TransactionPosted";
        events.iter().filter(posted).count()
    };
    assert_eq!((posted(&all), posted(&of_asha)), (3, 2));
    // Resumed anywhere it goes on the same.
    for cut in &of_asha {
        let position = cut["position"].as_i64().unwrap();
        let rest = replayed(&node, &format!("wallet={asha}&after={position}")).await;
        let later = |event: &&Value| event["position"].as_i64().unwrap() > position;
        let expected: Vec<_> = of_asha.iter().filter(later).cloned().collect();
        assert_eq!(rest, expected);
    }
    let nobody = "0190b8a2-5b7e-7c3d-8f00-000000000001";
    assert!(
        replayed(&node, &format!("wallet={nobody}"))
            .await
            .is_empty()
    );
    for bad in [
        "wallet=asha",
        "actor=",
        "from_time=yesterday",
        "aggregate_type=person",
    ] {
        let refused = node.get(&format!("/events?{bad}")).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "invalid_request"),
            "{bad}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn actors_times_kinds_and_types_are_told_apart() {
    let (_world, node, asha, _) = lived().await;
    let all = replayed(&node, "").await;
    let same = |expected: Vec<&Value>, found: &[Value], what: &str| {
        let found: Vec<_> = found.iter().collect();
        assert!(!expected.is_empty(), "{what}");
        assert!(expected.len() < all.len(), "{what}");
        assert_eq!(expected, found, "{what}");
    };
    let actors: Vec<_> = all
        .iter()
        .filter_map(|event| event["metadata"]["actor"].as_str())
        .collect();
    for actor in actors {
        let by = |event: &&Value| event["metadata"]["actor"] == actor;
        let expected: Vec<_> = all.iter().filter(by).collect();
        let found = replayed(&node, &format!("actor={}", actor.replace(':', "%3A"))).await;
        same(expected, &found, actor);
    }
    for (name, value) in [
        ("aggregate_type", "payment"),
        ("event_type", "WalletOpened"),
    ] {
        let is_one = |event: &&Value| event[name] == value;
        let expected: Vec<_> = all.iter().filter(is_one).collect();
        same(
            expected,
            &replayed(&node, &format!("{name}={value}")).await,
            value,
        );
    }
    let middle = all[all.len() / 2]["recorded_at"].as_str().unwrap();
    let time = |event: &Value| -> DateTime<Utc> {
        event["recorded_at"].as_str().unwrap().parse().unwrap()
    };
    let cut: DateTime<Utc> = middle.parse().unwrap();
    let from = replayed(&node, &format!("from_time={middle}")).await;
    same(
        all.iter().filter(|event| time(event) >= cut).collect(),
        &from,
        "from",
    );
    let until = replayed(&node, &format!("until_time={middle}")).await;
    same(
        all.iter().filter(|event| time(event) <= cut).collect(),
        &until,
        "until",
    );
    let at = replayed(&node, &format!("from_time={middle}&until_time={middle}")).await;
    same(
        all.iter().filter(|event| time(event) == cut).collect(),
        &at,
        "at",
    );
    assert!(
        replayed(&node, "from_time=2190-01-01T00:00:00Z")
            .await
            .is_empty()
    );
    assert!(
        replayed(&node, "until_time=1990-01-01T00:00:00Z")
            .await
            .is_empty()
    );
    let opened = format!("aggregate_type=wallet&aggregate_id={asha}");
    assert_eq!(types(&replayed(&node, &opened).await), ["WalletOpened"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_shown_as_it_stood_at_any_position_and_time() {
    let (_world, node, _, payment) = lived().await;
    let all = replayed(&node, "").await;
    // Whatever has events has a state after each of them.
    for event in &all {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let path = format!("{}/{}", text("aggregate_type"), text("aggregate_id"));
        let position = event["position"].as_i64().unwrap();
        let seen = state(&node, &format!("{path}?position={position}")).await;
        let seen = seen.expect(200).body;
        assert_eq!(seen["as_of"], position);
        assert_eq!(
            (&seen["position"], &seen["sequence"]),
            (&event["position"], &event["sequence"])
        );
        assert!(!seen["state"].is_null(), "{seen}");
        if event["sequence"] == 1 {
            let before = state(&node, &format!("{path}?position={}", position - 1)).await;
            assert_eq!((before.status, before.code()), (404, "aggregate_not_found"));
        }
    }
    let path = format!("payment/{payment}");
    let now = state(&node, &path).await.expect(200).body;
    let captured = all
        .iter()
        .find(|event| event["event_type"] == "PaymentCaptured")
        .unwrap();
    let time = captured["recorded_at"].as_str().unwrap();
    let then = state(&node, &format!("{path}?recorded_at={time}"))
        .await
        .expect(200)
        .body;
    assert!(then["sequence"].as_i64() <= now["sequence"].as_i64());
    assert!(then["position"].as_i64() >= captured["position"].as_i64());
    let head = all.len();
    // Nothing of a payment counts but when it was recorded.
    let counted = state(&node, &format!("{path}?effective_at={time}")).await;
    let counted = counted.expect(200).body;
    assert_eq!(counted["state"], then["state"]);
    assert_eq!(counted["cannot_follow"], json!([]));
    let later = now["sequence"].as_i64().unwrap() - then["sequence"].as_i64().unwrap();
    assert_eq!(
        counted["later"].as_array().unwrap().len(),
        usize::try_from(later).unwrap()
    );
    let deposit = async |query: String| {
        let path = format!("/deposits/{payment}{query}");
        let mut told = node.get(&path).await.expect(200).body;
        told["as_of"].take();
        told["checkout"].take();
        told
    };
    assert_eq!(
        deposit(format!("?position={head}")).await,
        deposit(String::new()).await
    );
    let created = all
        .iter()
        .find(|event| event["event_type"] == "PaymentCreated");
    let created = deposit(format!("?position={}", created.unwrap()["position"])).await;
    assert_eq!(created["status"], "created");
    let early = format!("/deposits/{payment}?effective_at=2000-01-01T00:00:00Z");
    let early = node.get(&early).await.expect(404);
    assert_eq!(early.code(), "payment_not_found");
    for (query, code) in [
        ("position=999999".to_owned(), "position_unknown"),
        (
            format!("position={head}&recorded_at={time}"),
            "invalid_request",
        ),
    ] {
        let refused = state(&node, &format!("{path}?{query}")).await;
        assert_eq!(refused.code(), code, "{query}");
    }
    let nothing = state(&node, "person/asha").await;
    assert_eq!(nothing.code(), "invalid_request");
}

/// Little passes a filter, and far into the log.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_rare_is_found_however_much_lies_between() {
    let node = TestNode::start().await;
    let asha = node.wallet("asha").await;
    let (pool, ledger) = (node.node.database.pool(), &node.ledger);
    // A stretch is twenty thousand positions; the log is as it would be, but for its size.
    let log = event_store::LogReader::new(pool.clone());
    let filter = event_store::EventFilter {
        wallet: Some(asha.parse().unwrap()),
        ..event_store::EventFilter::default()
    };
    let ledger = ledger.parse().unwrap();
    let end = ledger_core::Position::START.plus(50_000);
    let (mut after, mut found, mut turns) = (ledger_core::Position::START, 0, 0);
    while after < end {
        let looked = log
            .look_through(ledger, &filter, after, end, 10)
            .await
            .unwrap();
        found += looked.events.len();
        assert!(looked.reached > after);
        after = looked.reached;
        turns += 1;
    }
    assert_eq!((found, turns), (1, 3));
}
