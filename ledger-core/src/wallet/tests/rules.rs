//! Each rule of wallets by itself, and which comes first.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;
use crate::fixtures::{
    account, amount, funded, metadata, totals, wallet, with_overdraft, with_pending,
};

fn given(events: Vec<WalletEvent>) -> AggregateTestExecutor<Wallet> {
    TestFramework::with(()).given(events)
}

#[test]
fn a_wallet_opens_with_what_it_was_given() {
    let described = WalletCommand::Open {
        wallet: wallet_id(WALLET),
        owner: owner("alice"),
        overdraft: vec![
            (asset_code("INR"), up_to("5")),
            (asset_code("USD"), RequestedOverdraft::Unlimited),
            (asset_code("JPY"), RequestedOverdraft::Forbidden),
        ],
        reference: Some(reference("savings")),
        metadata: metadata(&[("tier", "gold")]),
        standings: standings(&[]),
    };
    let expected = WalletEvent::WalletOpened {
        owner: owner("alice"),
        overdraft: BTreeMap::from([
            (asset_code("INR"), Overdraft::UpTo(amount("5.00"))),
            (asset_code("USD"), Overdraft::Unlimited),
        ]),
        reference: Some(reference("savings")),
        metadata: metadata(&[("tier", "gold")]),
    };
    given(vec![])
        .when(described)
        .then_expect_events(vec![expected]);
    given(vec![])
        .when(open(&[]))
        .then_expect_events(vec![opened()]);
}

#[test]
fn of_two_overdrafts_in_one_asset_the_last_counts() {
    let twice = open(&[("INR", up_to("5")), ("INR", RequestedOverdraft::Forbidden)]);
    given(vec![]).when(twice).then_expect_events(vec![opened()]);
}

#[test]
fn a_wallet_opens_once() {
    let refused = || WalletRejection::Exists {
        wallet: wallet_id(WALLET),
    };
    given(vec![opened()])
        .when(open(&[]))
        .then_expect_error(refused());
    given(vec![opened(), closed()])
        .when(open(&[]))
        .then_expect_error(refused());
    // Before anything about its overdraft is looked at.
    let wrong = open(&[("XXX", up_to("-1"))]);
    given(vec![opened()])
        .when(wrong)
        .then_expect_error(refused());
}

#[test]
fn a_wallet_that_does_not_exist_obeys_nothing() {
    let refused = || WalletRejection::NotFound {
        wallet: wallet_id(WALLET),
    };
    given(vec![]).when(unfreeze()).then_expect_error(refused());
    given(vec![])
        .when(set_overdraft("XXX", up_to("-1")))
        .then_expect_error(refused());
}

#[test]
fn a_wallet_is_frozen_and_unfrozen_with_a_reason() {
    let frozen = WalletEvent::WalletFrozen {
        scope: FreezeScope::Debits,
        reason: Some(reference("court order")),
    };
    given(vec![opened()])
        .when(freeze(FreezeScope::Debits))
        .then_expect_events(vec![frozen.clone()]);
    let unfrozen = WalletEvent::WalletUnfrozen {
        reason: Some(reference("lifted")),
    };
    given(vec![opened(), frozen])
        .when(unfreeze())
        .then_expect_events(vec![unfrozen]);
}

#[test]
fn a_wallet_is_not_frozen_twice_for_the_same_scope() {
    use FreezeScope::{All, Credits, Debits};
    for current in [All, Credits, Debits] {
        for scope in [All, Credits, Debits] {
            let events = vec![opened(), frozen(current)];
            let refused = (scope == current).then_some(WalletRejection::AlreadyFrozen {
                wallet: wallet_id(WALLET),
                scope,
            });
            let outcome = given(events).when(freeze(scope)).inspect_result();
            assert_eq!(outcome.err(), refused);
        }
    }
}

#[test]
fn a_wallet_that_is_not_frozen_is_not_unfrozen() {
    let refused = || WalletRejection::NotFrozen {
        wallet: wallet_id(WALLET),
    };
    given(vec![opened()])
        .when(unfreeze())
        .then_expect_error(refused());
    given(vec![opened(), frozen(FreezeScope::All), unfrozen()])
        .when(unfreeze())
        .then_expect_error(refused());
}

#[test]
fn an_overdraft_is_an_amount_of_an_asset_of_the_ledger() {
    let allowed = overdraft_set("JPY", Overdraft::UpTo(amount("7")));
    given(vec![opened()])
        .when(set_overdraft("JPY", up_to("7.0")))
        .then_expect_events(vec![allowed]);
    let unknown = WalletRejection::AssetNotFound {
        asset: asset_code("XXX"),
    };
    for overdraft in [
        up_to("-1"),
        RequestedOverdraft::Forbidden,
        RequestedOverdraft::Unlimited,
    ] {
        given(vec![opened()])
            .when(set_overdraft("XXX", overdraft))
            .then_expect_error(unknown.clone());
        given(vec![])
            .when(open(&[("XXX", overdraft)]))
            .then_expect_error(unknown.clone());
    }
    for (limit, reason) in [
        ("0", "an amount must be greater than zero"),
        ("-1", "an amount must be greater than zero"),
        ("0.5", "the amount has 1 decimals, the asset has 0"),
    ] {
        let refused = WalletRejection::OverdraftNotAnAmount {
            asset: asset_code("JPY"),
            reason: reason.to_owned(),
        };
        given(vec![opened()])
            .when(set_overdraft("JPY", up_to(limit)))
            .then_expect_error(refused.clone());
        given(vec![])
            .when(open(&[("JPY", up_to(limit))]))
            .then_expect_error(refused);
    }
}

#[test]
fn a_wallet_closes_when_its_accounts_are_empty() {
    let moved = Standing {
        posted: totals("7.50", "7.5"),
        ..funded("0")
    };
    let accounts = vec![(account(wallet(WALLET), "INR"), moved)];
    given(vec![opened()])
        .when(close(vec![]))
        .then_expect_events(vec![closed()]);
    given(vec![opened()])
        .when(close(accounts))
        .then_expect_events(vec![closed()]);
}

#[test]
fn a_wallet_with_money_or_debts_does_not_close() {
    let overdrawn = Standing {
        posted: totals("3", "1"),
        ..with_overdraft(funded("0"), Overdraft::Unlimited)
    };
    for (standing, balance) in [(funded("0.01"), "0.01"), (overdrawn, "-2")] {
        let account = account(wallet(WALLET), "INR");
        let refused = WalletRejection::NotEmpty {
            account,
            balance: decimal(balance),
        };
        given(vec![opened()])
            .when(close(vec![(account, standing)]))
            .then_expect_error(refused);
    }
}

#[test]
fn a_wallet_with_holds_does_not_close_and_that_is_said_first() {
    let rupees = account(wallet(WALLET), "INR");
    let yen = account(wallet(WALLET), "JPY");
    let accounts = vec![(rupees, funded("1")), (yen, with_pending(funded("4"), "3"))];
    let refused = WalletRejection::HasHolds {
        account: yen,
        pending_debits: decimal("3"),
    };
    given(vec![opened()])
        .when(close(accounts))
        .then_expect_error(refused);
}

#[test]
fn a_frozen_wallet_does_not_close_whatever_it_holds() {
    let scope = FreezeScope::Credits;
    let refused = WalletRejection::Frozen {
        wallet: wallet_id(WALLET),
        scope,
    };
    let accounts = vec![(account(wallet(WALLET), "INR"), funded("1"))];
    given(vec![opened(), frozen(scope)])
        .when(close(accounts))
        .then_expect_error(refused);
}

#[test]
fn a_closed_wallet_stays_as_it_is() {
    let refused = || WalletRejection::Closed {
        wallet: wallet_id(WALLET),
    };
    let ended = || given(vec![opened(), closed()]);
    ended()
        .when(freeze(FreezeScope::All))
        .then_expect_error(refused());
    ended()
        .when(set_overdraft("XXX", up_to("-1")))
        .then_expect_error(refused());
    ended().when(close(vec![])).then_expect_error(refused());
}
