//! Commands meet the book: what comes of each whole command, and what it needs loaded.
//!
//! Random sequences of them are in the book's tests.

mod again;
mod attempts;
mod changed_limits;
mod claims;
mod holds;
mod limits;
mod needs;
mod outside;
mod profiles;
mod reverts;

use super::*;
use crate::annotation::Metadata;
use crate::beneficiary::BeneficiaryAction;
use crate::book::EntityKey;
use crate::fixtures::*;
use crate::hold::Hold;
use crate::ledger::standard_system_accounts;
use crate::payment::PaymentAction;
use crate::payout::PayoutAction;
use crate::settlement::SettlementAction;
use crate::transaction::TransactionEvent;

/// Wallet 1 has 10.00 INR, wallets 2 and 3 nothing.
fn started() -> Book {
    let mut book = Book::complete();
    apply(&mut book, &open_ledger());
    for number in 1..=3 {
        apply(&mut book, &open_wallet(number));
    }
    apply(&mut book, &pay(100, system("cash"), wallet(1), "10"));
    book.settle(book.savepoint());
    book
}

/// Decides what must be accepted.
fn apply(book: &mut Book, command: &Command) -> Vec<Event> {
    let events =
        decide(book, command, at(10)).unwrap_or_else(|error| panic!("{command:?}: {error}"));
    events.into_iter().map(|event| event.event).collect()
}

/// Decides what must be refused; the code.
fn refuse(book: &mut Book, command: &Command) -> &'static str {
    let before = (book.position(), book.accounts().count());
    let code = match decide(book, command, at(10)) {
        Err(DecisionError::Rejected(rejection)) => rejection.code(),
        other => panic!("{command:?}: {other:?}"),
    };
    assert_eq!((book.position(), book.accounts().count()), before);
    code
}

fn open_ledger() -> Command {
    Command::OpenLedger {
        name: parsed("main"),
        system_accounts: standard_system_accounts(),
    }
}

fn open_wallet(number: u128) -> Command {
    Command::OpenWallet {
        wallet: wallet_id(number),
        owner: owner("somebody"),
        overdraft: Vec::new(),
        reference: None,
        metadata: Metadata::default(),
    }
}

fn pay(id: u128, source: Holder, destination: Holder, amount: &str) -> Command {
    Command::PostTransaction {
        transaction: transaction_id(id),
        request: TransactionRequest {
            postings: vec![requested(source, destination, "INR", amount)],
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

fn revert(transaction: u128, by: u128) -> Command {
    Command::RevertTransaction {
        transaction: transaction_id(transaction),
        reverting_transaction: transaction_id(by),
        effective_at: Some(at(-1_000)),
        reference: Some(reference("mistake")),
        metadata: metadata(&[("ticket", "7")]),
    }
}

fn place(hold: u128, amount: &str, destination: Option<Holder>) -> Command {
    Command::PlaceHold {
        hold: hold_id(hold),
        request: HoldRequest {
            source: wallet(1),
            asset: asset_code("INR"),
            amount: decimal(amount),
            destination,
            expires_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

fn capture(hold: u128, transaction: u128, amount: Option<&str>) -> Command {
    Command::CaptureHold {
        hold: hold_id(hold),
        transaction: transaction_id(transaction),
        request: CaptureRequest {
            amount: amount.map(decimal),
            destination: None,
            remainder: crate::hold::Remainder::Release,
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

fn freeze(number: u128, scope: crate::posting::FreezeScope) -> Command {
    Command::FreezeWallet {
        wallet: wallet_id(number),
        scope,
        reason: None,
    }
}

fn close(number: u128) -> Command {
    Command::CloseWallet {
        wallet: wallet_id(number),
        reason: None,
    }
}

fn available(book: &Book, number: u128) -> rust_decimal::Decimal {
    let standing = book.standing(account(wallet(number), "INR")).unwrap();
    standing
        .balance()
        .unwrap()
        .checked_sub(standing.pending_debits)
        .unwrap()
        .value()
}

/// One command of each kind.
fn one_of_each() -> Vec<Command> {
    vec![
        open_ledger(),
        Command::RegisterAsset {
            code: asset_code("POINTS"),
            scale: 0,
        },
        Command::OpenSystemAccount {
            name: parsed("extra"),
            normal_side: crate::posting::NormalSide::Debit,
        },
        open_wallet(9),
        freeze(1, crate::posting::FreezeScope::All),
        Command::UnfreezeWallet {
            wallet: wallet_id(1),
            reason: None,
        },
        Command::SetWalletOverdraft {
            wallet: wallet_id(1),
            asset: asset_code("INR"),
            overdraft: crate::wallet::RequestedOverdraft::Unlimited,
        },
        close(2),
        pay(2, wallet(1), wallet(2), "1"),
        revert(1, 3),
        place(2, "1", None),
        capture(1, 4, None),
        Command::VoidHold {
            hold: hold_id(1),
            reason: None,
        },
        Command::ExpireHold { hold: hold_id(1) },
        Command::SetPaymentPolicy {
            asset: asset_code("INR"),
            policy: crate::ledger::RequestedPolicy {
                chargeback_overdraft: crate::wallet::RequestedOverdraft::Unlimited,
                payout_approval_above: Some(decimal("1")),
            },
        },
        of_payment(1, PaymentAction::Create(new_payment())),
        of_payout(1, PayoutAction::Request(new_payout())),
        Command::Beneficiary {
            beneficiary: beneficiary_id(1),
            action: Box::new(BeneficiaryAction::Remove {
                by: actor("asha"),
                reason: None,
            }),
        },
        Command::Settlement {
            settlement: settlement_id(1),
            action: Box::new(SettlementAction::ResolveBreak {
                kind: crate::settlement::BreakKind::FeeDiffers,
                subject: theirs("pay_1"),
                by: actor("asha"),
                resolution: reference("why"),
            }),
        },
    ]
}

#[test]
fn without_a_ledger_only_opening_it_is_accepted() {
    for command in one_of_each() {
        let mut book = Book::complete();
        if matches!(command, Command::OpenLedger { .. }) {
            assert_eq!(apply(&mut book, &command).len(), 1);
            assert_eq!(refuse(&mut book, &command), "ledger_exists");
        } else {
            assert_eq!(
                refuse(&mut book, &command),
                "ledger_not_found",
                "{}",
                command.name()
            );
        }
    }
}

#[test]
fn commands_have_a_name_each() {
    let names: std::collections::BTreeSet<_> = one_of_each().iter().map(Command::name).collect();
    assert_eq!(names.len(), one_of_each().len());
}

#[test]
fn events_carry_their_place_in_log_and_stream() {
    let mut book = started();
    let head = book.position();
    let first = decide(&mut book, &pay(1, wallet(1), wallet(2), "1"), at(10))
        .unwrap()
        .remove(0);
    assert_eq!((first.position, first.sequence), (head.next(), 1));
    assert_eq!(first.stream, Stream::Transaction(transaction_id(1)));
    let both = decide(&mut book, &revert(1, 2), at(11)).unwrap();
    let places: Vec<_> = both
        .iter()
        .map(|event| (event.position, event.sequence))
        .collect();
    assert_eq!(places, [(head.plus(2), 2), (head.plus(3), 1)]);
    assert_eq!(book.recorded_at(), Some(at(11)));
}

#[test]
fn a_command_decided_again_gives_the_same_events() {
    for command in one_of_each() {
        let mut book = started();
        apply(&mut book, &pay(1, wallet(1), wallet(2), "1"));
        apply(&mut book, &place(1, "1", Some(wallet(2))));
        let start = book.savepoint();
        let first = decide(&mut book, &command, at(10));
        book.take_back(start);
        assert_eq!(decide(&mut book, &command, at(10)), first);
    }
}

#[test]
fn an_asset_of_the_ledgers_own_is_moved_once_it_is_registered() {
    let mut book = started();
    let mut gift = pay(1, system("suspense"), wallet(1), "3");
    if let Command::PostTransaction { request, .. } = &mut gift {
        request.postings[0].asset = asset_code("POINTS");
    }
    assert_eq!(refuse(&mut book, &gift), "asset_not_found");
    apply(
        &mut book,
        &Command::RegisterAsset {
            code: asset_code("POINTS"),
            scale: 1,
        },
    );
    apply(&mut book, &gift);
    let credits = book
        .standing(account(wallet(1), "POINTS"))
        .unwrap()
        .posted
        .credits;
    assert_eq!(credits.to_string(), "3.0");
}

#[test]
fn a_closed_wallet_keeps_its_id() {
    let mut book = started();
    apply(&mut book, &close(2));
    assert_eq!(refuse(&mut book, &open_wallet(2)), "wallet_exists");
    assert_eq!(
        refuse(&mut book, &pay(1, wallet(1), wallet(2), "1")),
        "wallet_closed"
    );
    assert_eq!(refuse(&mut book, &close(1)), "wallet_not_empty");
    apply(&mut book, &pay(2, wallet(1), system("cash"), "10"));
    apply(&mut book, &close(1));
}
