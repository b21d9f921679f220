//! Razorpay's webhooks on their way: retries, changed secrets, misbehaviour.

use connectors::gateways::{Gateway, Observation};
use connectors::secret::Secret;
use connectors::simulators::{Chances, PayerChoice};
use poem::http::StatusCode;

use super::razorpay::listening;
use super::receiver::{Receiver, observations, verify};
use super::support::{KEY_SECRET, WEBHOOK_SECRET, checkout, razorpay, razorpay_gateway};

#[tokio::test]
async fn webhooks_come_again_until_they_are_taken() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    receiver.answer(&[busy, busy, busy, StatusCode::BAD_REQUEST]);
    let opened = gateway
        .create_checkout(&checkout("again 1", 50_000))
        .await
        .unwrap();
    simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    assert_eq!(
        facts.len(),
        7,
        "three events, four of whose deliveries failed"
    );
    let mut events: Vec<_> = facts
        .iter()
        .map(|facts| (facts.event_id.clone(), facts.body_digest.clone()))
        .collect();
    events.sort();
    events.dedup();
    assert_eq!(
        events.len(),
        3,
        "a retry has the same id and the same bytes"
    );
    assert!(!simulator.is_webhook_given_up());

    receiver.answer(&[busy; 40]);
    let opened = gateway
        .create_checkout(&checkout("again 2", 50_000))
        .await
        .unwrap();
    simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Fail)
        .unwrap();
    simulator.webhooks_settled().await;
    assert!(simulator.is_webhook_given_up());
}

/// Events of before a change of the secret come with the old one.
#[tokio::test]
async fn a_changed_secret_loses_nothing() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    receiver.answer(&[StatusCode::BAD_GATEWAY; 3]);
    let opened = gateway
        .create_checkout(&checkout("secret 1", 50_000))
        .await
        .unwrap();
    simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    simulator
        .control()
        .set_webhook(&receiver.url(), &[Secret::new("the-next-secret")]);
    let opened = gateway
        .create_checkout(&checkout("secret 2", 50_000))
        .await
        .unwrap();
    simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    simulator.webhooks_settled().await;
    let received = receiver.received();
    assert_eq!(received.len(), 9);
    let both = razorpay_gateway(
        &simulator.url(),
        KEY_SECRET,
        &["the-next-secret", WEBHOOK_SECRET],
    );
    assert_eq!(receiver.facts(&both).len(), 9);
    assert_eq!(receiver.facts(&gateway).len(), 6, "the old one alone");
    let next = razorpay_gateway(&simulator.url(), KEY_SECRET, &["the-next-secret"]);
    assert_eq!(receiver.facts(&next).len(), 3, "the new one alone");
}

#[tokio::test]
async fn webhooks_misbehave_by_chance() {
    let (simulator, gateway) = razorpay().await;
    let receiver: Receiver = listening(&simulator).await;
    simulator.control().set_chances(Chances {
        webhook_drop: 100,
        webhook_duplicate: 300,
        webhook_reorder: 300,
        webhook_wrong_signature: 300,
        ..Chances::default()
    });
    for number in 0..40 {
        let request = checkout(&format!("chance {number}"), 50_000);
        let opened = gateway.create_checkout(&request).await.unwrap();
        simulator
            .control()
            .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
            .unwrap();
    }
    simulator.webhooks_settled().await;
    let deliveries = simulator.control().deliveries();
    let forged = deliveries
        .iter()
        .filter(|delivery| delivery.is_forged)
        .count();
    let received = receiver.received();
    let refused = received
        .iter()
        .filter(|received| verify(&gateway, received).is_err());
    assert_eq!(refused.count(), forged);
    assert!(forged > 0 && simulator.control().dropped_webhooks() > 0);
    let facts = receiver.facts(&gateway);
    let mut ids: Vec<&str> = facts.iter().map(|facts| facts.event_id.as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(all > ids.len(), "some came twice");
    let events = u64::try_from(ids.len()).unwrap() + simulator.control().dropped_webhooks();
    assert_eq!(events, 3 * 40);
    let place = |kind: &str, payment: &connectors::gateways::ProviderId| {
        facts.iter().position(|facts| match observations(facts) {
            [Observation::Payment(told), ..] => {
                facts.event_type == kind && told.payment_id == *payment
            }
            other => panic!("{other:?}"),
        })
    };
    let captured_first = facts.iter().any(|facts| match observations(facts) {
        [Observation::Payment(told), ..] => {
            let captured = place("payment.captured", &told.payment_id);
            let authorized = place("payment.authorized", &told.payment_id);
            captured
                .zip(authorized)
                .is_some_and(|(one, other)| one < other)
        }
        other => panic!("{other:?}"),
    });
    assert!(captured_first, "some came in another order");
}
