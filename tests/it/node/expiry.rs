//! Holds end by themselves.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::harness::node::TestNode;

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_expires_on_time_and_gives_its_amount_back() {
    let node = TestNode::start().await;
    let wallet = format!("wallet:{}", node.funded("asha", "10.00").await);
    let expires_at = (Utc::now() + TimeDelta::milliseconds(700)).to_rfc3339();
    let hold =
        json!({ "source": wallet, "asset": "INR", "amount": "6.00", "expires_at": expires_at });
    let hold = node.post("/holds", hold).await.expect(201).id();
    let expired = async {
        while node.get(&format!("/holds/{hold}")).await.body["status"] != "expired" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), expired)
        .await
        .expect("the hold expires");
    let late = json!({ "destination": "system:cash" });
    let late = node.post(&format!("/holds/{hold}/capture"), late).await;
    assert_eq!(late.code(), "hold_not_active");
    node.transfer(&wallet, "system:cash", "10.00")
        .await
        .expect(201);
    let past = json!({ "source": wallet, "asset": "INR", "amount": "1.00",
                       "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(node.post("/holds", past).await.code(), "hold_expiry_passed");
}
