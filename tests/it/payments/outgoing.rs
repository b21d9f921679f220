//! Refunds and payouts.

use connectors::simulators::{Chances, Fault, PayerChoice};
use identity::destinations::Destination;
use ledger_core::beneficiary::{
    BeneficiaryAction, BeneficiaryDestination, DestinationKind, beneficiary_id,
};
use ledger_core::payment::PaymentAction;
use ledger_core::payout::{NewPayout, PayoutAction};
use ledger_core::{BeneficiaryId, Command, PaymentId, PayoutId, RefundId};
use reqwest::StatusCode;
use uuid::Uuid;

use super::nodes::money_of_nobody;
use super::support::{World, balance, eventually};
use crate::harness::node::TestNode;

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_made_once_though_its_answer_is_lost() {
    let (world, node) = World::start().await;
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 500).await;
    let order = world.page(payment, "razorpay").await;
    world
        .razorpay
        .control()
        .pay(&order, PayerChoice::Pay)
        .unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.razorpay.control().set_chances(Chances {
        break_off: 500,
        ..Chances::default()
    });
    let action = PaymentAction::RequestRefund {
        refund: RefundId::new(Uuid::now_v7()),
        amount: Some(200.into()),
        reason: None,
    };
    world.payment(&node, payment, action).await;
    world.event("payment", payment, "RefundSucceeded").await;
    world.processed().await;
    let books = world.razorpay.control().books();
    assert_eq!(books.refunds.len(), 1, "{books:?}");
    assert_eq!(books.refunds[0].amount, 200_00);
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "300.00");
    assert_eq!(world.count("RefundDiscovered").await, 0);
    node.node.stop().await;
}

/// A wallet with money and a verified place to send it to.
async fn payable(world: &World, node: &TestNode) -> (String, BeneficiaryId) {
    let wallet = node.funded("asha", "900.00").await;
    let destination = Destination::BankAccount {
        holder_name: "Asha Rao".to_owned(),
        account_number: "1121431121541121".to_owned(),
        routing_code: "HDFC0001234".to_owned(),
    };
    let identities = node.node.authenticator.identities();
    let fingerprint = "ab".repeat(32).parse().unwrap();
    let id = beneficiary_id(wallet.parse().unwrap(), &fingerprint);
    let adding = Uuid::now_v7();
    identities
        .keep_destination(world.ledger(), id, adding, &destination)
        .await
        .unwrap();
    let add = BeneficiaryAction::Add {
        wallet: wallet.parse().unwrap(),
        destination: BeneficiaryDestination {
            kind: DestinationKind::BankAccount,
            ending: Some("1121".parse().unwrap()),
            institution: None,
            token: "vault-1".parse().unwrap(),
            fingerprint,
        },
        by: "person:asha".parse().unwrap(),
    };
    let verify = BeneficiaryAction::Verify {
        method: "penny drop".parse().unwrap(),
        by: "person:ops".parse().unwrap(),
    };
    for (action, command_id) in [(add, adding), (verify, Uuid::now_v7())] {
        let action = Box::new(action);
        let beneficiary = id;
        world
            .submit_as(
                node,
                Command::Beneficiary {
                    beneficiary,
                    action,
                },
                command_id,
            )
            .await;
    }
    (wallet, id)
}

async fn pay_out(
    world: &World,
    node: &TestNode,
    (wallet, beneficiary): &(String, BeneficiaryId),
) -> PayoutId {
    let payout = PayoutId::new(Uuid::now_v7());
    let action = Box::new(PayoutAction::Request(NewPayout {
        wallet: wallet.parse().unwrap(),
        asset: "INR".parse().unwrap(),
        amount: 250.into(),
        beneficiary: *beneficiary,
        requested_by: "person:asha".parse().unwrap(),
        reference: None,
        metadata: ledger_core::annotation::Metadata::default(),
    }));
    world.submit(node, Command::Payout { payout, action }).await;
    payout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_reaches_its_beneficiary_once_though_its_answer_is_lost() {
    let (world, node) = World::start().await;
    world.razorpay.set_payout_outcome(Some("processed"));
    let asha = payable(&world, &node).await;
    let first = pay_out(&world, &node, &asha).await;
    world.event("payout", first, "PayoutSucceeded").await;
    // The beneficiary is known there now: what goes wrong next is the payout itself, which is made, and
    // nobody hears of it.
    world.razorpay.control().set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    world
        .razorpay
        .control()
        .faults()
        .arm(&Fault::FailAfterwards, 3);
    let second = pay_out(&world, &node, &asha).await;
    world.event("payout", second, "PayoutSucceeded").await;
    world.processed().await;
    let books = world.razorpay.control().books();
    assert_eq!(books.payouts.len(), 2, "{books:?}");
    assert_eq!(world.stripe.control().books().payouts.len(), 0);
    assert_eq!(world.count("PayoutNotAccepted").await, 0);
    let holder = format!("wallet:{}", asha.0);
    assert_eq!(balance(&world, &node, &holder).await, "400.00");
    node.node.stop().await;
}

/// The provider took it on, nobody heard, and then it no longer knew our key: that is no word about the
/// payout.
#[tokio::test(flavor = "multi_thread")]
async fn a_payout_of_which_nobody_heard_is_made_nowhere_else() {
    let (world, node) = World::start().await;
    world.razorpay.set_payout_outcome(Some("processed"));
    let asha = payable(&world, &node).await;
    let first = pay_out(&world, &node, &asha).await;
    world.event("payout", first, "PayoutSucceeded").await;
    let control = world.razorpay.control();
    control.set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    let key_refused = Fault::Refuse {
        status: StatusCode::UNAUTHORIZED,
        code: 0,
        message: "Authentication failed".to_owned(),
    };
    control.faults().arm(&Fault::FailAfterwards, 1);
    control.faults().arm(&key_refused, 1);
    let second = pay_out(&world, &node, &asha).await;
    world.event("payout", second, "PayoutSucceeded").await;
    assert_eq!(control.books().payouts.len(), 2);
    assert_eq!(world.count("PayoutNotAccepted").await, 0);
    let holder = format!("wallet:{}", asha.0);
    assert_eq!(balance(&world, &node, &holder).await, "400.00");
    node.node.stop().await;
}

/// Money of no payment of ours goes back to where it came from.
#[tokio::test(flavor = "multi_thread")]
async fn unexpected_money_is_given_back() {
    let (world, node) = World::start().await;
    money_of_nobody(&world, &node).await;
    eventually("suspense", || async {
        (world.count("UnexpectedPaymentCaptured").await == 1).then_some(())
    })
    .await;
    world.processed().await;
    let payment: String = sqlx::query_scalar(
        "SELECT aggregate_id FROM daybook.events \
         WHERE ledger = $1 AND event_type = 'UnexpectedPaymentCaptured'",
    )
    .bind(&world.ledger)
    .fetch_one(world.pool())
    .await
    .unwrap();
    let payment = PaymentId::new(payment.parse().unwrap());
    let action = PaymentAction::RequestRefund {
        refund: RefundId::new(Uuid::now_v7()),
        amount: None,
        reason: None,
    };
    world.payment(&node, payment, action).await;
    world.event("payment", payment, "RefundSucceeded").await;
    let books = world.razorpay.control().books();
    assert_eq!(books.refunds.len(), 1, "{books:?}");
    assert_eq!(balance(&world, &node, "system:suspense").await, "0.00");
    node.node.stop().await;
}

/// A node had the refund made and died before it wrote anything down, and by now the provider has
/// forgotten the idempotency key.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_was_made_before_is_not_made_again() {
    let (world, node) = World::start().await;
    let wallet = node.wallet("asha").await;
    let payment = world.deposit(&node, &wallet, 500).await;
    let order = world.page(payment, "razorpay").await;
    let control = world.razorpay.control();
    let paid = control.pay(&order, PayerChoice::Pay).unwrap();
    world.event("payment", payment, "PaymentCaptured").await;
    world.processed().await;
    control.set_chances(Chances {
        webhook_drop: 1_000,
        ..Chances::default()
    });
    let refund = RefundId::new(Uuid::now_v7());
    let url = format!("{}/v1/payments/{paid}/refund", world.razorpay.url());
    let made = node
        .client
        .post(url)
        .basic_auth("rzp_test_1DP5mmOlF5G5ag", Some("a key secret"))
        .header("x-refund-idempotency", "a-key-long-forgotten")
        .json(&serde_json::json!({
            "amount": 200_00,
            "speed": "normal",
            "receipt": workflows::links::refund_reference(refund).as_str(),
        }))
        .send();
    assert_eq!(made.await.unwrap().status(), 200);
    let action = PaymentAction::RequestRefund {
        refund,
        amount: Some(200.into()),
        reason: None,
    };
    world.payment(&node, payment, action).await;
    world.event("payment", payment, "RefundSucceeded").await;
    assert_eq!(control.books().refunds.len(), 1, "{:?}", control.books());
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "300.00");
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_comes_back_is_in_the_wallet_again() {
    let (world, node) = World::start().await;
    world.razorpay.set_payout_outcome(Some("processed"));
    let asha = payable(&world, &node).await;
    let payout = pay_out(&world, &node, &asha).await;
    world.event("payout", payout, "PayoutSucceeded").await;
    let id = world.razorpay.control().books().payouts[0]
        .payout_id
        .clone();
    assert!(world.razorpay.control().move_payout(&id, "reversed"));
    world.event("payout", payout, "PayoutReturned").await;
    let holder = format!("wallet:{}", asha.0);
    assert_eq!(balance(&world, &node, &holder).await, "900.00");
    node.node.stop().await;
}
