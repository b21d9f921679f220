//! Stored samples: one file per event type, version and set of optional fields.
//!
//! They are what old logs hold. Samples are added, never edited: a shape that no longer reads or
//! writes one of them is a new version and needs an upcaster.

mod onboarding;
mod outside;
mod profile;
mod verification;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::schema_for;

use crate::annotation::Metadata;
use crate::beneficiary::BeneficiaryEvent;
use crate::event::{AggregateType, Event};
use crate::fixtures::*;
use crate::hold::{HoldEvent, HoldManager};
use crate::ledger::{LedgerEvent, PaymentPolicy, SystemAccount};
use crate::money::{Asset, AssetKind};
use crate::onboarding::OnboardingEvent;
use crate::owner::OwnerEvent;
use crate::payment::PaymentEvent;
use crate::payout::PayoutEvent;
use crate::posting::{FreezeScope, NormalSide, Overdraft};
use crate::profile::ProfileEvent;
use crate::settlement::SettlementEvent;
use crate::transaction::{TransactionCause, TransactionEvent};
use crate::verification::CaseEvent;
use crate::wallet::WalletEvent;

const WALLET: u128 = 0x0190_b8a2_5b7e_7c3d_8f00_0000_0000_0001;
const OTHER: u128 = 0x0190_b8a2_5b7e_7c3d_8f00_0000_0000_0002;
const TRANSACTION: u128 = 0x0190_b8a2_5b7e_7c3d_8f00_0000_0000_0003;
const HOLD: u128 = 0x0190_b8a2_5b7e_7c3d_8f00_0000_0000_0004;

fn ledger_samples() -> Vec<(&'static str, LedgerEvent)> {
    let account = |name: &str, normal_side| SystemAccount {
        name: parsed(name),
        normal_side,
    };
    let opened = |system_accounts| LedgerEvent::LedgerOpened {
        name: parsed("main"),
        system_accounts,
    };
    let asset = |code: &str, scale| Asset {
        code: asset_code(code),
        scale,
        kind: AssetKind::Custom,
    };
    let policy = |policy| LedgerEvent::PaymentPolicySet {
        asset: asset_code("INR"),
        policy,
    };
    let both = vec![
        account("cash", NormalSide::Debit),
        account("gateway_clearing.razorpay", NormalSide::Credit),
    ];
    vec![
        ("minimal", opened(vec![])),
        ("full", opened(both)),
        (
            "minimal",
            LedgerEvent::AssetRegistered {
                asset: asset("POINTS", 0),
            },
        ),
        (
            "full",
            LedgerEvent::AssetRegistered {
                asset: asset("LOYALTY-POINTS.V2", 18),
            },
        ),
        (
            "minimal",
            LedgerEvent::SystemAccountOpened {
                account: account("fees", NormalSide::Credit),
            },
        ),
        (
            "full",
            LedgerEvent::SystemAccountOpened {
                account: account("losses.fraud-2026", NormalSide::Debit),
            },
        ),
        ("minimal", policy(PaymentPolicy::default())),
        (
            "full",
            policy(PaymentPolicy {
                chargeback_overdraft: Overdraft::UpTo(amount("500.00")),
                payout_approval_above: Some(amount("10000.00")),
            }),
        ),
    ]
}

fn wallet_samples() -> Vec<(&'static str, WalletEvent)> {
    let opened = |overdraft, reference, metadata| WalletEvent::WalletOpened {
        owner: owner("customer-7"),
        overdraft,
        reference,
        metadata,
    };
    let overdraft = BTreeMap::from([
        (asset_code("INR"), Overdraft::UpTo(amount("500.00"))),
        (asset_code("USD"), Overdraft::Unlimited),
    ]);
    let frozen = |scope, reason| WalletEvent::WalletFrozen { scope, reason };
    let set = |overdraft| WalletEvent::WalletOverdraftSet {
        asset: asset_code("INR"),
        overdraft,
    };
    let why = Some(reference("Court order 7/2026 – ₹"));
    let described = metadata(&[("note", "line one\nline two"), ("tier", "gold")]);
    vec![
        (
            "minimal",
            opened(BTreeMap::new(), None, Metadata::default()),
        ),
        (
            "full",
            opened(overdraft, Some(reference("savings")), described),
        ),
        ("minimal", frozen(FreezeScope::Debits, None)),
        ("full", frozen(FreezeScope::All, why.clone())),
        ("credits", frozen(FreezeScope::Credits, None)),
        ("minimal", WalletEvent::WalletUnfrozen { reason: None }),
        (
            "full",
            WalletEvent::WalletUnfrozen {
                reason: why.clone(),
            },
        ),
        ("minimal", set(Overdraft::Forbidden)),
        ("full", set(Overdraft::UpTo(amount("0.01")))),
        ("unlimited", set(Overdraft::Unlimited)),
        ("minimal", WalletEvent::WalletClosed { reason: None }),
        ("full", WalletEvent::WalletClosed { reason: why }),
    ]
}

fn transaction_samples() -> Vec<(&'static str, TransactionEvent)> {
    let (first, second) = (wallet(WALLET), wallet(OTHER));
    let posted = |cause| TransactionEvent::TransactionPosted {
        usage: None,
        postings: vec![posting(system("cash"), first, "INR", "12.50")],
        effective_at: at(0),
        cause,
        reference: None,
        metadata: Metadata::default(),
    };
    let full = TransactionEvent::TransactionPosted {
        usage: None,
        postings: vec![
            posting(first, second, "INR", "79228162514264337593543950.33"),
            posting(second, system("fees"), "JPY", "1"),
            posting(first, second, "ETH", "0.000000000000000001"),
        ],
        effective_at: parsed("1999-12-31T23:59:59.999999Z"),
        cause: TransactionCause::Capture(hold_id(HOLD)),
        reference: Some(reference("invoice 7")),
        metadata: metadata(&[("channel", "app"), ("quote", "\"\\/")]),
    };
    let with_usage = |usage| TransactionEvent::TransactionPosted {
        usage,
        postings: vec![posting(first, second, "INR", "12.50")],
        effective_at: at(0),
        cause: TransactionCause::Request,
        reference: None,
        metadata: Metadata::default(),
    };
    let reverted = |by| TransactionEvent::TransactionReverted {
        reverting_transaction: transaction_id(by),
    };
    vec![
        ("minimal", posted(TransactionCause::Request)),
        ("counted", with_usage(verification::counts())),
        ("given_back", with_usage(verification::gives_back())),
        ("full", full),
        (
            "revert",
            posted(TransactionCause::Revert(transaction_id(TRANSACTION))),
        ),
        (
            "payment",
            posted(TransactionCause::Payment(payment_id(OTHER))),
        ),
        ("payout", posted(TransactionCause::Payout(payout_id(OTHER)))),
        (
            "settlement",
            posted(TransactionCause::Settlement(settlement_id(OTHER))),
        ),
        ("minimal", reverted(TRANSACTION)),
        ("full", reverted(u128::MAX)),
    ]
}

fn hold_samples() -> Vec<(&'static str, HoldEvent)> {
    let (source, asset) = (wallet(WALLET), asset_code("INR"));
    let captured = |released: Option<&str>, remaining: Option<&str>| HoldEvent::HoldCaptured {
        usage: None,
        source,
        asset,
        destination: wallet(OTHER),
        amount: amount("4.00"),
        released: released.map(amount),
        remaining: remaining.map(amount),
        transaction: transaction_id(TRANSACTION),
    };
    let placed = |destination, expires_at, reference, metadata| HoldEvent::HoldPlaced {
        usage: None,
        source,
        asset,
        amount: amount("10.00"),
        destination,
        expires_at,
        reference,
        metadata,
        manager: None,
    };
    let managed = |manager| HoldEvent::HoldPlaced {
        usage: None,
        source,
        asset,
        amount: amount("10.00"),
        destination: None,
        expires_at: None,
        reference: None,
        metadata: Metadata::default(),
        manager: Some(manager),
    };
    let described = metadata(&[("nights", "2")]);
    let voided = |reason| HoldEvent::HoldVoided {
        usage: None,
        source,
        asset,
        released: amount("6.00"),
        reason,
    };
    let expired = |source| HoldEvent::HoldExpired {
        usage: None,
        source,
        asset,
        released: amount("6.00"),
    };
    vec![
        ("minimal", placed(None, None, None, Metadata::default())),
        (
            "full",
            placed(
                Some(system("sales")),
                Some(at(86_400)),
                Some(reference("room 12")),
                described,
            ),
        ),
        ("refund", managed(HoldManager::Payment(payment_id(OTHER)))),
        ("payout", managed(HoldManager::Payout(payout_id(OTHER)))),
        (
            "counted",
            HoldEvent::HoldPlaced {
                usage: verification::counts(),
                source,
                asset,
                amount: amount("10.00"),
                destination: None,
                expires_at: None,
                reference: None,
                metadata: Metadata::default(),
                manager: None,
            },
        ),
        (
            "given_back",
            HoldEvent::HoldCaptured {
                usage: verification::gives_back(),
                source,
                asset,
                destination: wallet(OTHER),
                amount: amount("4.00"),
                released: Some(amount("6.00")),
                remaining: None,
                transaction: transaction_id(TRANSACTION),
            },
        ),
        (
            "given_back",
            HoldEvent::HoldVoided {
                usage: verification::gives_back(),
                source,
                asset,
                released: amount("6.00"),
                reason: None,
            },
        ),
        (
            "given_back",
            HoldEvent::HoldExpired {
                usage: verification::gives_back(),
                source,
                asset,
                released: amount("6.00"),
            },
        ),
        ("minimal", captured(None, None)),
        ("full", captured(Some("1.00"), Some("5.00"))),
        ("released", captured(Some("6.00"), None)),
        ("kept", captured(None, Some("6.00"))),
        ("minimal", voided(None)),
        ("full", voided(Some(reference("no show")))),
        ("minimal", expired(source)),
        ("full", expired(system("suspense"))),
    ]
}

/// Every sample of the versions this code writes.
pub(super) fn current() -> Vec<(&'static str, AggregateType, Event)> {
    let ledger = ledger_samples().into_iter().chain(verification::ledger());
    let ledger = ledger.map(|(name, event)| (name, AggregateType::Ledger, Event::Ledger(event)));
    let wallet = wallet_samples().into_iter();
    let wallet = wallet.map(|(name, event)| (name, AggregateType::Wallet, Event::Wallet(event)));
    let posted = transaction_samples().into_iter();
    let posted =
        posted.map(|(name, event)| (name, AggregateType::Transaction, Event::Transaction(event)));
    let hold = hold_samples().into_iter();
    let hold = hold.map(|(name, event)| (name, AggregateType::Hold, Event::Hold(event)));
    let known = ledger.chain(wallet).chain(posted).chain(hold);
    known
        .chain(outside::current())
        .chain(verification::current())
        .chain(profile::current())
        .chain(onboarding::current())
        .collect()
}

/// The event types, read off the generated schemas so that none can be forgotten here.
fn event_types() -> BTreeMap<String, AggregateType> {
    let schemas = [
        (AggregateType::Ledger, schema_for!(LedgerEvent)),
        (AggregateType::Wallet, schema_for!(WalletEvent)),
        (AggregateType::Transaction, schema_for!(TransactionEvent)),
        (AggregateType::Hold, schema_for!(HoldEvent)),
        (AggregateType::Payment, schema_for!(PaymentEvent)),
        (AggregateType::Payout, schema_for!(PayoutEvent)),
        (AggregateType::Beneficiary, schema_for!(BeneficiaryEvent)),
        (AggregateType::Settlement, schema_for!(SettlementEvent)),
        (AggregateType::Owner, schema_for!(OwnerEvent)),
        (AggregateType::VerificationCase, schema_for!(CaseEvent)),
        (AggregateType::Profile, schema_for!(ProfileEvent)),
        (AggregateType::Onboarding, schema_for!(OnboardingEvent)),
    ];
    let mut types = BTreeMap::new();
    for (aggregate_type, schema) in schemas {
        let variants = schema.get("oneOf").unwrap().as_array().unwrap();
        for variant in variants {
            let name = variant["required"][0].as_str().unwrap();
            types.insert(name.to_owned(), aggregate_type);
        }
    }
    types
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas/samples")
}

/// File name by stored text.
fn stored() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder()).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn every_stored_sample_is_read_and_written_to_the_same_bytes() {
    let types = event_types();
    for (name, text) in stored() {
        let parts: Vec<&str> = name.split('.').collect();
        let ([event_type, version, "json"] | [event_type, version, _, "json"]) = parts[..] else {
            panic!("{name} is not <EventType>.v<version>[.<variant>].json");
        };
        let version = version.strip_prefix('v').unwrap();
        let payload = text.strip_suffix('\n').unwrap();
        let event = Event::from_payload(types[event_type], event_type, version, payload)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(event.to_payload().unwrap(), payload, "{name}");
    }
}

#[test]
fn every_event_type_has_a_minimal_and_a_full_sample() {
    let stored = stored();
    let current: BTreeMap<String, &'static str> = current()
        .iter()
        .map(|(_, _, event)| (event.name().to_owned(), event.version()))
        .collect();
    assert_eq!(
        event_types().into_keys().collect::<Vec<_>>(),
        current.keys().cloned().collect::<Vec<_>>()
    );
    for (event_type, version) in current {
        for variant in ["minimal", "full"] {
            let name = format!("{event_type}.v{version}.{variant}.json");
            assert!(stored.contains_key(&name), "{name} is missing");
        }
    }
}

/// A field that changes without a new version shows here.
#[test]
fn what_is_written_today_is_what_is_stored() {
    let stored = stored();
    for (variant, _, event) in current() {
        let name = format!("{}.v{}.{variant}.json", event.name(), event.version());
        let text = format!("{}\n", event.to_payload().unwrap());
        assert_eq!(stored.get(&name), Some(&text), "schemas/samples/{name}");
    }
}
