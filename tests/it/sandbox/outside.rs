//! What has happened outside has happened, whatever the rules are.

use ledger_core::payment::{ObservedDispute, ObservedRefund, PaymentAction};
use ledger_core::payout::ObservedPayout;
use ledger_core::{BeneficiaryId, PaymentId, PayoutId, RefundId, WalletId};
use sandbox::Rules;
use uuid::Uuid;

use super::limits::{stands_as_told, stricter};
use super::support::{fork, request};
use crate::harness::outside::{
    add_beneficiary, captured, dispute, new_payment, new_payout, observed_payout, payment, refund,
    settlement, submit_payout, verify_beneficiary,
};
use crate::harness::{Bench, TestDatabase, limit_everybody, tier, transfer};

/// A payment, a refund, a dispute, a payout and a settlement.
async fn busy(bench: &Bench) -> (WalletId, WalletId) {
    let (asha, bela) = (bench.funded_wallet("500.00").await, bench.wallet().await);
    (asha, bela)
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_has_arrived_is_taken_in_where_its_payment_was_refused() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (asha, bela) = busy(&bench).await;
    let at = bench.head().await.value();
    let id = PaymentId::new(Uuid::now_v7());
    let refunded = RefundId::new(Uuid::now_v7());
    bench
        .carry_out([
            new_payment(id, asha, "300.00"),
            captured(id, "pay_1", "300.00"),
            transfer(asha, bela, "700.00"),
            payment(
                id,
                PaymentAction::RequestRefund {
                    refund: refunded,
                    amount: Some(rust_decimal::Decimal::from(10)),
                    reason: None,
                },
            ),
            refund(
                (id, "pay_1"),
                Some(refunded),
                ObservedRefund::Succeeded,
                "10.00",
            ),
            dispute((id, "pay_1"), "disp_1", ObservedDispute::Open, "50.00"),
            dispute((id, "pay_1"), "disp_1", ObservedDispute::Lost, "50.00"),
            settlement("batch_1", "290.00"),
        ])
        .await;
    // Without other rules nothing is another, though it is all decided again.
    let same = fork(
        bench.database.pool(),
        &request("same", at, Rules::default()),
    )
    .await;
    assert_eq!(same.outcomes(), Vec::<String>::new());
    // Nobody may receive so much: the payment is refused, its money arrives all the same.
    let mut rules = stricter("100000.00");
    for tier in rules.tiers.values_mut() {
        for limits in tier.assets.values_mut() {
            limits.incoming.per_day = Some(rust_decimal::Decimal::from(100));
        }
    }
    let built = fork(bench.database.pool(), &request("suspended", at, rules)).await;
    let outcomes = built.outcomes();
    let created = format!("{} PaymentCreated refused ", at + 1);
    assert!(outcomes[0].starts_with(&created), "{outcomes:?}");
    assert!(outcomes[0].ends_with("limit_exceeded"), "{outcomes:?}");
    assert_eq!(outcomes[1], format!("{} PaymentCaptured changed", at + 2));
    assert!(
        !outcomes
            .iter()
            .any(|outcome| outcome.contains("Settlement")),
        "{outcomes:?}"
    );
    let events = built.log().await;
    let types: Vec<&str> = events
        .iter()
        .map(|event| event.event_type.as_str())
        .collect();
    for kept in [
        "UnexpectedPaymentCaptured",
        "DisputeLost",
        "SettlementRecorded",
    ] {
        assert!(types.contains(&kept), "{kept} in {types:?}, {outcomes:?}");
    }
    stands_as_told(&bench, &built).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_is_refused_takes_all_of_its_events_with_it() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (asha, _) = busy(&bench).await;
    let beneficiary = BeneficiaryId::new(Uuid::now_v7());
    bench
        .carry_out([
            add_beneficiary(beneficiary, asha),
            verify_beneficiary(beneficiary),
        ])
        .await;
    let at = bench.head().await.value();
    bench
        .carry_out(limit_everybody(tier("1000.00", None, None)))
        .await;
    let id = PayoutId::new(Uuid::now_v7());
    bench
        .carry_out([
            new_payout(id, asha, beneficiary, "200.00"),
            submit_payout(id),
            observed_payout(id, ObservedPayout::Processing),
            observed_payout(id, ObservedPayout::Succeeded { fees: None }),
        ])
        .await;
    let built = fork(
        bench.database.pool(),
        &request("kept", at, stricter("199.99")),
    )
    .await;
    let outcomes = built.outcomes();
    let requested = at + 3;
    assert_eq!(
        outcomes[2],
        format!("{requested} PayoutRequested refused period_limit_exceeded")
    );
    assert_eq!(outcomes.len(), 6, "{outcomes:?}");
    for outcome in &outcomes[3..] {
        assert!(
            outcome.ends_with(&format!("fell_away on {requested}")),
            "{outcome}"
        );
    }
    stands_as_told(&bench, &built).await;
    let built = fork(
        bench.database.pool(),
        &request("paid", at, stricter("200.00")),
    )
    .await;
    assert_eq!((built.row.refused, built.row.fell_away), (0, 0));
}
