//! Refunds and payouts.

use connectors::simulators::{Chances, Fault, PayerChoice};
use identity::destinations::Destination;
use ledger_core::beneficiary::{
    BeneficiaryAction, BeneficiaryDestination, DestinationKind, beneficiary_id,
};
use ledger_core::payment::PaymentAction;
use ledger_core::payout::{NewPayout, PayoutAction};
use ledger_core::{BeneficiaryId, Command, PayoutId, RefundId};
use uuid::Uuid;

use super::support::{World, balance};
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
