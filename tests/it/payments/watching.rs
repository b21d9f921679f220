//! Payments that nobody tells of: the provider is asked, and asked again.

use std::time::Duration;

use connectors::simulators::{Chances, Fault, PayerChoice};
use daybook::cli::Role as Part;
use reqwest::StatusCode;
use workflows::jobs::Job;

use super::support::{World, balance};

/// So long that nothing is asked by itself during a test.
const NEVER: Duration = Duration::from_secs(3_600);

/// Two chains of questions have rounds of the same number: what the later hears is not what the
/// earlier heard.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_though_the_same_question_had_another() {
    let world = World::new(Some(NEVER)).await;
    let node = world.node(&Part::ALL).await;
    world.razorpay.control().set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 70).await;
    let order = world.page(payment, "razorpay").await;
    let ask = || {
        world.job(Job::WatchPayment {
            ledger: world.ledger(),
            payment,
            round: 0,
        })
    };
    let tried = world.razorpay.control().pay(&order, PayerChoice::Fail);
    ask().await;
    world.event("payment", payment, "PaymentFailed").await;
    // The bank finds that it was paid after all.
    assert!(world.razorpay.authorize_late(&tried.unwrap()));
    world.idle().await;
    ask().await;
    world.event("payment", payment, "PaymentCaptured").await;
    node.node.stop().await;
}

/// A provider that does not find a payment once may find it the next time.
#[tokio::test(flavor = "multi_thread")]
async fn a_stray_not_found_does_not_end_the_questions() {
    let world = World::new(Some(Duration::from_millis(500))).await;
    let node = world.node(&Part::ALL).await;
    let control = world.razorpay.control();
    control.set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 60).await;
    let order = world.page(payment, "razorpay").await;
    let not_found = Fault::Refuse {
        status: StatusCode::NOT_FOUND,
        code: 0,
        message: "The id provided does not exist".to_owned(),
    };
    control.faults().arm(&not_found, 1);
    super::support::eventually("the question", || async {
        (control.faults().armed() == 0).then_some(())
    })
    .await;
    control.pay(&order, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "60.00");
    node.node.stop().await;
}

/// A page that closes and has no other time ends its payment, though nobody tells and nobody pays.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_ends_with_its_page() {
    let world = World::new(Some(Duration::from_millis(300))).await;
    let node = world
        .node_with(&Part::ALL, |payments| {
            payments.page_lifetime = Some(Duration::from_secs(2));
        })
        .await;
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 60).await;
    let order = world.page(payment, "razorpay").await;
    world.event("payment", payment, "PaymentExpired").await;
    // Late money is still looked for.
    let control = world.razorpay.control();
    control.set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    control.pay(&order, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    node.node.stop().await;
}
