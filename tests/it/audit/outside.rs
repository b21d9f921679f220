//! What is moved in the name of payments, payouts and settlements is what their events say, whoever signs the log.

use audit::keys::LogKey;
use audit::verify::verify;
use ledger_core::payment::ObservedRefund;
use ledger_core::payout::ObservedPayout;
use ledger_core::{BeneficiaryId, PaymentId, PayoutId};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::support::{Audited, check, findings, trusting};
use super::tampering::Export;
use crate::harness::outside;

/// Money comes in and goes back, is paid out and is settled.
async fn trade(audited: &Audited) {
    let wallet = audited.node.bench.wallet().await;
    let paid = PaymentId::new(Uuid::now_v7());
    let beneficiary = BeneficiaryId::new(Uuid::now_v7());
    let (failed, sent) = (PayoutId::new(Uuid::now_v7()), PayoutId::new(Uuid::now_v7()));
    for command in [
        outside::new_payment(paid, wallet, "100.00"),
        outside::captured(paid, "pay_7", "100.00"),
        outside::refund((paid, "pay_7"), None, ObservedRefund::Succeeded, "10.00"),
        outside::add_beneficiary(beneficiary, wallet),
        outside::verify_beneficiary(beneficiary),
        outside::new_payout(failed, wallet, beneficiary, "20.00"),
        outside::submit_payout(failed),
        outside::observed_payout(failed, ObservedPayout::Failed),
        outside::new_payout(sent, wallet, beneficiary, "30.00"),
        outside::submit_payout(sent),
        outside::observed_payout(sent, ObservedPayout::Succeeded { fees: None }),
        outside::settlement("setl_7", "87.64"),
    ] {
        audited.submit(command).await;
    }
    audited.node.settled().await;
}

/// The line with twice the amount that it moves or reserves, if a payment, payout or settlement does.
fn doubled(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).unwrap();
    let content = &event["payload"][event["event_type"].as_str().unwrap()];
    let managers = ["payment", "payout", "settlement"];
    let is_managed = |by: &Value| managers.iter().any(|manager| by.get(manager).is_some());
    if !is_managed(&content["cause"]) && !is_managed(&content["manager"]) {
        return None;
    }
    let amount = content["postings"][0]["amount"]
        .as_str()
        .or(content["amount"].as_str())
        .unwrap();
    let once: Decimal = amount.parse().unwrap();
    let twice = once + once;
    Some(line.replacen(
        &format!(r#""amount":"{amount}""#),
        &format!(r#""amount":"{twice}""#),
        1,
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_said_is_found_where_it_is_moved() {
    let audited = Audited::begin().await;
    trade(&audited).await;
    let (folder, _) = audited.export().await;
    let export = Export {
        folder,
        key: audited.key().await,
        old: Vec::new(),
    };
    let said = check(&export.folder, &export.key, &[]);
    assert_eq!(findings(&said), Vec::<String>::new());
    let lines = export.lines();
    // Whoever has a key seals whatever they like; nothing was kept before.
    let owner = LogKey::generate("ledger.example/main").unwrap();
    let mut kinds = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(changed) = doubled(line) else {
            continue;
        };
        let mut all = lines.clone();
        all[index] = changed;
        let tampered = export.copy();
        tampered.write(&all);
        tampered.seal(&owner);
        // Ours alone: docs/AUDIT.md leaves it open to others to know payments, payouts and settlements.
        let report = verify(&tampered.folder, &trusting(owner.verifier_key(), &[])).unwrap();
        let found = findings(&report);
        assert_eq!(found, [format!("rule_broken {}", index + 1)], "{line}");
        let event: Value = serde_json::from_str(line).unwrap();
        kinds.push(event["event_type"].as_str().unwrap().to_owned());
    }
    let count = |kind: &str| kinds.iter().filter(|known| *known == kind).count();
    assert!(count("TransactionPosted") >= 4, "{kinds:?}");
    assert_eq!(count("HoldPlaced"), 2, "{kinds:?}");
}
