//! Tests of settlements.

use super::*;
use crate::fixtures::{
    actor, amount, decimal, fees, parsed, provider, reference, standings, theirs, transaction_id,
};

fn report(net: &str) -> SettlementReport {
    SettlementReport {
        provider: provider("razorpay"),
        batch: theirs("setl_1"),
        asset: parsed("INR"),
        net: decimal(net),
        payouts: decimal("0"),
        fees: fees("2", "0.36"),
        bank: parsed("cash"),
        bank_reference: None,
        settled_at: None,
    }
}

fn record(net: &str) -> SettlementAction {
    SettlementAction::Record {
        report: report(net),
        transaction: transaction_id(1),
    }
}

fn difference(ours: &str) -> SettlementBreak {
    SettlementBreak {
        kind: BreakKind::AmountDiffers,
        subject: theirs("pay_1"),
        payment: None,
        ours: Some(amount(ours)),
        theirs: Some(amount("90.00")),
    }
}

fn note(ours: &str) -> SettlementAction {
    SettlementAction::RecordBreak {
        difference: difference(ours),
    }
}

fn resolve(kind: BreakKind) -> SettlementAction {
    SettlementAction::ResolveBreak {
        kind,
        subject: theirs("pay_1"),
        by: actor("ravi"),
        resolution: reference("written off"),
    }
}

fn outcome(
    given: &[SettlementEvent],
    action: SettlementAction,
) -> Result<Option<SettlementEvent>, SettlementRejection> {
    let command = SettlementCommand {
        settlement: crate::fixtures::settlement_id(1),
        action,
        standings: standings(&[]),
    };
    let mut events = cqrs_es::test::TestFramework::<Settlement>::with(())
        .given(given.to_vec())
        .when(command)
        .inspect_result()?;
    assert!(events.len() <= 1, "{events:?}");
    Ok(events.pop())
}

fn history(actions: &[SettlementAction]) -> Vec<SettlementEvent> {
    let mut events = Vec::new();
    for action in actions {
        events.extend(outcome(&events, action.clone()).unwrap());
    }
    events
}

fn comes_to(events: &[SettlementEvent], action: SettlementAction) -> &'static str {
    match outcome(events, action) {
        Ok(None) => "-",
        Ok(Some(event)) => event.name(),
        Err(rejection) => rejection.code(),
    }
}

/// The table of the module's documentation.
#[test]
fn every_command_in_every_state() {
    let commands = [
        record("97.64"),
        record("97.63"),
        note("100.00"),
        note("100.01"),
        resolve(BreakKind::AmountDiffers),
        resolve(BreakKind::FeeDiffers),
    ];
    let missing = "settlement_not_found";
    let recorded = "SettlementRecorded";
    let found = "SettlementBreakFound";
    let resolved = "SettlementBreakResolved";
    let (differs, none) = ("settlement_differs", "break_not_found");
    let table = [
        [recorded, recorded, missing, missing, missing, missing],
        ["-", differs, found, found, none, none],
        ["-", differs, "-", "break_differs", resolved, none],
        ["-", differs, "-", "break_differs", "-", none],
    ];
    let all = [
        record("97.64"),
        note("100.00"),
        resolve(BreakKind::AmountDiffers),
    ];
    for (state, row) in table.into_iter().enumerate() {
        let events = history(&all[..state]);
        for (command, expected) in commands.iter().zip(row) {
            let found = comes_to(&events, command.clone());
            assert_eq!(found, expected, "{command:?} after {state} events");
        }
    }
}

#[test]
fn a_batch_may_be_received_taken_or_nothing() {
    for (net, expected) in [
        ("97.64", SettlementNet::Received(amount("97.64"))),
        ("-5", SettlementNet::Taken(amount("5.00"))),
        ("0", SettlementNet::Nothing),
        ("-0.00", SettlementNet::Nothing),
    ] {
        let Some(SettlementEvent::SettlementRecorded { net, .. }) =
            outcome(&[], record(net)).unwrap()
        else {
            panic!()
        };
        assert_eq!(net, expected);
    }
    assert_eq!(comes_to(&[], record("0.001")), "amount_too_many_decimals");
}

#[test]
fn a_break_is_of_amounts_of_the_batchs_asset() {
    let events = history(&[record("97.64")]);
    assert_eq!(
        comes_to(&events, note("100.001")),
        "amount_too_many_decimals"
    );
}

#[test]
fn where_nothing_moved_there_is_no_transaction() {
    let SettlementAction::Record { mut report, .. } = record("0") else {
        panic!()
    };
    report.fees = fees("0", "0");
    let nothing = SettlementAction::Record {
        report,
        transaction: transaction_id(1),
    };
    let event = outcome(&[], nothing).unwrap().unwrap();
    assert!(event.effects(crate::fixtures::settlement_id(1)).is_empty());
    assert!(matches!(
        event,
        SettlementEvent::SettlementRecorded {
            transaction: None,
            ..
        }
    ));
}
