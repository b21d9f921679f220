//! Payments that a provider authorizes and leaves for us to capture.

use std::time::Duration;

use connectors::simulators::{Chances, GatewaySimulator, PayerChoice};
use daybook::cli::Role as Part;
use ledger_core::PaymentId;
use ledger_core::payment::PaymentAction;
use workflows::jobs::Job;

use super::support::{World, balance, eventually};
use crate::harness::node::TestNode;

/// How long a provider has to capture by itself, in these tests.
const GRACE: Duration = Duration::from_millis(300);

/// So long that nothing is done by itself during a test.
const NEVER: Duration = Duration::from_secs(3_600);

async fn node(world: &World, grace: Duration) -> TestNode {
    let change = |payments: &mut daybook::node::PaymentOptions| {
        payments.capture_grace = Some(grace);
    };
    world.node_with(&Part::ALL, change).await
}

/// The work that follows an authorization, as often as it is wanted.
async fn capture(world: &World, payment: PaymentId) {
    let ledger = world.ledger();
    world.job(Job::CapturePayment { ledger, payment }).await;
}

/// Why the capture of a payment was not done, once it was tried.
async fn failure(world: &World) -> String {
    eventually("a try that failed", || async {
        sqlx::query_scalar(
            "SELECT last_error FROM graphile_worker._private_jobs JOIN \
             graphile_worker._private_tasks AS tasks ON tasks.id = task_id \
             WHERE identifier = 'capture_payment' AND last_error IS NOT NULL AND locked_at IS NULL",
        )
        .fetch_optional(world.pool())
        .await
        .unwrap()
    })
    .await
}

fn lose_webhooks(control: &dyn GatewaySimulator) {
    control.set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
}

/// What really happened: how much is captured, payment by payment.
fn captured(control: &dyn GatewaySimulator) -> Vec<u64> {
    let payments = control.books().payments.into_iter();
    payments.map(|payment| payment.captured).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bank_authorizes_late_is_captured() {
    let world = World::new(None).await;
    let node = node(&world, GRACE).await;
    let wallet = node.wallet("asha").await;
    for (name, control) in [
        ("razorpay", world.razorpay.control()),
        ("stripe", world.stripe.control()),
    ] {
        control.hold_captures(true);
        let payment = world.deposit_at(name, &node, &wallet, 500).await;
        let page = world.page(payment, name).await;
        control.pay(&page, PayerChoice::FailThenPay).unwrap();
        world.event("payment", payment, "PaymentCaptured").await;
        let events = world.events("payment", payment).await;
        assert!(
            events.contains(&"PaymentAuthorized".to_owned()),
            "{events:?}"
        );
        assert_eq!(captured(&*control), [50_000], "{name}");
    }
    world.idle().await;
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "1000.00");
    assert_eq!(balance(&world, &node, "system:suspense").await, "0.00");
    node.node.stop().await;
}

/// A capture whose answer is lost was made all the same. Two nodes go on with it, twice each.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_capture_is_made_once_by_however_many_nodes() {
    let world = World::new(Some(NEVER)).await;
    let one = node(&world, NEVER).await;
    let other = node(&world, NEVER).await;
    let wallet = one.wallet("asha").await;
    for (name, control) in [
        ("razorpay", world.razorpay.control()),
        ("stripe", world.stripe.control()),
    ] {
        control.hold_captures(true);
        let payment = world.deposit_at(name, &one, &wallet, 500).await;
        let page = world.page(payment, name).await;
        control.pay(&page, PayerChoice::Pay).unwrap();
        world.event("payment", payment, "PaymentAuthorized").await;
        world.processed().await;
        // Of the calls of four jobs some are carried out without an answer, or not at all; and nobody tells.
        control.set_chances(Chances {
            webhook_drop: 1_000,
            fail: 100,
            fail_afterwards: 200,
            break_off: 200,
            ..Chances::default()
        });
        for _ in 0..4 {
            capture(&world, payment).await;
        }
        world.event("payment", payment, "PaymentCaptured").await;
        control.set_chances(Chances::default());
        assert_eq!(captured(&*control), [50_000], "{name}");
    }
    eventually("all of it is done", || async {
        let left: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM graphile_worker._private_jobs JOIN \
             graphile_worker._private_tasks AS tasks ON tasks.id = task_id \
             WHERE identifier = 'capture_payment' AND run_at < now() + interval '30 minutes'",
        )
        .fetch_one(world.pool())
        .await
        .unwrap();
        (left == 0).then_some(())
    })
    .await;
    assert_eq!(world.count("PaymentCaptured").await, 2);
    assert_eq!(world.count("UnexpectedPaymentCaptured").await, 0);
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &one, &holder).await, "1000.00");
    one.node.stop().await;
    other.node.stop().await;
}

/// The node died when the provider had taken the money and nothing was written down.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_captured_before_a_crash_is_taken_in_once() {
    let world = World::new(Some(NEVER)).await;
    let node = node(&world, NEVER).await;
    let wallet = node.wallet("asha").await;
    let control = world.razorpay.control();
    control.hold_captures(true);
    let payment = world.deposit(&node, &wallet, 500).await;
    let page = world.page(payment, "razorpay").await;
    let paid = control.pay(&page, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentAuthorized").await;
    world.processed().await;
    lose_webhooks(&*control);
    let url = format!("{}/v1/payments/{paid}/capture", world.razorpay.url());
    let request = node.client.post(url);
    let request = request.basic_auth("rzp_test_1DP5mmOlF5G5ag", Some("a key secret"));
    let body = serde_json::json!({ "amount": 50_000, "currency": "INR" });
    let answer = request.json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    capture(&world, payment).await;
    world.event("payment", payment, "PaymentCaptured").await;
    world.idle().await;
    assert_eq!(captured(&*control), [50_000]);
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "500.00");
    node.node.stop().await;
}

/// Another amount, or another currency, than the payment is of goes back by itself; a person is told why.
#[tokio::test(flavor = "multi_thread")]
async fn another_amount_or_currency_is_not_captured() {
    let world = World::new(None).await;
    let node = node(&world, GRACE).await;
    let wallet = node.wallet("asha").await;
    let control = world.razorpay.control();
    control.hold_captures(true);
    for (amount, currency, code) in [
        (Some(40_000), None, "authorized_amount_differs"),
        (Some(60_000), None, "authorized_amount_differs"),
        (None, Some("USD"), "authorized_asset_differs"),
    ] {
        let payment = world.deposit(&node, &wallet, 500).await;
        let page = world.page(payment, "razorpay").await;
        let paid = control.pay(&page, PayerChoice::Fail).unwrap();
        world.razorpay.misreport_payment(&paid, amount, currency);
        assert!(world.razorpay.authorize_late(&paid));
        world.event("payment", payment, "PaymentAuthorized").await;
        let told = failure(&world).await;
        assert!(told.contains(code), "{told}");
        sqlx::query("DELETE FROM graphile_worker._private_jobs")
            .execute(world.pool())
            .await
            .unwrap();
    }
    assert_eq!(captured(&*control), [0, 0, 0]);
    assert_eq!(world.count("PaymentCaptured").await, 0);
    node.node.stop().await;
}

/// Two attempts of one payment are authorized: one of them is captured, whoever comes first and however
/// often.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_authorizations_is_captured() {
    let world = World::new(Some(NEVER)).await;
    let node = node(&world, NEVER).await;
    let wallet = node.wallet("asha").await;
    let control = world.razorpay.control();
    control.hold_captures(true);
    let payment = world.deposit(&node, &wallet, 500).await;
    let page = world.page(payment, "razorpay").await;
    let tries = [(); 2].map(|()| control.pay(&page, PayerChoice::Fail).unwrap());
    for attempt in &tries {
        assert!(world.razorpay.authorize_late(attempt));
    }
    eventually("both are known", || async {
        (world.count("PaymentAuthorized").await == 2).then_some(())
    })
    .await;
    for _ in 0..4 {
        capture(&world, payment).await;
    }
    world.event("payment", payment, "PaymentCaptured").await;
    world.idle().await;
    assert_eq!(captured(&*control).iter().sum::<u64>(), 50_000);
    assert_eq!(world.count("UnexpectedPaymentCaptured").await, 0);
    node.node.stop().await;
}

/// The provider has captured another attempt, and nobody has told of it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_captured_beside_what_the_provider_captured_unheard() {
    let world = World::new(Some(NEVER)).await;
    let node = node(&world, NEVER).await;
    let wallet = node.wallet("asha").await;
    let control = world.razorpay.control();
    control.hold_captures(true);
    let payment = world.deposit(&node, &wallet, 500).await;
    let page = world.page(payment, "razorpay").await;
    let first = control.pay(&page, PayerChoice::Fail).unwrap();
    let second = control.pay(&page, PayerChoice::Fail).unwrap();
    assert!(world.razorpay.authorize_late(&first));
    world.event("payment", payment, "PaymentAuthorized").await;
    world.processed().await;
    lose_webhooks(&*control);
    control.hold_captures(false);
    assert!(world.razorpay.authorize_late(&second));
    assert_eq!(captured(&*control), [0, 50_000]);
    capture(&world, payment).await;
    world.event("payment", payment, "PaymentCaptured").await;
    world.idle().await;
    assert_eq!(captured(&*control), [0, 50_000]);
    node.node.stop().await;
}

/// Whoever ended a payment does not want its money: what is authorized after that goes back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_captured_for_a_payment_that_has_ended() {
    let world = World::new(Some(NEVER)).await;
    let node = node(&world, NEVER).await;
    let wallet = node.wallet("asha").await;
    let control = world.razorpay.control();
    control.hold_captures(true);
    let payment = world.deposit(&node, &wallet, 500).await;
    let page = world.page(payment, "razorpay").await;
    let tried = control.pay(&page, PayerChoice::Fail).unwrap();
    world.event("payment", payment, "PaymentFailed").await;
    let action = PaymentAction::Expire { reason: None };
    world.payment(&node, payment, action).await;
    assert!(world.razorpay.authorize_late(&tried));
    world.event("payment", payment, "PaymentAuthorized").await;
    for _ in 0..2 {
        capture(&world, payment).await;
    }
    world.idle().await;
    assert_eq!(captured(&*control), [0]);
    control.advance(Duration::from_secs(6 * 24 * 60 * 60));
    world.event("payment", payment, "PaymentReleased").await;
    assert_eq!(world.count("PaymentCaptured").await, 0);
    node.node.stop().await;
}

/// What was given back before we came is not captured, and the payment ends.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_back_before_is_not_captured() {
    let world = World::new(Some(NEVER)).await;
    let node = node(&world, NEVER).await;
    let wallet = node.wallet("asha").await;
    for (name, control, days) in [
        ("razorpay", world.razorpay.control(), 6),
        ("stripe", world.stripe.control(), 8),
    ] {
        control.hold_captures(true);
        let payment = world.deposit_at(name, &node, &wallet, 500).await;
        let page = world.page(payment, name).await;
        control.pay(&page, PayerChoice::Pay).unwrap();
        world.event("payment", payment, "PaymentAuthorized").await;
        world.processed().await;
        lose_webhooks(&*control);
        control.advance(Duration::from_secs(days * 24 * 60 * 60));
        capture(&world, payment).await;
        world.event("payment", payment, "PaymentReleased").await;
        world.idle().await;
        assert_eq!(captured(&*control), [0], "{name}");
    }
    node.node.stop().await;
}
