//! Tests of ledgers.

use cqrs_es::test::TestFramework;

use super::*;
use crate::fixtures::{asset_code, outcome, parsed, standard_asset};
use crate::limit::{OtherAssets, RequestedTier, UtcOffset};
use crate::money::{Asset, AssetKind};
use crate::posting::NormalSide;
use crate::wallet::RequestedOverdraft;

fn given(events: Vec<LedgerEvent>) -> cqrs_es::test::AggregateTestExecutor<Ledger> {
    TestFramework::with(()).given(events)
}

fn cash(normal_side: NormalSide) -> SystemAccount {
    SystemAccount {
        name: parsed("cash"),
        normal_side,
    }
}

fn opened() -> LedgerEvent {
    LedgerEvent::LedgerOpened {
        name: parsed("main"),
        system_accounts: vec![cash(NormalSide::Debit)],
    }
}

fn open() -> LedgerCommand {
    LedgerCommand::Open {
        name: parsed("main"),
        system_accounts: vec![cash(NormalSide::Debit)],
    }
}

fn register(code: &str, scale: u32) -> LedgerCommand {
    LedgerCommand::RegisterAsset {
        code: asset_code(code),
        scale,
    }
}

fn registered(code: &str, scale: u32) -> LedgerEvent {
    let (code, kind) = (asset_code(code), AssetKind::Custom);
    LedgerEvent::AssetRegistered {
        asset: Asset { code, scale, kind },
    }
}

fn open_account(name: &str) -> LedgerCommand {
    LedgerCommand::OpenSystemAccount {
        name: parsed(name),
        normal_side: NormalSide::Credit,
    }
}

fn account_opened(name: &str) -> LedgerEvent {
    let (name, normal_side) = (parsed(name), NormalSide::Credit);
    LedgerEvent::SystemAccountOpened {
        account: SystemAccount { name, normal_side },
    }
}

#[test]
fn a_ledger_opens_with_the_system_accounts_named() {
    given(vec![])
        .when(open())
        .then_expect_events(vec![opened()]);
}

#[test]
fn a_ledger_opens_once() {
    let refused = LedgerRejection::Exists {
        ledger: parsed("main"),
    };
    given(vec![opened()])
        .when(open())
        .then_expect_error(refused);
}

#[test]
fn a_ledger_does_not_open_with_two_accounts_of_one_name() {
    let twice = LedgerCommand::Open {
        name: parsed("main"),
        system_accounts: vec![cash(NormalSide::Debit), cash(NormalSide::Credit)],
    };
    let refused = LedgerRejection::SystemAccountExists {
        name: parsed("cash"),
    };
    given(vec![]).when(twice).then_expect_error(refused);
}

#[test]
fn nothing_can_be_added_to_a_ledger_that_does_not_exist() {
    for command in [register("POINTS", 0), open_account("fees")] {
        given(vec![])
            .when(command)
            .then_expect_error(LedgerRejection::NotFound {});
    }
}

#[test]
fn an_asset_of_the_ledgers_own_has_0_to_18_decimals() {
    for scale in [0, 18] {
        given(vec![opened()])
            .when(register("POINTS", scale))
            .then_expect_events(vec![registered("POINTS", scale)]);
    }
    for scale in [19, u32::MAX] {
        let asset = asset_code("POINTS");
        given(vec![opened()])
            .when(register("POINTS", scale))
            .then_expect_error(LedgerRejection::AssetScaleOutOfRange { asset, scale });
    }
}

#[test]
fn an_asset_is_registered_once_and_never_over_a_standard_one() {
    let exists = |code: &str, scale| LedgerRejection::AssetExists {
        asset: asset_code(code),
        scale,
    };
    given(vec![opened(), registered("POINTS", 3)])
        .when(register("POINTS", 0))
        .then_expect_error(exists("POINTS", 3));
    given(vec![opened()])
        .when(register("INR", 4))
        .then_expect_error(exists("INR", 2));
    given(vec![opened()])
        .when(register("BTC", 8))
        .then_expect_error(exists("BTC", 8));
    // Before the rule about decimals.
    given(vec![opened()])
        .when(register("INR", 19))
        .then_expect_error(exists("INR", 2));
}

#[test]
fn a_system_account_is_opened_once() {
    given(vec![opened()])
        .when(open_account("fees"))
        .then_expect_events(vec![account_opened("fees")]);
    let refused = |name: &str| LedgerRejection::SystemAccountExists { name: parsed(name) };
    given(vec![opened(), account_opened("fees")])
        .when(open_account("fees"))
        .then_expect_error(refused("fees"));
    given(vec![opened()])
        .when(open_account("cash"))
        .then_expect_error(refused("cash"));
}

#[test]
fn the_standard_system_accounts_are_all_there() {
    let names: Vec<String> = standard_system_accounts()
        .iter()
        .map(|account| account.name.to_string())
        .collect();
    assert_eq!(names, STANDARD_SYSTEM_ACCOUNTS.map(|(name, _)| name));
    assert_eq!(
        names,
        [
            "cash",
            "gateway_clearing",
            "fees",
            "fx",
            "suspense",
            "losses"
        ]
    );
    let command = LedgerCommand::Open {
        name: parsed("main"),
        system_accounts: standard_system_accounts(),
    };
    assert!(outcome::<Ledger>(&[], command).is_ok());
}

/// The table of the module's documentation: state by command.
#[test]
fn every_command_in_every_state() {
    let states: [(&str, Vec<LedgerEvent>); 2] = [("Absent", vec![]), ("Open", vec![opened()])];
    let rules = RequestedTier {
        operations: None,
        assets: std::collections::BTreeMap::new(),
        other_assets: OtherAssets::Unlimited,
        utc_offset_minutes: UtcOffset::default(),
    };
    let tier = parsed("basic");
    let commands = [
        open(),
        register("POINTS", 0),
        open_account("fees"),
        LedgerCommand::SetPaymentPolicy {
            asset: asset_code("INR"),
            policy: RequestedPolicy {
                chargeback_overdraft: RequestedOverdraft::Forbidden,
                payout_approval_above: None,
            },
        },
        LedgerCommand::SetTier { tier, rules },
        LedgerCommand::SetDefaultTier { tier },
    ];
    let table = [
        [
            "LedgerOpened",
            "ledger_not_found",
            "ledger_not_found",
            "ledger_not_found",
            "ledger_not_found",
            "ledger_not_found",
        ],
        [
            "ledger_exists",
            "AssetRegistered",
            "SystemAccountOpened",
            "PaymentPolicySet",
            "TierSet",
            "tier_not_found",
        ],
    ];
    for ((state, events), row) in states.iter().zip(table) {
        for (command, expected) in commands.iter().zip(row) {
            let found = match outcome::<Ledger>(events, command.clone()) {
                Ok(event) => event.name(),
                Err(rejection) => rejection.code(),
            };
            assert_eq!(found, expected, "{command:?} when {state}");
        }
    }
}

/// State by event: what follows, or that nothing may.
#[test]
fn every_event_in_every_state() {
    let absent = Ledger::Absent;
    let open = absent.evolve(&opened()).unwrap();
    for event in [registered("POINTS", 0), account_opened("fees")] {
        let refused = absent.evolve(&event).unwrap_err();
        assert_eq!((refused.event, refused.state), (event.name(), "Absent"));
    }
    let refused = open.evolve(&opened()).unwrap_err();
    assert_eq!((refused.event, refused.state), ("LedgerOpened", "Open"));
    let next = open.evolve(&registered("POINTS", 0)).unwrap();
    let Ledger::Open(next) = next.evolve(&account_opened("fees")).unwrap() else {
        panic!("a ledger does not close");
    };
    assert_eq!(next.name, parsed("main"));
    assert_eq!(
        next.assets
            .get(&asset_code("POINTS"))
            .map(|asset| asset.scale),
        Some(0)
    );
    assert_eq!(
        next.assets.get(&asset_code("INR")),
        Some(standard_asset("INR"))
    );
    let sides: Vec<_> = next.system_accounts.values().copied().collect();
    assert_eq!(sides, [NormalSide::Debit, NormalSide::Credit]);
}

/// The trait has no way to refuse an event, so one that cannot follow changes nothing.
#[test]
fn an_event_that_cannot_follow_is_ignored_by_the_trait() {
    use cqrs_es::Aggregate;
    let mut ledger = Ledger::default();
    ledger.apply(registered("POINTS", 0));
    assert_eq!(ledger, Ledger::Absent);
    ledger.apply(opened());
    let open = ledger.clone();
    ledger.apply(opened());
    assert_eq!(ledger, open);
}
