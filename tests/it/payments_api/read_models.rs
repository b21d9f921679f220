//! The read model of money in and out: the same however it is folded, and nobody changes it unnoticed.

use ledger_core::payment::{ObservedDispute, ObservedRefund, PaymentAction};
use ledger_core::payout::ObservedPayout;
use ledger_core::{BeneficiaryId, PaymentId, PayoutId, RefundId};
use projections::ReadModelName;
use projections::read_model::{Tables, create_tables, drop_tables};
use projections::rebuild::rebuild;
use projections::verify::{Difference, VerifyError, verify};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::harness::{Projected, TestDatabase, fold, outside, rows_of, submission};

const NAME: ReadModelName = ReadModelName::Payments;

/// A node where money came in, was refunded and disputed, and went out.
async fn history() -> (TestDatabase, Projected) {
    let test = TestDatabase::create().await;
    let node = Projected::start(test.database.clone()).await;
    let wallet = node.bench.funded_wallet("500.00").await;
    let other = node.bench.funded_wallet("1.00").await;
    let held = PaymentId::new(Uuid::now_v7());
    let (paid, open, payout) = (
        PaymentId::new(Uuid::now_v7()),
        PaymentId::new(Uuid::now_v7()),
        PayoutId::new(Uuid::now_v7()),
    );
    let (refund, beneficiary) = (
        RefundId::new(Uuid::now_v7()),
        BeneficiaryId::new(Uuid::now_v7()),
    );
    let asked = PaymentAction::RequestRefund {
        refund,
        amount: None,
        reason: None,
    };
    let succeeded = ObservedPayout::Succeeded { fees: None };
    for command in [
        outside::new_payment(paid, wallet, "100.00"),
        outside::attempt_failed(paid, "pay_1"),
        outside::captured(paid, "pay_2", "100.00"),
        outside::captured(paid, "pay_3", "100.00"),
        outside::refund((paid, "pay_2"), None, ObservedRefund::Succeeded, "10.00"),
        outside::dispute((paid, "pay_2"), "disp_1", ObservedDispute::Open, "20.00"),
        outside::payment(paid, asked),
        outside::refund(
            (paid, "pay_2"),
            Some(refund),
            ObservedRefund::Failed,
            "70.00",
        ),
        outside::dispute((paid, "pay_2"), "disp_1", ObservedDispute::Won, "20.00"),
        outside::new_payment(open, wallet, "7.00"),
        outside::add_beneficiary(beneficiary, wallet),
        outside::verify_beneficiary(beneficiary),
        outside::new_payout(payout, wallet, beneficiary, "40.00"),
        outside::submit_payout(payout),
        outside::observed_payout(payout, ObservedPayout::Processing),
        outside::observed_payout(payout, succeeded),
        outside::observed_payout(payout, ObservedPayout::Returned),
        outside::new_payment(held, wallet, "60.00"),
        outside::captured(held, "pay_4", "50.00"),
        outside::inquiry((held, "pay_4"), "disp_2", ObservedDispute::Open, "50.00"),
        outside::inquiry((held, "pay_4"), "disp_2", ObservedDispute::Closed, "50.00"),
        outside::credit(held, other),
        outside::settlement("setl_1", "90.00"),
        outside::found_break("setl_1", "pay_3"),
    ] {
        let outcome = node.bench.submit(submission(command)).await.unwrap();
        assert_eq!(outcome.refusal(), None);
    }
    node.settled().await;
    (test, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_the_same_however_the_log_is_cut_and_after_a_rebuild() {
    let (_test, node) = history().await;
    let log = node.log().await;
    let mut connection = node.database.dedicated_connection().await.unwrap();
    let live = rows_of(&mut connection, NAME, Tables::Live).await;
    let empty = |(_, rows): &&(&str, Vec<String>)| rows.is_empty();
    assert_eq!(live.iter().find(empty), None);
    for page in [1, 2, 5, 1_000] {
        let read_model = NAME.read_model();
        drop_tables(&mut connection, read_model, Tables::Next)
            .await
            .unwrap();
        create_tables(&mut connection, read_model, Tables::Next)
            .await
            .unwrap();
        fold(&mut connection, NAME, Tables::Next, node.ledger, &log, page).await;
        let rows = rows_of(&mut connection, NAME, Tables::Next).await;
        assert_eq!(rows, live, "in pages of {page}");
    }
    drop_tables(&mut connection, NAME.read_model(), Tables::Next)
        .await
        .unwrap();
    rebuild(&node.database, NAME, &mut |_| {}).await.unwrap();
    assert_eq!(rows_of(&mut connection, NAME, Tables::Live).await, live);
    verify(&node.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
}

/// A change of each table that only money fills.
const CHANGES: [(&str, &str); 4] = [
    ("refunds", "status = 'nowhere'"),
    ("disputes", "document = replace(document, '.00', '.01')"),
    ("payouts", "provider = NULL"),
    ("provider_days", "amount = amount + 1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_or_lost_is_named() {
    let (test, mut node) = history().await;
    node.stop_projectors().await;
    let mut superuser: PgConnection = test.superuser().await;
    for (table, change) in CHANGES {
        let full = format!("read_models.{table}");
        let one = format!("WHERE ctid = (SELECT ctid FROM {full} LIMIT 1)");
        for tamper in [
            format!("UPDATE {full} SET {change} {one}"),
            format!("DELETE FROM {full} {one}"),
        ] {
            let copy = format!(
                "DROP TABLE IF EXISTS copy; CREATE TEMP TABLE copy AS SELECT * FROM {full}"
            );
            superuser.execute(copy.as_str()).await.unwrap();
            superuser.execute(tamper.as_str()).await.unwrap();
            let found = verify(&node.database, node.ledger, &mut |_| {}).await;
            let Err(VerifyError::Difference(difference)) = found else {
                panic!("not found: {tamper}");
            };
            let Difference::ReadModel {
                read_model,
                table: at,
                ..
            } = *difference
            else {
                panic!("{difference}");
            };
            assert_eq!((read_model, at), (NAME, table));
            let back = format!("DELETE FROM {full}; INSERT INTO {full} SELECT * FROM copy");
            superuser.execute(back.as_str()).await.unwrap();
        }
    }
    superuser.close().await.unwrap();
}
