//! Tests of reports.

use std::collections::BTreeSet;

use connectors::gateways::{
    Money, Observation, Reported, SettlementRow, SettlementRowKind, currency,
};
use ledger_core::PaymentId;
use ledger_core::money::{Amount, parse_decimal};
use ledger_core::provider::ObservedFees;
use ledger_core::settlement::{BreakKind, SettlementBreak, SettlementReport};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Batch, Known, batches};

fn decimal(text: &str) -> Decimal {
    parse_decimal(text).unwrap()
}

fn row(kind: SettlementRowKind, id: &str, amount: &str, fee: &str, tax: &str) -> SettlementRow {
    let asset = currency("INR").unwrap();
    let is_ours = matches!(
        kind,
        SettlementRowKind::Payment | SettlementRowKind::PayoutReversal
    );
    let sign = if is_ours { Decimal::ONE } else { -Decimal::ONE };
    SettlementRow {
        refund_id: None,
        entity_id: id.parse().unwrap(),
        kind: Reported::Known(kind),
        payment_id: Some(id.parse().unwrap()),
        checkout_id: None,
        reference: None,
        dispute_id: None,
        amount: Money::try_from_decimal(decimal(amount), asset).unwrap(),
        fee: decimal(fee),
        tax: decimal(tax),
        net: sign * decimal(amount) - decimal(fee) - decimal(tax),
        to_bank: sign * decimal(amount) - decimal(fee) - decimal(tax),
        asset,
        settlement_id: Some("setl_1".parse().unwrap()),
        bank_reference: Some("UTR1".to_owned()),
        created_at: None,
        settled_at: None,
    }
}

fn known(captured: &str, fees: Option<(&str, &str)>) -> Option<Known> {
    Some(Known {
        payment: PaymentId::new(Uuid::nil()),
        captured: Amount::try_new(decimal(captured), 2).unwrap(),
        fees: fees.map(|(fee, tax)| ObservedFees {
            fee: decimal(fee),
            tax: decimal(tax),
        }),
        charged_disputes: BTreeSet::new(),
    })
}

fn breaks(batch: &Batch, known: &[Option<Known>]) -> Vec<SettlementBreak> {
    let id = batch.id.as_str().parse().unwrap();
    batch.breaks(&id, known).unwrap()
}

fn batch(rows: Vec<SettlementRow>) -> Batch {
    let mut found = batches(rows);
    assert_eq!(found.len(), 1);
    found.pop().unwrap()
}

fn report(batch: &Batch, known: &[Option<Known>]) -> SettlementReport {
    let id = batch.id.as_str().parse().unwrap();
    batch
        .report(
            "razorpay".parse().unwrap(),
            id,
            "cash".parse().unwrap(),
            known,
        )
        .unwrap()
}

/// What a batch takes out of the clearing account: what arrived, what was charged and what was paid out.
fn taken(report: &SettlementReport) -> Decimal {
    report.net + report.payouts + report.fees.fee + report.fees.tax
}

#[test]
fn a_batch_takes_out_of_clearing_what_its_rows_put_there() {
    let rows = vec![
        row(
            SettlementRowKind::Payment,
            "pay_1",
            "100.00",
            "2.00",
            "0.36",
        ),
        row(SettlementRowKind::Payment, "pay_2", "50.00", "1.00", "0.18"),
        row(SettlementRowKind::Refund, "rfnd_1", "30.00", "0.10", "0.02"),
        row(SettlementRowKind::Payout, "tr_1", "20.00", "0", "0"),
        row(SettlementRowKind::Fee, "fee_1", "5.00", "0", "0"),
    ];
    let batch = batch(rows);
    // The first payment's charge was told when it was captured, the second's by this report.
    let known = [
        known("100.00", Some(("2.00", "0.36"))),
        known("50.00", Some(("1.00", "0.18"))),
        known("100.00", None),
        None,
        None,
    ];
    let report = report(&batch, &known);
    assert_eq!(report.net, decimal("91.34"));
    assert_eq!(report.payouts, decimal("20.00"));
    assert_eq!(
        (report.fees.fee, report.fees.tax),
        (decimal("5.10"), decimal("0.02"))
    );
    let recorded = decimal("3.54");
    assert_eq!(
        taken(&report),
        decimal("150.00") - decimal("30.00") - recorded
    );
    assert_eq!(breaks(&batch, &known), []);
    let told: Vec<&str> = batch
        .observations()
        .map(|(row, _)| row.entity_id.as_str())
        .collect();
    assert_eq!(told, ["pay_1", "pay_2"]);
}

#[test]
fn charges_finer_than_the_currency_are_the_batchs_and_nothing_is_left_over() {
    let rows: Vec<SettlementRow> = (0..7)
        .map(|number| {
            let id = format!("pay_{number}");
            row(
                SettlementRowKind::Payment,
                &id,
                "10.00",
                "0.1234",
                "0.022212",
            )
        })
        .collect();
    let batch = batch(rows);
    for (_, observation) in batch.observations() {
        let Observation::Payment(payment) = observation else {
            panic!("{observation:?}");
        };
        assert_eq!(payment.charges, None);
    }
    let known = vec![known("10.00", None); 7];
    let report = report(&batch, &known);
    assert_eq!(report.net, decimal("68.98"));
    assert_eq!(taken(&report), decimal("70.00"));
    assert_eq!(breaks(&batch, &known), []);
}

#[test]
fn what_does_not_fit_is_a_break() {
    let rows = vec![
        row(
            SettlementRowKind::Payment,
            "pay_1",
            "100.00",
            "2.00",
            "0.36",
        ),
        row(SettlementRowKind::Payment, "pay_2", "50.00", "1.00", "0.18"),
        row(SettlementRowKind::Refund, "rfnd_1", "30.00", "0", "0"),
        row(SettlementRowKind::Adjustment, "adj_1", "7.00", "0", "0"),
    ];
    let batch = batch(rows);
    let known = [
        known("99.00", Some(("2.00", "0.36"))),
        known("50.00", Some(("0.50", "0.18"))),
        None,
        None,
    ];
    let found = breaks(&batch, &known);
    let kinds: Vec<(BreakKind, &str)> = found
        .iter()
        .map(|difference| (difference.kind, difference.subject.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            (BreakKind::AmountDiffers, "pay_1"),
            (BreakKind::FeeDiffers, "pay_2"),
            (BreakKind::UnknownHere, "rfnd_1"),
            (BreakKind::UnknownHere, "adj_1"),
        ]
    );
    assert_eq!(found[0].ours.map(Amount::value), Some(decimal("99.00")));
    assert_eq!(found[1].theirs.map(Amount::value), Some(decimal("1.18")));
}

#[test]
fn rows_that_are_in_no_batch_yet_wait() {
    let mut waiting = row(SettlementRowKind::Payment, "pay_1", "1.00", "0", "0");
    waiting.settlement_id = None;
    let settled = row(SettlementRowKind::Payment, "pay_2", "2.00", "0", "0");
    let found = batches(vec![waiting, settled]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rows.len(), 1);
}

#[test]
fn what_a_dispute_costs_is_the_batchs_only_where_it_was_not_recorded_with_it() {
    let mut disputed = row(
        SettlementRowKind::Chargeback,
        "pay_1",
        "30.00",
        "15.00",
        "0",
    );
    disputed.dispute_id = Some("du_1".parse().unwrap());
    let batch = batch(vec![disputed]);
    let mut of_payment = known("100.00", None);
    let told = report(&batch, std::slice::from_ref(&of_payment));
    assert_eq!(told.fees.fee, decimal("15.00"));
    if let Some(known) = &mut of_payment {
        known.charged_disputes.insert("du_1".to_owned());
    }
    let recorded = report(&batch, &[of_payment]);
    assert_eq!(recorded.fees.fee, decimal("0.00"));
}

#[test]
fn charges_that_are_given_back_are_a_break_and_not_lost() {
    let mut given_back = row(SettlementRowKind::Fee, "fee_1", "5.00", "0", "0");
    given_back.net = decimal("5.00");
    given_back.to_bank = decimal("5.00");
    let batch = batch(vec![given_back]);
    assert_eq!(report(&batch, &[None]).fees.fee, decimal("0"));
    let found = breaks(&batch, &[None]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, BreakKind::TotalDiffers);
    assert_eq!(found[0].theirs.map(Amount::value), Some(decimal("5.00")));
}

#[test]
fn a_report_of_more_than_there_is_is_refused() {
    let mut huge = row(SettlementRowKind::Fee, "fee_1", "5.00", "0", "0");
    huge.to_bank = Decimal::MAX;
    let batch = batch(vec![huge.clone(), huge]);
    let id = batch.id.as_str().parse().unwrap();
    assert_eq!(batch.breaks(&id, &[None, None]), Err(super::TooLarge));
}
