//! Webhooks that a provider has to confirm.

use std::sync::Arc;

use connectors::simulators::Fault;
use daybook::cli::Role as Part;
use reqwest::StatusCode;

use connectors::gateways::payu::{PayUGateway, PayUResponseHash, PayUSettings};
use connectors::gateways::{CallPolicy, CaptureMode, SecretRing};
use connectors::secret::Secret;
use workflows::{GatewayAccount, GatewayAccounts};

use super::nodes::money_of_nobody;
use super::support::{World, balance, eventually};

/// An account at PayU, which signs nothing about disputes and cannot be asked about them.
fn payu(world: &World) -> GatewayAccounts {
    let gateway = PayUGateway::try_new(PayUSettings {
        page_url: "http://127.0.0.1:1/".parse().unwrap(),
        api_url: "http://127.0.0.1:1/".parse().unwrap(),
        key: "JPM7Fg".to_owned(),
        salts: SecretRing::try_new(vec![Secret::new("a salt")]).unwrap(),
        capture: CaptureMode::Automatic,
        response_hash: PayUResponseHash::Plain,
        calls: CallPolicy::default(),
    });
    let account = GatewayAccount {
        ledger: world.ledger(),
        endpoint: "main".to_owned(),
        gateway: Arc::new(gateway.unwrap()),
    };
    GatewayAccounts::try_new(vec![account]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_that_nobody_can_be_asked_about_waits_for_a_person() {
    let world = World::new(None).await;
    let node = world
        .node_with(&Part::ALL, |payments| {
            payments.accounts = payu(&world);
            payments.webhooks.unsigned_per_minute = 3;
        })
        .await;
    let deliver = |dispute: u32| {
        let body = serde_json::json!({
            "type": "payments", "event": "dispute", "reason_code": "1", "mid": "2",
            "created_at": "2025-01-15T21:28:25.000+05:30",
            "updated_at": "2025-01-15T21:28:25.000+05:30",
            "cb_id": dispute, "txn_id": "999000000000468", "cb_type": "RBI/BO",
            "due_date": "2025-03-31", "cb_amount": "1.0", "cb_status": "New",
        });
        let address = node.url("/v1/webhooks/payu/main");
        node.send(node.client.post(address).json(&body))
    };
    deliver(1_761_758).await.expect(200);
    let reason = eventually("it is parked", || async {
        world.webhooks("parked").await.pop()
    })
    .await;
    assert_eq!(reason.1.as_deref(), Some("dispute_needs_a_person"));
    // Anybody can send more of them: so many are taken.
    for dispute in [2, 3] {
        deliver(dispute).await.expect(200);
    }
    let refused = deliver(4).await.expect(503);
    assert_eq!(refused.code(), "overloaded");
    node.node.stop().await;
}

/// A provider may tell of something before it can be asked about it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_found_at_first_is_asked_about_again() {
    let world = World::new(None).await;
    let storing = world.node(&[Part::Api]).await;
    money_of_nobody(&world, &storing).await;
    world.delivered().await;
    storing.node.stop().await;
    let not_found = Fault::Refuse {
        status: StatusCode::NOT_FOUND,
        code: 0,
        message: "The id provided does not exist".to_owned(),
    };
    let webhooks = world.webhooks("waiting").await.len();
    let control = world.razorpay.control();
    control.faults().arm(&not_found, webhooks);
    let node = world.node(&Part::ALL).await;
    eventually("suspense", || async {
        (world.count("UnexpectedPaymentCaptured").await == 1).then_some(())
    })
    .await;
    world.processed().await;
    assert_eq!(world.webhooks("parked").await, []);
    assert_eq!(balance(&world, &node, "system:suspense").await, "123.00");
    node.node.stop().await;
}
