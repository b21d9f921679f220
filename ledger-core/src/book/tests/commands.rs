//! Random commands over a small world, so that they meet: few ids, few holders, small amounts.

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::annotation::Metadata;
use crate::command::Command;
use crate::fixtures::*;
use crate::hold::{CaptureRequest, HoldRequest, Remainder};
use crate::identifier::Holder;
use crate::ledger::standard_system_accounts;
use crate::money::AssetCode;
use crate::posting::{FreezeScope, NormalSide, RequestedPosting};
use crate::timestamp::Timestamp;
use crate::transaction::TransactionRequest;
use crate::wallet::RequestedOverdraft;

const WALLETS: u128 = 4;
const TRANSACTIONS: u128 = 24;
const HOLDS: u128 = 6;
/// Commands are recorded this many seconds apart.
const STEP_SECONDS: i64 = 10;

/// When the command of this number is recorded.
pub(super) fn recorded_at(step: usize) -> Timestamp {
    at(i64::try_from(step).unwrap() * STEP_SECONDS)
}

/// What every run begins with: the ledger, its wallets and some money.
pub(super) fn beginning() -> Vec<Command> {
    let mut commands = vec![Command::OpenLedger {
        name: parsed("main"),
        system_accounts: standard_system_accounts(),
    }];
    for number in 1..WALLETS {
        commands.push(open_wallet(number, vec![]));
        let funding = vec![
            requested(system("cash"), wallet(number), "INR", "20"),
            requested(system("cash"), wallet(number), "JPY", "9"),
        ];
        commands.push(post(1_000 + number, funding));
    }
    commands.extend(super::outside::beginning());
    commands
}

fn open_wallet(number: u128, overdraft: Vec<(AssetCode, RequestedOverdraft)>) -> Command {
    Command::OpenWallet {
        wallet: wallet_id(number),
        // Whoever has more than one wallet has one limit.
        owner: owner(if number < 3 { "asha" } else { "ravi" }),
        overdraft,
        reference: None,
        metadata: Metadata::default(),
    }
}

pub(super) fn post(transaction: u128, postings: Vec<RequestedPosting>) -> Command {
    Command::PostTransaction {
        transaction: transaction_id(transaction),
        request: TransactionRequest {
            postings,
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

pub(super) fn revert(transaction: u128, reverting: u128) -> Command {
    Command::RevertTransaction {
        transaction: transaction_id(transaction),
        reverting_transaction: transaction_id(reverting),
        effective_at: None,
        reference: None,
        metadata: Metadata::default(),
    }
}

fn any_holder() -> impl Strategy<Value = Holder> {
    prop_oneof![
        12 => (1..=WALLETS).prop_map(wallet),
        3 => prop::sample::select(vec!["cash", "fees"]).prop_map(system),
        1 => Just(system("extra")),
    ]
}

fn any_asset() -> impl Strategy<Value = AssetCode> {
    prop_oneof![
        12 => Just("INR"),
        6 => Just("JPY"),
        1 => Just("POINTS"),
    ]
    .prop_map(asset_code)
}

fn any_amount() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        18 => (1..12_i64).prop_map(Decimal::from),
        2 => (1..2_500_i64).prop_map(|units| Decimal::new(units, 2)),
        1 => (-1..=0_i64).prop_map(Decimal::from),
    ]
}

prop_compose! {
    fn any_posting()(
        source in any_holder(), destination in any_holder(),
        asset in any_asset(), amount in any_amount(),
    ) -> RequestedPosting {
        RequestedPosting { source, destination, asset, amount }
    }
}

fn any_overdraft() -> impl Strategy<Value = RequestedOverdraft> {
    prop_oneof![
        Just(RequestedOverdraft::Forbidden),
        Just(RequestedOverdraft::Unlimited),
        any_amount().prop_map(RequestedOverdraft::UpTo),
    ]
}

prop_compose! {
    fn place_hold()(
        hold in 1..=HOLDS, source in any_holder(), asset in any_asset(), amount in any_amount(),
        destination in prop::option::of(any_holder()),
        expires in prop::option::of(200..1_500_i64),
    ) -> Command {
        let request = HoldRequest {
            source,
            asset,
            amount,
            destination,
            expires_at: expires.map(at),
            reference: None,
            metadata: Metadata::default(),
        };
        Command::PlaceHold { hold: hold_id(hold), request }
    }
}

prop_compose! {
    fn capture_hold()(
        hold in 1..=HOLDS, transaction in 1..=TRANSACTIONS, amount in prop::option::of(any_amount()),
        destination in prop::option::of(any_holder()), keep in any::<bool>(),
    ) -> Command {
        let request = CaptureRequest {
            amount,
            destination,
            remainder: if keep { Remainder::Keep } else { Remainder::Release },
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        };
        Command::CaptureHold { hold: hold_id(hold), transaction: transaction_id(transaction), request }
    }
}

fn revert_transaction() -> impl Strategy<Value = Command> {
    (1..=TRANSACTIONS, 1..=TRANSACTIONS).prop_map(|(transaction, by)| Command::RevertTransaction {
        transaction: transaction_id(transaction),
        reverting_transaction: transaction_id(by),
        effective_at: Some(at(0)),
        reference: None,
        metadata: Metadata::default(),
    })
}

fn of_wallets() -> impl Strategy<Value = Command> {
    let scope = prop::sample::select(vec![
        FreezeScope::All,
        FreezeScope::Credits,
        FreezeScope::Debits,
    ]);
    let number = || 1..=WALLETS;
    prop_oneof![
        2 => (number(), any_asset(), any_overdraft())
            .prop_map(|(number, asset, overdraft)| open_wallet(number, vec![(asset, overdraft)])),
        1 => (number(), scope).prop_map(|(number, scope)| Command::FreezeWallet {
            wallet: wallet_id(number), scope, reason: None,
        }),
        2 => number().prop_map(|number| Command::UnfreezeWallet {
            wallet: wallet_id(number), reason: None,
        }),
        2 => (number(), any_asset(), any_overdraft()).prop_map(|(number, asset, overdraft)| {
            Command::SetWalletOverdraft { wallet: wallet_id(number), asset, overdraft }
        }),
        1 => number().prop_map(|number| Command::CloseWallet {
            wallet: wallet_id(number), reason: None,
        }),
    ]
}

fn of_the_ledger() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::RegisterAsset {
            code: asset_code("POINTS"),
            scale: 0
        }),
        Just(Command::OpenSystemAccount {
            name: parsed("extra"),
            normal_side: NormalSide::Credit,
        }),
        Just(beginning().remove(0)),
    ]
}

/// Any command; most of them well-formed, many of them refused for what is in the book.
pub(super) fn any_command() -> BoxedStrategy<Command> {
    prop_oneof![
        6 => any_inner_command(),
        3 => super::outside::any_command(),
        1 => super::tiers::any_command(),
    ]
    .boxed()
}

/// Any command that has nothing to do with the outside.
pub(super) fn any_inner_command() -> BoxedStrategy<Command> {
    let postings = prop::collection::vec(any_posting(), 1..4);
    let funding = (any_asset(), 1..30_i64, 1..=WALLETS).prop_map(|(asset, units, number)| {
        let (source, destination) = (system("cash"), wallet(number));
        RequestedPosting {
            source,
            destination,
            asset,
            amount: Decimal::from(units),
        }
    });
    let hold = || (1..=HOLDS).prop_map(hold_id);
    prop_oneof![
        10 => (1..=TRANSACTIONS, postings).prop_map(|(id, postings)| post(id, postings)),
        4 => (1..=TRANSACTIONS, funding).prop_map(|(id, posting)| post(id, vec![posting])),
        6 => place_hold(),
        6 => capture_hold(),
        2 => hold().prop_map(|hold| Command::VoidHold { hold, reason: None }),
        2 => hold().prop_map(|hold| Command::ExpireHold { hold }),
        5 => revert_transaction(),
        4 => of_wallets(),
        1 => of_the_ledger(),
    ]
    .boxed()
}
