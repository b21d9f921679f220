//! Every state by every command, and by every event.

use super::*;
use crate::fixtures::{account, amount, funded, outcome, wallet, with_pending};
use crate::posting::WalletStatus;

use FreezeScope::{All, Credits, Debits};

fn histories() -> [(&'static str, Vec<WalletEvent>); 6] {
    [
        ("Absent", vec![]),
        ("Open", vec![opened()]),
        ("Frozen", vec![opened(), frozen(Debits)]),
        ("Frozen", vec![opened(), frozen(Credits)]),
        ("Frozen", vec![opened(), frozen(All)]),
        ("Closed", vec![opened(), closed()]),
    ]
}

fn fold(events: &[WalletEvent]) -> Wallet {
    let next = |wallet: Wallet, event| wallet.evolve(event).unwrap();
    events.iter().fold(Wallet::default(), next)
}

/// The table of the module's documentation.
#[test]
fn every_command_in_every_state() {
    let full = vec![(account(wallet(WALLET), "INR"), funded("1"))];
    let held = vec![(
        account(wallet(WALLET), "INR"),
        with_pending(funded("1"), "1"),
    )];
    let commands = [
        open(&[]),
        freeze(Debits),
        freeze(Credits),
        freeze(All),
        unfreeze(),
        set_overdraft("INR", up_to("5")),
        close(vec![]),
        close(full),
        close(held),
    ];
    let (missing, frozen, ended) = ("wallet_not_found", "wallet_frozen", "wallet_closed");
    let (freezes, again) = ("WalletFrozen", "wallet_already_frozen");
    let (exists, thaws, sets) = ("wallet_exists", "WalletUnfrozen", "WalletOverdraftSet");
    let table = [
        [
            "WalletOpened",
            missing,
            missing,
            missing,
            missing,
            missing,
            missing,
            missing,
            missing,
        ],
        [
            exists,
            freezes,
            freezes,
            freezes,
            "wallet_not_frozen",
            sets,
            "WalletClosed",
            "wallet_not_empty",
            "wallet_has_holds",
        ],
        [
            exists, again, freezes, freezes, thaws, sets, frozen, frozen, frozen,
        ],
        [
            exists, freezes, again, freezes, thaws, sets, frozen, frozen, frozen,
        ],
        [
            exists, freezes, freezes, again, thaws, sets, frozen, frozen, frozen,
        ],
        [
            exists, ended, ended, ended, ended, ended, ended, ended, ended,
        ],
    ];
    for ((state, events), row) in histories().iter().zip(table) {
        for (command, expected) in commands.iter().zip(row) {
            let found = match outcome::<Wallet>(events, command.clone()) {
                Ok(event) => event.name(),
                Err(rejection) => rejection.code(),
            };
            assert_eq!(found, expected, "{command:?} when {state}");
        }
    }
}

#[test]
fn every_event_in_every_state() {
    let limit = Overdraft::UpTo(amount("5.00"));
    let events = [
        opened(),
        frozen(Debits),
        frozen(Credits),
        frozen(All),
        unfrozen(),
        overdraft_set("INR", limit),
        closed(),
    ];
    let (open, ended) = (Some(WalletStatus::Open), Some(WalletStatus::Closed));
    let scope = |scope| Some(WalletStatus::Frozen(scope));
    let table = [
        [open, None, None, None, None, None, None],
        [
            None,
            scope(Debits),
            scope(Credits),
            scope(All),
            None,
            open,
            ended,
        ],
        [
            None,
            scope(Debits),
            scope(Credits),
            scope(All),
            open,
            scope(Debits),
            None,
        ],
        [
            None,
            scope(Debits),
            scope(Credits),
            scope(All),
            open,
            scope(Credits),
            None,
        ],
        [
            None,
            scope(Debits),
            scope(Credits),
            scope(All),
            open,
            scope(All),
            None,
        ],
        [None; 7],
    ];
    for ((state, history), row) in histories().iter().zip(table) {
        let before = fold(history);
        for (event, expected) in events.iter().zip(row) {
            match before.evolve(event) {
                Ok(after) => assert_eq!(after.status(), expected, "{event:?} when {state}"),
                Err(refused) => {
                    assert_eq!(expected, None, "{event:?} when {state}");
                    assert_eq!((refused.event, refused.state), (event.name(), *state));
                }
            }
        }
    }
}

#[test]
fn what_was_decided_can_always_follow() {
    for (_, history) in histories() {
        for command in [
            open(&[]),
            freeze(All),
            unfreeze(),
            set_overdraft("INR", up_to("1")),
            close(vec![]),
        ] {
            if let Ok(event) = outcome::<Wallet>(&history, command) {
                assert!(fold(&history).evolve(&event).is_ok(), "{event:?}");
            }
        }
    }
}

#[test]
fn the_overdraft_outlives_a_freeze_and_ends_when_forbidden() {
    let inr = asset_code("INR");
    let limit = Overdraft::UpTo(amount("5.00"));
    let with_limit = opened_with(BTreeMap::from([(inr, limit)]));
    assert_eq!(fold(&[]).overdraft(&inr), Overdraft::Forbidden);
    assert_eq!(fold(&[opened()]).overdraft(&inr), Overdraft::Forbidden);
    let frozen_wallet = fold(&[with_limit.clone(), frozen(All)]);
    assert_eq!(frozen_wallet.overdraft(&inr), limit);
    assert_eq!(
        frozen_wallet.overdraft(&asset_code("USD")),
        Overdraft::Forbidden
    );
    let thawed = fold(&[
        with_limit.clone(),
        frozen(All),
        overdraft_set("INR", Overdraft::Unlimited),
        unfrozen(),
    ]);
    assert_eq!(thawed.overdraft(&inr), Overdraft::Unlimited);
    let forbidden = fold(&[with_limit, overdraft_set("INR", Overdraft::Forbidden)]);
    assert_eq!(forbidden, fold(&[opened()]));
}
